package policy_test

import (
	"fmt"
	"regexp/syntax"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// numbered returns n strings that contain their numbers.
func numbered(n int, format string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

// manyRules are n rules with a path of their own.
func manyRules(n int, kind spec.PathMatchType, format string) []spec.Rule {
	rules := make([]spec.Rule, n)
	for i, path := range numbered(n, format) {
		rules[i] = spec.Rule{Match: &spec.Match{Path: &spec.PathMatch{Type: &kind, Value: path}}}
	}
	return rules
}

// manyPolicies are n policies with a host of their own each.
func manyPolicies(n int, doc spec.PolicySpec) spec.Config {
	cfg := spec.Config{Policies: make([]spec.Policy, n)}
	for i := range cfg.Policies {
		doc.Hosts = []string{fmt.Sprintf("h%d.example", i)}
		cfg.Policies[i] = spec.Policy{Name: fmt.Sprintf("p%d", i), Spec: doc}
	}
	return cfg
}

// bySet lets each rule match the origins of a set, by a method of its own.
func bySet(rules []spec.Rule) []spec.Rule {
	for i := range rules {
		m := *rules[i].Match
		m.OriginSets, m.Methods = []string{"s"}, []string{fmt.Sprintf("M%d", i)}
		rules[i].Match = &m
	}
	return rules
}

// sizedRegexes are n different expressions of 1000 instructions each, the last
// of which has some more.
func sizedRegexes(t *testing.T, n, more int) []string {
	list := make([]string, n)
	for i := range list {
		size := 1000
		if i == n-1 {
			size += more
		}
		digits := fmt.Sprintf("%04d", i)
		list[i] = fmt.Sprintf("%sa{%d}", digits, size-len("/")-len(digits)-2)
	}
	tree, err := syntax.Parse("/"+list[n-1], syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	if prog, err := syntax.Compile(tree.Simplify()); err != nil || len(prog.Inst) != 1000+more {
		t.Fatalf("%s has %d instructions: %v", list[n-1], len(prog.Inst), err)
	}
	return list
}

// sharedTable is one policy of many rules on five hosts, each of which another
// policy names too: five tables of n entries each. more adds entries elsewhere.
func sharedTable(n, more int) spec.Config {
	cfg := one("many", spec.PolicySpec{Hosts: numbered(5, "h%d.example"), Rules: manyRules(n-2, spec.PathExact, "/%d")})
	for i, h := range cfg.Policies[0].Spec.Hosts {
		cfg = with(cfg, fmt.Sprintf("one%d", i), spec.PolicySpec{Hosts: []string{h}})
	}
	for i := range more {
		cfg = with(cfg, fmt.Sprintf("more%d", i), spec.PolicySpec{Hosts: []string{"more.example"}})
	}
	return cfg
}

// TestLimits compiles each bound at n and at n+1.
func TestLimits(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("takes some seconds")
	}
	half := slices.Repeat([]string{shop}, spec.MaxOrigins/2-1)
	origins := func(more int) spec.Config {
		c := spec.CORS{AllowOrigins: append(slices.Clone(half), slices.Repeat([]string{shop}, more)...), AllowOriginRegexes: []string{`https://a\.b`}}
		cfg := withDefaults(one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{{CORS: &c}}}), spec.DefaultsSpec{CORS: allowing(shop)})
		return withSet(cfg, "s", spec.OriginSetSpec{Origins: half})
	}
	rules := func(more int) spec.Config {
		cfg := one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: manyRules(spec.MaxRules-1, spec.PathExact, "/%d")})
		return with(cfg, "other", spec.PolicySpec{Hosts: []string{host}, Rules: manyRules(1+more, spec.PathPrefix, "/%d")})
	}
	regexes := func(more int) spec.Config {
		var rules []spec.Rule
		for _, text := range sizedRegexes(t, 1000, more) {
			rules = append(rules, at("", spec.PathRegularExpression, "/"+text))
		}
		return ruled(rules...)
	}
	tests := []struct {
		name   string
		config func(more int) spec.Config
	}{
		{"rules of all policies", rules},
		{"origins, expressions and sets of all documents", origins},
		{"entries of all tables", func(more int) spec.Config { return sharedTable(plan.MaxTableEntries/5, more) }},
		{"instructions of all expressions", regexes},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := policy.Compile(test.config(0)); err != nil {
				t.Errorf("at the bound: %.300v", err)
			}
			_, _, err := policy.Compile(test.config(1))
			faults := faultsOf(t, err)
			if len(faults) != 1 || faults[0].Code != spec.CodeLimitExceeded {
				t.Errorf("beyond the bound: %.300v", err)
			}
		})
	}
}

