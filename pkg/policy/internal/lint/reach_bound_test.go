package lint

import (
	"fmt"
	"testing"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// pathConfigs are policies of 10,000 rules, many of them expressions that are hard to compare.
func pathConfigs() map[string]spec.Config {
	wide, narrow := &spec.CORS{AllowOrigins: []string{"*"}}, &spec.CORS{AllowOrigins: []string{"https://a.example"}}
	rule := func(kind spec.PathMatchType, cors *spec.CORS, path string, args ...any) spec.Rule {
		path = fmt.Sprintf(path, args...)
		return spec.Rule{Match: &spec.Match{Path: &spec.PathMatch{Type: &kind, Value: path}}, CORS: cors}
	}
	const prefix, regex, exact = spec.PathPrefix, spec.PathRegularExpression, spec.PathExact
	one := func(add func(i int) []spec.Rule) spec.Config {
		var p spec.PolicySpec
		p.Hosts = []string{"api.example"}
		for i := range 5000 {
			p.Rules = append(p.Rules, add(i)...)
		}
		return spec.Config{Policies: []spec.Policy{{Name: "p", Spec: p}}}
	}
	var hosts spec.Config
	for i := range 1000 {
		p := spec.PolicySpec{Hosts: []string{fmt.Sprintf("h%d.example", i)}}
		for j := range 8 {
			p.Rules = append(p.Rules, rule(prefix, narrow, "/p%d/s%d", i, j))
		}
		p.Rules = append(p.Rules, rule(regex, wide, "/p%d/.*[.]json", i), rule(regex, wide, ".*/public/.*"))
		hosts.Policies = append(hosts.Policies, spec.Policy{Name: fmt.Sprintf("p%d", i), Spec: p})
	}
	return map[string]spec.Config{
		"a thousand hosts": hosts,
		"one beginning": one(func(i int) []spec.Rule {
			return []spec.Rule{rule(regex, wide, "/(a|b)[0-9]+x%d(/.*)?", i), rule(prefix, narrow, "/a%d", i)}
		}),
		"many states": one(func(i int) []spec.Rule {
			return []spec.Rule{rule(regex, wide, ".*a.{%d}b%d", i%80, i), rule(prefix, narrow, "/a%d", i)}
		}),
		"many exact paths": one(func(i int) []spec.Rule {
			return []spec.Rule{rule(regex, wide, "/a.*%d", i), rule(exact, narrow, "/a%d", i)}
		}),
		"usual expressions": one(func(i int) []spec.Rule {
			return []spec.Rule{rule(regex, wide, "/s%d/v[0-9]+/.*", i), rule(prefix, narrow, "/s%d/x", i)}
		}),
	}
}

// TestReachBounds counts what the comparison of rules costs, since a reload may not wait for it.
func TestReachBounds(t *testing.T) {
	for name, cfg := range pathConfigs() {
		p, report := plan.Resolve(cfg, plan.Options{})
		if report.HasFaults() {
			t.Fatal(spec.Faults(report.Faults()[:1]))
		}
		l := &linter{plan: p, Report: report}
		r := newReach(l)
		for _, table := range p.Tables {
			r.table(table)
		}
		const slack = 5000 * matchWork // of the loop that is left last
		if r.states > maxPathStates+20_000 || r.work > maxPathWork+slack {
			t.Errorf("%s: %d states, %d comparisons", name, r.states, r.work)
		}
	}
}

func BenchmarkReach(b *testing.B) {
	for name, cfg := range pathConfigs() {
		p, _ := plan.Resolve(cfg, plan.Options{})
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r := newReach(&linter{plan: p, Report: &plan.Report{}})
				for _, table := range p.Tables {
					r.table(table)
				}
			}
		})
	}
}
