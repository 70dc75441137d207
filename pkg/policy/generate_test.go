package policy_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The words that random configurations and requests are made of. They are few,
// so that requests meet rules.
var (
	someHosts = []string{"api.x.example", "*.x.example", "{t}.x.example", "{u}.x.example", "*", "y.example", "*.a.x.example", "{t}.a.x.example", "Y.Example."}
	somePaths = []string{"/", "/a", "/a/", "/a/b", "/b", "/caf%C3%A9", "/a+b", "/ab", "/A", "/a/B/", "/a%2Cb"}
	someRegex = []string{"/a.*", "/[ab]", "/a/.+", ".*", "/(a|b)/?", "/[a-z]+!?", "/A/", "/b/.*", "/(?-i:a)"}

	someMethods = []string{"GET", "HEAD", "POST", "PUT", "put", "DELETE", "patch", "PATCH", "FOO"}
	someHeaders = []string{"X-A", "x-b", "Content-Type", "Authorization", "X-Trace", "X-*", "x-a*", "Auth*", "Sec-*"}
	somePresets = []spec.Preset{spec.PresetMCP, spec.PresetTus, spec.PresetOTLP, spec.PresetGRPCWeb, spec.PresetConnect, spec.PresetTrace}

	someOrigins = []string{
		shop, "https://*.x.example", "http://localhost:*", "https://*", "https://*.p.example:*", "https://A.example:443", "http://plain.example:8080",
		"https://{t}.app.example", "https://{u}.app.example:*", "app://local", "https://[2001:db8::1]", "http://*:*",
		"app://.", "capacitor://", "file://",
	}
	// someFrom are origins that rules match. Few of them have one in common.
	someFrom = []string{
		shop, shop, "https://a.x.example", "https://b.a.x.example", "https://*.a.x.example", "http://localhost:*", "https://q.p.example:1",
		"https://{t}.app.example", "https://{u}.app.example:*", "app://local", "capacitor://", "https://y.example", "http://*:*",
	}
	theirOrigins = []string{
		shop, shop + ":443", "https://a.x.example", "https://b.a.x.example", "https://x.example", "http://localhost:3000", "http://localhost",
		"https://q.p.example:1", "https://a.example", "http://plain.example:8080", "https://api.app.example", "https://a.app.example",
		"https://a.app.example:444", "app://local", "https://[2001:db8::1]", "https://a.re.example", "https://a.re.example:443",
		"https://set.example", "https://z.set.example", "https://old.example", "null", "", "x", shop + "/", "https://y.example", "http://y.example:80", "HTTPS://a.example",
		"https://a,https://b", "https://api.x.example", "https://api.x.example.", "\x00",
		"app://.", "capacitor://", "file://", "https://", "https://.", "app://:80", "app://.:80",
	}
	theirHosts = []string{
		"api.x.example", "API.x.example:443", "a.x.example", "b.a.x.example", "c.b.a.x.example", "x.example", "y.example.", "y.example:80", "z.example", "", "u@y.example", "y.example,z",
	}
	theirPaths = []string{
		"/", "", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/caf%C3%A9", "/caf%c3%a9", "/caf\xc3\xa9", "/a%2Bb", "/a+b", "/a/../b", "/a;b", "//a", "/a?b=//", "/%61", "/a%2fb",
		"/a%25", "/a%2541", "/z", "*", "/a\\b", "/a%", "/a!", "/.", "/%C3%B6",
		"/A", "/A/", "/A/B", "/a/b/", "/AB", "/b/", "/B/", "/a%2Cb", "/a%2cB", "/\xc4\xb0", "/%c4%b1", "/a/%C5%bf", "/%E2%84%AA", "/%E2%84%AB",
	}
	theirMethods = append([]string{"OPTIONS", "TRACE", "get", "Put", "", "G T", "CONNECT", "*"}, someMethods...)
	theirHeaders = []string{
		"x-a", "x-a,x-b", "X-B , x-a,,", "content-type", "authorization", "x-other", "cookie", "a b", "", "sec-x,x-a", "x-a, x-a,X-A", "*", "access-control-x",
		"x-amz-date, X-A-, x-a-1", "X-, x-Y", "authorization, auth-x", "x-*", "mcp-param-a,mcp-method,Mcp-Param-", "tus-resumable, x-request-id",
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
func some[T any](t *rapid.T, values []T, atMost int) []T {
	if rapid.IntRange(0, 2).Draw(t, "unset") == 0 {
		return nil
	}
	return append([]T{}, rapid.SliceOfN(rapid.SampledFrom(values), 0, atMost).Draw(t, "list")...)
}

func drawCORS(t *rapid.T) *spec.CORS {
	c := &spec.CORS{
		AllowOrigins: some(t, someOrigins, 3), AllowMethods: some(t, append([]string{"*"}, someMethods...), 4),
		AllowHeaders: some(t, append([]string{"*"}, someHeaders...), 4), ExposeHeaders: some(t, append([]string{"*"}, someHeaders...), 3),
		AllowCredentials: optional(t, true, false), AllowNullOrigin: optional(t, true, false), MaxAge: optional[spec.Seconds](t, 0, 60),
		AllowPrivateNetwork: optional(t, true, false), ExpandExposeHeaders: optional(t, true, false), TimingAllowOrigin: optional(t, true, false),
		CrossOriginResourcePolicy: optional(t, spec.ResourceSameOrigin, spec.ResourceSameSite, spec.ResourceCrossOrigin),
		Presets:                   some(t, somePresets, 2),
	}
	switch rapid.IntRange(0, 7).Draw(t, "origins") {
	case 0:
		c.AllowOrigins = []string{"*"}
	case 1:
		c.AllowOriginRegexes = []string{`https://[a-z]+\.re\.example`}
	case 2:
		c.AllowOriginSets = []string{"set", "old"}
	}
	return c
}

// uniform are the settings that a host's entries have in common if some of its rules match some
// origins only. A configuration without such rules has none.
type uniform struct {
	byOrigin bool
	upstream []spec.UpstreamHeaders
	enforce  []spec.Enforcement
	paths    spec.Paths
}

func drawUniform(t *rapid.T) *uniform {
	u := &uniform{
		byOrigin: rapid.IntRange(0, 2).Draw(t, "by origin") > 0,
		upstream: []spec.UpstreamHeaders{spec.UpstreamOverride, spec.UpstreamMerge, spec.UpstreamPreserve},
		enforce:  []spec.Enforcement{spec.EnforcementEnforce, spec.EnforcementBlock, spec.EnforcementShadow, spec.EnforcementDisabled, spec.EnforcementEnforce},
		paths:    spec.Paths{IgnoreCase: new(rapid.Bool().Draw(t, "ignore case")), IgnoreTrailingSlash: new(rapid.Bool().Draw(t, "ignore slash"))},
	}
	if u.byOrigin && rapid.IntRange(0, 9).Draw(t, "uniform") > 0 {
		u.upstream = []spec.UpstreamHeaders{rapid.SampledFrom(u.upstream).Draw(t, "upstreamHeaders")}
		u.enforce = u.enforce[:2]
		if rapid.IntRange(0, 5).Draw(t, "untouched") == 0 {
			u.enforce = []spec.Enforcement{spec.EnforcementShadow, spec.EnforcementDisabled}
		}
	}
	return u
}

// complete sets in CORSDefaults, or else in a policy, what all have in common and the built-in defaults are not.
func (u *uniform) complete(t *rapid.T, upstream **spec.UpstreamHeaders, enforcement **spec.Enforcement) {
	if len(u.upstream) == 1 && *upstream == nil {
		*upstream = &u.upstream[0]
	}
	if u.enforce[0] == spec.EnforcementShadow && *enforcement == nil {
		*enforcement = new(rapid.SampledFrom(u.enforce).Draw(t, "enforcement"))
	}
}

// drawPaths draws the paths of a policy below CORSDefaults that have base, so that all policies have the same.
func (u *uniform) drawPaths(t *rapid.T, base spec.Paths) *spec.Paths {
	if rapid.IntRange(0, 19).Draw(t, "own paths") == 0 {
		return &spec.Paths{IgnoreCase: optional(t, true, false), IgnoreTrailingSlash: optional(t, true, false)}
	}
	p := &spec.Paths{}
	if isTrue(base.IgnoreCase) != *u.paths.IgnoreCase || rapid.Bool().Draw(t, "own case") {
		p.IgnoreCase = u.paths.IgnoreCase
	}
	if isTrue(base.IgnoreTrailingSlash) != *u.paths.IgnoreTrailingSlash || rapid.Bool().Draw(t, "own slash") {
		p.IgnoreTrailingSlash = u.paths.IgnoreTrailingSlash
	}
	if *p == (spec.Paths{}) && rapid.Bool().Draw(t, "no paths") {
		return nil
	}
	return p
}

func drawLayer(t *rapid.T, u *uniform) spec.Rule {
	r := spec.Rule{Enforcement: optional(t, u.enforce...), UpstreamHeaders: optional(t, u.upstream...)}
	if rapid.Bool().Draw(t, "preflight") {
		r.Preflight = &spec.Preflight{Mode: optional(t, spec.PreflightAnswer, spec.PreflightForward), Detail: optional(t, spec.DetailFull, spec.DetailMinimal)}
		r.Preflight.DenyStatus = optional(t, 200, 403, 404)
		r.Preflight.SuccessStatus = optional(t, 200, 204)
	}
	if rapid.Bool().Draw(t, "webSocket") {
		r.WebSocket = &spec.WebSocket{OriginCheck: optional(t, spec.OriginCheckEnforce, spec.OriginCheckDisabled)}
	}
	if rapid.Bool().Draw(t, "cors") {
		r.CORS = drawCORS(t)
	}
	return r
}

func drawRule(t *rapid.T, u *uniform, name string) spec.Rule {
	r := drawLayer(t, u)
	r.Name = name
	if rapid.IntRange(0, 7).Draw(t, "match") == 0 {
		return r
	}
	r.Match = &spec.Match{}
	if methods := some(t, someMethods, 3); len(methods) > 0 {
		r.Match.Methods = methods
	}
	if u.byOrigin {
		drawFrom(t, &r)
	}
	if u.byOrigin && rapid.Bool().Draw(t, "a common path") {
		r.Match.Path = &spec.PathMatch{Value: rapid.SampledFrom([]string{"/a", "/A/", "/b", "/"}).Draw(t, "common path")}
		return r
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

// drawFrom draws the origins that a rule matches.
func drawFrom(t *rapid.T, r *spec.Rule) {
	switch rapid.IntRange(0, 5).Draw(t, "from") {
	case 0, 1, 2:
		r.Match.Origins = rapid.SliceOfN(rapid.SampledFrom(someFrom), 1, 2).Draw(t, "origins")
	case 3:
		r.Match.OriginSets = []string{rapid.SampledFrom([]string{"set", "old", "old"}).Draw(t, "set")}
	}
	if r.CORS == nil {
		return
	}
	switch rapid.IntRange(0, 5).Draw(t, "allows") {
	case 0, 1, 2:
		r.CORS.AllowOrigins, r.CORS.AllowOriginRegexes, r.CORS.AllowOriginSets, r.CORS.AllowNullOrigin = nil, nil, nil, nil
	case 3:
		r.CORS.AllowOrigins, r.CORS.AllowOriginRegexes, r.CORS.AllowOriginSets, r.CORS.AllowCredentials = []string{"*"}, nil, nil, new(false)
	}
}

// drawConfig draws a configuration that compiles.
func drawConfig(t *rapid.T) spec.Config {
	u := drawUniform(t)
	cfg := withSet(spec.Config{}, "set", spec.OriginSetSpec{Origins: []string{"https://set.example", "https://*.set.example"}})
	cfg = withSet(cfg, "old", spec.OriginSetSpec{Origins: []string{"https://old.example"}, Expires: new(now.Format(time.DateOnly))})
	var base spec.Paths
	if rapid.Bool().Draw(t, "defaults") {
		l := drawLayer(t, u)
		base = spec.Paths{IgnoreCase: optional(t, true, false), IgnoreTrailingSlash: optional(t, true, false)}
		cfg = withDefaults(cfg, spec.DefaultsSpec{
			CORS: l.CORS, Enforcement: l.Enforcement, UpstreamHeaders: l.UpstreamHeaders, Preflight: l.Preflight, WebSocket: l.WebSocket,
			Paths: &base, UnmatchedHosts: optional(t, spec.UnmatchedDeny, spec.UnmatchedPassThrough),
		})
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "policies") {
		l := drawLayer(t, u)
		u.complete(t, &l.UpstreamHeaders, &l.Enforcement)
		doc := spec.PolicySpec{
			Hosts: rapid.SliceOfN(rapid.SampledFrom(someHosts), 1, 3).Draw(t, "hosts"),
			CORS:  l.CORS, Enforcement: l.Enforcement, UpstreamHeaders: l.UpstreamHeaders, Preflight: l.Preflight, WebSocket: l.WebSocket,
			Paths: u.drawPaths(t, base),
			DangerouslyAllow: []spec.Danger{
				spec.AnyOriginWithCredentials, spec.NullOriginWithCredentials, spec.PublicSuffixSubdomains, spec.InsecureOrigins, spec.UnboundedRegexes,
			},
		}
		if i == 0 && rapid.Bool().Draw(t, "a common host") {
			doc.Hosts = []string{"api.x.example"}
		}
		if rapid.Bool().Draw(t, "allows the shop") {
			doc.CORS = allowing(shop)
		}
		for j := range rapid.IntRange(0, 5).Draw(t, "rules") {
			doc.Rules = append(doc.Rules, drawRule(t, u, fmt.Sprintf("r%d", j)))
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
		_, _, err := policy.Compile(cfg, policy.At(now))
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
	}
	switch field := d.Place.Path.Last(); {
	case d.Code == spec.CodeConflict && (field == "upstreamHeaders" || field == "enforcement"):
		forgetFrom(cfg)
		return
	case d.Code == spec.CodeConflict && field == "paths":
		w := &twin{cfg: *cfg}
		fold, slash := w.paths(&cfg.Policies[0])
		for i := range cfg.Policies {
			cfg.Policies[i].Spec.Paths = &spec.Paths{IgnoreCase: &fold, IgnoreTrailingSlash: &slash}
		}
		return
	case d.Place.Kind == spec.KindDefaults:
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

// forgetFrom makes every rule one for every origin.
func forgetFrom(cfg *spec.Config) {
	for i := range cfg.Policies {
		for j := range cfg.Policies[i].Spec.Rules {
			if r := &cfg.Policies[i].Spec.Rules[j]; r.Match != nil {
				m := *r.Match
				m.Origins, m.OriginSets = nil, nil
				r.Match = &m
			}
		}
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

// drawRequest draws a request, every third one for a rule of the configuration.
func drawRequest(t *rapid.T, cfg *spec.Config) request {
	r := anyRequest(t)
	p := rapid.SampledFrom(cfg.Policies).Draw(t, "policy")
	if len(p.Spec.Rules) == 0 || len(p.Spec.Hosts) == 0 || rapid.IntRange(0, 2).Draw(t, "aimed") > 0 {
		return r
	}
	instead := strings.NewReplacer("*.", "b.", "{t}", "a", "{u}", "a", ":*", ":1", "*", "z.example")
	r.Authority = instead.Replace(rapid.SampledFrom(p.Spec.Hosts).Draw(t, "host"))
	m := rapid.SampledFrom(p.Spec.Rules).Draw(t, "rule").Match
	if m == nil {
		return r
	}
	if m.Path != nil {
		r.Path = m.Path.Value
		if rapid.Bool().Draw(t, "spelled otherwise") {
			r.Path = strings.ToUpper(strings.TrimSuffix(r.Path, "/"))
		}
	}
	for _, o := range m.Origins {
		r.Origin = []string{instead.Replace(o)}
	}
	for _, set := range m.OriginSets {
		r.Origin = []string{"https://" + set + ".example"}
	}
	if len(m.Methods) > 0 && r.Method == "OPTIONS" {
		r.RequestMethod = m.Methods[:1]
	} else if len(m.Methods) > 0 {
		r.Method = m.Methods[0]
	}
	return r
}

func anyRequest(t *rapid.T) request {
	r := request{Request: policy.Request{
		Method: "GET", Scheme: rapid.SampledFrom([]string{"https", "http"}).Draw(t, "scheme"),
		Authority: rapid.SampledFrom(theirHosts).Draw(t, "authority"), Path: rapid.SampledFrom(theirPaths).Draw(t, "path"),
		Origin: lines(t, "origin", theirOrigins),
	}, status: rapid.SampledFrom([]int{200, 304, 404, 0, 304, 101}).Draw(t, "status")}
	switch rapid.IntRange(0, 5).Draw(t, "who asks") {
	case 0, 1, 2:
		r.Origin = []string{shop}
	case 3:
		r.Origin = []string{"https://old.example"}
	}
	if rapid.Bool().Draw(t, "a common path") {
		r.Authority = rapid.SampledFrom([]string{"api.x.example", "api.x.example", "a.x.example", "b.a.x.example", "y.example"}).Draw(t, "common authority")
		r.Path = rapid.SampledFrom([]string{"/a", "/A/", "/a/b", "/b"}).Draw(t, "common path")
	}
	switch rapid.IntRange(0, 5).Draw(t, "class") {
	case 0:
		r.Method, r.RequestMethod = "OPTIONS", []string{rapid.SampledFrom(someMethods).Draw(t, "some method")}
	case 1, 2:
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
		r.Selector = rapid.SampledFrom([]string{"p0", "p1", "p0#r0", "p0#r0", "p1#r1", "p1#r0", "p2#r3", "p9", "p0#", "p0/r0"}).Draw(t, "name")
	}
	r.upstream = drawUpstream(t)
	return r
}

func drawUpstream(t *rapid.T) []policy.Field {
	return fields(rapid.SliceOfN(rapid.SampledFrom([]string{
		"vary: Accept", "vary: origin", "vary: *", "vary: Accept,accept, Cookie", "vary: ,", "vary: a b", "access-control-allow-origin: *",
		"access-control-allow-origin: https://evil.example", "access-control-allow-credentials: true", "access-control-expose-headers: X-U, x-a",
		"access-control-expose-headers: b@d, X-U", "access-control-max-age: 5", "etag: x", "x-custom: 1", "content-type: text/html", "set-cookie: a=b",
		"timing-allow-origin: *", "timing-allow-origin: https://evil.example", "cross-origin-resource-policy: cross-origin", "x-a: 1", "x-a-1: 1", "x-envoy-a: 1",
	}), 0, 5).Draw(t, "upstream")...)
}
