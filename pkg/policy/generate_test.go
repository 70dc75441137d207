package policy_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The words that random configurations and requests are made of. They are few,
// so that requests meet rules.
var (
	someHosts = []string{"api.x.example", "*.x.example", "{t}.x.example", "{u}.x.example", "*", "y.example", "*.a.x.example", "{t}.a.x.example", "Y.Example."}
	somePaths = []string{"/", "/a", "/a/", "/a/b", "/b", "/caf%C3%A9", "/a+b", "/ab"}
	someRegex = []string{"/a.*", "/[ab]", "/a/.+", ".*", "/(a|b)/?", "/[a-z]+!?"}

	someMethods = []string{"GET", "HEAD", "POST", "PUT", "put", "DELETE", "patch", "PATCH", "FOO"}
	someHeaders = []string{"X-A", "x-b", "Content-Type", "Authorization", "X-Trace"}

	someOrigins = []string{
		shop, "https://*.x.example", "http://localhost:*", "https://*", "https://*.p.example:*", "https://A.example:443", "http://plain.example:8080",
		"https://{t}.app.example", "https://{u}.app.example:*", "app://local", "https://[2001:db8::1]", "http://*:*",
		"app://.", "capacitor://", "file://",
	}
	theirOrigins = []string{
		shop, shop + ":443", "https://a.x.example", "https://b.a.x.example", "https://x.example", "http://localhost:3000", "http://localhost",
		"https://q.p.example:1", "https://a.example", "http://plain.example:8080", "https://api.app.example", "https://a.app.example",
		"https://a.app.example:444", "app://local", "https://[2001:db8::1]", "https://a.re.example", "https://a.re.example:443",
		"https://set.example", "https://z.set.example", "null", "", "x", shop + "/", "https://y.example", "http://y.example:80", "HTTPS://a.example",
		"https://a,https://b", "https://api.x.example", "https://api.x.example.", "\x00",
		"app://.", "capacitor://", "file://", "https://", "https://.", "app://:80", "app://.:80",
	}
	theirHosts = []string{
		"api.x.example", "API.x.example:443", "a.x.example", "b.a.x.example", "c.b.a.x.example", "x.example", "y.example.", "y.example:80", "z.example", "", "u@y.example", "y.example,z",
	}
	theirPaths = []string{
		"/", "", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/caf%C3%A9", "/caf%c3%a9", "/caf\xc3\xa9", "/a%2Bb", "/a+b", "/a/../b", "/a;b", "//a", "/a?b=//", "/%61", "/a%2fb",
		"/a%25", "/a%2541", "/z", "*", "/a\\b", "/a%", "/a!", "/.", "/%C3%B6",
	}
	theirMethods = append([]string{"OPTIONS", "TRACE", "get", "Put", "", "G T", "CONNECT", "*"}, someMethods...)
	theirHeaders = []string{
		"x-a", "x-a,x-b", "X-B , x-a,,", "content-type", "authorization", "x-other", "cookie", "a b", "", "sec-x,x-a", "x-a, x-a,X-A", "*", "access-control-x",
	}
)

// optional draws a value half of the time.
func optional[T any](t *rapid.T, values ...T) *T {
	if rapid.Bool().Draw(t, "unset") {
		return nil
	}
	return new(rapid.SampledFrom(values).Draw(t, "value"))
}

// some draws a list, nil a third of the time.
func some(t *rapid.T, values []string, atMost int) []string {
	if rapid.IntRange(0, 2).Draw(t, "unset") == 0 {
		return nil
	}
	return append([]string{}, rapid.SliceOfN(rapid.SampledFrom(values), 0, atMost).Draw(t, "list")...)
}

func drawCORS(t *rapid.T) *spec.CORS {
	c := &spec.CORS{
		AllowOrigins: some(t, someOrigins, 3), AllowMethods: some(t, append([]string{"*"}, someMethods...), 4),
		AllowHeaders: some(t, append([]string{"*"}, someHeaders...), 4), ExposeHeaders: some(t, append([]string{"*"}, someHeaders...), 3),
		AllowCredentials: optional(t, true, false), AllowNullOrigin: optional(t, true, false), MaxAge: optional[spec.Seconds](t, 0, 60),
		AllowPrivateNetwork: optional(t, true, false), ExpandExposeHeaders: optional(t, true, false),
	}
	switch rapid.IntRange(0, 7).Draw(t, "origins") {
	case 0:
		c.AllowOrigins = []string{"*"}
	case 1:
		c.AllowOriginRegexes = []string{`https://[a-z]+\.re\.example`}
	case 2:
		c.AllowOriginSets = []string{"set"}
	}
	return c
}

