package lab

import (
	"context"
	"fmt"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogdata "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func entry(t *testing.T, details string, upstream bool) *accesslogdata.HTTPAccessLogEntry {
	t.Helper()
	said, err := structpb.NewStruct(map[string]any{"verdict": "deny", "reason": "origin_not_allowed", "policy": "lab", "rule": ""})
	if err != nil {
		t.Fatal(err)
	}
	e := &accesslogdata.HTTPAccessLogEntry{
		ProtocolVersion: accesslogdata.HTTPAccessLogEntry_HTTP2,
		CommonProperties: &accesslogdata.AccessLogCommon{
			Metadata: &core.Metadata{FilterMetadata: map[string]*structpb.Struct{"corsd": said}},
		},
		Request: &accesslogdata.HTTPRequestProperties{
			RequestMethod: core.RequestMethod_GET, Scheme: "http", Authority: "api.shop.localhost:1", Path: "/a?run=7",
			RequestHeaders: map[string]string{"sec-fetch-site": "cross-site", "origin": "http://www.evil.localhost:1"},
		},
		Response: &accesslogdata.HTTPResponseProperties{
			ResponseCode: wrapperspb.UInt32(200), ResponseCodeDetails: details, ResponseHeaders: map[string]string{"vary": "Origin"},
		},
	}
	if upstream {
		e.CommonProperties.UpstreamRemoteAddress = &core.Address{}
	}
	return e
}

func TestExchangeSaysWhatEnvoySaw(t *testing.T) {
	want := Exchange{
		Method: "GET", Scheme: "http", Authority: "api.shop.localhost:1", Path: "/a?run=7", Protocol: "HTTP/2",
		Request: []Field{{"origin", "http://www.evil.localhost:1"}, {"sec-fetch-site", "cross-site"}},
		Status:  200, Details: "via_upstream", Answered: "application", Response: []Field{{"vary", "Origin"}},
		Verdict: "deny", Reason: "origin_not_allowed", Policy: "lab",
	}
	if diff := cmp.Diff(want, newRecord("corsd").exchange(entry(t, "via_upstream", true))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhoAnswered(t *testing.T) {
	for _, tt := range []struct {
		name, details string
		upstream      bool
		want          string
	}{
		{"corsd, at the edge", "corsd_allowed", false, "corsd"},
		{"corsd, by ext_authz", "ext_authz_denied", false, "corsd"},
		{"the application", "via_upstream", true, "application"},
		{"the application, which the client left", "downstream_remote_disconnect", true, "application"},
		{"Envoy, without a route", "route_not_found", false, "Envoy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := answered(entry(t, tt.details, tt.upstream)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestRunIsInTheQuery(t *testing.T) {
	for path, want := range map[string]string{"/a?run=7": "7", "/a?x=1&run=7": "7", "/a": "", "/a?x=run": "", "/run=7": "", "/a?run=%zz": ""} {
		if got := runOf(path); got != want {
			t.Errorf("%s is of run %q, want %q", path, got, want)
		}
	}
}

func TestAwaitGivesAllOfARun(t *testing.T) {
	r := newRecord("corsd")
	go func() {
		for _, path := range []string{"/one?run=1", "/other?run=2", "/two?run=1", "/unmarked"} {
			r.add(Exchange{Path: path})
			time.Sleep(quiet / 10)
		}
	}()
	var paths []string
	for _, x := range r.await(t.Context(), "1") {
		paths = append(paths, x.Path)
	}
	if diff := cmp.Diff([]string{"/one?run=1", "/two?run=1"}, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	began := time.Now()
	if seen := newRecord("corsd").await(ctx, "1"); len(seen) != 0 || time.Since(began) > patience/2 {
		t.Errorf("%v after %v", seen, time.Since(began))
	}
}

func TestRecordForgetsTheOldest(t *testing.T) {
	r := newRecord("corsd")
	for i := range runs + 1 {
		r.add(Exchange{Path: fmt.Sprintf("/?run=%d", i)})
	}
	for run, want := range map[string]int{"0": 0, "1": 1, fmt.Sprint(runs): 1} {
		if seen, _ := r.of(run); len(seen) != want {
			t.Errorf("of run %s there is %d, want %d", run, len(seen), want)
		}
	}
	if len(r.seen) != runs || len(r.order) != runs {
		t.Errorf("%d and %d runs are remembered, want %d", len(r.seen), len(r.order), runs)
	}
}
