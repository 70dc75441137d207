// Package corpus makes random policies and requests. A test compares the decisions with recorded
// ones, so that a change of the code shows whether it changes decisions. The package writes text and
// imports nothing of corsd: its samples depend on the seed alone.
package corpus

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Sample is one policy file and requests for it.
type Sample struct {
	// Policy is a file of several YAML documents.
	Policy string
	// Cases are lines for `corsd explain --cases`.
	Cases string
}

// Make makes the sample of a seed, with this number of cases.
func Make(seed uint64, cases int) Sample {
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	var s Sample
	names := g.policies(&s)
	for range cases {
		line, err := json.Marshal(g.request(names))
		if err != nil {
			panic(err) // impossible: the values are strings and maps of strings
		}
		s.Cases += string(line) + "\n"
	}
	return s
}

type generator struct{ *rand.Rand }

// oneOf draws a value.
func oneOf[T any](g generator, values ...T) T { return values[g.IntN(len(values))] }

// chance is true once in n times.
func (g generator) chance(n int) bool { return g.IntN(n) == 0 }

// some draws up to n different values, in their order.
func some(g generator, n int, values ...string) []string {
	list := []string{}
	left := g.IntN(n + 1)
	for i, v := range values {
		if g.IntN(len(values)-i) < left {
			list = append(list, v)
			left--
		}
	}
	return list
}

// object is a mapping as JSON, which YAML reads.
type object map[string]any

// policies writes the policy of a sample, and returns the selectors of its policies and rules.
func (g generator) policies(s *Sample) (selectors []string) {
	if g.chance(2) {
		spec := g.settings()
		spec["unmatchedHosts"] = oneOf(g, "PassThrough", "Deny")
		if g.chance(2) {
			spec["cors"] = g.cors(false)
		}
		s.add("CORSDefaults", "default", spec)
	}
	s.add("OriginSet", "partners", object{"origins": []string{"https://set.example", "https://*.set.example"}})
	s.add("OriginSet", "former", object{"origins": []string{"https://former.example"}, "expires": "2020-01-01"})
	hosts := [][]string{
		{"*.x.example"}, {"{tenant}.y.example"}, {"*"}, {"b.example", "c.example"}, {"api.x.example", "d.example"},
	}
	g.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	hosts = append([][]string{{"api.x.example"}}, hosts...)
	paths := map[string]bool{} // of all rules: no two policies may have the same entry
	for i := range 1 + g.IntN(4) {
		name := fmt.Sprintf("p%d", i)
		selectors = append(selectors, name)
		spec := g.policy(hosts[i], i == 0, paths)
		s.add("CORSPolicy", name, spec)
		rules, _ := spec["rules"].([]object)
		for _, rule := range rules {
			selectors = append(selectors, name+RuleSeparator+rule["name"].(string))
		}
	}
	return selectors
}

// add writes a document.
func (s *Sample) add(kind, name string, spec object) {
	text, err := json.Marshal(object{
		"apiVersion": "corsd.dev/v1alpha1", "kind": kind, "metadata": object{"name": name}, "spec": spec,
	})
	if err != nil {
		panic(err)
	}
	s.Policy += string(text) + "\n---\n"
}

// policy draws the spec of a policy. With withCORS it has cors; otherwise that is drawn, too.
func (g generator) policy(hosts []string, withCORS bool, paths map[string]bool) object {
	spec := g.settings()
	spec["hosts"] = hosts
	spec["dangerouslyAllow"] = []string{
		"AnyOriginWithCredentials", "NullOriginWithCredentials", "PublicSuffixSubdomains", "InsecureOrigins",
	}
	tenant := strings.HasPrefix(hosts[0], "{")
	if withCORS || g.chance(3) {
		spec["cors"] = g.cors(tenant)
	}
	var rules []object
	for j := range g.IntN(6) {
		if rule := g.rule(paths, tenant); rule != nil {
			rule["name"] = fmt.Sprintf("r%d", j)
			rules = append(rules, rule)
		}
	}
	if spec["cors"] == nil && rules == nil {
		spec["cors"] = g.cors(tenant)
	}
	if rules != nil {
		spec["rules"] = rules
	}
	return spec
}