func drawLayer(t *rapid.T) spec.Rule {
	r := spec.Rule{
		Enforcement:     optional(t, spec.EnforcementEnforce, spec.EnforcementBlock, spec.EnforcementShadow, spec.EnforcementDisabled, spec.EnforcementEnforce),
		UpstreamHeaders: optional(t, spec.UpstreamOverride, spec.UpstreamMerge, spec.UpstreamPreserve),
	}
	if rapid.Bool().Draw(t, "preflight") {
		r.Preflight = &spec.Preflight{Mode: optional(t, spec.PreflightAnswer, spec.PreflightForward), Detail: optional(t, spec.DetailFull, spec.DetailMinimal)}
		r.Preflight.DenyStatus = optional(t, 200, 403, 404)
	}
	if rapid.Bool().Draw(t, "webSocket") {
		r.WebSocket = &spec.WebSocket{OriginCheck: optional(t, spec.OriginCheckEnforce, spec.OriginCheckDisabled)}
	}
	if rapid.Bool().Draw(t, "cors") {
		r.CORS = drawCORS(t)
	}
	return r
}

func drawRule(t *rapid.T, name string) spec.Rule {
	r := drawLayer(t)
	r.Name = name
	if rapid.IntRange(0, 5).Draw(t, "match") == 0 {
		return r
	}
	r.Match = &spec.Match{}
	if methods := some(t, someMethods, 2); len(methods) > 0 {
		r.Match.Methods = methods
	}
	switch rapid.IntRange(0, 5).Draw(t, "path") {
	case 0:
	case 1, 2:
		r.Match.Path = &spec.PathMatch{Type: new(spec.PathRegularExpression), Value: rapid.SampledFrom(someRegex).Draw(t, "regex")}
	default:
		r.Match.Path = &spec.PathMatch{Type: optional(t, spec.PathExact, spec.PathPrefix), Value: rapid.SampledFrom(somePaths).Draw(t, "value")}
	}
	return r
}

// drawConfig draws a configuration that compiles.
func drawConfig(t *rapid.T) spec.Config {
	cfg := withSet(spec.Config{}, "set", spec.OriginSetSpec{Origins: []string{"https://set.example", "https://*.set.example"}})
	if rapid.Bool().Draw(t, "defaults") {
		l := drawLayer(t)
		cfg = withDefaults(cfg, spec.DefaultsSpec{
			CORS: l.CORS, Enforcement: l.Enforcement, UpstreamHeaders: l.UpstreamHeaders, Preflight: l.Preflight, WebSocket: l.WebSocket,
			UnmatchedHosts: optional(t, spec.UnmatchedDeny, spec.UnmatchedPassThrough),
		})
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "policies") {
		l := drawLayer(t)
		doc := spec.PolicySpec{
			Hosts: rapid.SliceOfN(rapid.SampledFrom(someHosts), 1, 3).Draw(t, "hosts"),
			CORS:  l.CORS, Enforcement: l.Enforcement, UpstreamHeaders: l.UpstreamHeaders, Preflight: l.Preflight, WebSocket: l.WebSocket,
			DangerouslyAllow: []spec.Danger{
				spec.AnyOriginWithCredentials, spec.NullOriginWithCredentials, spec.PublicSuffixSubdomains, spec.InsecureOrigins, spec.UnboundedRegexes,
			},
		}
		if rapid.Bool().Draw(t, "allows the shop") {
			doc.CORS = allowing(shop)
		}
		for j := range rapid.IntRange(0, 4).Draw(t, "rules") {
			doc.Rules = append(doc.Rules, drawRule(t, fmt.Sprintf("r%d", j)))
		}
		cfg = with(cfg, fmt.Sprintf("p%d", i), doc)
	}
	return repaired(t, cfg)
}

var (
	faultyRule = regexp.MustCompile(`^spec\.rules\[(\d+)\]`)
	faultyHost = regexp.MustCompile(`^spec\.hosts\[(\d+)\]`)
)

// repaired takes out what Compile does not take, one fault at a time.
func repaired(t *rapid.T, cfg spec.Config) spec.Config {
	for range 100 {
		_, _, err := policy.Compile(cfg)
		if err == nil {
			return cfg
		}
		var faults spec.Faults
		if !errors.As(err, &faults) {
			t.Fatal(err)
		}
		takeOut(t, &cfg, faults[0])
	}
	t.Fatalf("cannot be repaired: %+v", cfg)
	return cfg
}

