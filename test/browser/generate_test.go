package page_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/spec"
	"github.com/corsd/corsd/test/conformance/fetch"
)

// generator makes policies, applications and requests from a seed.
type generator struct {
	*rand.Rand
	profile *profile
}

// origins are those of the pages that ask. Each differs from an allowed one in what
// is easily got wrong: the port, the scheme, a suffix without its dot.
var origins = []string{
	"https://www.shop.example", "https://app1.shop.example", "https://a.b.shop.example",
	"https://www.shop.example:8443", "http://www.shop.example", "https://shop.example",
	"https://evilshop.example", "https://www.shop.example.evil.example", "https://wwwxshop.example",
	"https://t1.app.example", "https://t2.app.example", "null",
}

var (
	allowedOrigins = []string{
		"https://www.shop.example", "https://app1.shop.example", "https://*.shop.example", "https://*.shop.example:*",
		"https://www.shop.example:*", "https://www.shop.example:8443", "http://www.shop.example", "https://shop.example", "https://*",
		"https://t1.app.example", "https://*.app.example", "https://www.shop.example:443",
	}
	matchedOrigins = []string{
		"https://www.shop.example", "https://app1.shop.example", "https://*.shop.example", "https://*.app.example", "https://*",
	}
	allowedRegexes = []string{
		`https://(www|app1)\.shop\.example`, `https?://www\.shop\.example(:8443)?`, `https://[a-z.]+\.shop\.example`,
	}
	methods      = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"}
	askedMethods = append(slices.Clone(methods), "GET", "GET", "GET", "POST", "PUT", "DELETE", "put", "patch", "Delete", "Query")
	headerNames  = []string{"X-One", "x-two", "Content-Type", "Authorization", "X-Three"}
	exposedNames = []string{"X-One", "x-two", "ETag", "X-Three", "Set-Cookie2x"}
	paths        = []string{"/", "/a", "/a/b", "/ab", "/a/b/c", "/c"}
)

// oneIn is true once in n times.
func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

// some picks up to most different ones, in a random order.
func some(g *generator, most int, from []string) []string {
	list := make([]string, 0, most) // not nil: an empty list is a set field
	for _, i := range g.Perm(len(from))[:g.IntN(most+1)] {
		list = append(list, from[i])
	}
	return list
}

// kind is a kind of virtual host, by the policies for its hosts.
type kind struct {
	name         string
	enforcements []spec.Enforcement
	upstream     []spec.UpstreamHeaders
}

// kinds returns the kinds that the profile supports.
func (g *generator) kinds() []kind {
	enforce := []spec.Enforcement{spec.EnforcementEnforce, spec.EnforcementBlock}
	override := []spec.UpstreamHeaders{spec.UpstreamOverride}
	kinds := []kind{
		{"strips", enforce, override},
		{"strips", enforce, override},
		{"strips", enforce, override},
		{"bare", []spec.Enforcement{spec.EnforcementShadow, spec.EnforcementDisabled}, override},
	}
	if g.profile != extAuthz {
		kinds = append(kinds, kind{"varies", enforce, []spec.UpstreamHeaders{spec.UpstreamOverride, spec.UpstreamPreserve, spec.UpstreamMerge}})
	}
	return kinds
}

// governed is a generated policy, a host that it governs, and the answers of the application there.
// There are few answers, so that pages request one URL in many ways, and the browsers' caches have
// an effect.
type governed struct {
	document string
	host     string
	answers  []fetch.Response
}

