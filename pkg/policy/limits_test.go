package policy_test

import (
	"fmt"
	"regexp/syntax"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/pkg/policy"
)

// numbered gives n strings made from their numbers.
func numbered(n int, format string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

// manyRules are n rules with a path of their own.
func manyRules(n int, kind policy.PathMatchType, format string) []policy.Rule {
	rules := make([]policy.Rule, n)
	for i, path := range numbered(n, format) {
		rules[i] = policy.Rule{Match: &policy.Match{Path: &policy.PathMatch{Type: &kind, Value: path}}}
	}
	return rules
}

// manyPolicies are n policies with a host of their own each.
func manyPolicies(n int, spec policy.Spec) policy.Config {
	cfg := policy.Config{Policies: make([]policy.Policy, n)}
	for i := range cfg.Policies {
		spec.Hosts = []string{fmt.Sprintf("h%d.example", i)}
		cfg.Policies[i] = policy.Policy{Name: fmt.Sprintf("p%d", i), Spec: spec}
	}
	return cfg
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
		list[i] = fmt.Sprintf("%sa{%d}", digits, size-len(digits)-2)
	}
	tree, err := syntax.Parse(list[n-1], syntax.Perl)
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
func sharedTable(n, more int) policy.Config {
	cfg := one("many", policy.Spec{Hosts: numbered(5, "h%d.example"), Rules: manyRules(n-2, policy.PathExact, "/%d")})
	for i, h := range cfg.Policies[0].Spec.Hosts {
		cfg = with(cfg, fmt.Sprintf("one%d", i), policy.Spec{Hosts: []string{h}})
	}
	for i := range more {
		cfg = with(cfg, fmt.Sprintf("more%d", i), policy.Spec{Hosts: []string{"more.example"}})
	}
	return cfg
}

// TestLimits compiles each bound at n and at n+1.
func TestLimits(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("takes some seconds")
	}
	half := slices.Repeat([]string{shop}, policy.MaxOrigins/2-1)
	origins := func(more int) policy.Config {
		c := policy.CORS{AllowOrigins: append(slices.Clone(half), slices.Repeat([]string{shop}, more)...), AllowOriginRegexes: []string{`https://a\.b`}}
		cfg := withDefaults(one("shop", policy.Spec{Hosts: []string{host}, Rules: []policy.Rule{{CORS: &c}}}), policy.DefaultsSpec{CORS: allowing(shop)})
		return withSet(cfg, "s", policy.OriginSetSpec{Origins: half})
	}
	rules := func(more int) policy.Config {
		cfg := one("shop", policy.Spec{Hosts: []string{host}, CORS: allowing(shop), Rules: manyRules(policy.MaxRules-1, policy.PathExact, "/%d")})
		return with(cfg, "other", policy.Spec{Hosts: []string{host}, Rules: manyRules(1+more, policy.PathPrefix, "/%d")})
	}
	regexes := func(more int) policy.Config {
		return forHost(policy.CORS{AllowOriginRegexes: sizedRegexes(t, 1000, more)})
	}
	tried := func(more int) policy.Config { // on four canaries and three for each host
		const hosts = 1000
		c := &policy.CORS{AllowOriginRegexes: numbered(2_000_000/(4+3*hosts)+more, `https://a%d\.b`)}
		return one("shop", policy.Spec{Hosts: numbered(hosts, "h%d.shop.example"), CORS: c})
	}
	texts := func(more int) policy.Config {
		long := strings.Repeat("/a", 1<<20)
		room := policy.MaxText + more - len("shop") - len(host)
		var rules []policy.Rule
		for length := len(long) / 2; room > 0; length -= 2 { // each another one
			name := fmt.Sprintf("r%d", len(rules))
			length = min(length, room-len(name))
			room -= len(name) + length
			rules = append(rules, policy.Rule{Name: name, Match: &policy.Match{Path: &policy.PathMatch{Type: new(policy.PathExact), Value: long[:length]}}, CORS: &policy.CORS{}})
		}
		return one("shop", policy.Spec{Hosts: []string{host}, Rules: rules})
	}
	tests := []struct {
		name   string
		config func(more int) policy.Config
	}{
		{"bytes of all texts", texts},
		{"rules of all policies", rules},
		{"origins, expressions and sets of all documents", origins},
		{"entries of all tables", func(more int) policy.Config { return sharedTable(policy.MaxTableEntries/5, more) }},
		{"instructions of all expressions", regexes},
		{"expressions times hosts", tried},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := policy.Compile(test.config(0)); err != nil {
				t.Errorf("at the bound: %.300v", err)
			}
			_, _, err := policy.Compile(test.config(1))
			faults := faultsOf(t, err)
			if len(faults) != 1 || faults[0].Code != policy.CodeLimitExceeded {
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
			if len(faults) != n || last.Code != policy.CodeOriginInvalid {
				t.Errorf("%d faults: %d are reported, the last one is %v", n, len(faults), last)
			}
		} else if len(faults) != 1001 || last.Code != policy.CodeLimitExceeded || last.Message != want {
			t.Errorf("%d faults: %d are reported, the last one is %v", n, len(faults), last)
		}
	}
}

// hostileTime fails a test. It is many times what each of them needs, since tests
// run beside others.
const hostileTime = 4 * time.Second

