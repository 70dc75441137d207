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
		file: "internal/kube/assemble.go", packages: kubes,
		from: "	if o.status == nil || o.status.LastAccepted == nil {", to: "	if true {",
	},
	{
		name: "the younger of two policies that conflict holds",
		file: "internal/kube/object.go", packages: kubes,
		from: "		a.created.Compare(b.created),", to: "		b.created.Compare(a.created),",
	},
	{
		name: "a conflict with an object that is not live counts",
		file: "internal/kube/assemble.go", packages: kubes,
		from: "		if owner == nil || conflict(d) && slices.Contains(blamed, x.ownerOf(d.Related.Place)) {",
		to:   "		if owner == nil {",
	},
	{
		name: "a change of a status compiles the policies",
		file: "internal/kube/reader.go", packages: kubes,
		from: "before == nil || !before.sameSpec(now), func", to: "true, func",
	},
	{
		name: "corsd is ready before all kinds are listed",
		file: "internal/kube/reader.go", packages: kubes,
		from: "		case !s.listed:\n			return nil, cluster{}, false\n", to: "",
	},
	{
		name: "replicas write a status for the sake of its times",
		file: "internal/kube/status.go", packages: kubes,
		from: "		c.Conditions[i].LastTransitionTime = metav1.Time{}", to: "		_ = i",
	},
}
