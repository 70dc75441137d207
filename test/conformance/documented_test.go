package conformance_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/mesh"
)

// documented is a behaviour that Envoy documents of its cors filter, and where
// the run has shown it.
type documented struct {
	says    string
	config  string // its name
	request string // its name

	// there is the filter's answer, in the words of [documented.say].
	there string
	class class
	beside
}

// beside is how corsd does.
type beside string

const (
	equal  beside = "same"
	better beside = "better"
)

// documentedBehaviours follow Envoy's pages on the filter and the comments of its
// CorsPolicy.
func documentedBehaviours() []documented {
	const put, refused = "preflight for PUT by the page", "preflight for PUT by a stranger"
	return []documented{
		{"A preflight of an allowed origin is answered by the filter.", "exact", put, "200, sent without credentials", sameForBrowser, equal},
		{"A preflight of another origin is forwarded to the application.", "exact", refused, "200, not sent, from the application", sameForBrowser, better},
		{"With `forward_not_matching_preflights: false` the filter answers it.", "forward", refused, "200, not sent", sameForBrowser, equal},
		{"An OPTIONS that is no preflight is passed on.", "exact", "OPTIONS that is no preflight, by the page", "200, read without credentials", sameForBrowser, equal},
		{"An accepted request gets the headers on its response.", "exact", "GET by the page", "200, read without credentials, reused", saferCached, better},
		{"Other requests are passed on, and their responses are left as they are.", "exact", "GET by a stranger", "200, not read, reused", saferCached, better},
		{"Without `Origin` nothing is done.", "exact", "GET without `Origin`", "200, no CORS request, reused", saferCached, better},
		{
			"Where a route answers directly or redirects, the filter does nothing.", "exact", "401 of the gateway, for the page",
			"401, not read, reused", moreOpen, better,
		},
		{"`allow_origin_string_match` matches a text exactly.", "exact", "GET by a name that begins as the page's", "200, not read, reused", saferCached, better},
		{"By prefix.", "prefix", "GET by a name that begins as the page's", "200, read without credentials, reused", stricter, better},
		{"By suffix.", "suffix", "GET by the page without TLS", "200, read without credentials, reused", stricter, better},
		{"By what it contains.", "contains", "GET by a name that ends as the domain does", "200, read without credentials, reused", stricter, better},
		{"By a regular expression, as a whole.", "regex", "GET by a name with another byte for a dot", "200, not read, reused", saferCached, better},
		{"`*` is every origin, echoed.", "everyone", put, "200, sent without credentials", sameForBrowser, equal},
		{"With credentials, too.", "everyone-credentials", put, "200, sent", sameForBrowser, equal},
		{"`allow_methods: \"*\"` is every method, echoed.", "methods", "preflight for PURGE", "200, sent without credentials", sameForBrowser, equal},
		{"`allow_headers: \"*\"` is every header, echoed.", "headers", "preflight for a token by GET", "200, sent without credentials", sameForBrowser, equal},
		{
			"`expose_headers` go onto responses.", "expose", "GET by the page",
			"200, read without credentials, with etag and x-total, reused", saferCached, better,
		},
		{"`max_age` goes onto the answers to preflights.", "max-age", put, "200, sent without credentials", sameForBrowser, equal},
		{"`allow_credentials` lets requests carry them.", "credentials", put, "200, sent", sameForBrowser, equal},
		{"`allow_private_network_access` answers such preflights.", "private-network", "preflight of a private network", "200, sent without credentials", sameForBrowser, equal},
		{"A route's policy comes before the virtual host's, field by field.", "route", "GET by the page from a path of its own", "200, read, reused", saferCached, better},
		{"`filter_enabled` at 0 %: nothing is done.", "off", put, "200, not sent, from the application", same, equal},
		{"`shadow_enabled`: the origin is judged and counted, and nothing is done.", "shadow", put, "200, not sent, from the application", same, better},
	}
}

// why returns the reason why corsd is better: each reason once, except two that no answer shows.
func (d documented) why(o other, r result) string {
	switch {
	case d.beside == equal:
		return ""
	case d.class == sameForBrowser:
		return "a 403 with a reason, and the application is not asked"
	case d.class == same: // see checkShadow
		return "the whole decision is logged and counted, method and headers too, each with its reason"
	}
	var names []string
	for i, why := range o.reasons {
		if _, ok := r.reasons[i]; ok {
			names = append(names, why.name)
		}
	}
	return strings.Join(names, "; ")
}

// say describes an answer. For a preflight it includes whether the application received it.
func (documented) say(r result, a answer) string {
	said := r.request.say(a)
	if r.request.isPreflight() && a.header.Get("X-Envoy-Upstream-Service-Time") != "" {
		said += ", from the application"
	}
	return said
}

// checkDocumented compares the run with the documented answers and returns the table.
func (o other) checkDocumented(t *testing.T, results []result) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| documented | the filter | corsd | | because of |\n|---|---|---|---|---|\n")
	for _, d := range documentedBehaviours() {
		i := slices.IndexFunc(results, func(r result) bool { return r.config.name == d.config && r.request.name == d.request })
		if i < 0 {
			t.Fatalf("%s: no request %q to %s", d.says, d.request, d.config)
		}
		r := results[i]
		if there := d.say(r, r.theirs); there != d.there || r.class != d.class {
			t.Errorf("%s: %q, %s, want %q, %s", d.says, there, r.class, d.there, d.class)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", d.says, d.there, d.say(r, r.ours), d.beside, d.why(o, r))
	}
	return b.String()
}

// checkShadow looks at what is left behind of requests that nothing was done to:
// two counters of the filter, and corsd's reason for each request.
func checkShadow(t *testing.T, m *mesh.Mesh) {
	t.Helper()
	stats, err := m.Envoy.Stats(t.Context(), `^http\.ingress\.cors\.`)
	if err != nil {
		t.Fatal(err)
	}
	if len(stats) != 2 || stats["http.ingress.cors.origin_valid"] == 0 || stats["http.ingress.cors.origin_invalid"] == 0 {
		t.Errorf("the filter counts %v, want valid and invalid origins", stats)
	}
	missing := []string{"allowed", "origin_not_allowed", "origin_malformed", "method_not_allowed", "header_not_allowed", "authorization_not_listed"}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err = m.Envoy.Await(ctx, func(context.Context) error {
		for _, entry := range m.NewEntries() {
			if strings.Contains(string(entry), " shadow.native.") {
				missing = slices.DeleteFunc(missing, func(reason string) bool { return reason == entry.Reason() })
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("in Shadow corsd did not log %q", missing)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
