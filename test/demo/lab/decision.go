package lab

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy"
)

// Decision is the engine's decision of an exchange's request, with the lines of the policy that
// led to it. Verdict and reason are those that corsd sent to Envoy, unless the policy has changed
// since.
type Decision struct {
	Class   string   `json:"class"`
	Verdict string   `json:"verdict"`
	Reason  string   `json:"reason"`
	Policy  string   `json:"policy"`
	Rule    string   `json:"rule"`
	Entry   string   `json:"entry"`   // that allows the origin
	Missing []string `json:"missing"` // method and headers that a preflight requests and the policy does not allow
	Places  []Place  `json:"places"`  // empty if no line decides
}

// Place is a line of the policy file that decided.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// decide decides the request of an exchange with the live policy, as corsd does.
func (p *livePolicy) decide(x *Exchange) Decision {
	request := policy.Request{Method: x.Method, Scheme: x.Scheme, Authority: x.Authority, Path: x.Path}
	for _, f := range x.Request {
		request.AddHeader(f.Name, f.Value)
	}
	d := p.engine.Explain(&request)
	return Decision{
		Class:   d.Class.String(),
		Verdict: d.Verdict.String(),
		Reason:  d.Reason.String(),
		Policy:  d.Policy(),
		Rule:    d.Rule(),
		Entry:   d.Origin,
		Missing: d.Missing,
		Places:  p.places(&d, x),
	}
}

// places returns the lines that decided, without duplicates.
func (p *livePolicy) places(d *policy.Explanation, x *Exchange) []Place {
	places := []Place{}
	if d.Policy() == "" {
		return places
	}
	for i, field := range decisive(d, x) {
		node := p.field(d, field)
		if node == nil && i == 0 { // shows the policy's name instead
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

// decisive returns the names of the fields that a decision is about, as [policy.Explanation] has
// them. It returns none for a reason that is not about a field.
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

// granting returns the names of the fields that this request needed to be granted: the one for
// its origin, and those for the parts of the request that need permission.
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
	needsExposure := func(f Field) bool { return f.Name == "x-total" || f.Name == "grpc-status" }
	add(slices.ContainsFunc(x.Response, needsExposure), "exposeHeaders", "presets")
	return fields
}

// field returns the node of a field in the document that the decision has it from, nil if it is
// not set. The name allowOrigins stands for all fields that allow origins: the first one that is
// set is returned.
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

// document returns the document of a kind and a name. The name "" matches every name.
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

// at walks down a tree by the fields of mappings. It returns nil if a field is missing.
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

// named returns the rule of that name. A rule without a name has its index as its name.
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
