package e2e_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// exchange is one request with its visible results.
type exchange struct {
	*rawhttp.Response
	asked    int  // messages that Envoy sent to corsd
	gaveUp   bool // Envoy did not wait any longer for corsd's answer
	accessed mesh.Entry
}

// patience is the number of times that an unexpected exchange is repeated if Envoy's call to corsd timed
// out (0.5 s, on a busy machine): a request that failed open shows nothing about corsd.
const patience = 3

func (b *bench) exchange(t *testing.T, p rawhttp.Protocol, r request) exchange {
	t.Helper()
	before := b.counters(t)
	response, err := p.Do(t.Context(), b.Envoy.Address, rawhttp.Request(r))
	if err != nil {
		t.Fatal(err)
	}
	entry, err := b.NextEntry(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after := b.counters(t)
	return exchange{response, after.messages - before.messages, after.timeouts > before.timeouts, entry}
}

// patiently repeats an exchange as long as Envoy gives up waiting for corsd.
func (b *bench) patiently(t *testing.T, p rawhttp.Protocol, r request) exchange {
	t.Helper()
	for range patience {
		if x := b.exchange(t, p, r); !x.gaveUp {
			return x
		}
		t.Log("Envoy did not wait for corsd: the machine is busy; once more")
	}
	t.Fatal("Envoy never waits for corsd")
	return exchange{}
}

type counters struct{ messages, timeouts int }

// counters reads how much Envoy has asked of corsd since it was started.
func (b *bench) counters(t *testing.T) counters {
	t.Helper()
	const messages = `ext_proc\..*stream_msgs_sent`
	const checks = `ext_authz\.corsd\.(ok|denied|error)`
	const decisions = `corsd\.decisions\..*`
	const timeouts = `ext_proc\..*message_timeouts|cluster\.corsd\.(upstream_rq_timeout|http2\.keepalive_timeout)`
	stats, err := b.Envoy.Stats(t.Context(), `^(http\.ingress\.(`+messages+`|`+checks+`)|`+decisions+`|.*(`+timeouts+`))$`)
	if err != nil {
		t.Fatal(err)
	}
	var c counters
	for name, n := range stats {
		if strings.Contains(name, "timeout") {
			c.timeouts += n
		} else {
			c.messages += n
		}
	}
	return c
}

// corsLines returns all CORS headers and Vary, sorted. How Vary's list is spaced
// is left to Envoy, which joins without blanks; its order and its repeats are not.
func corsLines(r *rawhttp.Response) []string {
	lines := r.CORS()
	for i, line := range lines {
		if list, ok := strings.CutPrefix(line, "vary: "); ok {
			lines[i] = vary(strings.Split(list, ",")...)
		}
	}
	return lines
}

// varyOnce removes repeats from the value of Vary. In a response in upstream's place, Envoy adds what a module
// sets to the Vary of the virtual host, where ext_proc replaces it.
func varyOnce(lines []string) []string {
	for i, line := range lines {
		if list, ok := strings.CutPrefix(line, "vary: "); ok {
			var once []string
			for _, name := range strings.Split(list, ", ") {
				if !slices.Contains(once, name) {
					once = append(once, name)
				}
			}
			lines[i] = vary(once...)
		}
	}
	return lines
}

func vary(names ...string) string {
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return "vary: " + strings.Join(names, ", ")
}

// empty returns an error if a response has a body or a type.
func empty(r *rawhttp.Response) error {
	var errs []error
	if len(r.Body) > 0 {
		errs = append(errs, fmt.Errorf("a body: %q", r.Body))
	}
	if length := r.Get("content-length"); r.Status == 204 && length != nil || length != nil && length[0] != "0" {
		errs = append(errs, fmt.Errorf("content-length: %s", length))
	}
	if kind := r.Get("content-type"); kind != nil {
		errs = append(errs, fmt.Errorf("content-type: %s", kind))
	}
	return errors.Join(errs...)
}