// TestReportIsBounded compiles more faults than anyone reads.
func TestReportIsBounded(t *testing.T) {
	for n, want := range map[int]string{1000: "", 1001: "1 more are not shown", 70_000: "69000 more are not shown"} {
		_, _, err := policy.Compile(originList(numbered(n, "%d")...))
		faults := faultsOf(t, err)
		last := faults[len(faults)-1]
		if want == "" {
			if len(faults) != n || last.Code != spec.CodeOriginInvalid {
				t.Errorf("%d faults: %d are reported, the last one is %v", n, len(faults), last)
			}
		} else if len(faults) != 1001 || last.Code != spec.CodeLimitExceeded || last.Message != want {
			t.Errorf("%d faults: %d are reported, the last one is %v", n, len(faults), last)
		}
	}
}

// hostileTime fails a test. It is processor time, since tests run beside others, and several times
// what each of them needs.
const hostileTime = 10 * time.Second

// processorTime returns what this process has used.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// measured compiles a configuration and logs the cost.
func measured(t *testing.T, cfg spec.Config) (*policy.Engine, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := processorTime(t)
	e, _, err := policy.Compile(cfg)
	took := processorTime(t) - start
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("compiled in %v, %d MB allocated, %d MB kept", took.Round(time.Millisecond), allocated>>20, int64(after.HeapAlloc-before.HeapAlloc)>>20)
	if took > hostileTime {
		t.Errorf("took %v", took)
	}
	runtime.KeepAlive(cfg)
	return e, err
}

// TestLargeConfig compiles what a large organisation might have.
func TestLargeConfig(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("takes a second")
	}
	cfg := spec.Config{OriginSets: []spec.OriginSet{{Name: "partners", Spec: spec.OriginSetSpec{Origins: numbered(50_000, "https://p%d.example")}}}}
	for i := range 1000 {
		cfg = with(cfg, fmt.Sprintf("p%d", i), spec.PolicySpec{
			Hosts: []string{fmt.Sprintf("h%d.example", i)},
			CORS: &spec.CORS{
				AllowOrigins: numbered(50, fmt.Sprintf("https://o%d-%%d.example", i)), AllowOriginSets: []string{"partners"}, AllowCredentials: new(true),
				AllowMethods: []string{"PUT"}, AllowHeaders: []string{"Content-Type"},
			},
			Rules: manyRules(100, spec.PathPrefix, "/r%d"),
		})
	}
	e, err := measured(t, cfg)
	if err != nil {
		t.Fatalf("%.300v", err)
	}
	r := get("/r99/x").at("h999.example").from("https://p49999.example")
	if d := e.Decide(&r.Request); d.Reason != policy.ReasonAllowed || d.Policy() != "p999" || d.Rule() != "rules[99]" {
		t.Errorf("%s by %s %s", d.Reason, d.Policy(), d.Rule())
	}
}

