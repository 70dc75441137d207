package server

import (
	"io"
	"net/http"
	"strings"
)

// adminHandler serves probes and metrics.
func adminHandler(o *Options, ready http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.Handle("GET /readyz", ready)
	mux.Handle("GET /metrics", o.MetricsPage)
	return withKnownHost(o.AdminHosts, mux)
}

// readiness is the handler of /readyz. corsd is ready while a policy is live, even if a newer one
// was refused. The page has a line if the policy is that of the snapshot, and with ?verbose the state
// of the policies.
func readiness(stopping func() bool, policies Policies) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		state := policies.State()
		word := "ok"
		switch {
		case stopping():
			word = "stopping"
		case policies.Engine() == nil:
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
