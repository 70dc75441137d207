package extproc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

const (
	lacking  = "a setting has no effect in this profile"
	conflict = "the virtual host removes upstream's CORS headers"
)

// settings gives what the warnings of a profile are about.
func settings(t *testing.T, b *bench, profile string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, e := range b.log.entries(t, lacking) {
		if e["level"] != "WARN" || e["profile"] != profile {
			t.Errorf("warning %v", e)
		}
		found[fmt.Sprintf("%v of %v", e["setting"], e["policies"])]++
	}
	return found
}

// TestProfileWarnings: a profile that cannot carry out a setting says so, once for
// each engine that has it.
func TestProfileWarnings(t *testing.T) {
	rows := []struct {
		profile string
		ask     func(*bench)
		want    []string
	}{
		{"two_phase", func(b *bench) { b.answers(t, nil, get("api.shop.example/cart", page)) }, nil},
		{
			"lean", func(b *bench) { b.answers(t, lean("GET", "api.shop.example/cart", page), responds("200")) },
			[]string{"enforcement: Block of [block]", "webSocket.originCheck: Enforce of [block]"},
		},
		{
			"ext_authz", func(b *bench) { b.asked(t, checkRequest("GET", "api.shop.example/cart", page)) },
			[]string{
				"expandExposeHeaders of [expand]", "preflight.mode: Forward of [forward]",
				"upstreamHeaders: Merge of [merge]", "upstreamHeaders: Preserve of [preserve]",
			},
		},
	}
	for _, r := range rows {
		t.Run(r.profile, func(t *testing.T) {
			b := newBench(t)
			for engines := 1; engines <= 2; engines++ {
				for range 3 {
					r.ask(b)
				}
				found := settings(t, b, r.profile)
				equal(t, r.want, sorted(found))
				for setting, times := range found {
					if times != engines {
						t.Errorf("%s: warned %d times of %d engines", setting, times, engines)
					}
				}
				asked := b.log.entries(t, "Envoy asks for decisions")
				if len(asked) != engines || asked[0]["profile"] != r.profile {
					t.Errorf("the profile is named by %v", asked)
				}
				b.engine = load(t, "testdata/policy.yaml")
			}
		})
	}
}

// TestUnknownRequests: an Envoy that says nothing of its requests is told so once. That
// it does not know the request of an error of its own is as it should be.
func TestUnknownRequests(t *testing.T) {
	rows := []struct {
		name string
		sent sent
		want int
	}{
		{"a response of which nothing is known", responds("200"), 1},
		{"an error of Envoy's own", responds("400"), 0},
		{"a request without pseudo-headers", requestHeaders(page), 1},
		{"a request without a path", requestHeaders(":method: CONNECT", ":authority: a.example", page), 0},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			b := newBench(t)
			for range 2 {
				b.answers(t, nil, r.sent)
			}
			const message = "Envoy says nothing of the requests that it asks about, so nothing is changed: see forward_rules for the pseudo-headers, and initial_metadata for streams that begin with the response"
			if logged := b.log.entries(t, message); len(logged) != r.want {
				t.Errorf("said %d times, want %d", len(logged), r.want)
			}
		})
	}
}

// TestDefaultsAreWarnedOf: unmatched hosts that are denied have settings too.
func TestDefaultsAreWarnedOf(t *testing.T) {
	compiled := func(unmatched spec.UnmatchedHosts) *policy.Engine {
		engine, _, err := policy.Compile(spec.Config{
			Policies: []spec.Policy{{Name: "shop", Spec: spec.PolicySpec{
				Hosts: []string{"a.example"}, CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}}, Enforcement: new(spec.EnforcementEnforce),
			}}},
			Defaults: []spec.Defaults{{Name: "d", Spec: spec.DefaultsSpec{UnmatchedHosts: &unmatched, Enforcement: new(spec.EnforcementBlock)}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return engine
	}
	for unmatched, want := range map[spec.UnmatchedHosts][]string{
		spec.UnmatchedDeny: {"enforcement: Block of [CORSDefaults]"}, spec.UnmatchedPassThrough: nil,
	} {
		b := serving(compiled(unmatched))
		b.answers(t, lean("GET", "b.example/", page), responds("200"))
		equal(t, want, sorted(settings(t, b, "lean")))
	}
}

// TestStripConflicts: a virtual host that strips what the policy leaves to upstream
// is warned of once for each policy and engine, and counted each time.
func TestStripConflicts(t *testing.T) {
	strip := []string{"corsd-static: strip,vary"}
	b := newBench(t)
	var want []string
	for engines := 1; engines <= 2; engines++ {
		for _, name := range []string{"shadow", "off", "preserve", "merge"} {
			for _, origin := range []string{page, evil} {
				b.answers(t, strip, get(name+".shop.example/", origin), responds("200"))
				b.answers(t, append(lean("GET", name+".shop.example/", origin), strip...), responds("200"))
				want = append(want, name, name)
			}
		}
		for _, host := range []string{"api", "block", "forward", "other"} { // nothing is lost here
			b.answers(t, strip, get(host+".shop.example/", page), responds("200"))
		}
		for _, name := range []string{"shadow", "off", "preserve", "merge"} { // nor here
			b.answers(t, []string{"corsd-static: vary"}, get(name+".shop.example/", page), responds("200"))
		}
		equal(t, want, b.observer.strips)
		warned := map[string]int{}
		for line := range strings.Lines(b.log.String()) {
			if strings.Contains(line, conflict) {
				warned[line[strings.Index(line, `"policy"`):]]++
			}
		}
		equal(t, []string{
			`"policy":"merge","enforcement":"Enforce","upstreamHeaders":"Merge"}` + "\n",
			`"policy":"off","enforcement":"Disabled","upstreamHeaders":"Override"}` + "\n",
			`"policy":"preserve","enforcement":"Enforce","upstreamHeaders":"Preserve"}` + "\n",
			`"policy":"shadow","enforcement":"Shadow","upstreamHeaders":"Override"}` + "\n",
		}, sorted(warned))
		for line, times := range warned {
			if times != engines {
				t.Errorf("%s: warned %d times of %d engines", line, times, engines)
			}
		}
		b.engine = load(t, "testdata/policy.yaml")
	}
}
