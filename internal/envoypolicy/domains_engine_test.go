package envoypolicy

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestHostsAsEngine: a host is governed by the pattern by which the engine decides.
func TestHostsAsEngine(t *testing.T) {
	name := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "www"}), 1, 3), func(list []string) string {
		return strings.Join(list, ".")
	})
	pattern := rapid.OneOf(name, rapid.Just("*"), rapid.Map(name, func(s string) string { return "*." + s }),
		rapid.Map(name, func(s string) string { return "{tenant}." + s }))
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfNDistinct(pattern, 1, 8, rapid.ID[string]).Draw(t, "hosts")
		cfg := spec.Config{Policies: []spec.Policy{{Name: "p", Spec: spec.PolicySpec{Hosts: patterns, CORS: &spec.CORS{}}}}}
		engine, _, err := policy.Compile(cfg)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := plan.Resolve(cfg, plan.Options{})
		host := name.Draw(t, "host")
		got := ""
		if found := newHosts(p).find(host); found != nil {
			got = found.Pattern.String()
		}
		x := engine.Explain(&policy.Request{Method: "GET", Scheme: "https", Authority: host, Path: "/"})
		if x.Host != got {
			t.Errorf("%s is governed by %q, and the engine decides by %q", host, got, x.Host)
		}
	})
}
