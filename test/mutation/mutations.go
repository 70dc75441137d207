package main

import (
	"bytes"
	"fmt"
	"slices"
)

// mutation is a mistake that someone might make.
type mutation struct {
	name     string // the mistake, as a sentence
	file     string
	from, to string   // a text that the file has once, and the text that replaces it
	packages []string // whose tests must catch it
}

// apply makes the mistake in the text of the file.
func (m mutation) apply(text []byte) ([]byte, error) {
	if n := bytes.Count(text, []byte(m.from)); n != 1 {
		return nil, fmt.Errorf("%s has the text %q %d times, and must have it once to be changed", m.file, m.from, n)
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
	lints    = []string{"./pkg/policy/internal/lint", "./pkg/policy"}
	files    = []string{"./pkg/policy/policyfile"}
	adapter  = []string{"./pkg/extproc"}
	wires    = []string{"./pkg/extproc/internal/wire", "./pkg/extproc"}
)

// mutations are the mistakes. Where the code changes, from and to have to follow.
var mutations = slices.Concat(ofOrigins, ofTables, ofDocuments, ofDecisions, ofResponses, ofAdapter)

// ofAdapter are mistakes between the engine and Envoy.
var ofAdapter = []mutation{
	{
		name: "the response is not asked for where it is to be granted",
		file: "pkg/extproc/process.go", packages: adapter,
		from: "x.reply.Proceed(d, wantsResponse, x.change.Set)", to: "x.reply.Proceed(d, false, x.change.Set)",
	},
	{
		name: "a filter's promise to strip is taken for one to vary",
		file: "pkg/extproc/read.go", packages: adapter,
		from: "			m.static.Strip = true", to: "			m.static.Strip, m.static.Vary = true, true",
	},
	{
		name: "the virtual host is told to set nothing",
		file: "pkg/extproc/process.go", packages: adapter,
		from: "		d.EditAhead(&x.change)", to: "		d.Respond(&x.change)",
	},
	{
		name: "upstream's CORS headers that are not frequent are not seen",
		file: "pkg/extproc/read.go", packages: adapter,
		from: "(all || bytes.HasPrefix(h.Name, []byte(corsPrefix))):",
		to:   "all && !bytes.HasPrefix(h.Name, []byte(corsPrefix)):",
	},
	{
		name: "nothing is removed on the wire",
		file: "pkg/extproc/internal/wire/answer.go", packages: wires,
		from: "		dst = appendBytes(dst, 2, name) // remove_headers", to: "		dst = appendBytes(dst, 7, name)",
	},
	{
		name: "ext_authz repeats Vary",
		file: "pkg/extproc/internal/wire/checkanswer.go", packages: wires,
		from: "		if f.Name == \"vary\" {\n			continue\n		}\n", to: "",
	},
}
