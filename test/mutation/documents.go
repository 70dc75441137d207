package main

// ofDocuments are mistakes about the meaning of documents, and about the positions of their faults.
var ofDocuments = []mutation{
	// Layers.
	{
		name: "an outer layer overrides an inner one",
		file: "pkg/policy/plan/layer.go", packages: plans,
		from: "slices.Backward(ls)", to: "slices.All(ls)",
	},
	{
		name: "CORSDefaults is not inherited",
		file: "pkg/policy/plan/plan.go", packages: plans,
		from: "		ls = layers{r.defaults, l}\n", to: "		ls = layers{l}\n",
	},
	{
		name: "a rule inherits nothing from its policy",
		file: "pkg/policy/plan/plan.go", packages: plans,
		from: "ls := append(slices.Clip(p.layers), l)", to: "ls := append(slices.Clone(p.layers[:len(p.layers)-1]), l)",
	},
	{
		name: "an empty list inherits",
		file: "pkg/policy/plan/layer.go", packages: plans,
		from: "if list := get(c); *list != nil {", to: "if list := get(c); len(*list) > 0 {",
	},
	{
		name: "a layer that sets allowNullOrigin alone inherits allowOrigins",
		file: "pkg/policy/plan/origins.go", packages: plans,
		from: "&&\n		cors.AllowNullOrigin == nil {", to: "{",
	},
	{
		name: "settings that apply without an entry grant access",
		file: "pkg/policy/plan/plan.go", packages: plans,
		from: "	p.Unchosen = r.merge(ls, false)", to: "	p.Unchosen = r.merge(ls, true)",
	},
	{
		name: "* with credentials is treated as public",
		file: "pkg/policy/plan/settings.go", packages: plans,
		from: "origins != nil && origins.Any && !s.Credentials", to: "origins != nil && origins.Any",
	},

	// The strictest settings.
	{
		name: "if several policies name a host, the first one's settings apply to requests that no rule matches",
		file: "pkg/policy/plan/table.go", packages: plans,
		from: "b.NoRule = b.strictest(policies)", to: "b.NoRule = b.strictest(policies[:1])",
	},
	{
		name: "the settings of rules do not apply to an ambiguous path",
		file: "pkg/policy/plan/table.go", packages: plans,
		from: "b.Ambiguous = b.strictest(slices.Concat(policies, rules))", to: "b.Ambiguous = b.strictest(policies)",
	},
	{
		name: "the last of several settings is the strictest",
		file: "pkg/policy/plan/settings.go", packages: plans,
		from: "if levelOf(other, order) > levelOf(*setting, order) {",
		to:   "if levelOf(other, order) != levelOf(*setting, order) {",
	},
	{
		name: "Enforce is stricter than Block",
		file: "pkg/policy/plan/conduct.go", packages: plans,
		from: "spec.EnforcementShadow, spec.EnforcementEnforce, spec.EnforcementBlock,",
		to:   "spec.EnforcementShadow, spec.EnforcementBlock, spec.EnforcementEnforce,",
	},
	{
		name: "Merge is stricter than Override",
		file: "pkg/policy/plan/conduct.go", packages: plans,
		from: "spec.UpstreamMerge, spec.UpstreamOverride}", to: "spec.UpstreamOverride, spec.UpstreamMerge}",
	},
	{
		name: "Forward is stricter than Answer",
		file: "pkg/policy/plan/conduct.go", packages: plans,
		from: "spec.PreflightForward, spec.PreflightAnswer}", to: "spec.PreflightAnswer, spec.PreflightForward}",
	},
	{
		name: "the lower of two statuses is stricter",
		file: "pkg/policy/plan/settings.go", packages: plans,
		from: "other.Preflight.DenyStatus > s.Preflight.DenyStatus",
		to:   "other.Preflight.DenyStatus < s.Preflight.DenyStatus",
	},
	{
		name: "Full is stricter than Minimal",
		file: "pkg/policy/plan/conduct.go", packages: plans,
		from: "spec.DetailFull, spec.DetailMinimal}", to: "spec.DetailMinimal, spec.DetailFull}",
	},
	{
		name: "no check of WebSockets is stricter than a check",
		file: "pkg/policy/plan/conduct.go", packages: plans,
		from: "spec.OriginCheckDisabled, spec.OriginCheckEnforce}",
		to:   "spec.OriginCheckEnforce, spec.OriginCheckDisabled}",
	},
	{
		name: "a tightened setting has the layer of the laxer one",
		file: "pkg/policy/plan/settings.go", packages: plans,
		from: "other.OriginCheck, from.OriginCheck,", to: "other.OriginCheck, s.From.OriginCheck,",
	},

	// Rules by origin.
	{
		name: "patterns with a common origin do not conflict",
		file: "pkg/policy/internal/origin/intersect.go", packages: origins,
		from: "		return isBelow(p.Host, other.Host)\n", to: "		return false\n",
	},
	{
		name: "rules with different methods conflict",
		file: "pkg/policy/plan/originrules.go", packages: plans,
		from: "len(x.wide)+len(y.wide) == 0 || !shareMethod(x.Entry, y.Entry) {", to: "len(x.wide)+len(y.wide) == 0 {",
	},
	{
		name: "a host with rules by origin may leave some of its responses alone",
		file: "pkg/policy/plan/originrules.go", packages: plans,
		from: "case untouched(s) != untouched(f):", to: "case untouched(s) && !untouched(s):",
	},
	{
		name: "a rule by origin cannot stand beside a cors that is only inherited from",
		file: "pkg/policy/plan/originrules.go", packages: plans,
		from: "if p.Own != nil && p.Own == b.Own {", to: "if p.Own != nil {",
	},
	{
		name: "an origin that two rules match is no conflict",
		file: "pkg/policy/plan/originrules.go", packages: plans,
		from: "if other == x.Entry || shareMethod(x.Entry, other) {", to: "if other == x.Entry {",
	},
	{
		name: "the work on rules by origin has no bound",
		file: "pkg/policy/plan/originrules.go", packages: plans,
		from: "return b.originWork <= maxOriginWork", to: "return b.originWork >= 0",
	},
	{
		name: "a rule by origin inherits the policy's origins",
		file: "pkg/policy/plan/match.go", packages: plans,
		from: "	if l.origins == nil {\n		l.origins = from", to: "	if false {\n		l.origins = from",
	},
	{
		name: "policies of one host may compare paths differently",
		file: "pkg/policy/plan/originrules.go", packages: plans,
		from: "if p.Paths != first.Paths {", to: "if false {",
	},

	// Rules and names.
	{
		name: "/api and /api/ are two prefixes",
		file: "pkg/policy/plan/match.go", packages: plans,
		from: `value = strings.TrimSuffix(m.Value, "/")`, to: `value = strings.TrimSuffix(m.Value, "//")`,
	},
	{
		name: "a shorter expression is tried before a longer one",
		file: "pkg/policy/plan/table.go", packages: plans,
		from: "cmp.Compare(len(yk.Value), len(xk.Value)),", to: "cmp.Compare(len(xk.Value), len(yk.Value)),",
	},
	{
		name: "two rules for one path and method do not conflict",
		file: "pkg/policy/plan/table.go", packages: plans,
		from: "if other := b.owner[key]; other != nil {",
		to:   "if other := b.owner[key]; other != nil && other.Policy != e.Policy {",
	},
	{
		name: "the table of a host depends on the order of documents",
		file: "pkg/policy/plan/hosts.go", packages: plans,
		from: "cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Index, b.Index))",
		to:   "cmp.Compare(a.Index, b.Index)",
	},
	{
		name: "a policy uses another namespace's set of the same name",
		file: "pkg/policy/plan/origins.go", packages: plans,
		from: "r.sets[spec.ID{Namespace: l.namespace, Name: name}.String()]", to: "r.sets[name]",
	},
	{
		name: "a rule does not use the sets of its policy's namespace",
		file: "pkg/policy/plan/plan.go", packages: plans,
		from: "	l.namespace = p.layers[len(p.layers)-1].namespace\n", to: "",
	},
	{
		name: "two documents of one name are accepted if their namespaces are explicit",
		file: "pkg/policy/plan/check.go", packages: plans,
		from: "	case known:\n", to: "	case known && name.Namespace == \"\":\n",
	},
	{
		name: "* covers Authorization",
		file: "pkg/policy/plan/names.go", packages: plans,
		from: `len(n.Families) == 0, header.EqualFold(name, "authorization"):`, to: "len(n.Families) == 0:",
	},
	{
		name: "a preset applies to a policy that does not have it",
		file: "pkg/policy/plan/names.go", packages: plans,
		from: "inherited := inheritedList{kind: kind, presets: joinPresets(presets)}",
		to:   "inherited := inheritedList{kind: kind}",
	},

	// Dangerous and useless settings.
	{
		name: "a policy that waives one danger waives all",
		file: "pkg/policy/internal/lint/lint.go", packages: lints,
		from: "if p.Waives(danger) {", to: "if len(p.Waived) > 0 {",
	},
	{
		name: "inherited origins are judged for the first policy only",
		file: "pkg/policy/internal/lint/lint.go", packages: lints,
		from: "judgement{origins: o, waived: fmt.Sprint(p.Waived)}", to: "judgement{origins: o, waived: fmt.Sprint()}",
	},
	{
		name: "a danger in a set is not reported",
		file: "pkg/policy/internal/lint/risks.go", packages: lints,
		from: "if !known[r.kind] {", to: "if known[r.kind] {",
	},
	{
		name: "a public suffix is treated as private",
		file: "pkg/policy/internal/lint/risks.go", packages: lints,
		from: `isListedSuffix(host) || isListedSuffix("x."+host)`, to: "isListedSuffix(host)",
	},
	{
		name: "a rule behind an expression for everything is reachable",
		file: "pkg/policy/internal/lint/reach.go", packages: lints,
		from: "	if path, ok := h.ask([]int{i}, before); path != \"\" || !ok {\n", to: "	if true {\n",
	},
	{
		name: "the first path that an expression matches proves that it is reached",
		file: "pkg/policy/internal/lint/reach.go", packages: lints,
		from: "return isExpression(h.Slots[j]) && h.matches(j, path)", to: "return false",
	},
	{
		name: "an exception from a rule shadows it",
		file: "pkg/policy/internal/lint/shadow.go", packages: lints,
		from: "path == \"\" || !ok {\n		return \"\"\n	}\n	var others",
		to:   "path == \"-\" || !ok {\n		return \"\"\n	}\n	var others",
	},
	{
		name: "an escaped path that is escaped again is well-formed",
		file: "pkg/policy/internal/lang/paths.go", packages: langs,
		from: "		return inEncoded\n	}\n	return inSegment",
		to:   "		return inSegment\n	}\n	return inSegment",
	},
	{
		name: "the hint of a glob may accept more than the glob",
		file: "pkg/policy/internal/lint/mend.go", packages: lints,
		from: "	return missing == \"\" && err == nil\n", to: "	return missing != \"?\" && err == nil\n",
	},
	{
		name: "the dangers of a hint with credentials are ignored",
		file: "pkg/policy/internal/lint/hints.go", packages: lints,
		from: "if u.credentials && r.kind != riskSubdomains {", to: "if u.inSet && r.kind != riskSubdomains {",
	},
	{
		name: "an expression for every browser extension is safe with credentials",
		file: "pkg/policy/internal/lint/regexes.go", packages: lints,
		from: "		if v.scheme != \"\" {\n			add", to: "		if false {\n			add",
	},
	{
		name: "an expression below a registry's suffix has one owner",
		file: "pkg/policy/internal/lang/domains.go", packages: langs,
		from: "return s.Kind == Registry })", to: "return false })",
	},
	{
		name: "the assertions of an expression are ignored",
		file: "pkg/policy/internal/lang/expr.go", packages: langs,
		from: "if syntax.EmptyOp(i.Arg)&^flags == 0 {", to: "if true {",
	},
	{
		name: "a trailing dot makes another owner",
		file: "pkg/policy/internal/lang/domains.go", packages: langs,
		from: "	ends = append(ends, b.back(ends)[dot]...)\n", to: "",
	},
	{
		name: "entries that accept a part of an expression replace it",
		file: "pkg/policy/internal/lint/rewrite.go", packages: lints,
		from: "		if missing == \"\" {\n			return texts\n		}\n",
		to:   "		if missing == \"\" || len(texts) > 0 {\n			return texts\n		}\n",
	},
	{
		name: "an expression for a hosting platform's names is safe with credentials",
		file: "pkg/policy/internal/lint/regexes.go", packages: lints,
		from: "		if v.platform != \"\" {\n			add", to: "		if false {\n			add",
	},
	{
		name: "an expression for http: pages is safe with credentials",
		file: "pkg/policy/internal/lint/regexes.go", packages: lints,
		from: "		if v.insecure != \"\" {\n			add", to: "		if false {\n			add",
	},
	{
		name: "a web view's origin is malformed",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: "return DefaultPort(scheme) == \"\" && !hasPort", to: "return false && hasPort",
	},

	// The positions of faults.
	{
		name: "a fault is at the document, not at the value",
		file: "pkg/policy/policyfile/locate.go", packages: files,
		from: "doc.mark(d, doc.visible(node, key))", to: "doc.mark(d, doc.visible(nil, key))",
	},
	{
		name: "the other location of a fault has no position",
		file: "pkg/policy/policyfile/locate.go", packages: files,
		from: "if d.Related != nil && d.Related.Position == (spec.Position{}) {", to: "if false {",
	},
	{
		name: "lines are counted from the document, not from the file",
		file: "pkg/policy/policyfile/place.go", packages: files,
		from: "	p.line += d.line - 1\n", to: "",
	},
	{
		name: "an element of a list has the position of the list",
		file: "pkg/policy/policyfile/place.go", packages: files,
		from: "			child = item(n, s.Index)", to: "			child = nil",
	},
	{
		name: "a fault in a ConfigMap has the column in the policy, not in the file",
		file: "pkg/policy/policyfile/unwrap.go", packages: files,
		from: "e.indent + p.column", to: "p.column",
	},
	{
		name: "aliases repeat the text of a ConfigMap without a bound",
		file: "pkg/policy/policyfile/unwrap.go", packages: files,
		from: "r.roomBytes -= int64(len(value.Value))", to: "r.roomBytes -= 0",
	},
	{
		name: "a misspelt kind on standard input is skipped",
		file: "pkg/policy/policyfile/foreign.go", packages: files,
		from: "case isOurKind(kind), isOurVersion(version):", to: "case isOurVersion(version):",
	},
	{
		name: "documents of other programs are skipped in files, too",
		file: "pkg/policy/policyfile/foreign.go", packages: files,
		from: "	if !d.source.rendered {\n", to: "	if false {\n",
	},
	{
		name: "the entry that allows an origin is off by one",
		file: "pkg/policy/explain.go", packages: engine,
		from: `place("allowOrigins").Item(i)`, to: `place("allowOrigins").Item(i - 1)`,
	},
	{
		name: "faults are not in the order of their lines",
		file: "pkg/policy/policyfile/locate.go", packages: files,
		from: "cmp.Compare(a.Position.Line, b.Position.Line)", to: "cmp.Compare(b.Position.Line, a.Position.Line)",
	},
	{
		name: "a fault that many rules inherit is reported for each",
		file: "pkg/policy/plan/report.go", packages: plans,
		from: "	l.known[p] = true\n", to: "	l.known[p] = false\n",
	},
	{
		name: "a fault of an inherited setting is reported at the rule",
		file: "pkg/policy/plan/layer.go", packages: plans,
		from: "		if l.kind == kind {\n			return l",
		to:   "		if l.kind > kind {\n			return l",
	},
}