// settings draws the settings that documents and rules have beside cors.
func (g generator) settings() object {
	o := object{}
	if g.chance(2) {
		o["enforcement"] = oneOf(g, "Enforce", "Enforce", "Block", "Shadow", Disabled)
	}
	if g.chance(2) {
		o["upstreamHeaders"] = oneOf(g, "Override", "Preserve", "Merge")
	}
	if g.chance(2) {
		p := object{}
		if g.chance(2) {
			p["mode"] = oneOf(g, "Answer", "Forward")
		}
		if g.chance(2) {
			p["successStatus"] = oneOf(g, 200, 204, 299)
		}
		if g.chance(2) {
			p["denyStatus"] = oneOf(g, 200, 403, 404)
		}
		if g.chance(2) {
			p["detail"] = oneOf(g, "Full", "Minimal")
		}
		o["preflight"] = p
	}
	if g.chance(3) {
		o["webSocket"] = object{"originCheck": oneOf(g, "Enforce", Disabled)}
	}
	return o
}

func (g generator) cors(tenant bool) object {
	o := object{}
	switch g.IntN(8) {
	case 0:
		o["allowOrigins"] = []string{"*"}
	case 1:
		o["allowOriginRegexes"] = []string{`https://[a-z]+\.re\.example`}
	case 2:
		o["allowOriginSets"] = some(g, 2, "partners", "former")
	case 3:
		o["allowOrigins"], o["allowNullOrigin"] = []string{"https://shop.example"}, true
	case 4:
		// inherited
	default:
		entries := []string{
			"https://shop.example", "https://*.shop.example", "http://localhost:*", "https://shop.example:8443",
			"https://*:*", "capacitor://localhost", "https://[2001:db8::1]", "http://127.0.0.1:3000",
			"https://*.sub.shop.example:*",
		}
		if tenant {
			entries = append(entries, "https://{tenant}.app.example", "https://{tenant}.app.example")
		}
		o["allowOrigins"] = append([]string{"https://shop.example"}, some(g, 3, entries[1:]...)...)
	}
	g.lists(o)
	for _, name := range []string{"allowCredentials", "allowPrivateNetwork"} {
		if g.chance(2) {
			o[name] = g.chance(2)
		}
	}
	if g.chance(2) {
		o["maxAge"] = oneOf(g, 0, 60, 600)
	}
	return o
}

func (g generator) lists(o object) {
	if g.chance(2) {
		o["allowMethods"] = some(g, 4, "GET", "put", "DELETE", "PATCH", "FOO", "options")
	} else if g.chance(4) {
		o["allowMethods"] = []string{"*"}
	}
	if g.chance(2) {
		o["allowHeaders"] = some(g, 4, "Content-Type", "X-A", "authorization", "x-b", "If-Match")
	} else if g.chance(3) {
		o["allowHeaders"] = []string{"*", "X-A", "Authorization"}[:1+2*g.IntN(2)]
	}
	if g.chance(2) {
		o["exposeHeaders"] = some(g, 3, "ETag", "X-Total", "x-etag")
	}
	if o["allowCredentials"] == nil && g.chance(16) {
		o["exposeHeaders"], o["allowCredentials"] = []string{"*"}, false
		return
	}
	if g.chance(6) {
		o["presets"] = some(g, 2, "grpc-web", "connect", "trace")
	}
	if g.chance(10) {
		o["exposeHeaders"], o["expandExposeHeaders"], o["allowCredentials"] = []string{"*", "X-Total"}, true, true
	}
}

// rule draws a rule. It returns nil if the rule conflicts with another one.
func (g generator) rule(used map[string]bool, tenant bool) object {
	o := g.settings()
	match := object{}
	key := ""
	if !g.chance(8) {
		kind, value := oneOf(g, "Exact", "PathPrefix", ""), oneOf(g, "/a", "/a/b", "/b", "/c/", "/caf%C3%A9", "/d+e")
		if g.chance(4) {
			kind, value = "RegularExpression", oneOf(g, "/v[0-9]+/.*", "/a/.*", "/(x|y)", "/a")
		}
		path := object{"value": value}
		if kind != "" {
			path["type"] = kind
		}
		match["path"] = path
		key = strings.TrimSuffix(kind+value, "/")
	}
	methods := []string{""}
	if g.chance(2) {
		methods = some(g, 3, "GET", "HEAD", "PUT", "DELETE", "PATCH")
	}
	for _, m := range methods {
		if used[strings.TrimPrefix(key, "PathPrefix")+" "+m] {
			return nil
		}
	}
	for _, m := range methods {
		used[strings.TrimPrefix(key, "PathPrefix")+" "+m] = true
	}
	if len(methods) > 0 && methods[0] != "" {
		match["methods"] = methods
	}
	if len(methods) == 0 || len(match) == 0 && used[" root"] {
		return nil
	}
	if len(match) > 0 {
		o["match"] = match
	}
	if g.chance(2) {
		o["cors"] = g.cors(tenant)
	}
	return o
}
