package policy_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestReachabilityAgainstEngine compares what is warned of with what the engine decides, for random
// rules and all short paths: a rule is unreachable if and only if no path leads to it, and the
// example of a lost path leads to the rule that takes it.
func TestReachabilityAgainstEngine(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	paths := shortPaths(7)
	unreachable, shadowed := 0, 0
	for range 400 {
		cfg := ruled(randomRules(r)...)
		if r.IntN(4) == 0 {
			cfg.Policies[0].Spec.Paths = &spec.Paths{IgnoreCase: new(true)}
		}
		engine, warnings, err := policy.Compile(cfg)
		if err != nil {
			continue // two rules of one path
		}
		reached := map[string]bool{}
		for _, path := range paths {
			for _, method := range []string{"GET", "PUT", "PATCH"} {
				d := engine.Decide(&policy.Request{Method: method, Scheme: "https", Authority: host, Path: path, Origin: []string{shop}})
				reached[d.Rule()] = true
			}
		}
		warned := map[string]bool{}
		for _, w := range warnings {
			if w.Code != spec.CodeRuleUnreachable && w.Code != spec.CodeRulePartlyShadowed {
				continue
			}
			name := cfg.Policies[0].Spec.Rules[w.Place.Path.Steps()[2].Index].Name
			switch w.Code {
			case spec.CodeRuleUnreachable:
				warned[name] = true
				unreachable++
			case spec.CodeRulePartlyShadowed:
				shadowed++
				checkLost(t, engine, cfg, w, name)
			}
		}
		for _, rule := range cfg.Policies[0].Spec.Rules {
			if reached[rule.Name] == warned[rule.Name] {
				t.Errorf("%s: reached %v, warned of %v\n%s", rule.Name, reached[rule.Name], warned[rule.Name], describe(cfg))
			}
		}
	}
	if unreachable < 50 || shadowed < 50 {
		t.Errorf("%d rules were unreachable, %d lost paths", unreachable, shadowed)
	}
}

// checkLost checks that the example of a warning is a path of the rule that another one takes.
func checkLost(t *testing.T, engine *policy.Engine, cfg spec.Config, w spec.Diagnostic, name string) {
	t.Helper()
	m := regexp.MustCompile(`such as (\S+): rule (\S+) of`).FindStringSubmatch(w.Message)
	if m == nil {
		t.Fatalf("no example: %s", w.Message)
	}
	for _, method := range []string{"GET", "PUT", "PATCH"} {
		d := engine.Decide(&policy.Request{Method: method, Scheme: "https", Authority: host, Path: m[1], Origin: []string{shop}})
		if d.Rule() == m[2] {
			return
		}
	}
	t.Errorf("%s: %s does not lead to rule %s\n%s", name, m[1], m[2], describe(cfg))
}

func describe(cfg spec.Config) string {
	var b strings.Builder
	for _, r := range cfg.Policies[0].Spec.Rules {
		fmt.Fprintln(&b, r.Name, *r.Match.Path.Type, r.Match.Path.Value, r.Match.Methods)
	}
	return b.String()
}

// randomRules returns rules whose paths meet often.
func randomRules(r *rand.Rand) []spec.Rule {
	exact := []string{"/", "/a", "/b", "/a/b", "/a/"}
	prefixes := []string{"/a", "/b", "/a/b", "/"}
	expressions := []string{
		"/a", "/a/.*", ".*", "/a.*", "/[ab]", "/[ab](/.*)?", "/.*b", "/a/?", "(/a)+", "/(a|b/a).*", "/a//b", "/[^a].*", "/a/[^b]*", "/b?/?.*",
		"/.", "/b/./a", "(?i)/A", "/a/b(/.*)?", "/[a-c]/(.*)", "/a%41",
	}
	var rules []spec.Rule
	for i := range 2 + r.IntN(4) {
		kind, list := spec.PathExact, exact
		switch r.IntN(5) {
		case 0:
		case 1, 2:
			kind, list = spec.PathPrefix, prefixes
		default:
			kind, list = spec.PathRegularExpression, expressions
		}
		rule := at(fmt.Sprintf("r%d", i), kind, list[r.IntN(len(list))])
		for _, method := range []string{"GET", "PUT"} {
			if r.IntN(4) == 0 {
				rule.Match.Methods = append(rule.Match.Methods, method)
			}
		}
		rule.CORS = allowing([]string{shop, "https://*", "https://a.example"}[r.IntN(3)])
		rules = append(rules, rule)
	}
	return rules
}

// shortPaths returns the paths of up to so many characters of few kinds.
func shortPaths(length int) []string {
	list := []string{"/"}
	for i := 0; i < len(list); i++ {
		if len(list[i]) < length {
			for _, c := range []string{"/", "a", "b", "x"} {
				list = append(list, list[i]+c)
			}
		}
	}
	return append(list, "/A", "/c", "/c/", "/A/c", "/B/A")
}
