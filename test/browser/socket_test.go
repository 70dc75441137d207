package page_test

import (
	"testing"

	"github.com/corsd/corsd/test/harness/browser"
)

// say opens a WebSocket, sends a message, and returns the message that it receives.
const say = `(url) => new Promise((resolve) => {
	const socket = new WebSocket(url);
	socket.onerror = () => resolve("refused");
	socket.onopen = () => socket.send("ping");
	socket.onmessage = ({data}) => { socket.close(); resolve(data); };
})`

// Browsers apply no CORS check to WebSockets, so the gateway has to.
func TestWebSockets(t *testing.T) {
	rows := []struct {
		name string
		page string // its host, with a path if it is not a page of the shop
		url  string
		want string
	}{
		{name: "an allowed page is connected", page: www, url: api + "/socket", want: "ping"},
		{name: "a stranger's is not, where the policy checks", page: evil, url: api + "/socket", want: "refused"},
		{name: "a page of the host itself is connected", page: api + "/direct", url: api + "/socket", want: "ping"},
		{name: "a stranger's page is connected where the policy does not check", page: evil, url: api + "/chat", want: "ping"},
	}
	for _, p := range profiles {
		for _, tr := range []transport{http1, http1TLS} { // over HTTP/2 Envoy accepts none, and browsers use HTTP/1.1
			t.Run(p.name+" by "+tr.name, func(t *testing.T) {
				through(t, p, tr)
				inEach(t, func(t *testing.T, b browser.Browser) {
					profile := newProfile(t, b)
					for _, r := range rows {
						t.Run(r.name, func(t *testing.T) {
							page := tab(t, profile, tr.url(r.page))
							var got string
							if err := browser.Call(t.Context(), page, say, "ws"+tr.url(r.url)[len("http"):], &got); err != nil {
								t.Fatal(err)
							}
							if got != r.want {
								t.Errorf("%s, want %s", got, r.want)
							}
						})
					}
				})
			})
		}
	}
}
