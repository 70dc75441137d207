package page_test

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/test/conformance/fetch"
	"github.com/corsd/corsd/test/harness/browser"
	"github.com/corsd/corsd/test/harness/mesh"
)

var (
	seed    = flag.Uint64("seed", 0, "what the randomised run is made from; 0 takes the clock")
	fetches = flag.Int("fetches", 1600, "requests of TestRandom in Chromium and the request-response profile; a quarter of it elsewhere, a fifth in TestRevalidatedForAnotherPage")
)

// maxHosts bounds the policies of a run, with a host each: a profile of Chromium, which
// makes up to three connections to a host, has no more than 256. More requests are more to
// each; other policies are those of another seed.
const maxHosts = 80

//go:embed testdata/batch.js
var batchJS string

// randomRun is a randomised run: many policies, the answers of an application, and the requests of
// pages.
type randomRun struct {
	seed     uint64
	profile  *profile
	policies []governed
	asked    []asked
	engine   *policy.Engine
}

// What pages can read must be what the engine's decisions promise, whatever the
// policy, the application and the request are.
func TestRandom(t *testing.T) {
	s := chosenSeed()
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			inEach(t, func(t *testing.T, b browser.Browser) {
				n := *fetches
				if p != requestResponse || b.Kind() != browser.Chromium {
					n /= 4
				}
				newRandomRun(t, s, p, n).check(t, p, b)
			})
		})
	}
}

// chosenSeed is the seed of the flag, or one of the clock.
func chosenSeed() uint64 {
	if *seed != 0 {
		return *seed
	}
	return uint64(time.Now().UnixNano())
}

func newRandomRun(t *testing.T, seed uint64, p *profile, n int) *randomRun {
	t.Helper()
	g := &generator{rand.New(rand.NewPCG(seed, 0)), p}
	r := &randomRun{seed: seed, profile: p}
	for i := range min(max(10, n/80), maxHosts) {
		r.policies = append(r.policies, g.policy(i))
	}
	for range n {
		r.asked = append(r.asked, g.request(r.policies))
	}
	report := reload.Parse("policies.yaml", []byte(r.text()))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	r.engine = report.Engine
	r.checkMixed(t)
	return r
}

// checkMixed: a run in which all is refused, or all is readable, would show little.
func (r *randomRun) checkMixed(t *testing.T) {
	t.Helper()
	outcomes := map[string]int{}
	for _, a := range r.asked {
		outcomes[r.promise(browser.Chromium, a).Outcome]++
	}
	byOrigin := strings.Count(r.text(), `"origins":[`)
	t.Logf("seed %d: %d requests, %v; %d policies, %d rules by origin", r.seed, len(r.asked), outcomes, len(r.policies), byOrigin)
	if len(r.policies) >= 30 && byOrigin == 0 {
		t.Error("no rule depends on the origin")
	}
	for _, outcome := range []string{fetch.Readable, fetch.Refused, fetch.Opaque} {
		if len(r.asked) >= 500 && outcomes[outcome] < len(r.asked)/50 {
			t.Errorf("%d of %d requests are %s", outcomes[outcome], len(r.asked), outcome)
		}
	}
}

func (r *randomRun) text() string {
	var documents []string
	for _, p := range r.policies {
		documents = append(documents, p.document)
	}
	return strings.Join(documents, "\n---\n")
}

// check asks, and asks once more about what is not as promised, if Envoy did not wait
// for corsd in the meantime.
func (r *randomRun) check(t *testing.T, p *profile, b browser.Browser) {
	m := startVaried(t, p, r.text(), http.HandlerFunc(r.serve))
	left, before := r.asked, 0
	for range 3 {
		got := r.run(t, b, left)
		var wrong []asked
		var differences []string
		for i, a := range left {
			if diff := cmp.Diff(r.promise(b.Kind(), a), got[i]); diff != "" {
				wrong = append(wrong, a)
				differences = append(differences, r.report(a, diff))
			}
		}
		if len(wrong) == 0 {
			return
		}
		waited := timeouts(t, m)
		if waited == before {
			t.Errorf("%d of %d are not as promised; once more: go test -C test ./browser -run '%s' -seed %d -fetches %d\n%s",
				len(wrong), len(r.asked), t.Name(), r.seed, *fetches, strings.Join(differences[:min(3, len(differences))], "\n"))
			return
		}
		t.Logf("Envoy did not wait for corsd: the machine is busy; once more for %d", len(wrong))
		left, before = wrong, waited
	}
	t.Error("Envoy never waits for corsd: the machine is too busy")
}

