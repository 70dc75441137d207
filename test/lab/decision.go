package lab

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy"
)

// Decision says what the engine makes of an exchange's request, and where the
// policy says so. Verdict and reason are those that corsd gave Envoy, unless the
// policy has changed since.
type Decision struct {
	Class   string   `json:"class"`
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason"`
	Policy  string   `json:"policy"`
	Rule    string   `json:"rule"`
	Entry   string   `json:"entry"`   // that takes the origin
	Missing []string `json:"missing"` // what a preflight asks for and is not granted
	Place   *Place   `json:"place"`   // null where no line decides
}

// Place is a line of the policy file, or several that belong together.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// decide decides the request of an exchange as corsd would by the live policy.
func (p *livePolicy) decide(x *Exchange) Decision {
	request := policy.Request{Method: x.Method, Scheme: x.Scheme, Authority: x.Authority, Path: x.Path}
	for _, f := range x.Request {
		request.AddHeader(f.Name, f.Value)
	}
	d := p.engine.Decide(&request)
	return Decision{
		Class: d.Class.String(), Verdict: d.Verdict.String(), Reason: d.Reason.String(), Policy: d.Policy(), Rule: d.Rule(),
		Entry: d.OriginEntry(), Missing: d.Missing(), Place: p.place(&d),
	}
}

// place finds the line that decided.
func (p *livePolicy) place(d *policy.Decision) *Place {
	fields := decisive(d.Reason)
	if d.Policy() == "" || fields == nil {
		return nil
	}
	layer := policy.LayerPolicy
	for _, s := range d.Settings() {
		if s.Name == fields[0] {
			layer = s.From
		}
	}
	node := p.field(d, layer, fields)
	if node == nil {
		return nil
	}
	for _, entry := range node.Content {
		if entry.Value == d.OriginEntry() && d.Reason == policy.ReasonAllowed {
			node = entry
		}
	}
	return &Place{p.file, node.Line, strings.TrimSpace(p.lines[node.Line-1])}
}

// decisive names the fields of cors that a reason is about, first the one that
// [policy.Decision.Settings] knows. It gives none for a reason that is not about
// a field.
func decisive(r policy.Reason) []string {
	switch r {
	case policy.ReasonOriginNull, policy.ReasonOriginNotAllowed, policy.ReasonAllowed:
		return []string{"allowOrigins", "allowNullOrigin", "allowOriginRegexes", "allowOriginSets"}
	case policy.ReasonMethodCase, policy.ReasonMethodNotAllowed:
		return []string{"allowMethods"}
	case policy.ReasonAuthorizationNotListed, policy.ReasonHeaderNotAllowed:
		return []string{"allowHeaders"}
	}
	return nil
}

// field gives the node of the first of fields that the layer sets. Where none is
// set, the policy's name is all there is to show.
func (p *livePolicy) field(d *policy.Decision, layer policy.Layer, fields []string) *yaml.Node {
	if layer == policy.LayerDefaults {
		return firstOf(at(p.document("CORSDefaults", ""), "spec", "cors"), fields)
	}
	document := p.document("CORSPolicy", d.Policy())
	of := at(document, "spec")
	if layer == policy.LayerRule {
		of = named(at(document, "spec", "rules"), d.Rule())
	}
	if node := firstOf(at(of, "cors"), fields); node != nil {
		return node
	}
	return at(document, "metadata", "name")
}

// document gives the document of a kind and a name, of whatever name for "".
func (p *livePolicy) document(kind, name string) *yaml.Node {
	for i := range p.documents {
		document := p.documents[i].Content[0]
		isKind, isName := at(document, "kind"), at(document, "metadata", "name")
		if isKind != nil && isKind.Value == kind && (name == "" || isName != nil && isName.Value == name) {
			return document
		}
	}
	return nil
}

// at goes down a tree by the fields of mappings. It gives nil where there is none.
func at(node *yaml.Node, path ...string) *yaml.Node {
	for _, name := range path {
		node = firstOf(node, []string{name})
	}
	return node
}

// firstOf gives the value of the first of fields that a mapping has.
func firstOf(node *yaml.Node, fields []string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for _, name := range fields {
		i := slices.IndexFunc(node.Content, func(n *yaml.Node) bool { return n.Value == name })
		if i >= 0 && i%2 == 0 {
			return node.Content[i+1]
		}
	}
	return nil
}

// named gives the rule of that name. One without a name is called by its place.
func named(rules *yaml.Node, name string) *yaml.Node {
	if rules == nil {
		return nil
	}
	for i, rule := range rules.Content {
		own := at(rule, "name")
		if own != nil && own.Value == name || own == nil && name == fmt.Sprintf("rules[%d]", i) {
			return rule
		}
	}
	return nil
}
