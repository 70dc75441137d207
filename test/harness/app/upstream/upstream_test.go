package upstream_test

import (
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/app/upstream"
)

// The table of the end-to-end tests depends on the application's headers. So this test checks them.
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
		{"an article says nothing of CORS", upstream.Gallery(), "GET /articles/7", 200, nil},
		{"nor does changing it", upstream.Gallery(), "DELETE /articles/7", 200, nil},
		{"nor the refusal of OPTIONS", upstream.Gallery(), "OPTIONS /articles/7", 405, nil},
		{"nor a font", upstream.Gallery(), "GET /assets/small-caps.ttf", 200, nil},
		{"the catalogue exposes nothing", upstream.Gallery(), "GET /catalogue", 200, []string{"access-control-allow-origin: *"}},
		{"the invoices are open to everyone", upstream.Gallery(), "GET /invoices", 200, []string{"access-control-allow-origin: *"}},
		{"who is signed in is open in a way that browsers refuse", upstream.Gallery(), "GET /me", 200, careless[:2]},
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

func TestGallery(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request string // path and one header line
		status  int
		header  string
		want    string // the header's value, or without a header the body
	}{
		{"nobody is signed in", "/me", 200, "", `{"user": "nobody"}`},
		{"the cookie says who is", "/me Cookie: session=ada", 200, "", `{"user": "ada"}`},
		{"a redirect keeps the query", "/moved?run=1", 302, "Location", "/articles/7?run=1"},
		{"a redirect leads away, on the same port", "/moved-away?run=1", 302, "Location", "//weather.localhost:4711/today?run=1"},
		{"the script is a module", "/assets/greeting.js", 200, "", "export const greeting = 'Hello from the API';"},
		{"the script has the type that modules need", "/assets/greeting.js", 200, "Content-Type", "text/javascript"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, line, _ := strings.Cut(tt.request, " ")
			r := httptest.NewRequest("GET", "http://api.shop.localhost:4711"+path, nil)
			if name, value, ok := strings.Cut(line, ": "); ok {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			upstream.Gallery().ServeHTTP(w, r)
			got := strings.TrimSpace(w.Body.String())
			if tt.header != "" {
				got = w.Header().Get(tt.header)
			}
			if w.Code != tt.status || got != tt.want {
				t.Errorf("status %d and %q, want %d and %q", w.Code, got, tt.status, tt.want)
			}
		})
	}
}

// Pages measure these pictures. So this test checks their content.
func TestPictures(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		x, y       int
		want       color.NRGBA
	}{
		{"the middle of the sun", "/assets/sun.png", 60, 60, upstream.SunColor},
		{"the sky", "/assets/sun.png", 2, 2, color.NRGBA{R: 46, G: 110, B: 158, A: 255}},
		{"the wedge below the diagonal", "/assets/wedge.png", 10, 100, color.NRGBA{R: 122, G: 92, B: 190, A: 255}},
		{"nothing above it", "/assets/wedge.png", 100, 10, color.NRGBA{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			upstream.Gallery().ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
			picture, err := png.Decode(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got := color.NRGBAModel.Convert(picture.At(tt.x, tt.y)); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
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
