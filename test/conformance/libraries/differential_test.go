// Package libraries_test compares the engine with rs/cors and jub0bs/cors on random policies and requests. Each
// difference needs an explanation that cites the standard.
package libraries_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	jub0bs "github.com/jub0bs/cors"
	rs "github.com/rs/cors"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
	"github.com/corsd/corsd/test/conformance/fetch"
)

const (
	host = "api.shop.example"
	shop = "https://www.shop.example"
	evil = "https://evil.example"
)

// shared is a policy that this engine, rs/cors and jub0bs/cors can all express.
type shared struct {
	origins, methods, headers, expose []string
	credentials                       bool
	maxAge                            int // 0: unset, -1: 0
}

func drawShared(rng *rand.Rand) shared {
	pick := func(values []string, from, to int) []string {
		return shuffled(rng, values)[:from+rng.IntN(to-from+1)]
	}
	s := shared{
		origins:     pick([]string{shop, "https://*.x.example", "http://localhost:3000", "https://a.example:8443", "https://[2001:db8::1]"}, 1, 3),
		methods:     pick([]string{"PUT", "DELETE", "PATCH", "FOO", "GET"}, 0, 3),
		headers:     pick([]string{"X-A", "X-B", "Content-Type", "Authorization"}, 0, 3),
		expose:      pick([]string{"Etag", "X-E", "X-F"}, 0, 2),
		credentials: rng.IntN(2) == 0,
		maxAge:      []int{0, -1, 60}[rng.IntN(3)],
	}
	if !s.credentials && rng.IntN(3) == 0 {
		s.origins = []string{"*"}
	}
	if rng.IntN(5) == 0 {
		s.methods = []string{"*"}
	}
	if rng.IntN(5) == 0 {
		s.headers = []string{"*"}
	}
	return s
}

// ours is the engine as an HTTP handler, in front of an application that sets no headers.
func (s *shared) ours(t *testing.T) http.Handler {
	c := spec.CORS{AllowOrigins: s.origins, AllowMethods: s.methods, AllowHeaders: s.headers, ExposeHeaders: s.expose, AllowCredentials: &s.credentials}
	if s.maxAge != 0 {
		c.MaxAge = new(spec.Seconds(max(0, s.maxAge)))
	}
	doc := spec.PolicySpec{Hosts: []string{host}, CORS: &c}
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: "shop", Spec: doc}}})
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := policy.Request{Method: r.Method, Scheme: "https", Authority: host, Path: "/"}
		for name, values := range r.Header {
			for _, value := range values {
				in.AddHeader(strings.ToLower(name), value)
			}
		}
		decision, response, status := engine.Decide(&in), policy.Response{}, http.StatusOK
		if decision.Action() == policy.ActionRespond {
			decision.Respond(&response)
			status = response.Status
		} else {
			decision.Edit(&response, status, nil)
		}
		for _, f := range response.Set {
			w.Header().Add(f.Name, string(f.Value))
		}
		w.WriteHeader(status)
	})
}

