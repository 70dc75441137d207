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
	Places  []Place  `json:"places"`  // empty where no line decides
}

// Place is a line of the policy file that decided.
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
	d := p.engine.Explain(&request)
	return Decision{
		Class: d.Class.String(), Verdict: d.Verdict.String(), Reason: d.Reason.String(), Policy: d.Policy(), Rule: d.Rule(),
		Entry: d.Origin, Missing: d.Missing, Places: p.places(&d, x),
	}
}

// places finds the lines that decided, each once.
func (p *livePolicy) places(d *policy.Explanation, x *Exchange) []Place {
	places := []Place{}
	if d.Policy() == "" {
		return places
	}
	for i, field := range decisive(d, x) {
		node := p.field(d, field)
		if node == nil && i == 0 { // then the policy's name is all there is to show
			node = at(p.document("CORSPolicy", d.Policy()), "metadata", "name")
		}
		if node == nil {
			continue
		}
		for _, entry := range node.Content {
			if i == 0 && entry.Value == d.Origin && d.Reason == policy.ReasonAllowed {
				node = entry
			}
		}
		place := Place{p.file, node.Line, strings.TrimSpace(p.lines[node.Line-1])}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}

// decisive names the fields that a decision is about, as [policy.Explanation] does.
// It gives none for a reason that is not about a field.
func decisive(d *policy.Explanation, x *Exchange) (fields []string) {
	switch d.Reason {
	case policy.ReasonOriginNull, policy.ReasonOriginNotAllowed:
		fields = []string{"allowOrigins"}
	case policy.ReasonMethodCase, policy.ReasonMethodNotAllowed:
		fields = []string{"allowMethods"}
	case policy.ReasonAuthorizationNotListed, policy.ReasonHeaderNotAllowed:
		fields = []string{"allowHeaders", "presets"}
	case policy.ReasonAllowed:
		fields = granting(d, x)
	}
	if d.Class == policy.ClassWebSocket && fields != nil {
		fields = append(fields, "webSocket.originCheck")
	}
	return fields
}

// granting names what it took to grant this request: who asks, and then what of the
// request is not for everyone.
func granting(d *policy.Explanation, x *Exchange) []string {
	fields := []string{"allowOrigins"}
	add := func(needed bool, more ...string) {
		if needed {
			fields = append(fields, more...)
		}
	}
	if d.Class == policy.ClassPreflight {
		asked := x.header("access-control-request-method")
		add(!slices.Contains([]string{"GET", "HEAD", "POST"}, asked), "allowMethods")
		add(x.header("access-control-request-headers") != "", "allowHeaders", "presets")
		return fields
	}
	add(x.header("cookie") != "", "allowCredentials")
	add(slices.ContainsFunc(x.Response, func(f Field) bool { return f.Name == "x-total" || f.Name == "grpc-status" }), "exposeHeaders", "presets")
	return fields
}

// field gives the node of a field where the decision has it from, nil where it is not set.
// The fields that say who is allowed are one to a decision: it is the first that is set.
func (p *livePolicy) field(d *policy.Explanation, field string) *yaml.Node {
	layer := "policy"
	for _, s := range d.Settings {
		if s.Name == field {
			layer = s.From
		}
	}
	of := at(p.document("CORSPolicy", d.Policy()), "spec")
	switch layer {
	case "CORSDefaults":
		of = at(p.document("CORSDefaults", ""), "spec")
	case "rule":
		of = named(at(of, "rules"), d.Rule())
	}
	switch field {
	case "allowOrigins":
		for _, name := range []string{"allowOrigins", "allowNullOrigin", "allowOriginRegexes", "allowOriginSets"} {
			if node := at(of, "cors", name); node != nil {
				return node
			}
		}
		return nil
	case "webSocket.originCheck":
		return at(of, "webSocket", "originCheck")
	}
	return at(of, "cors", field)
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
		if node == nil || node.Kind != yaml.MappingNode {
			return nil
		}
		i := slices.IndexFunc(node.Content, func(n *yaml.Node) bool { return n.Value == name })
		if i < 0 || i%2 == 1 {
			return nil
		}
		node = node.Content[i+1]
	}
	return node
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