func timeouts(t *testing.T, m *mesh.Mesh) (n int) {
	t.Helper()
	stats, err := m.Envoy.Stats(t.Context(), `message_timeouts$|cluster\.corsd\.upstream_rq_timeout$`)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range stats {
		n += v
	}
	return n
}

// startVaried runs the profile with policies and an application.
func startVaried(t *testing.T, p *profile, policies string, application http.Handler) *mesh.Mesh {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policies.yaml")
	if err := os.WriteFile(file, []byte(policies), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := mesh.Start(t.Context(), mesh.Options{
		Envoy: binary, Config: shipped(t, p, http2, filepath.Join("testdata", "random.yaml")), Corsd: corsd, Policy: file,
		Module:    p.library(t),
		Addresses: map[string]string{"127.0.0.1:8082": serve(t, application)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	})
	lead(http2, m.Envoy.Address)
	for _, o := range origins {
		if scheme, host, ok := strings.Cut(o, "://"); ok {
			leadPage(scheme, host)
		}
	}
	return m
}

// upstream returns the application's answer, which the query selects.
func (r *randomRun) upstream(host string, query url.Values) (answer fetch.Response, body string) {
	n, err := strconv.Atoi(query.Get("answer"))
	p := r.governing(host)
	if err != nil || n >= len(p.answers) {
		return fetch.Response{Status: http.StatusTeapot}, "no such answer"
	}
	answer, body = p.answers[n], fmt.Sprintf("answer %d of %s", n, host)
	if status, err := strconv.Atoi(query.Get("status")); err == nil {
		answer = redirecting(answer, status, query.Get("to"))
	}
	if answer.Status == http.StatusNoContent {
		body = ""
	}
	return answer, body
}

// governing returns the policy of a host, or one without answers if there is none.
func (r *randomRun) governing(host string) (p governed) {
	if i := slices.IndexFunc(r.policies, func(p governed) bool { return p.host == host }); i >= 0 {
		p = r.policies[i]
	}
	return p
}

// redirecting makes a redirect of an answer, which no browser is to remember.
func redirecting(answer fetch.Response, status int, to string) fetch.Response {
	headers := slices.DeleteFunc(slices.Clone(answer.Headers), func(h fetch.Header) bool { return h.Name == "cache-control" })
	return fetch.Response{Status: status, Headers: append(headers, fetch.Header{Name: "location", Value: to}, fetch.Header{Name: "cache-control", Value: "no-store"})}
}

// serve is the application.
func (r *randomRun) serve(w http.ResponseWriter, request *http.Request) {
	answer, body := r.upstream(request.Host, request.URL.Query())
	for _, h := range answer.Headers {
		w.Header().Add(h.Name, h.Value)
	}
	w.WriteHeader(answer.Status)
	fmt.Fprint(w, body)
}

// run sends the requests of each origin from a page of that origin.
func (r *randomRun) run(t *testing.T, b browser.Browser, all []asked) []seen {
	t.Helper()
	got := make([]seen, len(all))
	for _, origin := range origins {
		var asks []ask
		var places []int
		for i, a := range all {
			if a.Origin == origin {
				asks, places = append(asks, a.ask), append(places, i)
			}
		}
		if len(asks) == 0 {
			continue
		}
		batch := map[string]any{"asks": asks, "atOnce": 8, "sandboxed": origin == "null"}
		if origin == "null" {
			origin = "https://" + www // in a sandboxed frame of that
		}
		for i, s := range answers(t, b, origin, batch) {
			got[places[i]] = subject(s)
		}
	}
	return got
}

// answers sends the requests of a page, in a new profile. With one profile for all, Chromium would reach
// its limit of 256 connections. It would then close idle connections, and with them some that it has
// just opened for a request, which fails with ERR_SOCKET_NOT_CONNECTED.
func answers(t *testing.T, b browser.Browser, origin string, batch any) (results []seen) {
	t.Helper()
	p, end := openProfile(t, b)
	defer end()
	if err := browser.Call(t.Context(), tab(t, p, origin), batchJS, batch, &results); err != nil {
		t.Fatal(err)
	}
	return results
}

// subject returns the part of a seen response that comes from the application and corsd. It removes the
// headers that Envoy adds by itself, and Vary, to which virtual hosts add.
func subject(s seen) seen {
	s.Headers = slices.DeleteFunc(s.Headers, func(h [2]string) bool {
		return slices.Contains([]string{"date", "server", "vary", "content-length", "x-firefox-spdy"}, h[0]) || strings.HasPrefix(h[0], "x-envoy-")
	})
	slices.SortFunc(s.Headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	if len(s.Headers) == 0 {
		s.Headers = nil
	}
	return s
}

// promise returns the response that the page should see: the browser's side of Fetch, with the engine's
// decision of each request that is sent.
func (r *randomRun) promise(k browser.Kind, a asked) seen {
	request := fetch.Request{
		Origin: a.Origin, URL: a.URL, Method: a.Method, Mode: a.Mode, Credentials: a.Credentials,
		AnyIsAuthorization: true, Firefox: k == browser.Firefox,
	}
	for _, name := range slices.Sorted(maps.Keys(a.Headers)) {
		request.Headers = append(request.Headers, fetch.Header{Name: name, Value: a.Headers[name]})
	}
	var last string // body
	result := fetch.Do(request, func(s fetch.Sent) (response fetch.Response) {
		response, last = r.decided(s)
		return response
	})
	want := seen{Outcome: result.Outcome, URL: result.URL, Status: result.Status}
	if result.Outcome == fetch.Readable {
		want.Headers = joined(result.Headers)
		if a.Method != http.MethodHead {
			want.Body = last
		}
	}
	return subject(want)
}

// joined returns the lines of each header as one, as a page sees them.
func joined(headers []fetch.Header) [][2]string {
	values := map[string][]string{}
	for _, h := range headers {
		values[h.Name] = append(values[h.Name], h.Value)
	}
	var all [][2]string
	for name, v := range values {
		all = append(all, [2]string{name, strings.Join(v, ",")}) // as Envoy joins CORS headers
	}
	return all
}

// decided is the response to one request: the application's with what the engine
// does to it, or the engine's in its place.
func (r *randomRun) decided(s fetch.Sent) (response fetch.Response, body string) {
	to, err := url.Parse(s.URL)
	if err != nil {
		panic(err) // generated
	}
	upstream, body := r.upstream(to.Host, to.Query())
	request := policy.Request{Method: s.Method, Scheme: "https", Authority: to.Host, Path: to.RequestURI()}
	for _, h := range s.Headers {
		request.AddHeader(h.Name, h.Value)
	}
	if len(request.Origin) == 0 {
		return upstream, body // nobody asks corsd
	}
	var fields []policy.Field
	for _, h := range upstream.Headers {
		fields = append(fields, policy.Field{Name: h.Name, Value: []byte(h.Value)})
	}
	var change policy.Response
	d := r.engine.Decide(&request)
	d.Respond(&change)
	status := upstream.Status
	if r.profile == extAuthz {
		status = 0 // which corsd does not know there
	}
	d.Edit(&change, status, fields)
	responds := d.Action() == policy.ActionRespond
	if responds {
		body = ""
	}
	return changed(upstream, &change, responds), body
}

// changed carries out an answer of the engine's.
func changed(upstream fetch.Response, change *policy.Response, responds bool) fetch.Response {
	result := fetch.Response{Status: upstream.Status}
	replaced := slices.Clone(change.Remove)
	for _, f := range change.Set {
		replaced = append(replaced, f.Name)
	}
	if responds {
		result.Status = change.Status
	} else {
		for _, h := range upstream.Headers {
			if !slices.Contains(replaced, h.Name) {
				result.Headers = append(result.Headers, h)
			}
		}
	}
	for _, f := range change.Set {
		result.Headers = append(result.Headers, fetch.Header{Name: f.Name, Value: string(f.Value)})
	}
	return result
}

// report describes a request whose response is not as promised.
func (r *randomRun) report(a asked, diff string) string {
	text, err := json.Marshal(a)
	if err != nil {
		return err.Error()
	}
	said := fmt.Sprintf("request %s\n", text)
	for next := a.URL; next != ""; {
		u, err := url.Parse(next)
		if err != nil {
			panic(err) // generated
		}
		answer, _ := r.upstream(u.Host, u.Query())
		said += fmt.Sprintf("policy  %s\nanswer  %v\n", r.governing(u.Host).document, answer)
		next = u.Query().Get("to")
	}
	return said + "(-promised +seen):\n" + diff
}