func takeOut(t *rapid.T, cfg *spec.Config, d spec.Diagnostic) {
	if d.Place.Kind == spec.KindDefaults {
		cfg.Defaults[d.Place.Index].Spec.CORS = nil
		cfg.Defaults[d.Place.Index].Spec.WebSocket = nil
		return
	}
	if d.Place.Kind != spec.KindPolicy {
		t.Fatalf("unexpected fault: %v", d)
	}
	doc := &cfg.Policies[d.Place.Index].Spec
	index := func(m []string) int { n, _ := strconv.Atoi(m[1]); return n }
	if m := faultyRule.FindStringSubmatch(d.Place.Path.String()); m != nil {
		doc.Rules = slices.Delete(slices.Clone(doc.Rules), index(m), index(m)+1)
	} else if m := faultyHost.FindStringSubmatch(d.Place.Path.String()); m != nil {
		doc.Hosts = slices.Delete(slices.Clone(doc.Hosts), index(m), index(m)+1)
	} else {
		doc.CORS, doc.WebSocket = nil, nil
	}
}

// lines draws the field lines of one header.
func lines(t *rapid.T, name string, values []string) []string {
	switch rapid.IntRange(0, 11).Draw(t, name+" lines") {
	case 0:
		return nil
	case 1:
		return rapid.SliceOfN(rapid.SampledFrom(values), 2, 3).Draw(t, name)
	}
	return []string{rapid.SampledFrom(values).Draw(t, name)}
}

func drawRequest(t *rapid.T) request {
	r := request{Request: policy.Request{
		Method: "GET", Scheme: rapid.SampledFrom([]string{"https", "http"}).Draw(t, "scheme"),
		Authority: rapid.SampledFrom(theirHosts).Draw(t, "authority"), Path: rapid.SampledFrom(theirPaths).Draw(t, "path"),
		Origin: lines(t, "origin", theirOrigins),
	}, status: rapid.SampledFrom([]int{200, 304, 404, 503, 101}).Draw(t, "status")}
	if rapid.Bool().Draw(t, "the shop asks") {
		r.Origin = []string{shop}
	}
	switch rapid.IntRange(0, 5).Draw(t, "class") {
	case 0, 1, 2:
		r.Method = "OPTIONS"
		r.RequestMethod = lines(t, "request method", theirMethods)
		if rapid.Bool().Draw(t, "asks for headers") {
			r.RequestHeaders = lines(t, "request headers", theirHeaders)
		}
		r.RequestPrivateNetwork = rapid.SampledFrom([][]string{nil, {"true"}, {"false"}}).Draw(t, "private network")
	case 3:
		r.Upgrade = lines(t, "upgrade", []string{"websocket", "h2c, WebSocket", "h2c"})
	case 4:
		r.Method, r.Protocol = "CONNECT", rapid.SampledFrom([]string{"", "websocket"}).Draw(t, "protocol")
	default:
		r.Method = rapid.SampledFrom(theirMethods).Draw(t, "method")
	}
	if rapid.IntRange(0, 3).Draw(t, "fetch site") == 0 {
		r.FetchSite = lines(t, "fetch site", []string{"same-origin", "none", "cross-site"})
	}
	if rapid.IntRange(0, 5).Draw(t, "selector") == 0 {
		r.Selector = rapid.SampledFrom([]string{"p0", "p1", "p0#r0", "p1#r1", "p2#r3", "p9", "p0#", "p0/r0"}).Draw(t, "name")
	}
	r.upstream = drawUpstream(t)
	return r
}

func drawUpstream(t *rapid.T) []policy.Field {
	return fields(rapid.SliceOfN(rapid.SampledFrom([]string{
		"vary: Accept", "vary: origin", "vary: *", "vary: Accept,accept, Cookie", "vary: ,", "vary: a b", "access-control-allow-origin: *",
		"access-control-allow-origin: https://evil.example", "access-control-allow-credentials: true", "access-control-expose-headers: X-U, x-a",
		"access-control-expose-headers: b@d, X-U", "access-control-max-age: 5", "etag: x", "x-custom: 1", "content-type: text/html", "set-cookie: a=b",
	}), 0, 5).Draw(t, "upstream")...)
}
