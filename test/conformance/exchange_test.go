package conformance_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/conformance/fetch"
	"github.com/corsd/corsd/test/harness/mesh"
)

// answer is a response.
type answer struct {
	status int
	header http.Header
}

// inBrowser is the answer as a browser sees it.
func (a answer) inBrowser() fetch.Response {
	response := fetch.Response{Status: a.status}
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		for _, line := range a.header[name] {
			response.Headers = append(response.Headers, fetch.Header{Name: strings.ToLower(name), Value: line})
		}
	}
	return response
}

// client sends to one Envoy, over connections that are kept.
type client struct {
	*http.Client
	mesh *mesh.Mesh
}

func newClient(t *testing.T, m *mesh.Mesh) client {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return client{&http.Client{
		Transport:     transport,
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, m}
}

func (c client) send(t *testing.T, host string, r request) answer {
	t.Helper()
	out, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+c.mesh.Envoy.Address+r.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	out.Host, out.Header = host, r.header.Clone()
	in, err := c.Do(out)
	if err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	defer in.Body.Close()
	if _, err := io.Copy(io.Discard, in.Body); err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	return answer{in.StatusCode, in.Header}
}

// sendAll sends requests one after the other. If Envoy's call to corsd timed out meanwhile (0.5 s, on
// a busy machine), sendAll sends all again: a request that failed open shows nothing about corsd.
func (c client) sendAll(t *testing.T, host string, requests []request) []answer {
	t.Helper()
	for range 3 {
		before := c.timeouts(t)
		answers := make([]answer, len(requests))
		for i, r := range requests {
			answers[i] = c.send(t, host, r)
		}
		if c.timeouts(t) == before {
			return answers
		}
		t.Log("Envoy did not wait for corsd: the machine is busy; once more")
	}
	t.Fatal("Envoy never waits for corsd")
	return nil
}

// timeouts counts how often Envoy has given up waiting for corsd.
func (c client) timeouts(t *testing.T) (n int) {
	t.Helper()
	stats, err := c.mesh.Envoy.Stats(t.Context(), `^(.*\.message_timeouts|cluster\.corsd\.upstream_rq_timeout)$`)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range stats {
		n += value
	}
	return n
}
