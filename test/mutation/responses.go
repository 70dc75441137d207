package main

// ofResponses are mistakes in the headers that are sent or removed.
var ofResponses = []mutation{
	{
		name: "credentials are allowed together with *",
		file: "pkg/policy/response.go", packages: engine,
		from: "		return anyValue\n", to: "		a.set(allowCredentials, trueValue)\n		return anyValue\n",
	},
	{
		name: "credentials are allowed although the policy does not allow them",
		file: "pkg/policy/response.go", packages: engine,
		from: "	if d.settings.Credentials {\n		a.set(", to: "	if true {\n		a.set(",
	},
	{
		name: "a refusal shows whether credentials are allowed",
		file: "pkg/policy/response.go", packages: engine,
		from: "int(d.conduct.DenyStatus)\n",
		to:   "int(d.conduct.DenyStatus)\n		a.set(allowCredentials, trueValue)\n",
	},
	{
		name: "a refusal shows the lists",
		file: "pkg/policy/response.go", packages: engine,
		from: "int(d.conduct.DenyStatus)\n",
		to: "int(d.conduct.DenyStatus)\n		if d.settings.Methods != nil && len(d.request.RequestMethod) > 0 {\n" +
			"			d.appendLists(a)\n		}\n",
	},
	{
		name: "headers that are not listed are reflected",
		file: "pkg/policy/lists.go", packages: engine,
		from: "d.addRequested(&list, allowed.AllowsHeader)",
		to:   `d.addRequested(&list, func(name string) bool { return name != "" })`,
	},
	{
		name: "max-age is not 0 if the decision depends on the method",
		file: "pkg/policy/response.go", packages: engine,
		from: "	if d.methodDependent {\n		a.set(maxAge", to: "	if false {\n		a.set(maxAge",
	},
	{
		name: "methods of other rules are also granted",
		file: "pkg/policy/lists.go", packages: engine,
		from: "	case d.methodDependent:\n", to: "	case false:\n",
	},
	{
		name: "a refused preflight may be cached",
		file: "pkg/policy/response.go", packages: engine,
		from: "		d.appendOrigin(a)\n		d.appendLists(a)\n",
		to:   "		d.appendOrigin(a)\n		d.appendLists(a)\n		d.appendMaxAge(a)\n",
	},
	{
		name: "Vary is dropped",
		file: "pkg/policy/lists.go", packages: engine,
		from: "header.AppendVary(a.buf, lines, varyNames[v])", to: "header.AppendVary(a.buf, lines, varyNames[0])",
	},
	{
		name: "Vary does not name the headers of preflights",
		file: "pkg/policy/lists.go", packages: engine,
		from: `append(names[v], "Access-Control-Request-Method", "Access-Control-Request-Headers")`,
		to:   `append(names[v], "Access-Control-Request-Method")`,
	},
	{
		name: "a public response that upstream may replace has no Vary",
		file: "pkg/policy/lists.go", packages: engine,
		from: "if !d.settings.Public || preserves || d.originDependent {",
		to:   "if !d.settings.Public || preserves && false || d.originDependent {",
	},
	{
		name: "upstream's own Vary is replaced",
		file: "pkg/policy/internal/header/vary.go", packages: headers,
		from: "			if IsFieldValue(e) {", to: "			if false {",
	},
	{
		name: "upstream's Access-Control-Allow-Origin is kept",
		file: "pkg/policy/response.go", packages: engine,
		from: "removed := strings.HasPrefix(name, corsPrefix) ||",
		to:   "removed := strings.HasPrefix(name, corsPrefix) && name != allowOrigin ||",
	},
	{
		name: "upstream's headers are kept for a refused origin",
		file: "pkg/policy/response.go", packages: engine,
		from: "	d.appendResourcePolicy(a)\n	for i",
		to:   "	d.appendResourcePolicy(a)\n	if d.Outcome != Granted {\n		return\n	}\n	for i",
	},
	{
		name: "Preserve keeps upstream's headers for a decision that grants nothing",
		file: "pkg/policy/response.go", packages: engine,
		from: "|| !hasField(upstream, allowOrigin) {", to: "|| len(upstream) == 0 {",
	},
	{
		name: "Merge exposes an invalid token, which makes browsers expose nothing",
		file: "pkg/policy/internal/header/list.go", packages: headers,
		from: "			if IsToken(e) {", to: "			if len(e) > 0 {",
	},
	{
		name: "the response's own names are exposed before there is a response",
		file: "pkg/policy/response.go", packages: engine,
		from: "return d.Class != ClassPreflight && !d.readsNames() &&", to: "return d.Class != ClassPreflight &&",
	},
	{
		name: "an informational response is edited",
		file: "pkg/policy/response.go", packages: engine,
		from: "100 <= status && status <= 199 {", to: "false {",
	},
	{
		name: "the response of a refusal is edited like that of a grant",
		file: "pkg/policy/response.go", packages: engine,
		from: "	case d.Outcome == Granted:\n		d.appendTiming",
		to:   "	case d.Verdict == VerdictAllow:\n		d.appendTiming",
	},

	// Rules by origin, families, Timing-Allow-Origin, Cross-Origin-Resource-Policy.
	{
		name: "a 304 has only the headers of its own grant",
		file: "pkg/policy/response.go", packages: engine,
		from: "return d.originDependent && d.Class == ClassActual }", to: "return false }",
	},
	{
		name: "a public response does not depend on the origin where another rule would have answered another one",
		file: "pkg/policy/lists.go", packages: engine,
		from: "if !d.settings.Public || preserves || d.originDependent {", to: "if !d.settings.Public || preserves {",
	},
	{
		name: "a 304 replaces the stored list of a family by its own few names",
		file: "pkg/policy/response.go", packages: engine,
		from: "if status != 304 || len(d.settings.Expose.Families) == 0 {", to: "if true {",
	},
	{
		name: "a family is named by its pattern",
		file: "pkg/policy/plan/names.go", packages: plans,
		from: "if !isFamily || kind == methodNames {", to: "if !isFamily || kind < numNameKinds {",
	},
	{
		name: "upstream's Timing-Allow-Origin is kept",
		file: "pkg/policy/response.go", packages: engine,
		from: "name == timingAllowOrigin && d.setsTiming()", to: "name == timingAllowOrigin && false",
	},
	{
		name: "a preflight has Timing-Allow-Origin",
		file: "pkg/policy/response.go", packages: engine,
		from: "return d.settings.TimingAllowOrigin && d.Class != ClassPreflight\n",
		to:   "return d.settings.TimingAllowOrigin\n",
	},
	{
		name: "a forwarded preflight has Cross-Origin-Resource-Policy",
		file: "pkg/policy/response.go", packages: engine,
		from: "d.conduct.ResourcePolicy != plan.NoPolicy && (d.Class == ClassActual || d.Class == ClassNotCORS)",
		to:   "d.conduct.ResourcePolicy != plan.NoPolicy",
	},
}
