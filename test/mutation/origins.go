package main

// ofOrigins are mistakes about which origins are equal, and which patterns match them.
var ofOrigins = []mutation{
	{
		name: "the port of an origin is ignored",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: "if hasPort && port == DefaultPort(scheme) {", to: "if hasPort {",
	},
	{
		name: "an explicit default port makes another origin",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: "if hasPort && port == DefaultPort(scheme) {", to: "if false {",
	},
	{
		name: "origins are compared case-insensitively",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: `scheme, authority, found := strings.Cut(s, "://")`,
		to:   `scheme, authority, found := strings.Cut(lowerASCII(s), "://")`,
	},
	{
		name: "a host in upper case is accepted",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: "case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':",
		to:   "case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':",
	},
	{
		name: "http is treated as https",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "patternKey{set: id, scheme: o.Scheme, port: port}",
		to:   `patternKey{set: id, scheme: "https", port: port}`,
	},
	{
		name: "origins are not compared by their canonical form",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "p.exact[exactKey{id, o.Canonical}]", to: `p.exact[exactKey{id, o.Scheme + "://" + o.Host}]`,
	},
	{
		name: "a suffix is accepted without its dot",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: `		_, rest, found := strings.Cut(key.host, ".")`,
		to:   "		rest, found := key.host[min(1, len(key.host)):], len(key.host) > 0",
	},
	{
		name: "a wildcard also matches the apex",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "	key.kind = origin.Subdomains\n	for {",
		to:   "	key.kind = origin.Subdomains\n	if p.has(key) {\n		return true\n	}\n	for {",
	},
	{
		name: "one tenant's host allows another tenant's pages",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "label == string(tenant.Label) && p.has(key)", to: `label != "" && p.has(key)`,
	},
	{
		name: "the tenant's name is ignored",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "origin.TenantHost, rest, tenant.Name\n", to: "origin.TenantHost, rest, \"t\"\n",
	},
	{
		name: "a pattern for every port matches the default port only",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "s.anyPort && p.matchPort(id, o, origin.AnyPort, tenant)",
		to:   `s.anyPort && o.Port == "" && p.matchPort(id, o, origin.AnyPort, tenant)`,
	},
	{
		name: "a single host with every port matches no port",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "port == origin.AnyPort && p.has(key)", to: "port != origin.AnyPort && p.has(key)",
	},
	{
		name: "a pattern of one port matches every port",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "if from.Port == origin.AnyPort {\n		s.anyPort = true",
		to:   "if from.Port = origin.AnyPort; true {\n		s.anyPort = true",
	},
	{
		name: "the patterns of one set are used for another",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "	return setID(len(p.sets) - 1)", to: "	return 0",
	},

	// Origin sets.
	{
		name: "an expired set still grants",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "if !set.Expired() && p.match(", to: "if p.match(",
	},
	{
		name: "a set expires one moment late",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "!set.expires.After(now) && set.expired.",
		to:   "set.expires.Before(now) && set.expired.",
	},
	{
		name: "a set without a date expires",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "if !set.expires.IsZero() && !set.expires.After(now) &&", to: "if !set.expires.After(now) &&",
	},
	{
		name: "the last set to expire is treated as the next",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "set.expires.Before(next)", to: "set.expires.After(next)",
	},
	{
		name: "a set that has expired when the documents are compiled still grants",
		file: "pkg/policy/internal/match/origins.go", packages: tables,
		from: "to.expired.Store(from.Expired)", to: "to.expired.Store(false)",
	},
	{
		name: "a set grants on the day on which it expires",
		file: "pkg/policy/plan/origins.go", packages: plans,
		from: "set.Expired = !date.After(r.now)", to: "set.Expired = date.Before(r.now)",
	},
}