func (s *shared) rs() http.Handler {
	methods := s.methods
	if slices.Contains(methods, "*") { // it has no wildcard for methods
		methods = append([]string{"GET", "HEAD", "POST"}, theirRequestMethods...)
	}
	headers := s.headers
	if len(headers) == 0 { // rs/cors would allow Accept, Content-Type and X-Requested-With
		headers = []string{"X-Never-Asked-For"}
	}
	return rs.New(rs.Options{
		AllowedOrigins: s.origins, AllowedMethods: methods, AllowedHeaders: headers, ExposedHeaders: s.expose,
		AllowCredentials: s.credentials, MaxAge: s.maxAge,
	}).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

func (s *shared) jub0bs(t *testing.T) http.Handler {
	m, err := jub0bs.NewMiddleware(jub0bs.Config{
		Origins: s.origins, Credentialed: s.credentials, Methods: s.methods, RequestHeaders: s.headers, ResponseHeaders: s.expose, MaxAgeInSeconds: s.maxAge,
	})
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

var theirRequestMethods = []string{"PUT", "DELETE", "PATCH", "FOO", "OPTIONS", "put", "patch"}

// page is a script that wants to send a request.
type page struct {
	origin      string
	method      string
	headers     []string // that need a preflight, in lower case and sorted, as a browser has them
	credentials bool
}

func drawPage(rng *rand.Rand, s *shared) page {
	pages := []string{
		shop, "https://a.x.example", "https://b.a.x.example", "https://x.example", "http://localhost:3000", "https://a.example:8443", "https://a.example",
		"https://[2001:db8::1]", "null", evil, "http://www.shop.example", "https://evilx.example",
	}
	methods := append([]string{"GET", "HEAD", "POST"}, theirRequestMethods...)
	headers := shuffled(rng, []string{"x-a", "x-b", "x-c", "content-type", "authorization"})[:rng.IntN(4)]
	slices.Sort(headers)
	return page{pages[rng.IntN(len(pages))], methods[rng.IntN(len(methods))], headers, s.credentials}
}

func (p *page) preflight() *http.Request {
	r := httptest.NewRequest("OPTIONS", "https://"+host+"/", nil)
	r.Header.Set("Origin", p.origin)
	r.Header.Set("Access-Control-Request-Method", p.method)
	if len(p.headers) > 0 {
		r.Header.Set("Access-Control-Request-Headers", strings.Join(p.headers, ","))
	}
	return r
}

func (p *page) actual() *http.Request {
	r := httptest.NewRequest(p.method, "https://"+host+"/", nil)
	r.Header.Set("Origin", p.origin)
	return r
}

// asks is the request as package fetch, the browser's side, has it.
func (p *page) asks() fetch.Request {
	credentials := "omit"
	if p.credentials {
		credentials = "include"
	}
	return fetch.Request{Origin: p.origin, Method: p.method, Mode: "cors", Credentials: credentials}
}

func answered(w *httptest.ResponseRecorder) fetch.Response {
	response := fetch.Response{Status: w.Code}
	for name, values := range w.Header() {
		for _, value := range values {
			response.Headers = append(response.Headers, fetch.Header{Name: strings.ToLower(name), Value: value})
		}
	}
	return response
}

// aspects returns the properties of an answer that a page or a cache can see.
func (p *page) aspects(preflight bool, h http.Handler) map[string]string {
	r := p.actual()
	if preflight {
		r = p.preflight()
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	list := map[string]string{"may read": strconv.FormatBool(p.asks().MayRead(answered(w)))}
	if preflight {
		list = map[string]string{"may send": strconv.FormatBool(p.asks().MaySend(p.headers, answered(w))), "status": strconv.Itoa(w.Code)}
	}
	for name, values := range w.Header() {
		elements := listed(strings.ToLower(strings.Join(values, ",")))
		slices.Sort(elements)
		list[name] = strings.Join(elements, ", ")
	}
	return list
}

// compared is one difference.
type compared struct {
	library      string
	policy       shared
	page         page
	preflight    bool
	aspect       string
	ours, theirs string
	granted      bool // by us
	grantedThere bool
}

// difference is why two implementations answer differently. The first one that
// applies explains.
type difference struct {
	library string // "" for both
	aspects string // "" for all
	why     string
	applies func(c compared) bool
}

// differences explains every difference that may be. Steps without a name are
// those of "CORS-preflight fetch" in the Fetch standard, https://fetch.spec.whatwg.org.
func differences() []difference {
	const lists = "Access-Control-Allow-Methods Access-Control-Allow-Headers"
	public := func(c compared) bool { return slices.Equal(c.policy.origins, []string{"*"}) }
	asks := func(c compared, header string) bool { return c.preflight && slices.Contains(c.page.headers, header) }
	bothGrant := func(c compared) bool { return c.preflight && c.granted && c.grantedThere }
	return []difference{
		{
			"rs", "may send", "7.5: a CORS-safelisted method passes, listed or not; rs/cors passes it only where it is listed",
			func(c compared) bool {
				return c.granted && isSafelisted(c.page.method) && !slices.Contains(c.policy.methods, c.page.method)
			},
		},
		{
			"rs", "may send", "7.5: OPTIONS is a method like others; rs/cors passes it always",
			func(c compared) bool { return c.grantedThere && c.page.method == "OPTIONS" },
		},
		{
			"", "may send", "7.6: Authorization is a CORS non-wildcard request-header name; rs/cors reflects it, jub0bs/cors means it by * with credentials",
			func(c compared) bool {
				return c.grantedThere && asks(c, "authorization") && slices.Contains(c.policy.headers, "*") && (c.library == "rs" || c.page.credentials)
			},
		},
		{
			"jub0bs", "may send", "main fetch: a request that needs no list may be preceded by a preflight (upload listeners); jub0bs/cors without lists refuses all",
			func(c compared) bool {
				return c.granted && isSafelisted(c.page.method) && len(c.page.headers)+len(c.policy.headers)+len(c.policy.methods) == 0
			},
		},
		{
			"rs", "may read", "CORS check: the method of an actual request is not judged; rs/cors judges it",
			func(c compared) bool { return c.granted && !slices.Contains(c.policy.methods, c.page.method) },
		},
		{
			"rs", "", "as above: where one refuses, the headers are absent there",
			func(c compared) bool { return !strings.HasPrefix(c.aspect, "may ") && c.granted != c.grantedThere },
		},
		{
			"jub0bs", "", "as above: where one refuses, the headers are absent there",
			func(c compared) bool {
				return !strings.HasPrefix(c.aspect, "may ") && c.preflight && c.granted != c.grantedThere
			},
		},
		{
			"", "status", "7: a refusal may have any status; ours is denyStatus where the page is told nothing",
			func(c compared) bool { return c.preflight && !c.granted && !c.grantedThere },
		},
		{
			"jub0bs", "", "7.6: * does not cover Authorization; jub0bs/cors leaves it to the browser to see that, ours refuses",
			func(c compared) bool {
				return !c.granted && !c.grantedThere && asks(c, "authorization") && slices.Contains(c.policy.headers, "*") && !c.page.credentials
			},
		},
		{
			"", lists + " Access-Control-Allow-Origin Access-Control-Allow-Credentials",
			"7: a refusal may say what is allowed, so that the console names what is missing; theirs says nothing",
			func(c compared) bool { return c.preflight && !c.granted && !c.grantedThere && c.theirs == "" },
		},
		{
			"", lists, "7.5 and 7.6: a list may name more than what is asked for; theirs names what is asked for",
			func(c compared) bool { return bothGrant(c) && isPart(c.theirs, c.ours) },
		},
		{
			"jub0bs", lists, "7.5 and 7.6: without credentials * means all; ours names what is asked for",
			func(c compared) bool { return bothGrant(c) && !c.page.credentials && strings.HasPrefix(c.theirs, "*") },
		},
		{
			"rs", "Access-Control-Allow-Methods", "7.5: a safelisted method needs no list; rs/cors names it all the same",
			func(c compared) bool {
				return bothGrant(c) && c.theirs == strings.ToLower(c.page.method) && isSafelisted(c.page.method)
			},
		},
		{
			"", "Access-Control-Expose-Headers", "browsers read no exposed headers off a preflight; the conformance tests of the Gateway API do",
			func(c compared) bool { return bothGrant(c) && c.theirs == "" },
		},
		{
			"rs", "Vary", "CORS protocol and HTTP caches: what is * for everyone does not depend on the origin; rs/cors always says so",
			func(c compared) bool { return public(c) && isPart(c.ours, c.theirs) },
		},
		{
			"jub0bs", "Vary", "RFC 9110, 9.3.7: no cache keeps an answer to OPTIONS; ours says what it depends on for those that do",
			func(c compared) bool { return c.theirs == "" && (c.preflight || c.page.method == "OPTIONS") },
		},
	}
}

// listed returns the elements of a comma-separated list, without spaces and empty elements.
func listed(list string) []string {
	var elements []string
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.Trim(element, " \t"); element != "" {
			elements = append(elements, element)
		}
	}
	return elements
}

func shuffled[T any](rng *rand.Rand, list []T) []T {
	list = slices.Clone(list)
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

func isSafelisted(method string) bool {
	return slices.Contains([]string{"GET", "HEAD", "POST"}, method)
}

// isPart reports whether every element of a list is in another.
func isPart(list, of string) bool {
	whole := listed(of)
	return !slices.ContainsFunc(listed(list), func(e string) bool { return !slices.Contains(whole, e) })
}

// TestAgainstOtherLibraries asks this engine, rs/cors and jub0bs/cors the same.
func TestAgainstOtherLibraries(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	explanations := differences()
	used := make([]int, len(explanations))
	unexplained := 0
	for range 1500 {
		s := drawShared(rng)
		ours, theirs := s.ours(t), map[string]http.Handler{"rs": s.rs(), "jub0bs": s.jub0bs(t)}
		for range 10 {
			p := drawPage(rng, &s)
			for _, preflight := range []bool{true, false} {
				for library, h := range theirs {
					for _, c := range compare(library, s, p, preflight, ours, h) {
						if i := slices.IndexFunc(explanations, func(d difference) bool { return d.explains(c) }); i >= 0 {
							used[i]++
						} else if unexplained++; unexplained < 10 {
							t.Errorf("unexplained: %s", c)
						}
					}
				}
			}
		}
	}
	for i, n := range used {
		if n == 0 {
			t.Errorf("nothing is explained by: %s %s: %s", explanations[i].library, explanations[i].aspects, explanations[i].why)
		}
	}
}

func (d *difference) explains(c compared) bool {
	return (d.library == "" || d.library == c.library) && (d.aspects == "" || strings.Contains(d.aspects, c.aspect)) && d.applies(c)
}

func (c compared) String() string {
	return fmt.Sprintf("%s preflight=%t %s: ours %q, theirs %q (granted: ours %t, theirs %t)\npolicy %+v\npage %+v", c.library, c.preflight, c.aspect, c.ours, c.theirs, c.granted, c.grantedThere, c.policy, c.page)
}

func compare(library string, s shared, p page, preflight bool, ours, theirs http.Handler) []compared {
	a, b := p.aspects(preflight, ours), p.aspects(preflight, theirs)
	var list []compared
	for aspect := range merged(a, b) {
		if a[aspect] != b[aspect] {
			list = append(list, compared{
				library, s, p, preflight, aspect, a[aspect], b[aspect],
				a["may send"]+a["may read"] == "true", b["may send"]+b["may read"] == "true",
			})
		}
	}
	return list
}

func merged(a, b map[string]string) map[string]bool {
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}
