package page_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/conformance/fetch"
	"github.com/corsd/corsd/test/harness/browser"
)

// What a page reads must be what a fresh response to that page allows, whatever another page has left in
// the HTTP cache. With rules by origin, pages have different terms for one URL, and a 304 replaces only
// the headers that it has.
func TestRevalidatedForAnotherPage(t *testing.T) {
	s := chosenSeed()
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			inEach(t, func(t *testing.T, b browser.Browser) {
				newSharedRun(s, p, *fetches/5).check(t, p, b)
			})
		})
	}
}

// sharedRun is a randomised run in which pages of one site read the same URLs in turn.
type sharedRun struct {
	seed  uint64
	hosts map[string]*sharedHost
	reads []sharedRead

	mu    sync.Mutex
	last  map[string]string // who has read a URL last
	mixed int               // 304 to one page for what is stored for another
}

// readsOfHost is how often the pages read of one host, one after the other.
const readsOfHost = 40

func newSharedRun(seed uint64, p *profile, n int) *sharedRun {
	g := &generator{rand.New(rand.NewPCG(seed, 1)), p}
	r := &sharedRun{seed: seed, hosts: map[string]*sharedHost{}, last: map[string]string{}}
	hosts := min(max(1, n/readsOfHost), maxHosts)
	for i := range hosts {
		h := g.sharedHost(i)
		r.hosts[h.name] = h
		page := siblings[0]
		for range n / hosts {
			if g.oneIn(2) {
				page = pick(g, siblings...)
			}
			r.reads = append(r.reads, g.sharedRead(h, page))
		}
	}
	return r
}

// check reads all, and all again if Envoy did not wait for corsd.
func (r *sharedRun) check(t *testing.T, p *profile, b browser.Browser) {
	m := startVaried(t, p, r.text(), http.HandlerFunc(r.serve))
	before := 0
	for range 3 {
		clear(r.last)
		r.mixed = 0
		got := r.run(t, b)
		t.Logf("seed %d: %d reads, %d times a 304 for what was stored for another page", r.seed, len(r.reads), r.mixed)
		if r.mixed < len(r.reads)/20 {
			t.Error("the cache is hardly used")
		}
		differences := r.differences(got)
		if len(differences) == 0 {
			return
		}
		waited := timeouts(t, m)
		if waited == before {
			const report = "%d of %d are not as promised; once more: go test -C test ./browser -run '%s' -seed %d -fetches %d\n%s"
			few := strings.Join(differences[:min(3, len(differences))], "\n")
			t.Errorf(report, len(differences), len(r.reads), t.Name(), r.seed, *fetches, few)
			return
		}
		t.Logf("Envoy did not wait for corsd: the machine is busy; once more, after %d differences", len(differences))
		before = waited
	}
	t.Error("Envoy never waits for corsd: the machine is too busy")
}

func (r *sharedRun) text() string {
	var documents []string
	for _, name := range slices.Sorted(maps.Keys(r.hosts)) {
		documents = append(documents, r.hosts[name].documents...)
	}
	return strings.Join(documents, "\n---\n")
}

// serve is the application. It answers with 304 if it can.
func (r *sharedRun) serve(w http.ResponseWriter, request *http.Request) {
	h, ok := r.hosts[request.Host]
	if !ok {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	for _, line := range h.cors {
		w.Header().Add(line.Name, line.Value)
	}
	w.Header().Set("Cache-Control", request.URL.Query().Get("storable"))
	w.Header().Set("ETag", `"v1"`)
	unchanged := request.Header.Get("If-None-Match") == `"v1"`
	r.count(request, unchanged)
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	for _, line := range h.headers {
		w.Header().Set(line.Name, line.Value)
	}
	fmt.Fprint(w, "of "+h.name)
}

func (r *sharedRun) count(request *http.Request, unchanged bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key, page := request.Host+request.URL.RequestURI(), request.Header.Get("Origin")
	if last := r.last[key]; unchanged && page != last && page != "" && last != "" {
		r.mixed++
	}
	r.last[key] = page
}

// run lets the pages read, in one profile of the browser. Reads in a row of one page are one call.
func (r *sharedRun) run(t *testing.T, b browser.Browser) (got []seen) {
	t.Helper()
	profile, end := openProfile(t, b)
	defer end()
	tabs := map[string]browser.Page{}
	for _, page := range siblings {
		tabs[page] = tab(t, profile, page)
	}
	for left := r.reads; len(left) > 0; {
		n := slices.IndexFunc(left, func(read sharedRead) bool { return read.Page != left[0].Page })
		if n < 0 {
			n = len(left)
		}
		var asks []ask
		for _, read := range left[:n] {
			asks = append(asks, read.ask)
		}
		var results []seen
		batch := map[string]any{"asks": asks, "atOnce": 1, "sandboxed": false}
		if err := browser.Call(t.Context(), tabs[left[0].Page], batchJS, batch, &results); err != nil {
			t.Fatal(err)
		}
		got, left = append(got, results...), left[n:]
	}
	return got
}

// differences reports the reads that are not as promised, each with what was read of its URL before.
func (r *sharedRun) differences(got []seen) (all []string) {
	before := map[string][]string{}
	for i, read := range r.reads {
		text, err := json.Marshal(read)
		if err != nil {
			return []string{err.Error()}
		}
		before[read.URL] = append(before[read.URL], string(text))
		if diff := cmp.Diff(r.promise(read), withoutCORS(got[i])); diff != "" {
			h, said := r.host(read), before[read.URL]
			all = append(all, fmt.Sprintf("policy  %s\napplication's CORS headers  %v\n",
				strings.Join(h.documents, "\n        "), h.cors)+
				fmt.Sprintf("reads, the last one differs:\n  %s\n(-promised +seen):\n%s",
					strings.Join(said[max(0, len(said)-4):], "\n  "), diff))
		}
	}
	return all
}

func (r *sharedRun) host(read sharedRead) *sharedHost {
	name, _, _ := strings.Cut(strings.TrimPrefix(read.URL, "https://"), "/")
	return r.hosts[name]
}

// promise returns the response that the page should see.
func (r *sharedRun) promise(read sharedRead) seen {
	h := r.host(read)
	request := fetch.Request{
		Origin: read.Page, URL: read.URL, Method: read.Method, Mode: read.Mode, Credentials: read.Credentials,
	}
	result := fetch.Do(request, func(fetch.Sent) fetch.Response { return h.fresh(read.Page, read.Storable) })
	want := seen{Outcome: result.Outcome, URL: result.URL, Status: result.Status}
	if result.Outcome == fetch.Readable {
		want.Headers = joined(result.Headers)
		if read.Method != http.MethodHead {
			want.Body = "of " + h.name
		}
	}
	return withoutCORS(want)
}

// withoutCORS leaves out CORS headers, which a page sees if all headers are exposed: a 304 may have more
// of them than a fresh response, to the same effect.
func withoutCORS(s seen) seen {
	s.Headers = slices.DeleteFunc(s.Headers, func(h [2]string) bool { return strings.HasPrefix(h[0], "access-control-") })
	return subject(s)
}
