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
	d := p.engine.Decide(&request)
	return Decision{
		Class: d.Class.String(), Verdict: d.Verdict.String(), Reason: d.Reason.String(), Policy: d.Policy(), Rule: d.Rule(),
		Entry: d.OriginEntry(), Missing: d.Missing(), Places: p.places(&d, x),
	}
}

// places finds the lines that decided, each once.
func (p *livePolicy) places(d *policy.Decision, x *Exchange) []Place {
	places := []Place{}
	if d.Policy() == "" {
		return places
	}
	for i, fields := range decisive(d, x) {
		node := p.field(d, fields)
		if node == nil && i == 0 { // then the policy's name is all there is to show
			node = at(p.document("CORSPolicy", d.Policy()), "metadata", "name")
		}
		if node == nil {
			continue
		}
		for _, entry := range node.Content {
			if i == 0 && entry.Value == d.OriginEntry() && d.Reason == policy.ReasonAllowed {
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

var (
	originFields = []string{"allowOrigins", "allowNullOrigin", "allowOriginRegexes", "allowOriginSets"}
	methodFields = []string{"allowMethods"}
	headerFields = []string{"allowHeaders"}
	exposeFields = []string{"exposeHeaders"}
	presetFields = []string{"presets"}
	cookieFields = []string{"allowCredentials"}
	socketFields = []string{"webSocket.originCheck"}
)

// decisive names what a decision is about: lists of fields, of each of which the first
// that is set counts. It gives none for a reason that is not about a field.
func decisive(d *policy.Decision, x *Exchange) (lists [][]string) {
	switch d.Reason {
	case policy.ReasonOriginNull, policy.ReasonOriginNotAllowed:
		lists = [][]string{originFields}
	case policy.ReasonMethodCase, policy.ReasonMethodNotAllowed:
		lists = [][]string{methodFields}
	case policy.ReasonAuthorizationNotListed, policy.ReasonHeaderNotAllowed:
		lists = [][]string{headerFields, presetFields}
	case policy.ReasonAllowed:
		lists = granting(d, x)
	}
	if d.Class == policy.ClassWebSocket && lists != nil {
		lists = append(lists, socketFields)
	}
	return lists
}

// granting names what it took to grant this request: who asks, and then what of the
// request is not for everyone.
func granting(d *policy.Decision, x *Exchange) [][]string {
	lists := [][]string{originFields}
	add := func(needed bool, fields ...[]string) {
		if needed {
			lists = append(lists, fields...)
		}
	}
	if d.Class == policy.ClassPreflight {
		asked := x.header("access-control-request-method")
		add(!slices.Contains([]string{"GET", "HEAD", "POST"}, asked), methodFields)
		add(x.header("access-control-request-headers") != "", headerFields, presetFields)
		return lists
	}
	add(x.header("cookie") != "", cookieFields)
	add(slices.ContainsFunc(x.Response, func(f Field) bool { return f.Name == "x-total" || f.Name == "grpc-status" }), exposeFields, presetFields)
	return lists
}

// field gives the node of the first of fields that is set where the decision has it from.
func (p *livePolicy) field(d *policy.Decision, fields []string) *yaml.Node {
	layer := policy.LayerPolicy
	for _, s := range d.Settings() {
		if s.Name == fields[0] {
			layer = s.From
		}
	}
	of := at(p.document("CORSPolicy", d.Policy()), "spec")
	switch layer {
	case policy.LayerDefaults:
		of = at(p.document("CORSDefaults", ""), "spec")
	case policy.LayerRule:
		of = named(at(of, "rules"), d.Rule())
	}
	for _, name := range fields {
		path := strings.Split(name, ".")
		if len(path) == 1 {
			path = []string{"cors", name}
		}
		if node := at(of, path...); node != nil {
			return node
		}
	}
	return nil
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
