package e2e_test

import (
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/rawhttp"
)

// What Envoy's HTTP/1 codec refuses must reach the client as such. A filter that
// waits for an answer of corsd before it lets go of the response would turn it
// into a closed connection without a word.
func TestCodecErrorsArrive(t *testing.T) {
	head := rawhttp.HTTP1Text(rawhttp.Request(get("/cart").from(page)))
	withLine := func(line string) string { return strings.TrimSuffix(head, "\r\n") + line + "\r\n\r\n" }
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			b := start(t, p)
			for _, tt := range []struct{ name, request, want string }{
				{"a header line without a colon is a 400", withLine("no colon"), "HTTP/1.1 400 Bad Request\r\n"},
				{"a control byte in an Origin is a 400", withLine("Origin: https://\x00"), "HTTP/1.1 400 Bad Request\r\n"},
				{"an unknown method is a 400", "NO" + head, "HTTP/1.1 400 Bad Request\r\n"},
				{"a method in lower case is a 400", strings.Replace(head, "GET", "get", 1), "HTTP/1.1 400 Bad Request\r\n"},
				{"headers that are too large are a 431", withLine("x: " + strings.Repeat("x", 70_000)), "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
			} {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel() // Envoy closes the connection after a second
					got, err := rawhttp.Raw(t.Context(), b.Envoy.Address, tt.request)
					if err != nil {
						t.Fatal(err)
					}
					if !strings.HasPrefix(got, tt.want) {
						t.Errorf("got %q, want %q", got, tt.want)
					}
					if strings.Contains(got, "access-control-") {
						t.Errorf("CORS headers on what is no request: %q", got)
					}
				})
			}
		})
	}
}
