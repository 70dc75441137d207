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
	path    string // of a PathPrefix without its final "/"; in lower case and without a final "/" if those are ignored
	methods []string
	origins []string // single ones, nil for every request
	index   int
}

// rank is the place of the rule among those of its path.
func (r *slowRule) rank() int {
	rank := 3
	if r.methods != nil {
		rank--
	}
	if r.origins != nil {
		rank -= 2
	}
	return rank
}

// sameSlot reports whether two rules have one path, and are both for some origins or both not.
func (r *slowRule) sameSlot(other *slowRule) bool {
	return r.kind == other.kind && r.path == other.path && (r.origins == nil) == (other.origins == nil)
}

// spellings are those of a path that the application treats as equal, but for its case.
func spellings(p plan.Paths, path string) []string {
	if shorter := strings.TrimSuffix(path, "/"); p.IgnoreTrailingSlash && path != "/" {
		return []string{shorter, shorter + "/"}
	}
	return []string{path}
}

func (r *slowRule) matchesPath(p plan.Paths, path string) bool {
	return slices.ContainsFunc(spellings(p, path), func(path string) bool {
		flags, folded := "", path
		if p.IgnoreCase {
			flags, folded = "(?i)", strings.ToLower(path)
		}
		switch r.kind {
		case spec.PathExact:
			return folded == r.path
		case spec.PathPrefix:
			return folded == r.path || strings.HasPrefix(folded, r.path+"/")
		}
		return regexp.MustCompile(flags + `^(` + r.path + `)$`).MatchString(path)
	})
}

// slowResult is what a slow search comes to.
type slowResult struct {
	index                            int // of the rule, -1 if none matches
	methodDependent, originDependent bool
	others                           []int // rules at the path that match other origins
}

// slowFind tries all rules, one by one, in the order in which they are documented.
func slowFind(rules []slowRule, p plan.Paths, path, method, origin string) (result slowResult) {
	order := []spec.PathMatchType{spec.PathExact, spec.PathRegularExpression, spec.PathPrefix}
	slices.SortFunc(rules, func(a, b slowRule) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.kind), slices.Index(order, b.kind)), cmp.Compare(len(b.path), len(a.path)),
			cmp.Compare(a.path, b.path), cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.index, b.index))
	})
	fits := func(r *slowRule) bool { return r.origins == nil || slices.Contains(r.origins, origin) }
	for i := range rules {
		r := &rules[i]
		if !r.matchesPath(p, path) {
			continue
		}
		result.originDependent = result.originDependent || r.origins != nil
		if !fits(r) {
			result.others = append(result.others, r.index)
			continue
		}
		if r.methods == nil {
			result.index = r.index
			return result.withOthers(rules, r, origin)
		}
		result.methodDependent = true
		namesHead := slices.ContainsFunc(rules, func(other slowRule) bool {
			return other.sameSlot(r) && fits(&other) && slices.Contains(other.methods, "HEAD")
		})
		if slices.Contains(r.methods, method) || method == "HEAD" && !namesHead && slices.Contains(r.methods, "GET") {
			result.index = r.index
			return result.withOthers(rules, r, origin)
		}
	}
	result.index = -1
	return result
}

// withOthers adds the rules of the path of the rule that was found which match other origins and come after it.
func (s slowResult) withOthers(rules []slowRule, found *slowRule, origin string) slowResult {
	for i := range rules {
		r := &rules[i]
		if other := r.origins != nil && !slices.Contains(r.origins, origin); other && r.sameSlot(found) && !slices.Contains(s.others, r.index) {
			s.others = append(s.others, r.index)
		}
	}
	return s
}

// theirOrigins are the origins that rules match and requests have.
var theirOrigins = []string{"https://a.example", "https://b.example", "https://c.example"}

