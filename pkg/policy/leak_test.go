package policy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// fetch is a GET by a page: of an origin, or without Origin if that is "". Browsers send an Origin with
// and without credentials, and check the response by it.
type fetch struct {
	origin      string
	credentials bool
}

// browser is a browser's cache of one URL. On a Vary mismatch it revalidates what it has stored, and a 304
// replaces those stored headers that it carries, as Chromium 156 and Firefox 153 do.
type browser struct {
	engine *policy.Engine
	config spec.Config
	to     request         // its authority, path and method
	origin string          // one that may read
	known  bool            // the proxy tells corsd the status
	fresh  []policy.Field  // what upstream answers with 200
	again  []policy.Field  // and with 304
	stored []policy.Field  // nil: nothing is stored
	asked  []string        // the Origin lines of the request that was stored, or revalidated last
	seen   map[string]bool // names of headers that upstream sends
}

func (b *browser) request(f fetch) request {
	if f.origin == "" {
		return b.to.from()
	}
	return b.to.from(f.origin)
}

// answer gives the headers that the browser gets, with upstream's answer of a status. A proxy that does not
// know the status has the same edit made for every status.
func (b *browser) answer(t reporter, f fetch, status int) (headers []policy.Field, ok bool) {
	t.Helper()
	r := b.request(f)
	if r.upstream = b.fresh; status == 304 {
		r.upstream = b.again
	}
	if r.status = status; !b.known {
		r.status = 0
	}
	x := run(t, b.engine, r)
	return x.lines, x.decision.Action() != policy.ActionRespond
}

// matches reports whether the stored response may be used for a request, or only after it was revalidated.
func (b *browser) matches(f fetch) bool {
	varies := twinNames([]string{strings.ToLower(value(b.stored, "vary"))})
	return !slices.Contains(varies, "*") && (!slices.Contains(varies, "origin") || slices.Equal(b.asked, b.request(f).Origin))
}

// load fetches, and gives the headers that the page is judged by.
func (b *browser) load(t *rapid.T, f fetch) []policy.Field {
	changed := rapid.IntRange(0, 3).Draw(t, "changed") == 0
	switch {
	case b.stored != nil && b.matches(f) && rapid.Bool().Draw(t, "is fresh"):
		return b.stored
	case b.stored == nil || changed:
		headers, ok := b.answer(t, f, 200)
		if !ok {
			return nil // 403 in upstream's place, which is not stored
		}
		b.stored = headers
	default:
		headers, ok := b.answer(t, f, 304)
		if !ok {
			return nil
		}
		var kept []policy.Field
		for _, f := range b.stored {
			if !slices.ContainsFunc(headers, func(h policy.Field) bool { return h.Name == f.Name }) {
				kept = append(kept, f)
			}
		}
		b.stored = append(kept, headers...)
	}
	b.asked = b.request(f).Origin
	return b.stored
}

// reads lists what a page reads of a response: "body", and the names of upstream's headers, by the Fetch standard's
// CORS check and its Access-Control-Expose-Headers. It is empty if the page reads nothing.
func (b *browser) reads(f fetch, headers []policy.Field) (what []string) {
	origin := value(headers, "access-control-allow-origin")
	credentials := value(headers, "access-control-allow-credentials") == "true"
	if (origin != "*" || f.credentials) && (origin != f.origin || f.credentials && !credentials) {
		return nil
	}
	what = []string{"body"}
	for _, name := range twinNames([]string{strings.ToLower(value(headers, "access-control-expose-headers"))}) {
		switch {
		case name == "*" && !f.credentials:
			for name := range b.seen {
				what = append(what, name)
			}
		case b.seen[name]:
			what = append(what, name)
		}
	}
	return what
}

// readers are the origins of pages that load the URL. Rules match some of them.
var readers = []string{shop, other, evil, "https://old.example"}

