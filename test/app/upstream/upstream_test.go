package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/app/upstream"
)

// What the application sends is half of what the end-to-end table says, so it is
// held here.
func TestWhatUpstreamSaysOfCORS(t *testing.T) {
	careless := []string{"access-control-allow-credentials: true", "access-control-allow-origin: *", "access-control-expose-headers: X-Cost"}
	doubled := slices.Insert(slices.Clone(careless), 2, "access-control-allow-origin: *")
	for _, tt := range []struct {
		name    string
		handler http.Handler
		request string // method, path and one header line
		status  int
		want    []string
	}{
		{"the cart lets everyone in", upstream.Shop(), "GET /cart", 200, append(slices.Clone(careless), "vary: Accept-Encoding")},
		{"a preflight is answered just so", upstream.Shop(), "OPTIONS /cart", 200, append(slices.Clone(careless), "vary: Accept-Encoding")},
		{"the catalogue does it twice", upstream.Shop(), "GET /catalogue", 200, doubled},
		{"and also when nothing changed", upstream.Shop(), `GET /catalogue If-None-Match: "v7"`, 304, doubled},
		{"something varies by Origin already", upstream.Shop(), "GET /varied", 200, append(slices.Clone(careless), "vary: Origin")},
		{"a redirect carries the headers", upstream.Shop(), "GET /moved", 302, careless},
		{"a gRPC failure carries the headers", upstream.Shop(), "POST /inventory.Stock/Get", 200, careless},
		{"a page that is not there carries the headers", upstream.Shop(), "GET /nowhere", 404, careless},
		{"something plain carries none", upstream.Shop(), "GET /plain", 200, nil},
		{"the weather carries none", upstream.Weather(), "GET /today", 200, nil},
		{"nor does its refusal of OPTIONS", upstream.Weather(), "OPTIONS /today", 405, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method, rest, _ := strings.Cut(tt.request, " ")
			path, line, _ := strings.Cut(rest, " ")
			r := httptest.NewRequest(method, path, nil)
			if name, value, ok := strings.Cut(line, ": "); ok {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			tt.handler.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if diff := cmp.Diff(tt.want, corsLines(w.Header())); diff != "" {
				t.Errorf("CORS headers (-want +got):\n%s", diff)
			}
		})
	}
}

func corsLines(h http.Header) []string {
	var lines []string
	for name, values := range h {
		name = strings.ToLower(name)
		if name != "vary" && !strings.HasPrefix(name, "access-control-") {
			continue
		}
		for _, v := range values {
			lines = append(lines, name+": "+v)
		}
	}
	slices.Sort(lines)
	return lines
}
