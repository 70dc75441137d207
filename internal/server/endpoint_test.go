package server

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy"
)

// TestEndpoints: values of --listen.
func TestEndpoints(t *testing.T) {
	for _, row := range []struct {
		value string
		want  endpoint
		err   string
	}{
		{value: ":9002", want: endpoint{address: ":9002", tls: true}},
		{
			value: ":9003,static=strip+vary",
			want:  endpoint{address: ":9003", tls: true, words: "strip+vary", static: policy.Static{Strip: true, Vary: true}},
		},
		{
			value: "unix:/run/corsd.sock,static=vary+set",
			want:  endpoint{address: "unix:/run/corsd.sock", words: "vary+set", static: policy.Static{Vary: true, Set: true}},
		},
		{value: ":9003,", err: `--listen :9003,: "" is not an option of an address; write static=strip+vary after the comma`},
		{value: ":9003,strip", err: `--listen :9003,strip: "strip" is not an option of an address; write static=strip+vary after the comma`},
		{value: ":9003,static=", err: `--listen :9003,static=: "" is not a word of static; write strip, vary or set, joined by +`},
		{value: ":9003,static=strip,vary", err: `--listen :9003,static=strip,vary: "strip,vary" is not a word of static; write strip, vary or set, joined by +`},
		{value: ":9003,static=Strip", err: `--listen :9003,static=Strip: "Strip" is not a word of static; write strip, vary or set, joined by +`},
		{value: ",static=strip", err: `--listen ,static=strip: the address is empty; write HOST:PORT or unix:PATH`},
		{value: "unix:,static=strip", err: `--listen unix:,static=strip: the address is empty; write HOST:PORT or unix:PATH`},
	} {
		got, err := parseEndpoints([]string{":1", row.value}, true)
		switch {
		case row.err != "":
			if err == nil || err.Error() != row.err {
				t.Errorf("%s: %v, want %s", row.value, err, row.err)
			}
		case err != nil:
			t.Errorf("%s: %v", row.value, err)
		default:
			if diff := cmp.Diff(row.want, got[1], cmp.AllowUnexported(endpoint{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.value, diff)
			}
		}
	}
}

// TestUnusedTLS: a certificate that no listener uses is an error, since a reader of the flags would trust in it.
func TestUnusedTLS(t *testing.T) {
	if _, err := parseEndpoints([]string{"unix:a"}, true); !errors.Is(err, errUnusedTLS) {
		t.Errorf("got %v", err)
	}
	if _, err := parseEndpoints([]string{"unix:a"}, false); err != nil {
		t.Errorf("without TLS: %v", err)
	}
}
