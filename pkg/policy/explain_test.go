package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// explained is a policy whose settings come from every layer.
func explained() spec.Config {
	cfg := withDefaults(one("shop", spec.PolicySpec{
		Hosts: []string{"API.shop.example", "{tenant}.app.example", "*.wild.example"},
		CORS: &spec.CORS{
			AllowOrigins: []string{shop, "https://*.sub.example", "https://{tenant}.web.example"}, AllowOriginSets: []string{"partners", "expired"},
			AllowOriginRegexes: []string{`https://[a-z]+\.re\.example`}, AllowNullOrigin: new(true),
		},
		Rules: []spec.Rule{
			{Name: "get", Match: &spec.Match{Path: &spec.PathMatch{Value: "/a"}, Methods: []string{"put", "GET"}}, CORS: &spec.CORS{
				AllowOrigins: []string{"*"}, AllowMethods: []string{"*", "PUT"}, Presets: []spec.Preset{spec.PresetTrace, spec.PresetMCP},
			}},
			{Name: "re", Match: &spec.Match{Path: &spec.PathMatch{Type: new(spec.PathRegularExpression), Value: "/b."}}, CORS: allowing()},
			{Name: "any", Match: prefix("/any"), CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowCredentials: new(true)}},
		},
		DangerouslyAllow: []spec.Danger{spec.AnyOriginWithCredentials},
	}), spec.DefaultsSpec{CORS: &spec.CORS{MaxAge: new(spec.Seconds(60))}, Enforcement: new(spec.EnforcementBlock)})
	cfg = withSet(cfg, "partners", spec.OriginSetSpec{Origins: []string{"https://partner.example"}})
	return withSet(cfg, "expired", spec.OriginSetSpec{Origins: []string{"https://late.example"}, Expires: new("2027-01-10")})
}

func TestExplain(t *testing.T) {
	e := compiled(t, explained(), policy.At(day(10)))
	tests := []struct {
		name                   string
		request                request
		host, match, entry     string
		dependsOnMethod, taken bool
	}{
		{"an entry of the list", get("/"), "api.shop.example", "", shop, false, true},
		{"a wildcard", get("/").from("https://a.sub.example"), "api.shop.example", "", "https://*.sub.example", false, true},
		{"a set", get("/").from("https://partner.example:443"), "api.shop.example", "", "https://partner.example of set partners", false, true},
		{"a set that has expired", get("/").from("https://late.example"), "api.shop.example", "", "", false, true},
		{"a regex", get("/").from("https://a.re.example"), "api.shop.example", "", `regex https://[a-z]+\.re\.example`, false, true},
		{"null", get("/").from("null"), "api.shop.example", "", "allowNullOrigin", false, true},
		{"a tenant", get("/").at("acme.app.example").from("https://acme.web.example"), "{tenant}.app.example", "", "https://{tenant}.web.example", false, true},
		{"another tenant", get("/").at("acme.app.example").from("https://evil.web.example"), "{tenant}.app.example", "", "", false, true},
		{"a tenant by a selector", get("/").at("acme.app.example").from("https://acme.web.example").selected("shop"), "", "", "https://{tenant}.web.example", false, true},
		{"no tenant by a selector", get("/").at("a b").from("https://acme.web.example").selected("shop"), "", "", "", false, true},
		{"a host below a wildcard", get("/").at("a.wild.example"), "*.wild.example", "", shop, false, true},
		{"nobody", get("/").from(evil), "api.shop.example", "", "", false, true},
		{"a malformed origin", get("/").from("x"), "api.shop.example", "", "", false, true},
		{"no origin", get("/").from(), "api.shop.example", "", "", false, true},
		{"* is not looked at", get("/a"), "api.shop.example", "PathPrefix /a, GET, PUT", "", true, true},
		{"* with credentials is", get("/any"), "api.shop.example", "PathPrefix /any", "*", false, true},
		{"a rule by expression", get("/bb"), "api.shop.example", "RegularExpression /b.", "", false, true},
		{"a rule by a selector", get("/").selected("shop#get"), "", "PathPrefix /a, GET, PUT", "", false, true},
		{"an ambiguous path", get("/a/.."), "api.shop.example", "", "", false, false},
		{"no policy", get("/").at("other.example"), "", "", "", false, false},
		{"an unknown selector", get("/").selected("x"), "", "", "", false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := e.Explain(&test.request.Request)
			if got := d.Host; got != test.host {
				t.Errorf("host %q, want %q", got, test.host)
			}
			if got := d.Match; got != test.match {
				t.Errorf("match %q, want %q", got, test.match)
			}
			if got := d.Origin; got != test.entry {
				t.Errorf("entry %q, want %q", got, test.entry)
			}
			if got := d.MethodDependent; got != test.dependsOnMethod {
				t.Errorf("depends on the method: %t", got)
			}
			if got := d.Chosen; got != test.taken {
				t.Errorf("taken: %t", got)
			}
		})
	}
	if want := "policies: 1, hosts: 3, rules: 3, origin sets: 2"; e.Summary() != want {
		t.Errorf("summary %q, want %q", e.Summary(), want)
	}
}

