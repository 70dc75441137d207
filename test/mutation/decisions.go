package main

// ofDecisions are mistakes in verdicts, reasons and outcomes.
var ofDecisions = []mutation{
	// Who may read.
	{
		name: "null is treated as an allowed origin",
		file: "pkg/policy/decide.go", packages: engine,
		from: "if allowed != nil && allowed.Null && from == nil {", to: "if allowed != nil && from == nil {",
	},
	{
		name: "a preflight with Sec-Fetch-Site: same-origin is granted to every origin",
		file: "pkg/policy/decide.go", packages: engine,
		from: "case d.Class != ClassPreflight && (reason", to: "case (reason",
	},
	{
		name: "the zero engine passes every request through",
		file: "pkg/policy/deny.go", packages: engine,
		from: "deny := spec.UnmatchedDeny", to: "deny := spec.UnmatchedPassThrough",
	},
	{
		name: "a decision without an entry names the first policy",
		file: "pkg/policy/decide.go", packages: engine,
		from: "policy: match.None, entry: match.None}", to: "entry: match.None}",
	},
	{
		name: "if several policies name a host, requests that no rule matches belong to the first one",
		file: "pkg/policy/decide.go", packages: engine,
		from: "len(policies) == 1 {", to: "len(policies) > 0 {",
	},
	{
		name: "a selected policy without cors applies the settings of CORSDefaults",
		file: "pkg/policy/decide.go", packages: engine,
		from: "settings := x.Policies[policy].Unchosen", to: "settings := x.Unmatched",
	},

	// Preflights.
	{
		name: "the requested method is not checked",
		file: "pkg/policy/decide.go", packages: engine,
		from: "d.request.RequestMethod); reason != ReasonAllowed {",
		to:   "d.request.RequestMethod); reason == ReasonMethodMalformed {",
	},
	{
		name: "methods are compared case-insensitively",
		file: "pkg/policy/decide.go", packages: engine,
		from: "	case allowed.AllowsMethodFold(lines[0]):\n		return ReasonMethodCase",
		to:   "	case allowed.AllowsMethodFold(lines[0]):\n		return ReasonAllowed",
	},
	{
		name: "TRACE is accepted as a method",
		file: "pkg/policy/internal/header/token.go", packages: headers,
		from: `EqualFold(method, "CONNECT") || EqualFold(method, "TRACE") ||`, to: `EqualFold(method, "CONNECT") ||`,
	},
	{
		name: "the text after the name of a header is not checked",
		file: "pkg/policy/decide.go", packages: engine,
		from: "!header.IsToken(name):\n", to: "!header.IsToken(name[:1]):\n",
	},
	{
		name: "the requested headers are not checked",
		file: "pkg/policy/decide.go", packages: engine,
		from: "				refused = ReasonHeaderNotAllowed\n", to: "",
	},
	{
		name: "only the first line of requested headers is read",
		file: "pkg/policy/decide.go", packages: engine,
		from: "false, ReasonAllowed\n	for _, line := range lines {",
		to:   "false, ReasonAllowed\n	for _, line := range lines[:min(1, len(lines))] {",
	},
	{
		name: "minimal detail is treated as full detail",
		file: "pkg/policy/decide.go", packages: engine,
		from: "if d.conduct.Detail == plan.Full {", to: "if d.conduct.Detail >= plan.Full {",
	},

	{
		name: "a rule that a selector names allows origins that it does not match",
		file: "pkg/policy/decide.go", packages: engine,
		from: "!d.index.Matches(from, o, tenant) {", to: "false {",
	},
	{
		name: "a rule for some origins that a selector names is public",
		file: "pkg/policy/decide.go", packages: engine,
		from: "case d.settings.Public && from == nil:", to: "case d.settings.Public:",
	},

	// Outcomes.
	{
		name: "Shadow is enforced",
		file: "pkg/policy/decide.go", packages: engine,
		from: "case d.conduct.Enforcement <= plan.Shadow, d", to: "case d.conduct.Enforcement < plan.Shadow, d",
	},
	{
		name: "Block blocks nobody",
		file: "pkg/policy/decide.go", packages: engine,
		from: "d.conduct.Enforcement == plan.Block && d.refuses():",
		to:   "d.conduct.Enforcement == plan.Disabled && d.refuses():",
	},
	{
		name: "Block blocks a page of the host's own origin",
		file: "pkg/policy/decide.go", packages: engine,
		from: "return d.Verdict == VerdictDeny && !d.request.isSameOrigin()", to: "return d.Verdict == VerdictDeny",
	},
	{
		name: "a WebSocket is not checked",
		file: "pkg/policy/decide.go", packages: engine,
		from: "	case d.Class == ClassWebSocket:\n		if d.refuses() {",
		to:   "	case d.Class == ClassWebSocket:\n		if false {",
	},
	{
		name: "a WebSocket to a host without a policy is refused",
		file: "pkg/policy/decide.go", packages: engine,
		from: "plan.Check && d.Reason != ReasonNoPolicy", to: "plan.Check",
	},
	{
		name: "a public response grants only to requests with an Origin",
		file: "pkg/policy/decide.go", packages: engine,
		from: "case d.Verdict == VerdictAllow, d.Class == ClassNotCORS && d.isPublic():",
		to:   "case d.Verdict == VerdictAllow:",
	},
	{
		name: "a preflight that should be forwarded is answered",
		file: "pkg/policy/decide.go", packages: engine,
		from: "if d.conduct.Mode == plan.Forward {", to: "if d.conduct.Mode < plan.Forward {",
	},
	{
		name: "the settings for hosts without a policy apply although such hosts pass through",
		file: "pkg/policy/decide.go", packages: engine,
		from: "plan.Shadow, d.passesThrough():", to: "plan.Shadow:",
	},
	{
		name: "a response replaces upstream's when it is too late",
		file: "pkg/policy/outcome.go", packages: engine,
		from: "	case o.Action() != ActionRespond:\n", to: "	case true:\n",
	},
	{
		name: "a WebSocket's response is edited when it is too late to refuse it",
		file: "pkg/policy/outcome.go", packages: engine,
		from: "	case c == ClassWebSocket:\n		return Untouched",
		to:   "	case c == ClassWebSocket:\n		return NotGranted",
	},
	{
		name: "a preflight that is granted late is refused",
		file: "pkg/policy/outcome.go", packages: engine,
		from: "	case o == PreflightGranted:\n		return Granted",
		to:   "	case o == PreflightGranted:\n		return NotGranted",
	},
	{
		name: "a preflight that is refused late is granted",
		file: "pkg/policy/outcome.go", packages: engine,
		from: "	case o == PreflightGranted:\n		return Granted",
		to:   "	case o != Blocked:\n		return Granted",
	},
	{
		name: "a blocked request goes upstream",
		file: "pkg/policy/outcome.go", packages: engine,
		from: "PreflightRefused, Blocked:\n		return ActionRespond",
		to:   "PreflightRefused:\n		return ActionRespond",
	},
}