// policy makes policies until one is not refused as dangerous, or for contradicting itself.
func (g *generator) policy(n int) governed {
	for {
		k := pick(g, g.kinds()...)
		p := governed{host: fmt.Sprintf("p%d.%s.example", n, k.name)}
		for range 2 {
			p.answers = append(p.answers, g.answer(k.name != "bare")) // whose Vary does not name Origin
		}
		doc := g.spec(k, p.host)
		if strings.HasPrefix(doc.Hosts[0], "{") {
			p.host = "t1." + p.host
		}
		text, err := json.Marshal(map[string]any{
			"apiVersion": "corsd.dev/v1alpha1", "kind": "CORSPolicy",
			"metadata": map[string]string{"name": fmt.Sprintf("p%d", n)}, "spec": doc,
		})
		if err != nil {
			panic(err) // of strings, numbers and lists
		}
		if p.document = string(text); reload.Parse("policy.json", text).Err() == nil {
			return p
		}
	}
}

func (g *generator) spec(k kind, host string) *spec.PolicySpec {
	tenant := g.oneIn(5)
	s := &spec.PolicySpec{
		Hosts: []string{host},
		DangerouslyAllow: []spec.Danger{
			spec.AnyOriginWithCredentials, spec.NullOriginWithCredentials, spec.PublicSuffixSubdomains, spec.InsecureOrigins, spec.UnboundedRegexes,
		},
		Enforcement: new(pick(g, k.enforcements...)), UpstreamHeaders: new(pick(g, k.upstream...)), Preflight: g.preflight(),
	}
	if tenant {
		s.Hosts[0] = "{tenant}." + host
	}
	if !g.oneIn(8) {
		s.CORS = g.cors(tenant)
	}
	for i := range g.IntN(5) {
		s.Rules = append(s.Rules, spec.Rule{Name: fmt.Sprintf("r%d", i), Match: g.match(), CORS: g.cors(tenant)})
		if r := &s.Rules[i]; g.oneIn(3) {
			r.Enforcement, r.UpstreamHeaders, r.Preflight = new(pick(g, k.enforcements...)), new(pick(g, k.upstream...)), g.preflight()
		}
	}
	return s
}

func (g *generator) match() *spec.Match {
	kind, value := pick(g, spec.PathPrefix, spec.PathPrefix, spec.PathExact, spec.PathRegularExpression), pick(g, paths...)
	if kind == spec.PathRegularExpression {
		value = pick(g, "/a/[bc]", "/[ac](/.*)?")
	}
	m := &spec.Match{Path: &spec.PathMatch{Type: &kind, Value: value}}
	if list := some(g, 3, methods); len(list) > 0 && g.oneIn(2) {
		m.Methods = list
	}
	if g.oneIn(3) {
		m.Origins = []string{pick(g, matchedOrigins...)}
	}
	return m
}

func (g *generator) preflight() *spec.Preflight {
	if g.oneIn(2) {
		return nil
	}
	return &spec.Preflight{
		Mode:          new(pick(g, spec.PreflightAnswer, spec.PreflightAnswer, spec.PreflightForward)),
		Detail:        new(pick(g, spec.DetailFull, spec.DetailMinimal)),
		SuccessStatus: new(pick(g, 200, 204)), DenyStatus: new(pick(g, 403, 404, 204)),
	}
}

func (g *generator) cors(tenant bool) *spec.CORS {
	c := &spec.CORS{AllowCredentials: new(!g.oneIn(3))}
	g.allowOrigins(c, tenant)
	c.AllowMethods = g.listOrAny(4, some(g, len(methods), methods))
	c.AllowHeaders = g.listOrAny(4, some(g, len(headerNames), append(slices.Clone(headerNames), "X-T*", "x-*")))
	c.ExposeHeaders = g.listOrAny(5, some(g, 3, exposedNames))
	if g.oneIn(2) {
		c.MaxAge = new(pick[spec.Seconds](g, 0, 1, 600))
	}
	if g.oneIn(6) {
		c.Presets = []spec.Preset{pick[spec.Preset](g, "grpc-web", "tus", "trace")}
	}
	return c
}