// drawReaders draws a policy whose grants at one URL differ by origin.
func drawReaders(t *rapid.T) spec.Config {
	cors := func() *spec.CORS {
		return &spec.CORS{
			ExposeHeaders: some(t, []string{"X-A", "ETag", "X-*", "*"}, 2), AllowCredentials: optional(t, true, false),
			ExpandExposeHeaders: optional(t, true, false), TimingAllowOrigin: optional(t, true, false),
		}
	}
	doc := spec.PolicySpec{
		Hosts: []string{host}, UpstreamHeaders: optional(t, spec.UpstreamMerge, spec.UpstreamPreserve), Enforcement: optional(t, spec.EnforcementBlock),
		DangerouslyAllow: spec.Dangers(),
	}
	if rapid.IntRange(0, 3).Draw(t, "own cors") > 0 {
		doc.CORS = cors()
		doc.CORS.AllowOrigins = rapid.SampledFrom([][]string{{"*"}, {shop, other}, {evil}, {"https://*"}, nil}).Draw(t, "allow")
	}
	first := rapid.IntRange(1, 2).Draw(t, "origins of the first rule")
	for i, origins := range [][]string{readers[:first], readers[first:3], nil} {
		if rapid.IntRange(0, 3).Draw(t, "no rule") == 0 {
			continue
		}
		r := spec.Rule{Name: strconv.Itoa(i), Match: prefix("/a"), CORS: cors()}
		if r.Match.Origins = origins; origins == nil {
			r.Match.OriginSets = []string{"old"}
		}
		if rapid.IntRange(0, 2).Draw(t, "every page") == 0 {
			r.CORS.AllowOrigins = []string{"*"}
		}
		if rapid.IntRange(0, 4).Draw(t, "methods") == 0 {
			r.Match.Methods = []string{"GET"}
		}
		doc.Rules = append(doc.Rules, r)
	}
	return repaired(t, withSet(one("shop", doc), "old", spec.OriginSetSpec{Origins: readers[3:], Expires: optional(t, now.Format(time.DateOnly))}))
}

// TestNoLeakThroughRevalidation loads one URL from pages of several origins, in any order: no page reads by merged
// headers what the answer to itself would not let it read.
func TestNoLeakThroughRevalidation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b *browser
		if rapid.IntRange(0, 3).Draw(t, "any policy") == 0 {
			cfg := drawConfig(t)
			b = newBrowser(t, cfg, drawRequest(t, &cfg))
		} else {
			b = newBrowser(t, drawReaders(t), get("/a"))
		}
		for range 20 {
			b.visit(t, fetch{rapid.SampledFrom(append([]string{"", b.origin}, readers...)).Draw(t, "origin"), rapid.Bool().Draw(t, "credentials")})
		}
	})
}

// visit loads the URL by a page, and checks what it reads.
func (b *browser) visit(t *rapid.T, f fetch) {
	got := b.load(t, f)
	fresh, _ := b.answer(t, f, 200)
	may := b.reads(f, fresh)
	for _, what := range b.reads(f, got) {
		if f.origin != "" && !slices.Contains(may, what) { // nothing is checked without an origin
			t.Fatalf("a page of %+v reads %s\nby headers %q\nits own answer has %q\nrequest: %+v\nconfig: %s",
				f, what, (&exchange{lines: got}).headers(), (&exchange{lines: fresh}).headers(), b.request(f).Request, written(b.config))
		}
	}
}

// newBrowser draws what upstream answers. Under Preserve upstream's own Access-Control-Allow-Origin is its own affair.
func newBrowser(t *rapid.T, cfg spec.Config, to request) *browser {
	b := &browser{
		engine: compiled(t, cfg, policy.At(now)), config: cfg, to: to, origin: strings.Join(to.Origin, ""), seen: map[string]bool{},
		known: rapid.IntRange(0, 3).Draw(t, "status is known") > 0,
	}
	b.to.Method, b.to.RequestMethod, b.to.Upgrade, b.to.Protocol = "GET", nil, nil, ""
	b.to.FetchSite = []string{"cross-site"}
	for _, f := range append(drawUpstream(t), fields("etag: x", "x-a: 1", "x-b: 1")...) {
		switch {
		case f.Name == "vary", f.Name == "access-control-allow-origin", f.Name == "timing-allow-origin":
			continue
		case !strings.HasPrefix(f.Name, "access-control-") && f.Name != "content-type" && f.Name != "set-cookie": // always, and never read
			b.seen[f.Name] = true
		}
		b.fresh = append(b.fresh, f)
		if rapid.Bool().Draw(t, "on a 304 too") {
			b.again = append(b.again, f)
		}
	}
	return b
}
