package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// sized is a policy of so many rules, ten for each host, and one set of origins that
// every host allows.
func sized(rules, origins int) spec.Config {
	cfg := spec.Config{OriginSets: []spec.OriginSet{{Name: "pages"}}}
	for i := range origins {
		cfg.OriginSets[0].Spec.Origins = append(cfg.OriginSets[0].Spec.Origins, fmt.Sprintf("https://page%d.tenant%d.example", i, i%997))
	}
	for i := range rules / 10 {
		doc := spec.PolicySpec{Hosts: []string{fmt.Sprintf("api%d.example", i)}, CORS: &spec.CORS{AllowOriginSets: []string{"pages"}, AllowCredentials: new(true)}}
		for j := range 10 {
			doc.Rules = append(doc.Rules, spec.Rule{Match: prefix(fmt.Sprintf("/v1/service%d", j)), CORS: &spec.CORS{ExposeHeaders: []string{"ETag"}}})
		}
		cfg.Policies = append(cfg.Policies, spec.Policy{Name: fmt.Sprintf("api%d", i), Spec: doc})
	}
	return cfg
}

// BenchmarkDecide is a decision and the change of a response, with policies of different sizes.
// Sixteen requests are decided in turn. Their data stays in the processor's caches, so that the
// results do not depend on the memory.
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
			benchDecide(b, engine, requests[:], fields("vary: accept-encoding"))
		})
	}
}

// BenchmarkHostile is the worst that a client or an application can send through an Envoy
// with its default limits: 60 KiB of headers, 100 of them. No row may take more than 1 ms.
func BenchmarkHostile(b *testing.B) {
	engine, _, err := policy.Compile(hostilePolicies())
	if err != nil {
		b.Fatal(err)
	}
	const all = 60 << 10
	asks := func(headers ...string) policy.Request {
		return policy.Request{Method: "OPTIONS", Scheme: "https", Authority: "reflect.example", Path: "/", Origin: []string{shop}, RequestMethod: []string{"PUT"}, RequestHeaders: headers}
	}
	gets := func(host, path, origin string) policy.Request {
		return policy.Request{Method: "GET", Scheme: "https", Authority: host, Path: path, Origin: []string{origin}}
	}
	ordinary := gets("api.shop.example", "/", shop)
	distinct := strings.Join(numbered(all/len("x-12345,"), "x-%05d"), ",")
	tests := []struct {
		input    string
		request  policy.Request
		upstream []policy.Field
	}{
		{"a-long-list-of-requested-headers", asks(strings.Repeat("x-a,", all/4)), nil},
		{"8191-empty-elements", asks(strings.Repeat(",", 8189) + "x-a"), nil},
		{"128-long-names", asks(strings.Join(numbered(128, "x-%060d"), ",")), nil},
		{"the-longest-origin", gets("api.shop.example", "/", "https://"+strings.Repeat("a.", 126)+"a:65535"), nil},
		{"an-origin-that-is-too-long", gets("api.shop.example", "/", "https://"+strings.Repeat("a.", all/2)+"a"), nil},
		{"a-long-host", gets(strings.Repeat("a.", all/2)+"a", "/", shop), nil},
		{"a-long-path", gets("api.shop.example", strings.Repeat("/a", all/2), shop), nil},
		{"the-longest-path-for-expressions", gets("expressions.example", strings.Repeat("/a", policy.MaxExpressionPath/2), shop), nil},
		{"a-path-too-long-for-expressions", gets("expressions.example", strings.Repeat("/a", all/2), shop), nil},
		{"many-upgrades", policy.Request{Method: "GET", Scheme: "https", Authority: "api.shop.example", Path: "/", Origin: []string{shop}, Upgrade: []string{strings.Repeat("a,", all/2)}}, nil},
		{"upstream-varies-by-much", ordinary, fields("vary: " + distinct)},
		{"upstream-varies-by-one-letter", ordinary, fields("vary: " + strings.Repeat("a,", all/2))},
		{"upstream-exposes-much", gets("merge.example", "/", shop), fields("access-control-expose-headers: " + distinct)},
		{"upstream-exposes-one-letter", gets("merge.example", "/", shop), fields("access-control-expose-headers: " + strings.Repeat("a,", all/2))},
		{"100-long-names-to-expose", gets("expand.example", "/", shop), fields(numbered(100, "x-%0600d: a")...)},
		{"100-headers-to-strip", ordinary, fields(numbered(100, "access-control-%0500d: a")...)},
	}
	for _, test := range tests {
		b.Run("input="+test.input, func(b *testing.B) { benchDecide(b, engine, []policy.Request{test.request}, test.upstream) })
	}
}

// hostilePolicies have every setting that makes the size of a message matter.
func hostilePolicies() spec.Config {
	cfg := one("shop", spec.PolicySpec{Hosts: []string{"api.shop.example"}, CORS: allowing(shop)})
	reflects := &spec.CORS{AllowOrigins: []string{shop}, AllowHeaders: []string{"*"}, AllowMethods: []string{"*"}}
	cfg = with(cfg, "reflect", spec.PolicySpec{Hosts: []string{"reflect.example"}, CORS: reflects})
	cfg = with(cfg, "merge", spec.PolicySpec{Hosts: []string{"merge.example"}, CORS: allowing(shop), UpstreamHeaders: new(spec.UpstreamMerge)})
	expands := &spec.CORS{AllowOrigins: []string{shop}, AllowCredentials: new(true), ExposeHeaders: []string{"*"}, ExpandExposeHeaders: new(true)}
	cfg = with(cfg, "expand", spec.PolicySpec{Hosts: []string{"expand.example"}, CORS: expands})
	return with(cfg, "expressions", spec.PolicySpec{Hosts: []string{"expressions.example"}, CORS: allowing(shop), Rules: []spec.Rule{
		at("users", spec.PathRegularExpression, "/([a-z]+/)*users"),
	}})
}

func benchDecide(b *testing.B, engine *policy.Engine, requests []policy.Request, upstream []policy.Field) {
	var a policy.Response
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		d := engine.Decide(&requests[i%len(requests)])
		i++
		a.Reset()
		d.Respond(&a)
		d.Edit(&a, 200, upstream)
	}
}