func (g *generator) allowOrigins(c *spec.CORS, tenant bool) {
	if g.oneIn(6) {
		c.AllowOrigins = []string{"*"}
		return
	}
	c.AllowOrigins = some(g, 4, allowedOrigins)
	if tenant {
		c.AllowOrigins = append(c.AllowOrigins, "https://{tenant}.app.example")
	}
	if g.oneIn(4) {
		c.AllowOriginRegexes = []string{pick(g, allowedRegexes...)}
	}
	c.AllowNullOrigin = new(g.oneIn(4))
}

func (g *generator) listOrAny(n int, list []string) []string {
	if g.oneIn(n) {
		return []string{"*"}
	}
	return list
}

// answer makes an answer of the application: a status and header lines.
func (g *generator) answer(mayBeKept bool) fetch.Response {
	r := fetch.Response{Status: pick(g, 200, 200, 200, 204, 201, 400, 401, 404, 500)}
	add := func(name, value string) { r.Headers = append(r.Headers, fetch.Header{Name: name, Value: value}) }
	add("content-type", "text/plain")
	for _, name := range []string{"x-one", "x-two", "x-three", "etag", "set-cookie"} {
		if !g.oneIn(3) {
			add(name, `"v=1"`)
		}
	}
	for range pick(g, 0, 0, 1, 1, 1, 2) {
		add("access-control-allow-origin", pick(g, "*", "https://www.shop.example", "https://evilshop.example", "null"))
	}
	if g.oneIn(2) {
		add("access-control-allow-credentials", pick(g, "true", "true", "false"))
	}
	if g.oneIn(2) {
		add("access-control-expose-headers", pick(g, "X-One", "*", "X-Two, ETag", "b@d, X-One"))
	}
	if g.oneIn(2) {
		add("access-control-allow-methods", pick(g, "PUT, PATCH", "*", "GET"))
		add("access-control-allow-headers", pick(g, "X-One, Content-Type", "*"))
		add("access-control-max-age", "600")
	}
	if g.oneIn(3) {
		add("vary", pick(g, "Accept-Encoding", "origin", "X-One, Accept"))
	}
	if mayBeKept && r.Status == 200 && g.oneIn(3) {
		add("cache-control", "max-age=600")
	}
	return r
}

// asked is a request of a page.
type asked struct {
	Origin string `json:"origin"`
	ask
}

// request makes a request to a host that one of the policies governs.
func (g *generator) request(policies []governed) asked {
	a := asked{Origin: pick(g, origins...)}
	if !g.oneIn(3) {
		a.Origin = pick(g, origins[:2]...) // which more policies allow
	}
	a.URL = g.url(policies, pick(g, policies...), 2)
	a.Method = pick(g, askedMethods...)
	a.Credentials = pick(g, "include", "same-origin", "omit")
	a.Mode = pick(g, "cors", "cors", "cors", "cors", "cors", "cors", "no-cors", "same-origin")
	a.Headers = map[string]string{}
	if g.oneIn(3) {
		for _, name := range some(g, 2, headerNames) {
			a.Headers[pick(g, name, strings.ToUpper(name))] = "1"
		}
	}
	if g.oneIn(4) {
		a.Headers["Accept"] = "text/plain"
	}
	if a.Method == "QUERY" || g.oneIn(4) { // without a type Envoy answers QUERY with a 400 before any filter is asked
		a.Headers["content-type"] = "text/plain"
	}
	return a
}

// url makes a URL of a host that a policy governs. Its query selects the application's answer. Some
// URLs redirect, at most this number of times, half of them to the host itself.
func (g *generator) url(policies []governed, p governed, redirects int) string {
	query := url.Values{"answer": {strconv.Itoa(g.IntN(len(p.answers)))}}
	if redirects > 0 && g.oneIn(5) {
		next := pick(g, p, pick(g, policies...))
		query.Set("status", pick(g, "301", "302", "303", "307", "308"))
		query.Set("to", g.url(policies, next, redirects-1))
	}
	return "https://" + p.host + pick(g, paths...) + "?" + query.Encode()
}