// measured compiles a configuration and logs what it costs.
func measured(t *testing.T, cfg policy.Config) (*policy.Engine, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	e, _, err := policy.Compile(cfg)
	took := time.Since(start)
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
	cfg := policy.Config{OriginSets: []policy.OriginSet{{Name: "partners", Spec: policy.OriginSetSpec{Origins: numbered(50_000, "https://p%d.example")}}}}
	for i := range 1000 {
		cfg = with(cfg, fmt.Sprintf("p%d", i), policy.Spec{
			Hosts: []string{fmt.Sprintf("h%d.example", i)},
			CORS: &policy.CORS{
				AllowOrigins: numbered(50, fmt.Sprintf("https://o%d-%%d.example", i)), AllowOriginSets: []string{"partners"}, AllowCredentials: new(true),
				AllowMethods: []string{"PUT"}, AllowHeaders: []string{"Content-Type"},
			},
			Rules: manyRules(100, policy.PathPrefix, "/r%d"),
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
	credentials := func(c policy.CORS) *policy.CORS { c.AllowCredentials = new(true); return &c }
	long := numbered(1_000, "X-Some-Header-%d")
	overlapping := policy.Config{}
	for i := range 150 {
		var hosts []string
		for h := range 3000 {
			if (h*2654435761>>uint(i%16))&1 == 1 {
				hosts = append(hosts, fmt.Sprintf("h%d.example", h))
			}
		}
		overlapping = with(overlapping, fmt.Sprintf("p%d", i), policy.Spec{Hosts: hosts, Rules: manyRules(100, policy.PathExact, fmt.Sprintf("/%d/%%d", i))})
	}
	shared := policy.Config{}
	hosts := numbered(5_000, "h%d.example")
	for i := range 100 {
		shared = with(shared, fmt.Sprintf("p%d", i), policy.Spec{Hosts: hosts, Rules: manyRules(100, policy.PathExact, fmt.Sprintf("/%d/%%d", i))})
	}
	unknown := originList(shop)
	unknown.Policies[0].Spec.CORS.AllowOriginSets = numbered(2_000, "unknown-%d")
	for _, name := range numbered(10_000, "s%d") {
		unknown.OriginSets = append(unknown.OriginSets, policy.OriginSet{Name: name})
	}
	tests := []struct {
		name   string
		config policy.Config
	}{
		{"many hosts and many expressions in one policy", one("shop", policy.Spec{
			Hosts: numbered(50_000, "h%d.example"), CORS: &policy.CORS{AllowOriginRegexes: numbered(50_000, `https://%d\.b`)},
		})},
		{"many policies that share many hosts", shared},
		{"many policies that share some of many hosts", overlapping},
		{"many expressions as paths", one("shop", policy.Spec{Hosts: []string{host}, CORS: allowing(shop), Rules: manyRules(40_000, policy.PathRegularExpression, "/%d.")})},
		{"many expressions as paths before many prefixes", one("shop", policy.Spec{Hosts: []string{host}, CORS: allowing(shop), Rules: append(
			manyRules(15_000, policy.PathRegularExpression, "/%d/.*"), manyRules(40_000, policy.PathPrefix, "/x%d")...,
		)})},
		{"many dangerous origins of a set in many policies", withSet(manyPolicies(1_000, policy.Spec{CORS: credentials(policy.CORS{AllowOriginSets: []string{"s"}})}),
			"s", policy.OriginSetSpec{Origins: numbered(5_000, "https://*.s%d.example")})},
		{"many dangerous origins that many policies inherit", withDefaults(manyPolicies(2_000, policy.Spec{CORS: &policy.CORS{}}),
			policy.DefaultsSpec{CORS: credentials(policy.CORS{AllowOrigins: numbered(5_000, "https://*.s%d.example")})})},
		{"many names that many rules inherit", withDefaults(one("shop", policy.Spec{Hosts: []string{host}, CORS: allowing(shop), Rules: manyRules(50_000, policy.PathExact, "/%d")}),
			policy.DefaultsSpec{CORS: credentials(policy.CORS{AllowHeaders: append(long, "*"), ExposeHeaders: long})})},
		{"many references to sets that are not there", unknown},
		{"many rules of one path", one("shop", policy.Spec{Hosts: []string{host}, CORS: allowing(shop), Rules: slices.Repeat(manyRules(1, policy.PathExact, "/%d"), 100_000)})},
		{"many rules of one name", one("shop", policy.Spec{Hosts: []string{host}, CORS: allowing(shop), Rules: slices.Repeat([]policy.Rule{{Name: "a"}}, 100_000)})},
		{"long values", one(strings.Repeat("a", 1<<20), policy.Spec{Hosts: []string{strings.Repeat("a.", 1<<19) + "b"}, CORS: &policy.CORS{
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
		kind policy.PathMatchType
		size int
		want policy.Reason
	}{
		{"as long as an expression is matched against", policy.PathRegularExpression, policy.MaxExpressionPath, policy.ReasonAllowed},
		{"one byte longer", policy.PathRegularExpression, policy.MaxExpressionPath + 1, policy.ReasonPathAmbiguous},
		{"one byte longer, without expressions", policy.PathPrefix, policy.MaxExpressionPath + 1, policy.ReasonAllowed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := compiled(t, one("shop", policy.Spec{Hosts: []string{host}, CORS: allowing(shop), Rules: []policy.Rule{at("a", test.kind, "/a")}}))
			r := get("/" + strings.Repeat("x", test.size-1) + "?query")
			if d := e.Decide(&r.Request); d.Reason != test.want {
				t.Errorf("reason %s, want %s", d.Reason, test.want)
			}
		})
	}
}
