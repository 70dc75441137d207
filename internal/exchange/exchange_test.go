package exchange_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/policy"
)

// begin begins an exchange with the header lines of a request.
func begin(t testing.TB, x *exchange.Exchange, s *exchange.Service, method, url string, lines ...string) {
	t.Helper()
	x.Begin(t.Context(), s)
	for _, line := range slices.Concat(exchangetest.Pseudo(method, url), lines) {
		name, value := exchangetest.Field(line)
		x.AddHeader([]byte(name), []byte(value))
	}
}

func newService(t testing.TB, o exchange.Options) *exchange.Service {
	t.Helper()
	s, err := exchange.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lines returns the headers that a response sets, sorted, and "-name" for each that it removes.
func lines(r *policy.Response) []string {
	var lines []string
	for _, f := range r.Set {
		lines = append(lines, f.Name+": "+string(f.Value))
	}
	for _, name := range r.Remove {
		lines = append(lines, "-"+name)
	}
	slices.Sort(lines)
	return lines
}

// TestRequiredOptions: a required option that is missing is an error of New.
func TestRequiredOptions(t *testing.T) {
	engine, logger := func() *policy.Engine { return nil }, slog.New(slog.DiscardHandler)
	for want, o := range map[string]exchange.Options{
		"Options.Engine is required": {Logger: logger},
		"Options.Logger is required": {Engine: engine},
		"Options.Observers[1] is nil": {
			Engine: engine, Logger: logger, Observers: []exchange.Observer{exchange.Discard{}, nil},
		},
		"": {Engine: engine, Logger: logger},
	} {
		got := ""
		if _, err := exchange.New(o); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestProfiles: each profile has a name of its own.
func TestProfiles(t *testing.T) {
	var names []string
	for _, p := range exchange.Profiles() {
		names = append(names, p.String())
	}
	if diff := cmp.Diff([]string{"request_response", "response_only", "ext_authz", "module"}, names); diff != "" {
		t.Error(diff)
	}
	if name := exchange.Profile(200).String(); name != "unknown" {
		t.Errorf("another value is %q", name)
	}
}

// TestExchange is an exchange of each outcome, without a transport.
func TestExchange(t *testing.T) {
	upstream := []string{
		":status: 200", "vary: accept", "access-control-allow-origin: *", "access-control-x: y", "etag: z",
	}
	rows := []struct {
		name     string // a sentence
		profile  exchange.Profile
		static   policy.Static
		request  []string // method, URL, header lines
		status   int      // of a response in upstream's place
		needs    bool     // the response
		ahead    []string
		response []string
	}{
		{
			"an allowed page reads the response", exchange.RequestResponse,
			policy.Static{},
			[]string{"GET", "api.shop.example/cart", exchangetest.Page},
			0, true, nil,
			[]string{
				"-access-control-x", exchangetest.AllowCredentials, exchangetest.AllowOrigin,
				exchangetest.ExposeHeaders, "vary: accept, Origin",
			},
		},
		{
			"a route sets the headers of an allowed page", exchange.RequestResponse,
			policy.Static{Strip: true, Vary: true, Set: true},
			[]string{"GET", "api.shop.example/cart", exchangetest.Page},
			0, false,
			[]string{exchangetest.AllowOrigin, exchangetest.AllowCredentials, exchangetest.ExposeHeaders},
			nil,
		},
		{
			"a refused page needs only the route", exchange.RequestResponse,
			policy.Static{Strip: true, Vary: true},
			[]string{"GET", "api.shop.example/cart", exchangetest.Evil},
			0, false, nil, nil,
		},
		{
			"a preflight is answered in upstream's place", exchange.RequestResponse,
			policy.Static{},
			[]string{"OPTIONS", "api.shop.example/cart", exchangetest.Page, "access-control-request-method: PUT"},
			204, false, nil,
			[]string{
				exchangetest.AllowCredentials, exchangetest.AllowHeaders, exchangetest.AllowMethods, exchangetest.AllowOrigin,
				exchangetest.ExposeHeaders, exchangetest.MaxAge, exchangetest.VaryPreflight,
			},
		},
		{
			"Block answers in upstream's place", exchange.RequestResponse,
			policy.Static{},
			[]string{"GET", "block.shop.example/", exchangetest.Evil},
			403, false, nil,
			[]string{exchangetest.VaryOrigin},
		},
		{
			"Block comes too late for the response", exchange.ResponseOnly,
			policy.Static{},
			[]string{"GET", "block.shop.example/", exchangetest.Evil},
			0, true, nil,
			[]string{"-access-control-allow-origin", "-access-control-x", "vary: accept, Origin"},
		},
	}
	f := exchangetest.Fixture{Engine: exchangetest.Engine(t)}
	s := newService(t, f.Options())
	var x exchange.Exchange // one for all
	for _, r := range rows {
		begin(t, &x, s, r.request[0], r.request[1], r.request[2:]...)
		x.Static = r.static
		x.Decide(r.profile)
		if response, ok := x.Respond(); ok {
			if diff := cmp.Diff(r.response, lines(response)); diff != "" || response.Status != r.status {
				t.Errorf("%s: status %d, headers (-want +got):\n%s", r.name, response.Status, diff)
			}
			x.End()
			continue
		}
		fields, needs := x.Continue()
		var ahead []string
		for _, f := range fields {
			ahead = append(ahead, f.Name+": "+string(f.Value))
		}
		if diff := cmp.Diff(r.ahead, ahead); diff != "" || needs != r.needs || r.status != 0 {
			t.Errorf("%s: needs the response: %v; ahead (-want +got):\n%s", r.name, needs, diff)
		}
		if needs {
			x.ResetResponse()
			for _, line := range upstream {
				name, value := exchangetest.Field(line)
				x.AddResponseHeader([]byte(name), []byte(value))
			}
			if diff := cmp.Diff(r.response, lines(x.Edit())); diff != "" || x.Status() != 200 {
				t.Errorf("%s: status %d, edit (-want +got):\n%s", r.name, x.Status(), diff)
			}
		}
		x.End()
	}
}

// contextKey is the key of a value that a stream's context has.
type contextKey struct{}

// witness is an observer that keeps a line of words for each event.
type witness struct {
	exchange.Discard
	name   string
	events *[]string
}

func (w witness) note(ctx context.Context, words ...string) {
	stream := ctx.Value(contextKey{}).(string)
	*w.events = append(*w.events, strings.Join(append([]string{w.name, stream}, words...), " "))
}

func (w witness) Decided(ctx context.Context, e exchange.Event) {
	w.note(ctx, e.Profile.String(), e.Request.Path, e.Decision.Reason.String())
}

func (w witness) StripConflict(ctx context.Context, e exchange.Event) {
	w.note(ctx, "strip", e.Decision.Policy())
}

func (w witness) StreamEnded(ctx context.Context, err error) {
	w.note(ctx, "ended", err.Error())
}

// TestListenerStatic: an exchange begins with the promise of its listener, which the next one does not keep.
func TestListenerStatic(t *testing.T) {
	type key struct{}
	s := newService(t, exchange.Options{
		Engine: func() *policy.Engine { return nil }, Logger: slog.New(slog.DiscardHandler),
		Static: func(ctx context.Context) policy.Static { return policy.Static{Strip: ctx.Value(key{}) != nil} },
	})
	var x exchange.Exchange
	for _, strips := range []bool{true, false, true} {
		ctx := t.Context()
		if strips {
			ctx = context.WithValue(ctx, key{}, true)
		}
		x.Begin(ctx, s)
		if got, want := x.Static, (policy.Static{Strip: strips}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		x.End()
	}
}

// TestObservers: each observer receives each event, in its order, with the context of the stream, the
// request and the decision.
func TestObservers(t *testing.T) {
	var events []string
	f := exchangetest.Fixture{Engine: exchangetest.Engine(t)}
	s := newService(t, f.Options(witness{name: "first", events: &events}, witness{name: "second", events: &events}))
	ctx := context.WithValue(t.Context(), contextKey{}, "stream")
	var x exchange.Exchange
	x.Begin(ctx, s)
	x.AddHeader([]byte(":path"), []byte("/a?b"))
	x.AddHeader([]byte(":authority"), []byte("shadow.shop.example"))
	x.AddHeader([]byte("origin"), []byte("https://evil.example"))
	x.Static.Strip = true
	x.Decide(exchange.RequestResponse)
	x.End()
	s.StreamEnded(ctx, errors.New("broken"))
	want := []string{
		"first stream request_response /a?b origin_not_allowed", "second stream request_response /a?b origin_not_allowed",
		"first stream strip shadow", "second stream strip shadow", "first stream ended broken", "second stream ended broken",
	}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Error(diff)
	}
}

// TestNoPolicy: there is no policy while there is no engine, and the exchange can end.
func TestNoPolicy(t *testing.T) {
	var f exchangetest.Fixture
	s := newService(t, f.Options())
	var x exchange.Exchange
	begin(t, &x, s, "GET", "api.shop.example/", exchangetest.Page)
	if x.HasPolicy() || x.Decided() {
		t.Error("there is a policy")
	}
	x.End()
	f.Engine = exchangetest.Engine(t)
	if x.Begin(t.Context(), s); !x.HasPolicy() {
		t.Error("there is no policy")
	}
}

// TestExchangesAreIndependent: nothing of an exchange reaches the next one, whatever was left out.
func TestExchangesAreIndependent(t *testing.T) {
	f := exchangetest.Fixture{Engine: exchangetest.Engine(t)}
	s := newService(t, f.Options())
	var x exchange.Exchange
	begin(t, &x, s, "OPTIONS", "api.shop.example/cart", exchangetest.Page, "access-control-request-method: PUT")
	x.End() // without a decision
	begin(t, &x, s, "GET", "api.shop.example/cart", exchangetest.Evil)
	x.Request.Selector, x.Static = "shop", policy.Static{Strip: true, Vary: true, Set: true}
	x.Decide(exchange.RequestResponse)
	x.AddResponseHeader([]byte(":status"), []byte("200"))
	x.End()
	x.Begin(t.Context(), s)
	if x.Decided() || x.Request.Selector != "" || x.Static != (policy.Static{}) {
		t.Errorf("left: %+v, %+v", x.Request, x.Static)
	}
	x.Decide(exchange.RequestResponse)
	if reason := x.Decision().Reason; reason != policy.ReasonNoPolicy {
		t.Errorf("an empty request is %s", reason)
	}
	if x.ResetResponse(); x.Status() != 0 {
		t.Errorf("status %d", x.Status())
	}
	x.End()
}
