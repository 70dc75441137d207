package main

// ofTables are mistakes in the choice of an entry by host, path, method or selector.
var ofTables = []mutation{
	{
		name: "an expression does not match the path that has one slash less",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "longer != nil && e.re.Match(longer) {", to: "longer == nil && false {",
	},
	{
		name: "an expression does not match the path that has one slash more",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "trimmed != path && e.re.MatchString(trimmed) ||", to: "trimmed == \"\" ||",
	},
	{
		name: "a rule that names HEAD for another origin takes it from one that names GET",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "		case slices.Contains(e.methods, \"GET\"):\n",
		to:   "		case slices.Contains(e.methods, \"GET\") && len(slot.byOrigin) == 1:\n",
	},
	// Hosts.
	{
		name: "a wildcard comes before a tenant's host",
		file: "pkg/policy/internal/match/hosts.go", packages: tables,
		from: "found != nil && first {", to: "found != nil && !first {",
	},
	{
		name: "a tenant's host has any number of labels",
		file: "pkg/policy/internal/match/hosts.go", packages: tables,
		from: "		first = false\n", to: "",
	},
	{
		name: "an exact host is looked up as it was sent, with port and case",
		file: "pkg/policy/internal/match/hosts.go", packages: tables,
		from: "h.byName[plan.HostExact][string(host)]", to: "h.byName[plan.HostExact][authority]",
	},
	{
		name: "a malformed authority has no policy although every host has one",
		file: "pkg/policy/internal/match/hosts.go", packages: tables,
		from: "	if !ok {\n		return h.any\n	}", to: "	if !ok {\n		return nil\n	}",
	},
	{
		name: "a tenant is bound for a policy that does not capture the label",
		file: "pkg/policy/internal/match/hosts.go", packages: tables,
		from: "if t.policy == policy {", to: "if t.policy >= 0 {",
	},
	{
		name: "a selected policy binds the label of every host",
		file: "pkg/policy/internal/match/hosts.go", packages: tables,
		from: "if c.suffix == string(rest) {", to: `if c.suffix != "" || len(rest) == 0 {`,
	},

	// Paths and methods.
	{
		name: "a rule's methods are ignored",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "if m == method {", to: `if m != "" {`,
	},
	{
		name: "HEAD does not follow GET",
		file: "pkg/policy/plan/table.go", packages: plans,
		from: "s.ByMethod[get].Head = true", to: "s.ByMethod[get].Head = false",
	},
	{
		name: "the search does not note that another method has another entry",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "MethodDependent: s.methodDependent, OriginDependent", to: "OriginDependent",
	},
	{
		name: "a prefix matches a part of a path segment",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "end > 0; end = strings.LastIndexByte(path[:end], '/') {",
		to:   "end > 0; end = max(end-1, strings.LastIndexByte(path[:end], '/')) {",
	},
	{
		name: "a shorter prefix comes before a longer one",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "end > 0; end = strings.LastIndexByte(path[:end], '/') {",
		to:   "end > 0 && !t.prefixes.has(0); end = strings.LastIndexByte(path[:end], '/') {",
	},
	{
		name: "a prefix comes before an expression",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "	for i := range t.expressions {\n",
		to: "	if e := s.below(t, []byte(s.key.Path)); e != None {\n		return e\n	}\n" +
			"	for i := range t.expressions {\n",
	},
	{
		name: "a missing entry is treated as the first one",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "	if e == nil {\n		return None\n	}", to: "	if e == nil {\n		return 0\n	}",
	},
	{
		name: "an entry without origins uses those of the first entry",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "	if from == nil {\n		return None\n	}", to: "	if from == nil {\n		return 0\n	}",
	},
	{
		name: "an ambiguous path is not treated as ambiguous",
		file: "pkg/policy/internal/urlpath/urlpath.go", packages: urlpaths,
		from: "case c == '\\\\', c == ';', c < ' ', c == 0x7f:", to: "case c == '\\\\', c < ' ', c == 0x7f:",
	},
	{
		name: "the digits of escapes are compared case-sensitively",
		file: "pkg/policy/internal/urlpath/urlpath.go", packages: urlpaths,
		from: "if hasCase(high, i) && hasCase(low, j) && s.written[i][j].has(c) {", to: "if s.written[i][j].has(c) {",
	},
	{
		name: "an ambiguous path escapes a rule that blocks",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "Settings: t.ambiguous, Ambiguous: true,", to: "Settings: t.noRule, Ambiguous: true,",
	},
	{
		name: "expressions are matched against a path that is too long",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "return len(t.expressions) > 0 && len(path) > MaxExpressionPath || ", to: "return ",
	},

	// Rules by origin.
	{
		name: "a rule by origin matches every origin",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "if !s.matchesOrigin(e) {", to: "if s.hasOrigin && false {",
	},
	{
		name: "a set that has expired matches no more",
		file: "pkg/policy/internal/match/origins.go", packages: engine,
		from: "	for _, set := range from.Sets {\n		if p.match(",
		to:   "	for _, set := range from.Sets {\n		if !set.Expired() && p.match(",
	},
	{
		name: "a page that no rule matches leaves one that blocks other origins",
		file: "pkg/policy/internal/match/paths.go", packages: engine,
		from: "f.Conduct = f.Conduct.Strictest(s.refused)", to: "f.Conduct = s.Settings[f.Settings].Conduct",
	},
	{
		name: "rules with methods for other origins forbid to remember a preflight",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "		if !s.matchesOrigin(e) {\n",
		to:   "		s.methodDependent = s.methodDependent || e.methods != nil\n		if !s.matchesOrigin(e) {\n",
	},
	{
		name: "letters beyond ASCII get around a rule",
		file: "pkg/policy/internal/match/paths.go", packages: engine,
		from: "t.paths.IgnoreCase && urlpath.HasFoldedLetter(path)", to: "t.paths.IgnoreCase && false",
	},
	{
		name: "an expression does not match a path with a final slash",
		file: "pkg/policy/internal/match/paths.go", packages: tables,
		from: "trimmed != path && e.re.MatchString(trimmed)", to: "trimmed != path && false",
	},

	// Selectors.
	{
		name: "a selector names a policy of any namespace",
		file: "pkg/policy/internal/match/selectors.go", packages: tables,
		from: "s.policies[p.Name] = id", to: `s.policies[p.Name[strings.LastIndexByte(p.Name, '/')+1:]] = id`,
	},
	{
		name: "the selector of an unknown rule selects the policy's own cors",
		file: "pkg/policy/internal/match/selectors.go", packages: tables,
		from: "		return policy, None, false", to: "		return policy, x.Policies[policy].Own, true",
	},
	{
		name: "the selector of an unknown policy selects the first one",
		file: "pkg/policy/internal/match/selectors.go", packages: tables,
		from: "		return None, None, false", to: "		return 0, x.Policies[0].Own, true",
	},
	{
		name: "a selector selects a rule of another policy",
		file: "pkg/policy/internal/match/selectors.go", packages: tables,
		from: "s.rules[ruleName{id, entries[e].Name}] = e", to: "s.rules[ruleName{0, entries[e].Name}] = e",
	},
	{
		name: "a selector without a rule selects the policy's first rule",
		file: "pkg/policy/internal/match/selectors.go", packages: tables,
		from: "		return policy, x.Policies[policy].Own, true",
		to:   "		return policy, EntryID(x.Policies[policy].Entries.first), true",
	},
}
