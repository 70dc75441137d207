package main

import (
	"bytes"
	"fmt"
)

// mutation is a mistake that someone might make.
type mutation struct {
	name     string // what is wrong then
	file     string
	from, to string   // a text that stands in the file once, and what is put in its place
	packages []string // whose tests have to catch it
}

// apply makes the mistake in the text of the file.
func (m mutation) apply(text []byte) ([]byte, error) {
	if n := bytes.Count(text, []byte(m.from)); n != 1 {
		return nil, fmt.Errorf("%s has the text %d times that is to be changed, and should have it once: %q", m.file, n, m.from)
	}
	return bytes.Replace(text, []byte(m.from), []byte(m.to), 1), nil
}

var (
	engine  = []string{"./pkg/policy"}
	origins = []string{"./pkg/policy/internal/origin", "./pkg/policy"}
	headers = []string{"./pkg/policy/internal/header", "./pkg/policy"}
	adapter = []string{"./internal/exchange", "./pkg/extproc", "./pkg/extauthz"}
	wires   = []string{"./internal/wire", "./pkg/extproc", "./pkg/extauthz"}
)

// mutations are the mistakes. Where the code changes, from and to have to follow.
var mutations = []mutation{
	// Origins.
	{
		name: "the port of an origin is ignored",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: "if hasPort && port == DefaultPort(scheme) {", to: "if hasPort {",
	},
	{
		name: "the default port written out is another origin",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: "if hasPort && port == DefaultPort(scheme) {", to: "if false {",
	},
	{
		name: "http passes for https",
		file: "pkg/policy/internal/origin/set.go", packages: origins,
		from: "append(append(append(buf[:0], o.Scheme...), ':'), port...)", to: `append(append(append(buf[:0], "https"...), ':'), port...)`,
	},
	{
		name: "a suffix is accepted without its dot",
		file: "pkg/policy/internal/origin/set.go", packages: origins,
		from: "		dot := strings.IndexByte(rest, '.')", to: "		dot := min(0, len(rest)-1) // of which the loop cuts off one byte",
	},
	{
		name: "a wildcard takes the apex, too",
		file: "pkg/policy/internal/origin/set.go", packages: origins,
		from: "	for rest := host; ; {", to: "	if s.has(owner(ofSuffixes, id), host) {\n		return true\n	}\n	for rest := host; ; {",
	},
	{
		name: "one tenant's host lets in another tenant's pages",
		file: "pkg/policy/internal/origin/set.go", packages: origins,
		from: "if !found || label != string(tenant.Label) {", to: "if !found || label == \"\" {",
	},
	{
		name: "origins are compared without case",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: `scheme, authority, found := strings.Cut(s, "://")`, to: `scheme, authority, found := strings.Cut(lowerASCII(s), "://")`,
	},
	{
		name: "origins are not compared by their canonical form",
		file: "pkg/policy/internal/origin/set.go", packages: origins,
		from: "return s.TakesText(of, o.Canonical) ||", to: "return s.TakesText(of, o.Scheme+\"://\"+o.Host) ||",
	},
	{
		name: "upper case is a host",
		file: "pkg/policy/internal/origin/origin.go", packages: origins,
		from: "case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':", to: "case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':",
	},

	// Who may read.
	{
		name: "null passes for an origin that is allowed",
		file: "pkg/policy/decide.go", packages: engine,
		from: "		if o != nil && o.null {", to: "		if o != nil {",
	},
	{
		name: "credentials stand beside *",
		file: "pkg/policy/answer.go", packages: engine,
		from: "		a.set(allowOrigin, anyValue)\n", to: "		a.set(allowOrigin, anyValue)\n		a.set(allowCredentials, trueValue)\n",
	},
	{
		name: "credentials are allowed where they are not",
		file: "pkg/policy/answer.go", packages: engine,
		from: "	case d.effects.credentials:\n", to: "	default:\n",
	},
	{
		name: "a refusal says whether credentials are allowed",
		file: "pkg/policy/answer.go", packages: engine,
		from: "preflight.denyStatus\n", to: "preflight.denyStatus\n		a.set(allowCredentials, trueValue)\n",
	},
	{
		name: "a refusal leaks the lists",
		file: "pkg/policy/answer.go", packages: engine,
		from: "preflight.denyStatus\n", to: "preflight.denyStatus\n		if d.effects.methods != nil && len(d.request.RequestMethod) > 0 {\n			d.appendLists(a)\n		}\n",
	},
	{
		name: "minimal detail is full detail",
		file: "pkg/policy/answer.go", packages: engine,
		from: "preflight.detail != DetailFull {", to: "preflight.detail == \"\" {",
	},
	{
		name: "a same-origin preflight passes for everyone who says so",
		file: "pkg/policy/decide.go", packages: engine,
		from: "case d.Class != ClassPreflight && (reason", to: "case (reason",
	},

	// Preflights.
	{
		name: "the method is not looked at",
		file: "pkg/policy/decide.go", packages: engine,
		from: "methods.judgeMethod(d.request.RequestMethod); reason != ReasonAllowed {", to: "methods.judgeMethod(d.request.RequestMethod); reason == ReasonMethodMalformed {",
	},
	{
		name: "methods are compared without case",
		file: "pkg/policy/decide.go", packages: engine,
		from: "	case l.takesMethodFold(lines[0]):\n		return ReasonMethodCase", to: "	case l.takesMethodFold(lines[0]):\n		return ReasonAllowed",
	},
	{
		name: "TRACE is a method",
		file: "pkg/policy/internal/header/token.go", packages: headers,
		from: `EqualFold(method, "CONNECT") || EqualFold(method, "TRACE") ||`, to: `EqualFold(method, "CONNECT") ||`,
	},
	{
		name: "what follows the name of a header is not looked at",
		file: "pkg/policy/decide.go", packages: engine,
		from: "case line[len(name)] == ',':", to: "default:",
	},
	{
		name: "the requested headers are not looked at",
		file: "pkg/policy/decide.go", packages: engine,
		from: "			default:\n				refused = ReasonHeaderNotAllowed\n", to: "			default:\n",
	},
	{
		name: "headers are reflected that are not listed",
		file: "pkg/policy/answer.go", packages: engine,
		from: "			if l.takesHeader(name) {\n				list", to: "			if name != \"\" {\n				list",
	},
	{
		name: "only the first line of requested headers is read",
		file: "pkg/policy/decide.go", packages: engine,
		from: "	refused := ReasonAllowed\n	for _, line := range lines {", to: "	refused := ReasonAllowed\n	for _, line := range lines[:min(1, len(lines))] {",
	},
	{
		name: "max-age is not 0 where methods decide",
		file: "pkg/policy/answer.go", packages: engine,
		from: "	if d.depends {\n		a.set(maxAge", to: "	if false {\n		a.set(maxAge",
	},
	{
		name: "methods of other rules are granted, too",
		file: "pkg/policy/answer.go", packages: engine,
		from: "	case d.depends:\n", to: "	case false:\n",
	},
	{
		name: "a refused preflight may be remembered",
		file: "pkg/policy/same.go", packages: engine,
		from: "appendTold(a *Answer) {\n", to: "appendTold(a *Answer) {\n	d.appendMaxAge(a)\n",
	},
	{
		name: "answers that are made beforehand are given where methods decide",
		file: "pkg/policy/same.go", packages: engine,
		from: "if s.fields == nil || d.depends {", to: "if s.fields == nil {",
	},

	{
		name: "* covers Authorization",
		file: "pkg/policy/namelist.go", packages: engine,
		from: "return l.any && !isAuthorization(name) && ", to: "return l.any && ",
	},

	// Rules.
	{
		name: "a rule's methods are ignored",
		file: "pkg/policy/table.go", packages: engine,
		from: "		if x.text.At(ref) == method {", to: "		if x.text.At(ref) != \"\" {",
	},
	{
		name: "HEAD is not under GET",
		file: "pkg/policy/table.go", packages: engine,
		from: "		get.head = true", to: "		get.head = false",
	},
	{
		name: "a path that can be read in two ways is guessed at",
		file: "pkg/policy/paths.go", packages: engine,
		from: "case c == '\\\\', c == ';', c < ' ', c == 0x7f:", to: "case c == '\\\\', c < ' ', c == 0x7f:",
	},

	// Responses.
	{
		name: "Vary is dropped",
		file: "pkg/policy/answer.go", packages: engine,
		from: "buf, changed := header.AppendVary(a.buf, lines, d.varyNames(names[:0]))", to: "buf, changed := header.AppendVary(a.buf, lines, names[:0])",
	},
	{
		name: "Vary names no headers of preflights",
		file: "pkg/policy/answer.go", packages: engine,
		from: `names = append(names, "Access-Control-Request-Method", "Access-Control-Request-Headers")`, to: `names = append(names, "Access-Control-Request-Method")`,
	},
	{
		name: "upstream's own Vary is replaced",
		file: "pkg/policy/internal/header/vary.go", packages: headers,
		from: "			if IsFieldValue(e) {", to: "			if false {",
	},
	{
		name: "upstream's Access-Control-Allow-Origin is kept",
		file: "pkg/policy/response.go", packages: engine,
		from: "strings.HasPrefix(name, corsPrefix) && !a.mentions(name) {", to: "strings.HasPrefix(name, corsPrefix) && name != allowOrigin && !a.mentions(name) {",
	},
	{
		name: "upstream's headers are kept for a refused origin",
		file: "pkg/policy/response.go", packages: engine,
		from: "	if d.grants() {\n		d.appendOrigin(a)\n		d.appendGrant(a, upstream)\n	}\n", to: "	if !d.grants() {\n		return\n	}\n	d.appendOrigin(a)\n	d.appendGrant(a, upstream)\n",
	},
	{
		name: "Merge exposes what is no token, and so nothing",
		file: "pkg/policy/internal/header/list.go", packages: headers,
		from: "			if IsToken(e) {", to: "			if len(e) > 0 {",
	},
	{
		name: "Shadow is enforced",
		file: "pkg/policy/decide.go", packages: engine,
		from: "enforcement == EnforcementShadow, d.passesThrough():", to: "enforcement == EnforcementOff, d.passesThrough():",
	},
	{
		name: "Block blocks nobody",
		file: "pkg/policy/decide.go", packages: engine,
		from: "enforcement == EnforcementBlock && d.refuses():", to: "enforcement == EnforcementOff && d.refuses():",
	},
	{
		name: "an ambiguous path leaves a rule that blocks",
		file: "pkg/policy/decide.go", packages: engine,
		from: "return d.take(t.ambiguous, ReasonPathAmbiguous)", to: "return d.take(t.noRule, ReasonPathAmbiguous)",
	},
	{
		name: "where several policies name a host, the first one's settings apply to what no rule matches",
		file: "pkg/policy/strictest.go", packages: engine,
		from: "range policies {", to: "range policies[:1] {",
	},
	{
		name: "a long path runs through expressions",
		file: "pkg/policy/paths.go", packages: engine,
		from: "t.expressions.n > 0 && len(path) > MaxExpressionPath ||", to: "",
	},
	{
		name: "a WebSocket is not checked",
		file: "pkg/policy/decide.go", packages: engine,
		from: "	case d.Class == ClassWebSocket:\n		if d.refuses() {", to: "	case d.Class == ClassWebSocket:\n		if false {",
	},

	// The adapter.
	{
		name: "the response is not asked for where it is to be granted",
		file: "pkg/extproc/stream.go", packages: adapter,
		from: "x.answer.Proceed(needsResponse, x.facts(ahead))", to: "x.answer.Proceed(false, x.facts(ahead))",
	},
	{
		name: "a filter's promise to strip is taken for one to vary",
		file: "pkg/extproc/metadata.go", packages: adapter,
		from: "			m.static.Strip = true", to: "			m.static.Strip, m.static.Vary = true, true",
	},
	{
		name: "the virtual host is told to set nothing",
		file: "internal/exchange/exchange.go", packages: adapter,
		from: "	x.decision.EditAhead(&x.response)\n", to: "",
	},
	{
		name: "the response's own names are exposed before there is a response",
		file: "pkg/policy/response.go", packages: engine,
		from: "return d.Class != ClassPreflight && !d.expands() }", to: "return d.Class != ClassPreflight }",
	},
	{
		name: "upstream's CORS headers that are not frequent are not seen",
		file: "internal/exchange/exchange.go", packages: adapter,
		from: "(x.decision.ReadsAllFields() || bytes.HasPrefix(name, []byte(corsPrefix))):", to: "x.decision.ReadsAllFields() && !bytes.HasPrefix(name, []byte(corsPrefix)):",
	},
	{
		name: "a request that has gone upstream is decided as if it had not",
		file: "internal/exchange/exchange.go", packages: adapter,
		from: "	if p == ResponseOnly {", to: "	if false && p == ResponseOnly {",
	},
	{
		name: "a server is registered without its codec",
		file: "pkg/extproc/server.go", packages: adapter,
		from: "	if !s.hasCodec.Load() {", to: "	if false {",
	},
	{
		name: "nothing is removed on the wire",
		file: "internal/wire/extproc.go", packages: wires,
		from: "		writeValue(w, 2, m.Remove[i]) // remove_headers", to: "		writeValue(w, 7, m.Remove[i])",
	},
	{
		name: "ext_authz repeats Vary",
		file: "pkg/extauthz/check.go", packages: adapter,
		from: "		if !passes || f.Name != \"vary\" {", to: "		if !passes || f.Name != \"\" {",
	},

	// Reading.
	{
		name: "rules that are alike but for their paths get none",
		file: "pkg/policy/policyfile/pack.go", packages: []string{"./pkg/policy/policyfile"},
		from: "path.Value = d.texts.At(packed.path)", to: "path.Value = \"\"",
	},
}
