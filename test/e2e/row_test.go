package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/rawhttp"
)

// row is a request and the client's response.
type row struct {
	name    string // a sentence
	request request
	want    want
	unlike  unlike           // where a profile does something else
	late    late             // why lean asks in the response phase as well
	only    rawhttp.Protocol // for a request that only one protocol can express
}

// want is an answer. What it does not list of CORS headers must be absent.
type want struct {
	status int // 101 is 200 over HTTP/2
	cors   []string
	asked  int    // messages to corsd
	reason string // in Envoy's access log; "-" where corsd is not asked

	// immediate means that corsd itself answered: without a body, and with the reason in Envoy's
	// response code details.
	immediate bool

	// also are other header lines that must be there; body, where set, is the body.
	also []string
	body string

	why string // a profile is unlike the others
}

// unlike has the results of other profiles that differ from those of request_response.
type unlike map[string]want

func (r row) wantFor(p *profile) want {
	if w, ok := r.unlike[p.name]; ok {
		return w
	}
	w := r.want
	if both := p == requestResponse || p == lean && r.late != ""; !both && w.asked > 1 {
		w.asked = 1
	}
	return w
}

// late is a reason to ask about the response, after the request.
type late string

const (
	noHost     late = "no virtual host is there to set anything"
	hostLeaves late = "the virtual host neither strips nor sets"
	forwarded  late = "the virtual host sets no headers of preflights"
	ownNames   late = "the names of the response are exposed"
	mixes      late = "with rules by origin a 304 has every header, so corsd has to know the status"
)

func (r row) check(t *testing.T, b *bench, p rawhttp.Protocol) {
	w := r.wantFor(b.profile)
	request := r.request
	request.Close = p == rawhttp.HTTP1
	got := b.patiently(t, p, request)
	if status := onProtocol(w.status, p); got.Status != status {
		t.Errorf("status %d, want %d", got.Status, status)
	}
	cors, lines := slices.Sorted(slices.Values(w.cors)), corsLines(got.Response)
	if b.profile.inEnvoy && w.immediate {
		lines = varyOnce(lines)
	}
	if diff := cmp.Diff(cors, lines, cmp.Transformer("nil", emptyIfNil)); diff != "" {
		t.Errorf("CORS headers and Vary (-want +got):\n%s", diff)
	}
	if got.asked != w.asked {
		t.Errorf("Envoy sent corsd %d messages, want %d", got.asked, w.asked)
	}
	if got.accessed.Reason() != w.reason {
		t.Errorf("reason %s, want %s", got.accessed.Reason(), w.reason)
	}
	w.checkRest(t, b.profile, got)
	if t.Failed() {
		t.Logf("access log: %s", got.accessed)
		if w.why != "" {
			t.Logf("this profile differs: %s", w.why)
		}
	}
}

func (w want) checkRest(t *testing.T, p *profile, got exchange) {
	if w.immediate {
		if err := empty(got.Response); err != nil {
			t.Errorf("corsd's answer has %v", err)
		}
	}
	if details := " " + w.details(p) + " "; strings.Contains(string(got.accessed), details) != w.immediate {
		t.Errorf("response code details: %q there: %v, want %v", details, !w.immediate, w.immediate)
	}
	for _, line := range w.also {
		if name, value, _ := strings.Cut(line, ": "); !slices.Contains(got.Get(name), value) {
			t.Errorf("no header %q", line)
		}
	}
	if w.body != "" && string(got.Body) != w.body {
		t.Errorf("body %q, want %q", got.Body, w.body)
	}
}

// details are Envoy's response code details for an answer of corsd. In ext_authz
// they cannot be chosen.
func (w want) details(p *profile) string {
	if p == extAuthz {
		return "ext_authz_denied"
	}
	return "corsd_" + w.reason
}

func onProtocol(status int, p rawhttp.Protocol) int {
	if status == 101 && p == rawhttp.HTTP2 {
		return 200
	}
	return status
}

func emptyIfNil(s []string) []string { return slices.Concat([]string{}, s) }

// request is a request in the words of a row.
type request rawhttp.Request

func do(method, path string) request {
	return request{Method: method, Authority: "api.shop.example", Path: path}
}

func get(path string) request { return do("GET", path) }

// preflight returns a preflight for a method and, in one line as in browsers, headers.
func preflight(path, method string, headers ...string) request {
	r := do("OPTIONS", path).with("Access-Control-Request-Method", method)
	if len(headers) > 0 {
		r = r.with("Access-Control-Request-Headers", strings.Join(headers, ","))
	}
	return r
}

// webSocket returns a WebSocket handshake, followed by a message.
func webSocket(path string) request {
	r := get(path)
	r.Text = "ping"
	return r
}

func (r request) at(host string) request { r.Authority = host; return r }

func (r request) from(origin string) request { return r.with("Origin", origin) }

func (r request) with(name, value string) request {
	r.Header = append(slices.Clone(r.Header), rawhttp.Field{Name: name, Value: value})
	return r
}

// behindTLS is the request as a proxy passes it on that has terminated TLS.
func (r request) behindTLS() request {
	r.Scheme = "https"
	return r.with("X-Forwarded-Proto", "https")
}
