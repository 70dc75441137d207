package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
)

// sized is a policy of so many rules, ten for each host, and one set of origins that
// every host allows.
func sized(rules, origins int) policy.Config {
	cfg := policy.Config{OriginSets: []policy.OriginSet{{Name: "pages"}}}
	for i := range origins {
		cfg.OriginSets[0].Spec.Origins = append(cfg.OriginSets[0].Spec.Origins, fmt.Sprintf("https://page%d.tenant%d.example", i, i%997))
	}
	for i := range rules / 10 {
		spec := policy.Spec{Hosts: []string{fmt.Sprintf("api%d.example", i)}, CORS: &policy.CORS{AllowOriginSets: []string{"pages"}, AllowCredentials: new(true)}}
		for j := range 10 {
			spec.Rules = append(spec.Rules, policy.Rule{Match: prefix(fmt.Sprintf("/v1/service%d", j)), CORS: &policy.CORS{ExposeHeaders: []string{"ETag"}}})
		}
		cfg.Policies = append(cfg.Policies, policy.Policy{Name: fmt.Sprintf("api%d", i), Spec: spec})
	}
	return cfg
}

// BenchmarkDecide is a decision and the change of a response, under policies of any size.
// Sixteen requests are asked in turn: what they need stays in the processor's caches,
// so that the figures are of the work and not of the memory.
func BenchmarkDecide(b *testing.B) {
	for _, size := range []struct{ rules, origins int }{{10, 1}, {1000, 100}, {10_000, 1000}, {100_000, 100_000}} {
		engine, _, err := policy.Compile(sized(size.rules, size.origins))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("rules=%d/origins=%d", size.rules, size.origins), func(b *testing.B) {
			var requests [16]policy.Request
			for i := range requests {
				page := i * 7919 % size.origins
				requests[i] = policy.Request{
					Method: "GET", Scheme: "https", Authority: fmt.Sprintf("api%d.example", i*131%(size.rules/10)),
					Path: fmt.Sprintf("/v1/service%d/accounts/%d/orders?limit=50", i%10, 10_000+i), Origin: []string{fmt.Sprintf("https://page%d.tenant%d.example", page, page%997)},
				}
			}
			benchDecide(b, engine, requests[:])
		})
	}
}

// BenchmarkHostile is what someone may send who means harm.
func BenchmarkHostile(b *testing.B) {
	regexes := &policy.CORS{}
	for i := range 10_000 {
		regexes.AllowOriginRegexes = append(regexes.AllowOriginRegexes, fmt.Sprintf(`https://[a-z]+\.app%d\.shop\.example`, i))
	}
	cfg := one("shop", policy.Spec{Hosts: []string{"api.shop.example"}, CORS: allowing(shop)})
	cfg = with(cfg, "reflect", policy.Spec{Hosts: []string{"reflect.shop.example"}, CORS: &policy.CORS{AllowOrigins: []string{shop}, AllowHeaders: []string{"*"}, AllowMethods: []string{"*"}}})
	cfg = with(cfg, "regexes", policy.Spec{Hosts: []string{"regexes.shop.example"}, CORS: regexes})
	engine, _, err := policy.Compile(cfg)
	if err != nil {
		b.Fatal(err)
	}
	asks := func(host, origin string, headers ...string) policy.Request {
		return policy.Request{Method: "OPTIONS", Scheme: "https", Authority: host, Path: "/", Origin: []string{origin}, RequestMethod: []string{"PUT"}, RequestHeaders: headers}
	}
	for _, c := range []struct {
		input string
		r     policy.Request
	}{
		{"a-1MiB-list", asks("reflect.shop.example", shop, strings.Repeat("x-a,", 1<<18))},
		{"1024-empty-elements", asks("reflect.shop.example", shop, strings.Repeat(",", 1024)+"x-a")},
		{"128-long-names", asks("reflect.shop.example", shop, longNames())},
		{"the-longest-origin", asks("api.shop.example", "https://"+strings.Repeat("a.", 126)+"a:65535")},
		{"a-long-path", policy.Request{Method: "GET", Scheme: "https", Authority: "api.shop.example", Path: strings.Repeat("/a", 4000), Origin: []string{shop}}},
		{"10000-regexes", asks("regexes.shop.example", "https://x.app10000.shop.example")},
	} {
		b.Run("input="+c.input, func(b *testing.B) { benchDecide(b, engine, []policy.Request{c.r}) })
	}
}

func longNames() string {
	names := make([]string, 128)
	for i := range names {
		names[i] = fmt.Sprintf("x-%060d", i)
	}
	return strings.Join(names, ",")
}

func benchDecide(b *testing.B, engine *policy.Engine, requests []policy.Request) {
	var a policy.Answer
	upstream := []policy.Field{{Name: "vary", Value: []byte("accept-encoding")}}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		d := engine.Decide(&requests[i%len(requests)])
		i++
		a.Reset()
		d.AppendRequestPhase(&a)
		d.AppendResponsePhase(&a, 200, upstream)
	}
}