// TestHostileConfig compiles what was made to be expensive. Whether it is taken
// or refused does not matter here.
func TestHostileConfig(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("takes some seconds")
	}
	credentials := func(c spec.CORS) *spec.CORS { c.AllowCredentials = new(true); return &c }
	long := numbered(1_000, "X-Some-Header-%d")
	overlapping := spec.Config{}
	for i := range 150 {
		var hosts []string
		for h := range 3000 {
			if (h*2654435761>>uint(i%16))&1 == 1 {
				hosts = append(hosts, fmt.Sprintf("h%d.example", h))
			}
		}
		overlapping = with(overlapping, fmt.Sprintf("p%d", i), spec.PolicySpec{Hosts: hosts, Rules: manyRules(100, spec.PathExact, fmt.Sprintf("/%d/%%d", i))})
	}
	shared := spec.Config{}
	hosts := numbered(5_000, "h%d.example")
	for i := range 100 {
		shared = with(shared, fmt.Sprintf("p%d", i), spec.PolicySpec{Hosts: hosts, Rules: manyRules(100, spec.PathExact, fmt.Sprintf("/%d/%%d", i))})
	}
	unknown := originList(shop)
	unknown.Policies[0].Spec.CORS.AllowOriginSets = numbered(2_000, "unknown-%d")
	for _, name := range numbered(10_000, "s%d") {
		unknown.OriginSets = append(unknown.OriginSets, spec.OriginSet{Name: name})
	}
	tests := []struct {
		name   string
		config spec.Config
	}{
		{"many hosts and many expressions in one policy", one("shop", spec.PolicySpec{
			Hosts: numbered(50_000, "h%d.example"), CORS: &spec.CORS{AllowOriginRegexes: numbered(50_000, `https://%d\.b`)},
		})},
		{"many policies that share many hosts", shared},
		{"many policies that share some of many hosts", overlapping},
		{"many expressions as paths", one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: manyRules(40_000, spec.PathRegularExpression, "/%d.")})},
		{"many expressions as paths before many prefixes", one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: append(
			manyRules(15_000, spec.PathRegularExpression, "/%d/.*"), manyRules(40_000, spec.PathPrefix, "/x%d")...,
		)})},
		{"many dangerous origins of a set in many policies", withSet(manyPolicies(1_000, spec.PolicySpec{CORS: credentials(spec.CORS{AllowOriginSets: []string{"s"}})}),
			"s", spec.OriginSetSpec{Origins: numbered(5_000, "https://*.s%d.example")})},
		{"many dangerous origins that many policies inherit", withDefaults(manyPolicies(2_000, spec.PolicySpec{CORS: &spec.CORS{}}),
			spec.DefaultsSpec{CORS: credentials(spec.CORS{AllowOrigins: numbered(5_000, "https://*.s%d.example")})})},
		{"many names that many rules inherit", withDefaults(one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: manyRules(50_000, spec.PathExact, "/%d")}),
			spec.DefaultsSpec{CORS: credentials(spec.CORS{AllowHeaders: append(long, "*"), ExposeHeaders: long})})},
		{"many references to sets that are not there", unknown},
		{"many rules of one path", one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: slices.Repeat(manyRules(1, spec.PathExact, "/%d"), 100_000)})},
		{"many rules of one name", one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: slices.Repeat([]spec.Rule{{Name: "a"}}, 100_000)})},
		{"many paths of a rule with many patterns of origins", withSet(one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: bySet(manyRules(1_000, spec.PathExact, "/%d"))}),
			"s", spec.OriginSetSpec{Origins: numbered(1_000, "https://*.s%d.example")})},
		{"many rules of one path for one origin", one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: slices.Repeat([]spec.Rule{ofOrigin("", "/", []string{shop})}, 50_000)})},
		{"many rules of one path for many origins", withSet(one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: bySet(slices.Repeat(manyRules(1, spec.PathExact, "/%d"), 900))}),
			"s", spec.OriginSetSpec{Origins: numbered(5_000, "https://s%d.example")})},
		{"long values", one(strings.Repeat("a", 1<<20), spec.PolicySpec{Hosts: []string{strings.Repeat("a.", 1<<19) + "b"}, CORS: &spec.CORS{
			AllowOrigins: []string{"https://" + strings.Repeat("a.", 1<<19) + "b"}, AllowHeaders: []string{strings.Repeat("a", 1<<20)},
		}})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { measured(t, test.config) })
	}
}

// TestExpressionPath: a path beyond the bound is ambiguous, if the host has expressions.
func TestExpressionPath(t *testing.T) {
	tests := []struct {
		name string
		kind spec.PathMatchType
		size int
		want policy.Reason
	}{
		{"as long as an expression is matched against", spec.PathRegularExpression, policy.MaxExpressionPath, policy.ReasonAllowed},
		{"one byte longer", spec.PathRegularExpression, policy.MaxExpressionPath + 1, policy.ReasonPathAmbiguous},
		{"one byte longer, without expressions", spec.PathPrefix, policy.MaxExpressionPath + 1, policy.ReasonAllowed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := compiled(t, one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing(shop), Rules: []spec.Rule{at("a", test.kind, "/a")}}))
			r := get("/" + strings.Repeat("x", test.size-1) + "?query")
			if d := e.Decide(&r.Request); d.Reason != test.want {
				t.Errorf("reason %s, want %s", d.Reason, test.want)
			}
		})
	}
}
