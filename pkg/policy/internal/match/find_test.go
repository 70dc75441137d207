package match

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// slowRule is a rule of a document, for the slow search.
type slowRule struct {
	kind    spec.PathMatchType
	path    string // of a PathPrefix without its final "/"
	methods []string
	index   int
}

func (r *slowRule) matchesPath(path string) bool {
	switch r.kind {
	case spec.PathExact:
		return path == r.path
	case spec.PathPrefix:
		return path == r.path || strings.HasPrefix(path, r.path+"/")
	}
	return regexp.MustCompile(`^(` + r.path + `)$`).MatchString(path)
}

// slowFind tries all rules, one by one, in the order in which they are documented. It returns the
// index of a rule, -1 if none matches.
func slowFind(rules []slowRule, path, method string) (index int, methodDependent bool) {
	order := []spec.PathMatchType{spec.PathExact, spec.PathRegularExpression, spec.PathPrefix}
	slices.SortFunc(rules, func(a, b slowRule) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.kind), slices.Index(order, b.kind)), cmp.Compare(len(b.path), len(a.path)),
			cmp.Compare(a.path, b.path), cmp.Compare(min(len(b.methods), 1), min(len(a.methods), 1)), cmp.Compare(a.index, b.index))
	})
	for i := range rules {
		r := &rules[i]
		if !r.matchesPath(path) {
			continue
		}
		if len(r.methods) == 0 {
			return r.index, methodDependent
		}
		methodDependent = true
		namesHead := slices.ContainsFunc(rules, func(other slowRule) bool {
			return other.kind == r.kind && other.path == r.path && slices.Contains(other.methods, "HEAD")
		})
		if slices.Contains(r.methods, method) || method == "HEAD" && !namesHead && slices.Contains(r.methods, "GET") {
			return r.index, true
		}
	}
	return -1, methodDependent
}

// drawRules draws rules without conflicts.
func drawRules(t *rapid.T) (documents []spec.Rule, rules []slowRule) {
	taken := map[string]bool{}
	path := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(someLabels), 0, 3), func(list []string) string { return "/" + strings.Join(list, "/") })
	for range rapid.IntRange(1, 7).Draw(t, "rules") {
		r := slowRule{kind: rapid.SampledFrom([]spec.PathMatchType{spec.PathExact, spec.PathPrefix, spec.PathRegularExpression}).Draw(t, "type")}
		r.path = path.Draw(t, "path")
		switch {
		case r.kind == spec.PathRegularExpression:
			r.path = rapid.SampledFrom([]string{"/a.*", "/(a|b)/.*", "/[^/]*/b", ".*", "/w+"}).Draw(t, "expression")
		case r.path != "/" && rapid.Bool().Draw(t, "final slash"):
			r.path += "/"
		}
		value := r.path
		if r.kind == spec.PathPrefix {
			r.path = strings.TrimSuffix(r.path, "/")
		}
		keys := []string{""}
		if rapid.Bool().Draw(t, "has methods") {
			r.methods = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"GET", "HEAD", "PUT"}), 1, 2, rapid.ID[string]).Draw(t, "methods")
			keys = r.methods
		}
		key := func(method string) string { return string(r.kind) + r.path + " " + method }
		if slices.ContainsFunc(keys, func(method string) bool { return taken[key(method)] }) {
			continue
		}
		for _, method := range keys {
			taken[key(method)] = true
		}
		r.index = len(documents)
		rules = append(rules, r)
		documents = append(documents, spec.Rule{Match: &spec.Match{Path: &spec.PathMatch{Type: &r.kind, Value: value}, Methods: r.methods}})
	}
	return documents, rules
}

// TestFind compares the tables with trying all rules.
func TestFind(t *testing.T) {
	path := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(someLabels), 0, 4), func(list []string) string { return "/" + strings.Join(list, "/") })
	rapid.Check(t, func(t *rapid.T) {
		documents, rules := drawRules(t)
		policy := spec.PolicySpec{Hosts: []string{"*"}, Rules: documents}
		own := None
		if rapid.Bool().Draw(t, "own cors") {
			policy.CORS, own = &spec.CORS{}, 0
		}
		x := index(t, spec.Config{Policies: []spec.Policy{{Name: "p", Spec: policy}}}, plan.Options{})
		request := path.Draw(t, "request") + rapid.SampledFrom([]string{"", "/"}).Draw(t, "end")
		request = "/" + strings.TrimLeft(request, "/")
		method := rapid.SampledFrom([]string{"GET", "HEAD", "PUT", "get", ""}).Draw(t, "method")

		rule, methodDependent := slowFind(rules, request, method)
		want := Found{Entry: EntryID(own), MethodDependent: methodDependent}
		if rule >= 0 {
			want.Entry = EntryID(own + 1 + rule) // the policy's own cors is the first entry
		}
		got := x.Find(x.FindHost("a.example"), Key{Path: request, Method: method, Authority: "a.example"})
		if granted := x.Settings[got.Settings].Grants; granted != (got.Entry != None) {
			t.Errorf("%s %s: entry %d has settings that grant: %t", method, request, got.Entry, granted)
		}
		if got.Settings, got.Conduct = 0, (plan.Conduct{}); got != want {
			t.Errorf("%s %s: %+v, want %+v", method, request, got, want)
		}
	})
}
