package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/demo/lab"
	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

func TestOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Envoy")
	}
	for _, p := range []lab.Profile{lab.RequestResponse, lab.Module} {
		var out bytes.Buffer
		err := run(t.Context(), &out, io.Discard, p, "", true)
		if errors.Is(err, envoy.ErrNoBinary) || errors.Is(err, mesh.ErrNoCompiler) {
			t.Skip(err)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", p.Name, err, &out)
		}
	}
}

func TestCheckFindsWhatIsNotAsExpected(t *testing.T) {
	s := step{status: 200, cors: []string{"access-control-allow-origin: *"}, entry: " allowed "}
	right := rawhttp.Response{Status: 200, Header: []rawhttp.Field{{Name: "access-control-allow-origin", Value: "*"}}}
	wrongStatus, missing, twice := right, right, right
	wrongStatus.Status = 500
	missing.Header = nil
	twice.Header = append(right.Header, right.Header...)
	for _, tt := range []struct {
		name  string
		got   rawhttp.Response
		entry string
		want  string // part of the error
	}{
		{"the right answer", right, "reason allowed .", ""},
		{"another status", wrongStatus, " allowed ", "status 500, not 200"},
		{"a header that is missing", missing, " allowed ", "CORS headers"},
		{"a header twice", twice, " allowed ", "CORS headers"},
		{"another entry in the access log", right, " refused ", "access log"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := s.check(&tt.got, tt.entry)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("check: %v, want %q", err, tt.want)
			}
		})
	}
}

func TestLinesAboutTheLabsPage(t *testing.T) {
	l := &lab.Lab{Origins: lab.Origins{Page: "http://www.shop.localhost:4711"}}
	for entry, want := range map[string]bool{
		"GET www.shop.localhost:4711/policy 200 via_upstream cors=- reason=- policy=- rule=- origin=-":                                     true,
		"GET api.shop.localhost:4711/me 200 via_upstream cors=allow reason=allowed policy=lab rule= origin=http://www.shop.localhost:4711": false,
	} {
		if got := ofPage(l, entry); got != want {
			t.Errorf("%s: %t, want %t", entry, got, want)
		}
	}
}
