package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// TestAllocations counts what a decision and its answers allocate, once their
// buffers have grown: nothing.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	cfg := spec.Config{}
	add := func(name string, doc spec.PolicySpec) {
		doc.Hosts = append(doc.Hosts, name+".example")
		cfg = with(cfg, name, doc)
	}
	add("shop", wholeShop())
	add("any", spec.PolicySpec{CORS: &spec.CORS{AllowOrigins: []string{shop}, AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}}})
	add("public", spec.PolicySpec{CORS: allowing("*")})
	add("merge", spec.PolicySpec{UpstreamHeaders: new(spec.UpstreamMerge), CORS: &spec.CORS{AllowOrigins: []string{shop}, ExposeHeaders: []string{"ETag"}}})
	add("expand", spec.PolicySpec{CORS: &spec.CORS{
		AllowOrigins: []string{shop}, AllowCredentials: new(true), ExposeHeaders: []string{"*"}, ExpandExposeHeaders: new(true),
	}})
	add("regex", spec.PolicySpec{
		CORS: &spec.CORS{AllowOriginRegexes: []string{`https://[a-z]+\.re\.example`, `https://([a-z]+\.)+deep\.example:(80|90)\d\d`}},
		Rules: []spec.Rule{
			at("re", spec.PathRegularExpression, "/v[0-9]+/.*", "PUT"), at("get", spec.PathExact, "/a", "GET"), at("prefix", spec.PathPrefix, "/a/b"),
		},
	})
	add("tenant", spec.PolicySpec{Hosts: []string{"{t}.api.example"}, CORS: allowing("https://{t}.app.example", "https://*.x.example:*")})
	add("block", spec.PolicySpec{Enforcement: new(spec.EnforcementBlock), CORS: allowing(shop)})
	byOrigin := ofOrigin("sub", "/a", []string{"https://*.x.example", "https://{t}.app.example"})
	byOrigin.CORS = &spec.CORS{ExposeHeaders: []string{"X-*", "ETag"}, TimingAllowOrigin: new(true), CrossOriginResourcePolicy: new(spec.ResourceSameSite)}
	add("origins", spec.PolicySpec{
		Hosts: []string{"{t}.origins.example"}, Paths: &spec.Paths{IgnoreCase: new(true), IgnoreTrailingSlash: new(true)}, UpstreamHeaders: new(spec.UpstreamMerge),
		CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"PUT"}, AllowHeaders: []string{"X-A", "X-Amz-*"}, TimingAllowOrigin: new(true)},
		Rules: []spec.Rule{
			byOrigin, ofOrigin("one", "/a", []string{shop}, "PUT", "GET"), ofOrigin("rest", "/a", []string{shop}), at("re", spec.PathRegularExpression, "/re/.*"),
			ofOrigin("deny", "/re", []string{"https://*.other.example:*"}), at("exact", spec.PathExact, "/Exact/Path/"),
		},
	})
	e := compiled(t, cfg)

	upstream := []string{
		"vary: Accept-Encoding, Accept", "vary: Cookie", "access-control-allow-origin: *", "access-control-expose-headers: X-A, b@d, X-B", "etag: 1", "x-c: 1", "content-type: text/html",
	}
	put := preflight("PUT", "/")
	tests := []struct {
		name    string
		request request
	}{
		{"a granted preflight", put.at("shop.example").headers("content-type,x-trace")},
		{"a preflight that tells", put.at("shop.example").headers("x-other")},
		{"a refused preflight", put.at("shop.example").from(evil)},
		{"a preflight that is reflected", put.at("any.example").headers("x-a, x-b,x-a", "x-c")},
		{"a preflight that depends on the method", preflight("GET", "/a").at("regex.example").from("https://a.re.example")},
		{"an actual request", get("/").at("shop.example").answered(200, upstream...)},
		{"an actual request in another case", get("/").at("SHOP.example:443").answered(200, upstream...)},
		{"a refused one", get("/").at("shop.example").from(evil).answered(200, upstream...)},
		{"a request without Origin", ask("GET", "/").at("shop.example").answered(200, upstream...)},
		{"a public one", get("/").at("public.example").answered(200, upstream...)},
		{"the host's own page", get("/").at("shop.example").from("https://shop.example").answered(200, upstream...)},
		{"Merge", get("/").at("merge.example").answered(200, upstream...)},
		{"expandExposeHeaders", get("/").at("expand.example").answered(200, upstream...)},
		{"regexes", ask("PUT", "/v1/x").at("regex.example").from("https://a.b.deep.example:8080").answered(200, upstream...)},
		{"regexes that take nothing", get("/v1/x").at("regex.example").from("https://a.b.deep.example:7080").answered(200, upstream...)},
		{"a tenant", get("/").at("acme.api.example").from("https://acme.app.example").answered(200, upstream...)},
		{"another tenant", get("/").at("acme.api.example").from("https://evil.app.example").answered(200, upstream...)},
		{"a selector", get("/").selected("regex#re").from("https://a.re.example").answered(200, upstream...)},
		{"a selector of a tenant", get("/").selected("tenant").at("acme.api.example").from("https://acme.app.example").answered(200, upstream...)},
		{"an unknown selector", get("/").selected("x").answered(200, upstream...)},
		{"a rule by origin", get("/A/").at("origins.example").answered(200, upstream...)},
		{"a 304 of one", get("/a").at("origins.example").answered(304, upstream...)},
		{"a 304 to another origin", get("/a").at("origins.example").from(evil).answered(304, upstream...)},
		{"a rule by origins of tenants", get("/a").at("b.origins.example").from("https://b.app.example").answered(200, upstream...)},
		{"a 304 of one with families", get("/a").at("b.origins.example").from("https://b.x.example").answered(304, upstream...)},
		{"a preflight by origin and method", preflight("PUT", "/a").at("origins.example").headers("x-amz-a, X-A", "x-amz-b")},
		{"families of a preflight that tells", preflight("PUT", "/z").at("origins.example").headers("x-amz-a, x-other, x-amz-b, authorization")},
		{"many names of families", preflight("PUT", "/z").at("origins.example").headers(strings.ReplaceAll(numberedNames(128), "x-", "x-amz-"))},
		{"a path in another case", get("/EXACT/PATH").at("origins.example").answered(200, upstream...)},
		{"an expression with one more slash", get("/RE/x").at("origins.example").answered(200, upstream...)},
		{"an expression with a long path", get("/re/"+strings.Repeat("x", 8000)).at("origins.example").answered(200, upstream...)},
		{"a path with letters that fold", get("/%C4%B0").at("origins.example").answered(304, upstream...)},
		{"a selected rule by origin", get("/").at("origins.example").selected("origins#sub").from("https://b.x.example").answered(0, upstream...)},
		{"a blocked request", get("/").at("block.example").from(evil)},
		{"a WebSocket", webSocket("/").at("shop.example")},
		{"an unmatched host", get("/").at("other.example")},
		{"a long host", get("/").at(strings.Repeat("a.", 35_000) + "example")},
		{"a long origin", get("/").at("regex.example").from("https://" + strings.Repeat("a.", 35_000) + "re.example")},
		{"an origin of every label", get("/").at("tenant.example").from("https://" + strings.Repeat("a.", 120) + "y.example")},
		{"a long path", get(strings.Repeat("/a", 35_000)).at("regex.example")},
		{"an ambiguous path", get(strings.Repeat("/a", 35_000) + "/..").at("regex.example")},
		{"many header names", put.at("any.example").headers(strings.Repeat("x,", 4000))},
		{"many different header names", put.at("any.example").headers(numberedNames(128))},
		{"many bytes of header names", put.at("any.example").headers(strings.Repeat("x", 70_000))},
		{"a long name in another case", put.at("shop.example").headers(strings.Repeat("X", 8000))},
		{"a long method", put.at("shop.example").method(strings.Repeat("X", 70_000))},
		{"many origins", get("/").at("shop.example").from(strings.Split(strings.Repeat("a,", 1000), ",")...)},
		{"a Vary of many names", get("/").at("shop.example").answered(200, "vary: "+numberedNames(200))},
		{"many exposed names", get("/").at("merge.example").answered(200, "access-control-expose-headers: "+numberedNames(200))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var d policy.Decision
			var a policy.Response
			steps := map[string]func(){
				"Decide":              func() { d = e.Decide(&test.request.Request) },
				"AppendRequestPhase":  func() { a.Reset(); d.Respond(&a) },
				"AppendResponsePhase": func() { a.Reset(); d.Edit(&a, test.request.status, test.request.upstream) },
				"AppendAhead":         func() { a.Reset(); d.EditAhead(&a) },
				"NeedsResponsePhase":  func() { d.NeedsResponse(policy.Static{Strip: true}) },
			}
			for _, name := range []string{"Decide", "AppendRequestPhase", "AppendResponsePhase", "AppendAhead", "NeedsResponsePhase"} {
				steps[name]() // the first time buffers grow
				if n := testing.AllocsPerRun(20, steps[name]); n != 0 {
					t.Errorf("%s allocates %v times", name, n)
				}
			}
		})
	}
}

// numberedNames is a list of n different names.
func numberedNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("x-%d", i)
	}
	return strings.Join(names, ",")
}
