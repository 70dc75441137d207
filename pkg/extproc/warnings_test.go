package extproc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

const (
	unsupported = "a setting has no effect in this profile"
	conflict    = "the virtual host removes upstream's CORS headers"
)

// settings counts the warnings of a profile by their setting and policies.
func settings(t *testing.T, f *fixture, profile string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, e := range f.Log.Entries(t, unsupported) {
		if e["level"] != "WARN" || e["profile"] != profile {
			t.Errorf("warning %v", e)
		}
		found[fmt.Sprintf("%v of %v", e["setting"], e["policies"])]++
	}
	return found
}

// TestProfileWarnings: a setting that the profile cannot carry out is warned of, once for each engine
// that has it.
func TestProfileWarnings(t *testing.T) {
	rows := []struct {
		profile string
		play    func(*fixture)
		want    []string
	}{
		{"request_response", func(f *fixture) { f.answers(t, nil, get("api.shop.example/cart", page)) }, nil},
		{
			"response_only", func(f *fixture) { f.answers(t, responseOnly("GET", "api.shop.example/cart", page), responds("200")) },
			[]string{"enforcement: Block of [block]", "webSocket.originCheck: Enforce of [block]"},
		},
	}
	for _, r := range rows {
		t.Run(r.profile, func(t *testing.T) {
			f := newFixture(t)
			for engines := 1; engines <= 2; engines++ {
				for range 3 {
					r.play(f)
				}
				found := settings(t, f, r.profile)
				exchangetest.Equal(t, r.want, sorted(found))
				for setting, times := range found {
					if times != engines {
						t.Errorf("%s: warned %d times of %d engines", setting, times, engines)
					}
				}
				logged := f.Log.Entries(t, "Envoy requests decisions")
				if len(logged) != engines || logged[0]["profile"] != r.profile {
					t.Errorf("the profile is named by %v", logged)
				}
				f.Engine = exchangetest.Engine(t)
			}
		})
	}
}

// TestUnknownRequests: an Envoy that sends no data of its requests is warned of once. For an error of
// its own, it need not know the request.
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
			f := newFixture(t)
			for range 2 {
				f.answers(t, nil, r.sent)
			}
			const message = "Envoy sends no data of the request, so nothing is changed: see forward_rules for the pseudo-headers, and initial_metadata for streams that begin with the response"
			if logged := f.Log.Entries(t, message); len(logged) != r.want {
				t.Errorf("warned %d times, want %d", len(logged), r.want)
			}
		})
	}
}

// TestDefaultsAreWarnedOf: the settings of unmatched hosts count if these hosts are denied.
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
		f := serving(t, compiled(unmatched))
		f.answers(t, responseOnly("GET", "f.example/", page), responds("200"))
		exchangetest.Equal(t, want, sorted(settings(t, f, "response_only")))
	}
}

// TestStripConflicts: a virtual host that removes the headers that the policy leaves to upstream is
// warned of once for each policy and engine, and counted each time.
func TestStripConflicts(t *testing.T) {
	strip := []string{"corsd-static: strip,vary"}
	f := newFixture(t)
	var want []string
	for engines := 1; engines <= 2; engines++ {
		for _, name := range []string{"shadow", "off", "preserve", "merge"} {
			for _, origin := range []string{page, evil} {
				f.answers(t, strip, get(name+".shop.example/", origin), responds("200"))
				f.answers(t, append(responseOnly("GET", name+".shop.example/", origin), strip...), responds("200"))
				want = append(want, name, name)
			}
		}
		for _, host := range []string{"api", "block", "forward", "other"} { // nothing is lost here
			f.answers(t, strip, get(host+".shop.example/", page), responds("200"))
		}
		for _, name := range []string{"shadow", "off", "preserve", "merge"} { // nor here
			f.answers(t, []string{"corsd-static: vary"}, get(name+".shop.example/", page), responds("200"))
		}
		exchangetest.Equal(t, want, f.Observer.Strips)
		warned := map[string]int{}
		for line := range strings.Lines(f.Log.String()) {
			if strings.Contains(line, conflict) {
				warned[line[strings.Index(line, `"policy"`):]]++
			}
		}
		exchangetest.Equal(t, []string{
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
		f.Engine = exchangetest.Engine(t)
	}
}

// TestWarningNamesFewPolicies: a warning does not name a thousand policies.
func TestWarningNamesFewPolicies(t *testing.T) {
	var cfg spec.Config
	for i := range 1000 {
		cfg.Policies = append(cfg.Policies, spec.Policy{
			Name: fmt.Sprintf("p%03d", i),
			Spec: spec.PolicySpec{
				Hosts: []string{fmt.Sprintf("h%d.example", i)}, Enforcement: new(spec.EnforcementBlock),
				CORS: &spec.CORS{AllowOrigins: []string{"https://a.example"}},
			},
		})
	}
	engine, _, err := policy.Compile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.Engine = engine
	f.answers(t, responseOnly("GET", "h1.example/", evil), responds("200"))
	logged := f.Log.Entries(t, unsupported)
	if len(logged) != 1 {
		t.Fatalf("logged %v", logged)
	}
	names, _ := json.Marshal(logged[0]["policies"])
	if text := string(names); !strings.HasPrefix(text, `["p000","p001"`) || !strings.HasSuffix(text, `"p019","…"]`) {
		t.Errorf("names %s", text)
	}
}
