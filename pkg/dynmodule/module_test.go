package dynmodule_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/corsd/corsd/internal/dynmoduletest"
	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/dynmodule"
	"github.com/corsd/corsd/pkg/policy"
)

const (
	page = exchangetest.Page
	evil = exchangetest.Evil
)

func newModule(t testing.TB, f *exchangetest.Fixture) *dynmodule.Module {
	t.Helper()
	m, err := dynmodule.New(f.Options())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fields reads "name: value" lines.
func fields(lines ...string) []policy.Field {
	var list []policy.Field
	for _, line := range lines {
		name, value := exchangetest.Field(line)
		list = append(list, policy.Field{Name: name, Value: []byte(value)})
	}
	return list
}

func request(method, url string, lines ...string) []policy.Field {
	return fields(slices.Concat(exchangetest.Pseudo(method, url), lines)...)
}

var upstreams = fields(
	"vary: accept", "access-control-allow-origin: *", "access-control-x: y", "timing-allow-origin: *", "etag: z",
)

// TestRequest is an exchange of each kind, and how often Go is entered for it.
func TestRequest(t *testing.T) {
	f := &exchangetest.Fixture{Engine: exchangetest.Engine(t)}
	m := newModule(t, f)
	untouched := dynmoduletest.Sorted(upstreams)
	for _, row := range []struct {
		name     string // a sentence
		selector string
		request  []policy.Field
		status   int // of upstream's response
		want     int // of the client's
		asked    int
		details  string
		why      string
		lines    []string
	}{
		{
			"an allowed page reads the response, which Go does not see", "", request("GET", "api.shop.example/cart", page), 200, 200, 1, "",
			"allow allowed shop ",
			[]string{
				exchangetest.AllowCredentials, exchangetest.AllowOrigin, exchangetest.ExposeHeaders, "etag: z",
				"timing-allow-origin: *", "vary: accept", "vary: origin",
			},
		},
		{
			"a public response does not vary", "", request("GET", "api.shop.example/catalogue", page), 200, 200, 1, "",
			"allow allowed shop catalogue",
			[]string{exchangetest.AllowAny, exchangetest.ExposeTotal, "etag: z", "timing-allow-origin: *", "vary: accept"},
		},
		{
			"another page does not", "", request("GET", "api.shop.example/cart", evil), 200, 200, 1, "", "deny origin_not_allowed shop ",
			[]string{"etag: z", "timing-allow-origin: *", "vary: accept", "vary: origin"},
		},
		{
			"a status of 1xx is not touched", "", request("GET", "api.shop.example/cart", evil), 101, 101, 1, "",
			"deny origin_not_allowed shop ", untouched,
		},
		{
			"a preflight is answered", "",
			request("OPTIONS", "api.shop.example/cart", page, "access-control-request-method: PUT"), 200, 204, 1, "corsd_allowed",
			"allow allowed shop ",
			[]string{
				exchangetest.AllowCredentials, exchangetest.AllowHeaders, exchangetest.AllowMethods, exchangetest.AllowOrigin,
				exchangetest.ExposeHeaders, exchangetest.MaxAge, "vary: access-control-request-headers",
				"vary: access-control-request-method", "vary: origin",
			},
		},
		{
			"Block answers", "", request("GET", "block.shop.example/", evil), 200, 403, 1, "corsd_origin_not_allowed",
			"deny origin_not_allowed block ",
			[]string{"vary: origin"},
		},
		{
			"Shadow changes nothing", "", request("GET", "shadow.shop.example/", evil), 200, 200, 1, "",
			"deny origin_not_allowed shadow ", untouched,
		},
		{
			"Merge needs the response", "", request("GET", "merge.shop.example/", page), 200, 200, 2, "", "allow allowed merge ",
			[]string{
				exchangetest.AllowOrigin, exchangetest.ExposeHeaders, "etag: z", "timing-allow-origin: *", "vary: accept", "vary: origin",
			},
		},
		{
			"a route names the rule", "shop#catalogue", request("GET", "preserve.shop.example/", evil), 200, 200, 1, "",
			"allow allowed shop catalogue",
			[]string{exchangetest.AllowAny, exchangetest.ExposeTotal, "etag: z", "timing-allow-origin: *", "vary: accept"},
		},
	} {
		x, err := dynmoduletest.Run(m, row.selector, row.request, row.status, upstreams)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		why := fmt.Sprint(x.Facts["verdict"], " ", x.Facts["reason"], " ", x.Facts["policy"], " ", x.Facts["rule"])
		if diff := cmp.Diff(row.lines, x.Lines); diff != "" || x.Status != row.want || x.Asked != row.asked || why != row.why || x.Details != row.details {
			t.Errorf("%s: status %d, asked %d times, %s, details %q; headers (-want +got):\n%s", row.name, x.Status, x.Asked, why, x.Details, diff)
		}
	}
	if decisions := f.Observer.Decisions; len(decisions) != 9 || !strings.HasPrefix(decisions[0], "module ") {
		t.Errorf("observed: %q", decisions)
	}
}

// TestPanicsStrip: a panic, in either phase, leaves a response that no page can read, and is reported.
func TestPanicsStrip(t *testing.T) {
	f := &exchangetest.Fixture{Engine: exchangetest.Engine(t)}
	m := newModule(t, f)
	f.Observer.OnDecided = func(exchange.Event) { panic("on purpose") }
	x, err := dynmoduletest.Run(m, "", request("GET", "api.shop.example/cart", page), 200, upstreams)
	if err != nil {
		t.Fatal(err)
	}
	stripped := []string{"etag: z", "timing-allow-origin: *", "vary: accept", "vary: origin"}
	if diff := cmp.Diff(stripped, x.Lines); diff != "" || f.Observer.Panics != 1 {
		t.Errorf("%d panics; headers (-want +got):\n%s", f.Observer.Panics, diff)
	}
	f.Observer.OnDecided = nil
	if x, err = dynmoduletest.Run(m, "", request("GET", "api.shop.example/cart", page), 200, nil); err != nil || len(x.Lines) != 4 {
		t.Errorf("the next exchange: %q, %v", x.Lines, err)
	}
}

// TestNoPolicy: without a live policy nothing is changed.
func TestNoPolicy(t *testing.T) {
	m := newModule(t, &exchangetest.Fixture{})
	x, err := dynmoduletest.Run(m, "", request("GET", "api.shop.example/", page), 200, upstreams)
	if diff := cmp.Diff(dynmoduletest.Sorted(upstreams), x.Lines); diff != "" || err != nil || len(x.Facts) > 0 {
		t.Errorf("facts %v, error %v; headers (-want +got):\n%s", x.Facts, err, diff)
	}
}

// TestRequiredOptions: an option that is missing is an error.
func TestRequiredOptions(t *testing.T) {
	if _, err := dynmodule.New(dynmodule.Options{}); err == nil || err.Error() != "dynmodule: Options.Engine is required" {
		t.Errorf("the error is %v", err)
	}
}

// TestAnswerGrows: an answer follows what its buffer has, and leaves it if it is too small.
func TestAnswerGrows(t *testing.T) {
	f := &exchangetest.Fixture{Engine: exchangetest.Engine(t)}
	m := newModule(t, f)
	headers := dynmoduletest.Headers(request("GET", "api.shop.example/cart", page))
	whole, _ := m.Request(nil, headers, nil)
	for _, room := range []int{8, len(whole) - 1, len(whole)} {
		buffer := make([]byte, 0, room)
		answer, _ := m.Request(nil, headers, buffer)
		if inside := &answer[0] == &buffer[:1:1][0]; !bytes.Equal(answer, whole) || inside != (room == len(whole)) {
			t.Errorf("with %d of %d bytes: %d bytes, in the buffer: %v", room, len(whole), len(answer), inside)
		}
	}
}

// FuzzExchange: the client gets what the adapter of ext_proc would make of the exchange, and nothing panics.
func FuzzExchange(f *testing.F) {
	for _, host := range []string{"api", "block", "shadow", "off", "preserve", "merge", "expand", "forward", "tao", "corp"} {
		f.Add("GET", host+".shop.example", "/cart", "https://www.shop.example", "", "", "", 200, "vary: accept\naccess-control-allow-origin: *")
		f.Add("OPTIONS", host+".shop.example", "/catalogue", "https://evil.example", "PUT", "x-trace", "", 204, "access-control-x: y")
	}
	f.Add("GET", "api.shop.example", "/", "null", "", "", "shop#catalogue", 304, "vary: *")
	f.Add("GET", "api.shop.example", "/", "", "", "", "shop", 101, "vary:  , origin")
	engine := exchangetest.Engine(f)
	f.Fuzz(func(t *testing.T, method, host, path, origin, requested, names, selector string, status int, response string) {
		lines := fields(":method: "+method, ":scheme: https", ":authority: "+host, ":path: "+path)
		for name, value := range map[string]string{
			"origin": origin, "access-control-request-method": requested, "access-control-request-headers": names,
		} {
			if value != "" {
				lines = append(lines, policy.Field{Name: name, Value: []byte(value)})
			}
		}
		upstream, err := responseLines(response)
		if err != nil || status < 100 || status > 599 {
			t.Skip(err)
		}
		fixture := &exchangetest.Fixture{Engine: engine}
		got, err := dynmoduletest.Run(newModule(t, fixture), selector, lines, status, upstream)
		if err != nil || fixture.Observer.Panics > 0 {
			t.Fatalf("%v; %d panics: %s", err, fixture.Observer.Panics, &fixture.Log)
		}
		want, err := dynmoduletest.ByExtProc(fixture.Options(), selector, lines, status, upstream)
		if diff := cmp.Diff(want.Lines, got.Lines, cmpopts.EquateEmpty()); diff != "" || got.Status != want.Status || err != nil {
			t.Errorf("status %d, want %d (%v); headers (-want +got):\n%s", got.Status, want.Status, err, diff)
		}
	})
}

// responseLines reads the lines of a response that Envoy would have read.
func responseLines(text string) ([]policy.Field, error) {
	var lines []policy.Field
	for line := range strings.SplitSeq(text, "\n") {
		name, value, found := strings.Cut(line, ": ")
		if !found || name == "" || name != strings.ToLower(name) || strings.ContainsAny(name, ": \t") ||
			strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, errors.New("no header line")
		}
		lines = append(lines, policy.Field{Name: name, Value: []byte(value)})
	}
	return lines, nil
}