// drawRules draws rules without conflicts, for a policy with these paths.
func drawRules(t *rapid.T, p plan.Paths) (documents []spec.Rule, rules []slowRule) {
	taken := map[string]bool{}
	path := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(append([]string{"A"}, someLabels...)), 0, 3), func(list []string) string { return "/" + strings.Join(list, "/") })
	for range rapid.IntRange(1, 9).Draw(t, "rules") {
		r := slowRule{kind: rapid.SampledFrom([]spec.PathMatchType{spec.PathExact, spec.PathPrefix, spec.PathRegularExpression}).Draw(t, "type")}
		value := path.Draw(t, "path")
		switch {
		case r.kind == spec.PathRegularExpression:
			value = rapid.SampledFrom([]string{"/a.*", "/(a|b)/.*", "/[^/]*/b", ".*", "/w+", "/A", "/a/", "/(?-i:a)", "/B/.+"}).Draw(t, "expression")
		case value != "/" && rapid.Bool().Draw(t, "final slash"):
			value += "/"
		}
		r.path = value
		if r.kind != spec.PathRegularExpression && p.IgnoreCase {
			r.path = strings.ToLower(value)
		}
		if r.kind == spec.PathPrefix || r.kind == spec.PathExact && p.IgnoreTrailingSlash && value != "/" {
			r.path = strings.TrimSuffix(r.path, "/")
		}
		keys, origins := []string{""}, []string{""}
		if rapid.Bool().Draw(t, "has methods") {
			r.methods = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"GET", "HEAD", "PUT"}), 1, 2, rapid.ID[string]).Draw(t, "methods")
			keys = r.methods
		}
		if rapid.Bool().Draw(t, "has origins") {
			r.origins = rapid.SliceOfNDistinct(rapid.SampledFrom(theirOrigins), 1, 2, rapid.ID[string]).Draw(t, "origins")
			origins = r.origins
		}
		var all []string
		for _, method := range keys {
			for _, origin := range origins {
				all = append(all, strings.Join([]string{string(r.kind), r.path, method, origin}, " "))
			}
		}
		if slices.ContainsFunc(all, func(key string) bool { return taken[key] }) {
			continue
		}
		for _, key := range all {
			taken[key] = true
		}
		r.index = len(documents)
		rules = append(rules, r)
		documents = append(documents, spec.Rule{
			Match:     &spec.Match{Path: &spec.PathMatch{Type: &r.kind, Value: value}, Methods: r.methods, Origins: r.origins},
			Preflight: &spec.Preflight{DenyStatus: new(400 + r.index)},
		})
	}
	return documents, rules
}

// TestFind compares the tables with trying all rules.
func TestFind(t *testing.T) {
	path := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(append([]string{"A"}, someLabels...)), 0, 4), func(list []string) string { return "/" + strings.Join(list, "/") })
	rapid.Check(t, func(t *rapid.T) {
		paths := plan.Paths{IgnoreCase: rapid.Bool().Draw(t, "ignore case"), IgnoreTrailingSlash: rapid.Bool().Draw(t, "ignore slash")}
		documents, rules := drawRules(t, paths)
		policy := spec.PolicySpec{Hosts: []string{"*"}, Rules: documents, Paths: &spec.Paths{IgnoreCase: &paths.IgnoreCase, IgnoreTrailingSlash: &paths.IgnoreTrailingSlash}}
		own := None
		if rapid.Bool().Draw(t, "own cors") {
			policy.CORS, own = &spec.CORS{}, 0
		}
		x := index(t, spec.Config{Policies: []spec.Policy{{Name: "p", Spec: policy}}}, plan.Options{})
		request := path.Draw(t, "request") + rapid.SampledFrom([]string{"", "/"}).Draw(t, "end")
		request = "/" + strings.TrimLeft(request, "/")
		key := Key{
			Path: request, Method: rapid.SampledFrom([]string{"GET", "HEAD", "PUT", "get", ""}).Draw(t, "method"), Authority: "a.example",
			Origin: rapid.SampledFrom([][]string{nil, theirOrigins[:1], theirOrigins[1:2], theirOrigins[2:], theirOrigins[:2], {"null"}, {""}}).Draw(t, "origin"),
		}
		origin := ""
		if len(key.Origin) == 1 {
			origin = key.Origin[0]
		}
		slow := slowFind(rules, paths, request, key.Method, origin)
		got := x.Find(x.FindHost("a.example"), key)
		compareFound(t, x, own, key, got, slow)
	})
}

// compareFound compares what was found with what the slow search found.
func compareFound(t *rapid.T, x *Index, own int, key Key, got Found, slow slowResult) {
	entry := func(rule int) EntryID { return EntryID(own + 1 + rule) } // the policy's own cors is the first entry
	want := Found{Entry: EntryID(own), MethodDependent: slow.methodDependent, OriginDependent: slow.originDependent}
	if slow.index >= 0 {
		want.Entry = entry(slow.index)
	}
	if granted := x.Settings[got.Settings].Grants; granted != (got.Entry != None) {
		t.Errorf("%+v: entry %d has settings that grant: %t", key, got.Entry, granted)
	}
	status := uint16(403)
	if want.Entry == None {
		for _, rule := range slow.others {
			status = max(status, uint16(400+rule))
		}
	} else if slow.index >= 0 {
		status = uint16(400 + slow.index)
	}
	if got.Conduct.DenyStatus != status {
		t.Errorf("%+v: a refusal has status %d, want %d", key, got.Conduct.DenyStatus, status)
	}
	var others []EntryID
	for _, rule := range slow.others {
		others = append(others, entry(rule))
	}
	found := x.Others(x.FindHost(key.Authority), key)
	slices.Sort(found)
	slices.Sort(others)
	if !slices.Equal(found, others) {
		t.Errorf("%+v: rules for other origins: %v, want %v", key, found, others)
	}
	if got.Settings, got.Conduct = 0, (plan.Conduct{}); got != want {
		t.Errorf("%+v: %+v, want %+v", key, got, want)
	}
}
