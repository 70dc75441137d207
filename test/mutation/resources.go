package main

var kubes = []string{"./internal/kube"}

// ofResources are mistakes about policies that are resources of a cluster.
var ofResources = []mutation{
	{
		name: "a policy without a good version leaves its hosts ungoverned",
		file: "internal/kube/assemble.go", packages: kubes,
		from: "	x.add(j, spec.Config{Policies: []spec.Policy{*p}})", to: "	_ = p",
	},
	{
		name: "a policy that has a fault governs hosts that its namespace is not granted",
		file: "internal/kube/assemble.go", packages: kubes,
		from: " &&\n			x.cluster.grants.allow(j.id.Namespace, pattern) {", to: " {",
	},
	{
		name: "a policy with a fault in Shadow begins to refuse",
		file: "internal/kube/assemble.go", packages: kubes,
		from: "		case spec.EnforcementDisabled, spec.EnforcementShadow, spec.EnforcementBlock:",
		to:   "		case spec.EnforcementBlock:",
	},
	{
		name: "the last good version is that of another object of the same name",
		file: "internal/kube/assemble.go", packages: kubes,
		from: "good != nil && good.uid == o.uid {", to: "good != nil {",
	},
	{
		name: "the last good version in a status is not read",
		file: "internal/kube/observed.go", packages: kubes,
		from: "	if a := s.LastAccepted; a != nil {", to: "	if a := s.LastAccepted; false {",
	},
	{
		name: "the younger of two policies that conflict holds",
		file: "internal/kube/object.go", packages: kubes,
		from: "		a.created.Compare(b.created),", to: "		b.created.Compare(a.created),",
	},
	{
		name: "a conflict with an object that is not live counts",
		file: "internal/kube/blame.go", packages: kubes,
		from: "		if owner == nil || conflict(d) && !last && known[x.ownerOf(d.Related.Place)] {",
		to:   "		if owner == nil {",
	},
	{
		name: "a change of a status compiles the policies",
		file: "internal/kube/store.go", packages: kubes,
		from: "before == nil || !before.sameSpec(now), func", to: "true, func",
	},
	{
		name: "corsd is ready before all kinds are listed",
		file: "internal/kube/reader.go", packages: kubes,
		from: "		case !s.listed:\n			return nil, nil, nil, cluster{}, false\n", to: "",
	},
	{
		name: "replicas write a status for the sake of its times",
		file: "internal/kube/observed.go", packages: kubes,
		from: "		conditions[i].LastTransitionTime = metav1.Time{}", to: "		_ = i",
	},
	{
		name: "a target leads to hosts that the namespace is not granted",
		file: "internal/kube/derive.go", packages: kubes,
		from: "	if d.grants.allow(d.id.Namespace, host) {\n		return true",
		to:   "	if true {\n		return true",
	},
	{
		name: "a route at anybody's Gateway leaves a part of a host ungoverned",
		file: "internal/kube/routing.go", packages: kubes,
		from: "				if t.receives(&a, host) {", to: "				if true {",
	},
	{
		name: "the last good version keeps a host whose grant is revoked",
		file: "internal/kube/assemble.go", packages: kubes,
		from: "		return !j.goodRefused && (", to: "		return (",
	},
	{
		name: "policies with many faults keep others from going live",
		file: "internal/kube/assemble.go", packages: kubes,
		from: ",\n			policy.EachDocument())", to: ")",
	},
	{
		name: "a chain of conflicts keeps other policies from going live",
		file: "internal/kube/assemble.go", packages: kubes,
		from: "		last := round >= patientRounds", to: "		last := round >= maxRounds",
	},
	{
		name: "a grant that changes a stand-in is not live",
		file: "internal/kube/assemble.go", packages: kubes,
		from: "			all = append(all, reload.SumOf(&x.config.Policies[i].Spec))",
		to:   "			all = append(all, reload.Sum{})",
	},
}
