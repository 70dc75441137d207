package main

import (
	"bytes"
	"fmt"
	"slices"
)

// mutation is a mistake that a programmer might make.
type mutation struct {
	name     string // the mistake, as a sentence
	file     string
	from, to string   // a text that the file has once, and the text that replaces it
	packages []string // whose tests must catch it
}

// apply makes the mistake in the text of the file.
func (m mutation) apply(text []byte) ([]byte, error) {
	if n := bytes.Count(text, []byte(m.from)); n != 1 {
		return nil, fmt.Errorf("%s contains the text %q %d times, but a mutation needs it exactly once",
			m.file, m.from, n)
	}
	return bytes.Replace(text, []byte(m.from), []byte(m.to), 1), nil
}

var (
	engine   = []string{"./pkg/policy"}
	origins  = []string{"./pkg/policy/internal/origin", "./pkg/policy"}
	headers  = []string{"./pkg/policy/internal/header", "./pkg/policy"}
	tables   = []string{"./pkg/policy/internal/match", "./pkg/policy"}
	urlpaths = []string{"./pkg/policy/internal/urlpath", "./pkg/policy"}
	plans    = []string{"./pkg/policy/plan", "./pkg/policy"}
	langs    = []string{"./pkg/policy/internal/lang"}
	lints    = []string{"./pkg/policy/internal/lint", "./pkg/policy"}
	files    = []string{"./pkg/policy/policyfile"}
	adapter  = []string{"./internal/exchange", "./pkg/extproc", "./pkg/extauthz"}
	wires    = []string{"./internal/wire", "./pkg/extproc", "./pkg/extauthz"}
)

// mutations has all mistakes. If the code changes, their texts have to follow.
var mutations = slices.Concat(
	ofOrigins, ofTables, ofDocuments, ofDecisions, ofResponses, ofAdapter, ofResources, ofModules,
)

// ofAdapter are mistakes between the engine and Envoy.
var ofAdapter = []mutation{
	{
		name: "the response is not requested although it is to be granted",
		file: "pkg/extproc/stream.go", packages: adapter,
		from: "x.answer.Proceed(needsResponse, x.facts(ahead))", to: "x.answer.Proceed(false, x.facts(ahead))",
	},
	{
		name: "a filter's promise to strip is read as one to vary",
		file: "internal/exchange/static.go", packages: adapter,
		from: "		s.Strip = true", to: "		s.Strip, s.Vary = true, true",
	},
	{
		name: "the promise of a listener is lost",
		file: "pkg/extproc/metadata.go", packages: adapter,
		from: "streamMetadata{ctx: ctx, static: static}", to: "streamMetadata{ctx: ctx}",
	},
	{
		name: "the virtual host receives no headers to set",
		file: "internal/exchange/exchange.go", packages: adapter,
		from: "	x.decision.EditAhead(&x.response)\n", to: "",
	},
	{
		name: "rare CORS headers of upstream are not read",
		file: "internal/exchange/exchange.go", packages: adapter,
		from: "(x.decision.ReadsAllFields() || policy.EditReads(name)):",
		to:   "x.decision.ReadsAllFields() && !policy.EditReads(name):",
	},
	{
		name: "a request that has gone upstream is decided as one that has not",
		file: "internal/exchange/exchange.go", packages: adapter,
		from: "	if p == ResponseOnly {", to: "	if false && p == ResponseOnly {",
	},
	{
		name: "a server is registered without its codec",
		file: "pkg/extproc/server.go", packages: adapter,
		from: "	if !s.hasCodec.Load() {", to: "	if false {",
	},
	{
		name: "the field for removed headers has a wrong number",
		file: "internal/wire/extproc.go", packages: wires,
		from: "		writeValue(w, 2, m.Remove[i]) // remove_headers", to: "		writeValue(w, 7, m.Remove[i])",
	},
	{
		name: "ext_authz repeats Vary",
		file: "pkg/extauthz/check.go", packages: adapter,
		from: "		if !passes || f.Name != \"vary\" {", to: "		if !passes || f.Name != \"\" {",
	},
}