func TestSettings(t *testing.T) {
	e := compiled(t, explained(), policy.At(day(10)))
	untaken := []string{
		"enforcement Block (CORSDefaults)", "upstreamHeaders Override (built-in default)", "preflight.mode Answer (built-in default)",
		"preflight.successStatus 204 (built-in default)", "preflight.denyStatus 403 (built-in default)", "preflight.detail Full (built-in default)",
		"webSocket.originCheck Disabled (built-in default)", "crossOriginResourcePolicy unset (built-in default)",
	}
	tests := []struct {
		name    string
		request request
		want    []string
	}{
		{"the own cors", get("/"), append([]string{
			`allowOrigins https://www.shop.example, https://*.sub.example, https://{tenant}.web.example, regex https://[a-z]+\.re\.example, set partners, set expired (expired), null (policy)`,
			"allowMethods none (built-in default)", "allowHeaders none (built-in default)", "exposeHeaders none (built-in default)",
			"allowCredentials false (built-in default)", "maxAge 60 (CORSDefaults)", "allowPrivateNetwork false (built-in default)",
			"presets none (built-in default)", "expandExposeHeaders false (built-in default)", "timingAllowOrigin false (built-in default)",
		}, untaken...)},
		{"a rule", get("/a"), append([]string{
			"allowOrigins * (rule)", "allowMethods *, PUT (rule)",
			"allowHeaders Traceparent, Tracestate, Baggage, Content-Type, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Param-*, Last-Event-ID (built-in default)",
			"exposeHeaders Mcp-Session-Id, WWW-Authenticate (built-in default)",
			"allowCredentials false (built-in default)", "maxAge 60 (CORSDefaults)", "allowPrivateNetwork false (built-in default)",
			"presets trace, mcp (rule)", "expandExposeHeaders false (built-in default)", "timingAllowOrigin false (built-in default)",
		}, untaken...)},
		{"nothing taken", get("/a/.."), untaken},
		{"no policy", get("/").at("other.example"), untaken},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := e.Explain(&test.request.Request)
			if d.Enforcement() != spec.EnforcementBlock {
				t.Errorf("enforcement %s", d.Enforcement())
			}
			var got []string
			for _, s := range d.Settings {
				got = append(got, fmt.Sprintf("%s %s (%s)", s.Name, s.Value, s.From))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSettingsOfNoRule: if no rule was chosen, each setting names the policy or rule that it is of.
func TestSettingsOfNoRule(t *testing.T) {
	e := compiled(t, with(
		one("a", spec.PolicySpec{
			Hosts: []string{host}, Enforcement: new(spec.EnforcementShadow), UpstreamHeaders: new(spec.UpstreamMerge),
			Rules: []spec.Rule{
				{Name: "plain", CORS: allowing(shop), Match: &spec.Match{Path: &spec.PathMatch{Value: "/plain"}}},
				{Name: "admin", CORS: allowing(shop), Match: &spec.Match{Path: &spec.PathMatch{Value: "/admin"}}, Enforcement: new(spec.EnforcementBlock)},
			},
		}), "b", spec.PolicySpec{Hosts: []string{host}, Enforcement: new(spec.EnforcementEnforce), Rules: []spec.Rule{at("b", spec.PathPrefix, "/b")}}))
	tests := []struct {
		name, path string
		want       []string
	}{
		{"no rule matches: those of the policies", "/c", []string{"enforcement Enforce of policy b", "upstreamHeaders Override of "}},
		{"an ambiguous path: those of the rules too", "/a;b", []string{"enforcement Block of rule admin of policy a", "upstreamHeaders Override of "}},
		{"a rule was chosen", "/plain", []string{"enforcement Shadow of ", "upstreamHeaders Merge of "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := get(test.path)
			d := e.Explain(&r.Request)
			var got []string
			for _, s := range d.Settings {
				if s.Name == "enforcement" || s.Name == "upstreamHeaders" {
					got = append(got, fmt.Sprintf("%s %s of %s", s.Name, s.Value, s.Of))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMissing asks what a refused preflight lacks.
func TestMissing(t *testing.T) {
	e := compiled(t, one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{AllowOrigins: []string{shop}, AllowHeaders: []string{"X-A", "*"}}}))
	put := preflight("PUT", "/")
	tests := []struct {
		name    string
		request request
		want    []string
	}{
		{"a method", put, []string{"PUT"}},
		{"a method in another case", preflight("get", "/"), []string{"get"}},
		{"a forbidden method", preflight("TRACE", "/"), []string{"TRACE"}},
		{"headers, each once", preflight("GET", "/").headers("cookie, x-a", "Authorization,cookie"), []string{"cookie", "Authorization"}},
		{"one header", preflight("GET", "/").headers("x-b,cookie"), []string{"cookie"}},
		{"nothing where all is granted", preflight("GET", "/").headers("x-b"), nil},
		{"nothing for an origin", put.from(evil), nil},
		{"nothing of a malformed list", preflight("GET", "/").headers("a b"), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := e.Explain(&test.request.Request)
			if got := d.Missing; !slices.Equal(got, test.want) {
				t.Errorf("%s: %q, want %q", d.Reason, got, test.want)
			}
		})
	}
}

// TestExpiry compiles sets for several moments: one grants nothing from the day
// on that it names.
// TestNearestOrigin: the explanation of a refused origin names the entry that nearly matches it.
func TestNearestOrigin(t *testing.T) {
	cfg := withSet(withSet(one("shop", spec.PolicySpec{Hosts: []string{"{t}.shop.example"}, CORS: &spec.CORS{
		AllowOrigins:    []string{"https://www.shop.example", "https://*.apps.example", "https://dev.example:8443", "https://{t}.app.example"},
		AllowOriginSets: []string{"partners", "former"},
	}}), "partners", spec.OriginSetSpec{Origins: []string{"https://partner.example"}}),
		"former", spec.OriginSetSpec{Origins: []string{"https://former.example"}, Expires: new("2027-01-10")})
	e, _, err := policy.Compile(cfg, policy.At(day(10)))
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"http://www.shop.example":   "https://www.shop.example: another scheme",
		"https://shop.example":      "https://www.shop.example: www. more or less",
		"https://www.shop.example.": "https://www.shop.example: a final dot more or less",
		"https://apps.example":      "https://*.apps.example: the name itself is not below it",
		"https://a.apps.example:1":  "https://*.apps.example: another port",
		"https://dev.example":       "https://dev.example:8443: another port",
		"http://a.app.example":      "https://{t}.app.example: another scheme",
		"http://b.app.example":      ": ",
		"http://partner.example":    "https://partner.example of set partners: another scheme",
		"https://former.example":    "set former: it has expired",
		"https://other.example":     ": ",
		"https://www.shop.example":  ": ",
		"null":                      ": ",
	} {
		r := ask("GET", "/").at("a.shop.example").from(from)
		d := e.Explain(&r.Request)
		if d.Nearest+": "+d.Difference != want {
			t.Errorf("%s: %s: %s; want %s", from, d.Nearest, d.Difference, want)
		}
	}
}

func TestExpiry(t *testing.T) {
	cfg := forHost(spec.CORS{AllowOriginSets: []string{"a", "b", "c"}})
	cfg = withSet(cfg, "a", spec.OriginSetSpec{Origins: []string{"https://a.example"}, Expires: new("2027-01-20")})
	cfg = withSet(cfg, "b", spec.OriginSetSpec{Origins: []string{"https://b.example"}, Expires: new("2027-01-10")})
	cfg = withSet(cfg, "c", spec.OriginSetSpec{Origins: []string{"https://c.example"}})
	tests := []struct {
		name    string
		opts    []policy.Option
		granted string
		next    time.Time
	}{
		{"without a date none has expired", nil, "abc", time.Time{}},
		{"before all dates", []policy.Option{policy.At(day(1))}, "abc", day(10)},
		{"a moment before the first", []policy.Option{policy.At(day(10).Add(-1))}, "abc", day(10)},
		{"on the first date", []policy.Option{policy.At(day(10))}, "ac", day(20)},
		{"on that date by UTC, whatever the zone is", []policy.Option{policy.At(day(10).Add(-time.Hour).In(time.FixedZone("", 7200)))}, "abc", day(10)},
		{"on the last date", []policy.Option{policy.At(day(20))}, "c", time.Time{}},
		{"the last option counts", []policy.Option{policy.At(day(20)), policy.At(day(10))}, "ac", day(20)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := compiled(t, cfg, test.opts...)
			got := ""
			for _, name := range []string{"a", "b", "c"} {
				r := get("/").from("https://" + name + ".example")
				if d := e.Decide(&r.Request); d.Reason == policy.ReasonAllowed {
					got += name
				}
			}
			if got != test.granted || !e.NextExpiry().Equal(test.next) {
				t.Errorf("granted %s, next expiry %v; want %s, %v", got, e.NextExpiry(), test.granted, test.next)
			}
		})
	}
}

// TestExpire lets sets of a live engine expire, where the documents are no longer
// to be had.
func TestExpire(t *testing.T) {
	cfg := withSet(forHost(spec.CORS{AllowOriginSets: []string{"a"}}), "a",
		spec.OriginSetSpec{Origins: []string{"https://a.example"}, Expires: new("2027-01-10")})
	e := compiled(t, cfg, policy.At(day(1)))
	r := get("/").from("https://a.example")
	for _, test := range []struct {
		at   time.Time
		want policy.Reason
	}{
		{day(1), policy.ReasonAllowed},
		{day(10).Add(-1), policy.ReasonAllowed},
		{day(10), policy.ReasonOriginNotAllowed},
		{day(1), policy.ReasonOriginNotAllowed}, // what has expired stays so
	} {
		if e.Expire(test.at); e.Decide(&r.Request).Reason != test.want {
			t.Errorf("at %s: %s, want %s", test.at, e.Decide(&r.Request).Reason, test.want)
		}
	}
	if next := e.NextExpiry(); !next.IsZero() {
		t.Errorf("the next expiry is %s after the last", next)
	}
}

// TestUses finds the policies that use a feature.
func TestUses(t *testing.T) {
	enforce := &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)}
	specs := map[string]spec.PolicySpec{
		"plain":    {CORS: allowing(shop)},
		"block":    {CORS: allowing(shop), Enforcement: new(spec.EnforcementBlock)},
		"socket":   {WebSocket: enforce},
		"preserve": {CORS: allowing(shop), Rules: []spec.Rule{{Match: prefix("/a"), UpstreamHeaders: new(spec.UpstreamPreserve)}}},
		"merge":    {CORS: allowing(shop), UpstreamHeaders: new(spec.UpstreamMerge)},
		"expand":   {CORS: &spec.CORS{AllowOrigins: []string{shop}, ExposeHeaders: []string{"*"}, AllowCredentials: new(true), ExpandExposeHeaders: new(true)}},
		"nothing":  {CORS: &spec.CORS{AllowOrigins: []string{shop}, ExposeHeaders: []string{"*"}, ExpandExposeHeaders: new(true)}},
		"forward":  {CORS: allowing(shop), Preflight: &spec.Preflight{Mode: new(spec.PreflightForward)}},
	}
	cfg := spec.Config{}
	for name, doc := range specs {
		doc.Hosts = []string{name + ".example"}
		cfg = with(cfg, name, doc)
	}
	e := compiled(t, cfg)
	for feature, want := range map[policy.Feature]string{
		policy.FeatureBlock: "block", policy.FeatureWebSocketCheck: "socket", policy.FeaturePreserve: "preserve", policy.FeatureMerge: "merge",
		policy.FeatureExpandExposeHeaders: "expand", policy.FeatureForward: "forward",
	} {
		if got := e.Uses(feature); !slices.Equal(got, []string{want}) {
			t.Errorf("%s is used by %q, want %s", feature, got, want)
		}
	}
	if got := e.Uses("nothing"); got != nil {
		t.Errorf("a feature that is none is used by %q", got)
	}
}

// TestLate decides for requests that have gone upstream already: what was to be
// answered is refused, or granted, in the response.
func TestLate(t *testing.T) {
	doc := wholeShop()
	doc.Enforcement = new(spec.EnforcementBlock)
	doc.WebSocket = &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)}
	doc.CORS.ExposeHeaders = nil
	e := compiled(t, one("shop", doc))
	tests := []struct {
		name    string
		request request
		action  policy.Action
		lines   []string
	}{
		{"a blocked request loses upstream's headers", get("/").from(evil), policy.ActionContinue, []string{varyOrigin}},
		{"a granted one is as ever", get("/"), policy.ActionContinue, []string{acao + shop, acac, varyOrigin}},
		{"a refused WebSocket passes", webSocket("/").from(evil), policy.ActionPass, theirs},
		{"a refused preflight loses upstream's headers", preflight("PUT", "/").from(evil), policy.ActionContinue, []string{varyPreflight}},
		{"a granted preflight is granted", preflight("PUT", "/"), policy.ActionContinue, []string{
			acao + shop, acac, acam + "PUT, DELETE, patch, GET", acah + "Content-Type, X-Trace", acma + "600", varyPreflight,
		}},
		{"an unmatched host is untouched", get("/").at("other.example"), policy.ActionPass, theirs},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := test.request.answered(200, theirs...)
			late := e.Decide(&r.Request).Late()
			var a policy.Response
			late.Respond(&a)
			if late.Action() != test.action || a.Status != 0 || len(a.Set)+len(a.Remove) > 0 {
				t.Errorf("action %s writes %+v", late.Action(), a)
			}
			late.Edit(&a, r.status, r.upstream)
			x := exchange{decision: late, lines: applied(&a, r.upstream)}
			if diff := cmp.Diff(sorted(test.lines), x.headers()); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNeedsResponsePhase asks what a route may do by itself.
func TestNeedsResponsePhase(t *testing.T) {
	doc := wholeShop()
	doc.Rules = []spec.Rule{
		{Match: prefix("/public"), CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowCredentials: new(false)}},
		{Match: prefix("/none"), CORS: allowing()},
		{Match: prefix("/expanded"), CORS: &spec.CORS{ExposeHeaders: []string{"*"}, ExpandExposeHeaders: new(true)}},
		{Match: prefix("/forwarded"), Preflight: &spec.Preflight{Mode: new(spec.PreflightForward)}},
	}
	e := compiled(t, one("shop", doc))
	routes := []policy.Static{{}, {Strip: true}, {Vary: true}, {Strip: true, Vary: true}, {Strip: true, Vary: true, Set: true}, {Vary: true, Set: true}}
	tests := []struct {
		name    string
		request request
		want    [6]bool // for each of routes
	}{
		{"a granted request needs it unless the route does all", get("/"), [6]bool{true, true, true, true, false, true}},
		{"a refused one needs what the route does not do", get("/").from(evil), [6]bool{true, true, true, false, false, true}},
		{"so does one without Origin", ask("GET", "/"), [6]bool{true, true, true, false, false, true}},
		{"a public one needs it unless the route does all", get("/public"), [6]bool{true, true, true, true, false, true}},
		{"also without Origin", ask("GET", "/public"), [6]bool{true, true, true, true, false, true}},
		{"names that are the response's own are not known ahead", get("/expanded"), [6]bool{true, true, true, true, true, true}},
		{"a preflight that is answered never does", preflight("PUT", "/"), [6]bool{}},
		{"one that is forwarded has more headers than a route sets", preflight("PUT", "/forwarded"), [6]bool{true, true, true, true, true, true}},
		{"nor what is passed through", get("/").at("other.example"), [6]bool{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := e.Decide(&test.request.Request)
			for i, route := range routes {
				if got := d.NeedsResponse(route); got != test.want[i] {
					t.Errorf("%+v: %t", route, got)
				}
			}
		})
	}
}

func TestAddHeader(t *testing.T) {
	var r policy.Request
	for _, line := range []string{
		"ORIGIN: a", "origin: b", "Upgrade: c", "Sec-Fetch-Site: d", "access-control-request-method: e", "Access-Control-Request-Headers: f",
		"access-control-request-headers: ", "Access-Control-Request-Private-Network: g", "origins: x", "orig\u0131n: x", "upgrad\u0117: x", "vary: x",
		"access-control-request-methodX: x", ": x",
	} {
		name, value, _ := strings.Cut(line, ": ")
		r.AddHeader(name, value)
	}
	want := policy.Request{
		Origin: []string{"a", "b"}, Upgrade: []string{"c"}, FetchSite: []string{"d"}, RequestMethod: []string{"e"}, RequestHeaders: []string{"f", ""},
		RequestPrivateNetwork: []string{"g"},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSeconds(t *testing.T) {
	tests := []struct {
		text string
		want spec.Seconds
		err  string
	}{
		{`600`, 600, ""},
		{`0`, 0, ""},
		{`-1`, -1, ""},
		{`"10m"`, 600, ""},
		{`"1h30m"`, 5400, ""},
		{`"0s"`, 0, ""},
		{`"500ms"`, 0, `"500ms": not a whole number of seconds: 1`},
		{`"600"`, 0, `"600": a number of seconds is written without quotes: 600`},
		{`"ten"`, 0, `"ten": not a duration: write seconds (600) or a duration ("10m")`},
		{`""`, 0, `"": not a duration: write seconds (600) or a duration ("10m")`},
		{`1.5`, 0, "json: cannot unmarshal number 1.5 into Go value of type int64"},
		{`true`, 0, "json: cannot unmarshal bool into Go value of type int64"},
		{`99999999999999999999`, 0, "json: cannot unmarshal number 99999999999999999999 into Go value of type int64"},
	}
	for _, test := range tests {
		var got spec.Seconds
		err := json.Unmarshal([]byte(test.text), &got)
		if (err == nil) != (test.err == "") || err != nil && err.Error() != test.err || got != test.want {
			t.Errorf("%s: %d, %v; want %d, %s", test.text, got, err, test.want, test.err)
		}
	}
}

// TestFaultsAreOneError reads the error of Compile as a person does.
func TestFaultsAreOneError(t *testing.T) {
	_, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: "shop", Spec: spec.PolicySpec{CORS: allowing("null")}}}})
	want := `CORSPolicy[0] spec.cors.allowOrigins[0]: "null" is not the name of an origin (origin_invalid); hint: allowNullOrigin: true
CORSPolicy[0] spec.hosts: names no host (missing_field); hint: hosts: [api.shop.example], or ["*"] for every host`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant:\n%s", err, want)
	}
	if got := (spec.Diagnostic{Code: spec.CodeNoPolicies, Message: "m"}).String(); got != "m (no_policies)" {
		t.Errorf("without a place: %q", got)
	}
}
