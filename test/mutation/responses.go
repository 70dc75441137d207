package main

// ofResponses are mistakes in the headers that are sent or removed.
var ofResponses = []mutation{
	{
		name: "credentials stand beside *",
		file: "pkg/policy/response.go", packages: engine,
		from: "		a.set(allowOrigin, anyValue)\n",
		to:   "		a.set(allowOrigin, anyValue)\n		a.set(allowCredentials, trueValue)\n",
	},
	{
		name: "credentials are allowed where they are not",
		file: "pkg/policy/response.go", packages: engine,
		from: "	if d.settings.Credentials {\n		a.set(", to: "	if true {\n		a.set(",
	},
	{
		name: "a refusal says whether credentials are allowed",
		file: "pkg/policy/response.go", packages: engine,
		from: "Preflight.DenyStatus\n", to: "Preflight.DenyStatus\n		a.set(allowCredentials, trueValue)\n",
	},
	{
		name: "a refusal leaks the lists",
		file: "pkg/policy/response.go", packages: engine,
		from: "Preflight.DenyStatus\n",
		to: "Preflight.DenyStatus\n		if d.settings.Methods != nil && len(d.request.RequestMethod) > 0 {\n" +
			"			d.appendLists(a)\n		}\n",
	},
	{
		name: "headers are reflected that are not listed",
		file: "pkg/policy/response.go", packages: engine,
		from: "if allowed.AllowsHeader(name) {", to: `if name != "" {`,
	},
	{
		name: "max-age is not 0 where methods decide",
		file: "pkg/policy/response.go", packages: engine,
		from: "	if d.methodDependent {\n		a.set(maxAge", to: "	if false {\n		a.set(maxAge",
	},
	{
		name: "methods of other rules are granted, too",
		file: "pkg/policy/response.go", packages: engine,
		from: "	case d.methodDependent:\n", to: "	case false:\n",
	},
	{
		name: "a refused preflight may be remembered",
		file: "pkg/policy/response.go", packages: engine,
		from: "		d.appendOrigin(a)\n		d.appendLists(a)\n",
		to:   "		d.appendOrigin(a)\n		d.appendLists(a)\n		d.appendMaxAge(a)\n",
	},
	{
		name: "Vary is dropped",
		file: "pkg/policy/response.go", packages: engine,
		from: "header.AppendVary(a.buf, lines, d.varyNames(names[:0]))",
		to:   "header.AppendVary(a.buf, lines, names[:0])",
	},
	{
		name: "Vary names no headers of preflights",
		file: "pkg/policy/response.go", packages: engine,
		from: `names = append(names, "Access-Control-Request-Method", "Access-Control-Request-Headers")`,
		to:   `names = append(names, "Access-Control-Request-Method")`,
	},
	{
		name: "a public response that upstream may replace has no Vary",
		file: "pkg/policy/response.go", packages: engine,
		from: "if !d.settings.Public || preserves {", to: "if !d.settings.Public || preserves && false {",
	},
	{
		name: "upstream's own Vary is replaced",
		file: "pkg/policy/internal/header/vary.go", packages: headers,
		from: "			if IsFieldValue(e) {", to: "			if false {",
	},
	{
		name: "upstream's Access-Control-Allow-Origin is kept",
		file: "pkg/policy/response.go", packages: engine,
		from: "strings.HasPrefix(name, corsPrefix) && !a.mentions(name) {",
		to:   "strings.HasPrefix(name, corsPrefix) && name != allowOrigin && !a.mentions(name) {",
	},
	{
		name: "upstream's headers are kept for a refused origin",
		file: "pkg/policy/response.go", packages: engine,
		from: "	if d.Outcome == Granted {\n		d.appendOrigin(a)\n",
		to:   "	if d.Outcome != Granted {\n		return\n	} else {\n		d.appendOrigin(a)\n",
	},
	{
		name: "Preserve keeps upstream's headers for one that grants nothing",
		file: "pkg/policy/response.go", packages: engine,
		from: "|| !hasField(upstream, allowOrigin) {", to: "|| len(upstream) == 0 {",
	},
	{
		name: "Merge exposes what is no token, and so nothing",
		file: "pkg/policy/internal/header/list.go", packages: headers,
		from: "			if IsToken(e) {", to: "			if len(e) > 0 {",
	},
	{
		name: "the response's own names are exposed before there is a response",
		file: "pkg/policy/response.go", packages: engine,
		from: "return d.Class != ClassPreflight && !d.expands() }", to: "return d.Class != ClassPreflight }",
	},
	{
		name: "an informational response is edited",
		file: "pkg/policy/response.go", packages: engine,
		from: "100 <= status && status <= 199 {", to: "false {",
	},
	{
		name: "an outcome that refuses is edited as one that grants",
		file: "pkg/policy/response.go", packages: engine,
		from: "	if d.Outcome == Granted {\n		d.appendOrigin(a)\n",
		to:   "	if d.Verdict == VerdictAllow {\n		d.appendOrigin(a)\n",
	},
}
