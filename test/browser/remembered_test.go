package page_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/browser"
)

// How long a browser remembers a preflight, counted at the gateway.
func TestPreflightsAreRemembered(t *testing.T) {
	rows := []struct {
		name string
		url  string
		want []int // preflights that Envoy has seen after the first, second and third PUT
	}{
		{"maxAge 600: once", api + "/remembered", []int{1, 1, 1}},
		{"maxAge 0: each time", api + "/forgotten", []int{1, 2, 3}},
		{"maxAge unset: for five seconds", "search.shop.example/cart", []int{1, 1, 2}},
		{"where methods decide: each time, whatever maxAge says", api + "/stock", []int{1, 2, 3}},
	}
	// Between the second and the third the browser drops preflights without a max-age.
	pauses := []time.Duration{0, 300 * time.Millisecond, 5500 * time.Millisecond}
	g := through(t, requestResponse, http2)
	inEach(t, func(t *testing.T, b browser.Browser) {
		page := tab(t, newProfile(t, b), "https://"+www)
		got := make([][]int, len(rows))
		g.NewEntries()
		var log []string
		for _, pause := range pauses {
			time.Sleep(pause)
			for _, r := range rows {
				if got := do("PUT", "https://"+r.url).from(t, page); got.Outcome != "readable" {
					t.Errorf("%s: %s", r.name, got.Outcome)
				}
			}
			log = append(log, g.logged(t, len(rows))...)
			for i, r := range rows {
				got[i] = append(got[i], count(log, "OPTIONS "+r.url))
			}
		}
		for i, r := range rows {
			if diff := cmp.Diff(r.want, got[i]); diff != "" {
				t.Errorf("%s: preflights (-want +got):\n%s", r.name, diff)
			}
		}
	})
}

// logged waits for this number of requests other than preflights. It returns all that Envoy has logged
// since the last call, preflights included: "PUT api.shop.example/stock".
func (g *gateway) logged(t *testing.T, actual int) (lines []string) {
	t.Helper()
	for actual > 0 {
		entry, err := g.NextEntry(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(entry))
		lines = append(lines, fields[0]+" "+fields[1])
		if fields[0] != "OPTIONS" {
			actual--
		}
	}
	return lines
}

func count(lines []string, line string) (n int) {
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

// An application that judges each method by itself, but names all of them in every
// answer, lets a browser remember the one for the other: DELETE is refused, and
// allowed after a PUT.
func TestRememberedPreflightLeaksAMethod(t *testing.T) {
	g := through(t, requestResponse, http2)
	inEach(t, func(t *testing.T, b browser.Browser) {
		t.Run("DELETE alone is refused", func(t *testing.T) {
			page := tab(t, newProfile(t, b), "https://"+www)
			want{outcome: "refused"}.check(t, b.Kind(), page, do("DELETE", "https://legacy.shop.example/stock").from(t, page))
		})
		t.Run("but not after a PUT", func(t *testing.T) {
			page := tab(t, newProfile(t, b), "https://"+www)
			g.mirror.take()
			for _, method := range []string{"PUT", "DELETE"} {
				readable(200, "").check(t, b.Kind(), page, do(method, "https://legacy.shop.example/stock").from(t, page))
			}
			if diff := cmp.Diff([]string{"OPTIONS /stock", "PUT /stock", "DELETE /stock"}, g.mirror.lines()); diff != "" {
				t.Errorf("what reached the application (-want +got):\n%s", diff)
			}
		})
	})
}

// Through corsd, whose rules are by method, it does not.
func TestRememberedPreflightLeaksNoMethod(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			g := through(t, p, http2)
			inEach(t, func(t *testing.T, b browser.Browser) {
				g.NewEntries()
				g.mirror.take()
				url := "https://" + api + "/stock"
				profile := newProfile(t, b)
				page := tab(t, profile, "https://"+www)
				readable(200, "").check(t, b.Kind(), page, do("PUT", url).from(t, page))
				want{outcome: "refused", says: noOriginOnPreflight}.check(t, b.Kind(), page, do("DELETE", url).from(t, page))
				office := tab(t, profile, "https://"+admin)
				readable(200, "").check(t, b.Kind(), office, do("DELETE", url).from(t, office))
				if diff := cmp.Diff([]string{"PUT /stock", "DELETE /stock"}, g.mirror.lines()); diff != "" {
					t.Errorf("what reached the application (-want +got):\n%s", diff)
				}
				want := []string{"OPTIONS", "PUT", "OPTIONS", "OPTIONS", "DELETE"}
				for i, method := range want {
					want[i] = fmt.Sprintf("%s %s/stock", method, api)
				}
				if diff := cmp.Diff(want, g.logged(t, 2)); diff != "" {
					t.Errorf("what reached the gateway (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A cached preflight applies to GET even if it does not name GET. So a header that is granted for PUT
// would also be granted for GET, if GET has another rule.
func TestRememberedPreflightLeaksNoHeader(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			g := through(t, p, http2)
			inEach(t, func(t *testing.T, b browser.Browser) {
				g.mirror.take()
				url := "https://" + api + "/shelf"
				page := tab(t, newProfile(t, b), "https://"+www)
				readable(200, "").check(t, b.Kind(), page, do("PUT", url).with("X-Trace", "1").from(t, page))
				refused(headerRefused("x-trace")).check(t, b.Kind(), page, get(url).with("X-Trace", "1").from(t, page))
				readable(200, "").check(t, b.Kind(), page, get(url).from(t, page))
				if diff := cmp.Diff([]string{"PUT /shelf", "GET /shelf"}, g.mirror.lines()); diff != "" {
					t.Errorf("what reached the application (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The header of the withdrawn Private Network Access proposal: pages of loopback are
// never asked for it, so allowPrivateNetwork is without effect, and does no harm.
func TestPrivateNetworkIsNotAskedFor(t *testing.T) {
	g := through(t, requestResponse, http2)
	inEach(t, func(t *testing.T, b browser.Browser) {
		page := tab(t, newProfile(t, b), "https://"+www)
		g.mirror.take()
		readable(200, "").check(t, b.Kind(), page, do("PUT", "https://"+api+"/forwarded").from(t, page))
		requests := g.mirror.take()
		methods := make([]string, len(requests))
		for i, r := range requests {
			methods[i] = r.Method
			if asked := r.Header.Values("Access-Control-Request-Private-Network"); asked != nil {
				t.Errorf("%s asks: %q", r.Method, asked)
			}
		}
		if !slices.Equal(methods, []string{"OPTIONS", "PUT"}) {
			t.Errorf("the application saw %q", methods)
		}
	})
}
