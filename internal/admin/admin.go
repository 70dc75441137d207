// Package admin serves probes and metrics over HTTP. It knows no gRPC: a dynamic module serves them, too.
package admin

import (
	"io"
	"net/http"
	"strings"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
)

// Policies are the live policies.
type Policies interface {
	// Engine returns the live engine, nil if there is none yet.
	Engine() *policy.Engine
	// State returns what /readyz?verbose reports.
	State() reload.State
}

// Options are the properties of a [Handler].
type Options struct {
	Policies func() Policies
	Stopping func() bool  // then corsd is not ready
	Hosts    []string     // host names that are served, beside localhost and addresses
	Metrics  http.Handler // serves /metrics; nil if nothing does
}

// Handler serves /livez, /readyz and /metrics.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.Handle("GET /readyz", readiness(o.Stopping, o.Policies))
	if o.Metrics != nil {
		mux.Handle("GET /metrics", o.Metrics)
	}
	return withKnownHost(o.Hosts, mux)
}

// readiness is the handler of /readyz. corsd is ready while a policy is live, even if a newer one
// was refused. The page has a line if the policy is that of the snapshot, and with ?verbose the state
// of the policies.
func readiness(stopping func() bool, policies func() Policies) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		state := policies().State()
		word := "ok"
		switch {
		case stopping():
			word = "stopping"
		case policies().Engine() == nil:
			word = strings.TrimSuffix("no policy is live yet: "+state.Pending, ": ")
		}
		if word != "ok" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, word+"\n")
		state.WriteSnapshot(w)
		if r.URL.Query().Has("verbose") {
			state.WriteText(w)
		}
	}
}
