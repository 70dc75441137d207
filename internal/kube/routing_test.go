package kube

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy"
)

// modelRule is a match of a route, as the model of the Gateway API has it.
type modelRule struct {
	route           int
	pathType, value string
	method          string
}

type modelRoute struct {
	listener  string // "" for all
	hostnames []string
	rules     []modelRule
	policy    bool // names the route
}

var modelListeners = []string{"*.example", "b.example", "*.b.example"}

// matchesHost reports whether a host is one of a hostname, whose wildcard is one or more labels.
func matchesHost(hostname, host string) bool {
	if below, isWildcard := strings.CutPrefix(hostname, "*"); isWildcard {
		return strings.HasSuffix(host, below) && len(host) > len(below)
	}
	return hostname == host
}

// narrower returns the hostname of those that both of two match, "" if there is none.
func narrower(a, b string) string {
	within := func(outer, inner string) bool {
		return outer == inner || strings.HasPrefix(outer, "*") && strings.HasSuffix(inner, outer[1:])
	}
	switch {
	case within(a, b):
		return b
	case within(b, a):
		return a
	}
	return ""
}

// mostSpecific returns the hostname of those that match a host which the Gateway API prefers: one without a wildcard,
// then the longest.
func mostSpecific(hostnames []string, host string) string {
	best := ""
	for _, h := range hostnames {
		if h != "" && matchesHost(h, host) && (best == "" || !strings.HasPrefix(h, "*") || strings.HasPrefix(best, "*") && len(h) > len(best)) {
			best = h
		}
	}
	return best
}

func (r *modelRule) matches(method, path string) bool {
	if r.method != "" && r.method != method {
		return false
	}
	switch r.pathType {
	case "Exact":
		return path == r.value
	case "RegularExpression":
		return regexp.MustCompile("^(?:" + r.value + ")$").MatchString(path)
	}
	prefix := strings.TrimSuffix(r.value, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// before reports whether the Gateway API prefers a rule that matches: Exact, then, as Envoy Gateway has it,
// RegularExpression, then the longest PathPrefix, then one with a method (HTTPRouteRule, precedence).
func (r *modelRule) before(other *modelRule) bool {
	order := []string{"Exact", "RegularExpression", "PathPrefix"}
	if a, b := slices.Index(order, r.pathType), slices.Index(order, other.pathType); a != b {
		return a < b
	}
	if len(r.value) != len(other.value) {
		return len(r.value) > len(other.value)
	}
	return r.method != "" && other.method == ""
}

// choose returns the route that a Gateway sends a request to, -1 if there is none: it chooses a listener, then among the
// routes there the most specific hostname, then a rule.
func choose(routes []*modelRoute, host, method, path string) int {
	listener := mostSpecific(modelListeners, host)
	hostnames := func(r *modelRoute) (all []string) {
		if r.listener != "" && r.listener != listener {
			return nil
		}
		if len(r.hostnames) == 0 {
			return []string{listener}
		}
		for _, h := range r.hostnames {
			all = append(all, narrower(h, listener))
		}
		return all
	}
	var all []string
	for _, r := range routes {
		all = append(all, hostnames(r)...)
	}
	chosen := mostSpecific(all, host)
	var best *modelRule
	for _, r := range routes {
		if chosen == "" || !slices.Contains(hostnames(r), chosen) {
			continue
		}
		for i := range r.rules {
			if rule := &r.rules[i]; rule.matches(method, path) && (best == nil || rule.before(best)) {
				best = rule
			}
		}
	}
	if best == nil {
		return -1
	}
	return best.route
}

// drawRoutes draws routes. No two of them have an equal match, which only a header could tell apart.
func drawRoutes(t *rapid.T) (routes []*modelRoute) {
	used := map[modelRule]bool{}
	for i := range rapid.IntRange(1, 5).Draw(t, "routes") {
		r := &modelRoute{
			policy: rapid.Bool().Draw(t, "policy"), listener: rapid.SampledFrom(append([]string{"", ""}, modelListeners...)).Draw(t, "listener"),
			hostnames: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a.example", "b.example", "*.example", "c.b.example", "*.b.example"}),
				0, 2, rapid.ID[string]).Draw(t, "hostnames"),
		}
		for range rapid.IntRange(1, 4).Draw(t, "rules") {
			rule := modelRule{
				pathType: rapid.SampledFrom([]string{"Exact", "PathPrefix", "PathPrefix", "RegularExpression"}).Draw(t, "type"),
				method:   rapid.SampledFrom([]string{"", "", "GET", "PUT"}).Draw(t, "method"),
			}
			values := []string{"/", "/a", "/a/b", "/b"}
			if rule.pathType == "RegularExpression" {
				values = []string{"/a/.*", "/[ab]"}
			}
			rule.value = rapid.SampledFrom(values).Draw(t, "value")
			if !used[rule] {
				used[rule] = true
				rule.route = i
				r.rules = append(r.rules, rule)
			}
		}
		if len(r.rules) > 0 {
			routes = append(routes, r)
		} else {
			routes = append(routes, &modelRoute{listener: "none"})
		}
	}
	return routes
}

// objectsOf returns a Gateway, the routes, and a policy for each route that one names: it allows https://oN.test.
func objectsOf(t *testing.T, routes []*modelRoute) []*object {
	var listeners []string
	for _, host := range modelListeners {
		listeners = append(listeners, fmt.Sprintf("{name: %q, protocol: HTTP, port: 80, hostname: %q}", host, host))
	}
	all := []*object{at(t, gatewayKind, 0, "n/g", 1, "{listeners: ["+strings.Join(listeners, ", ")+"]}")}
	for i, r := range routes {
		if len(r.rules) == 0 {
			continue
		}
		var rules []string
		for _, rule := range r.rules {
			method := ""
			if rule.method != "" {
				method = ", method: " + rule.method
			}
			rules = append(rules, fmt.Sprintf("{matches: [{path: {type: %s, value: %q}%s}]}", rule.pathType, rule.value, method))
		}
		parent := "{name: g}"
		if r.listener != "" {
			parent = fmt.Sprintf("{name: g, sectionName: %q}", r.listener)
		}
		name := fmt.Sprintf("n/r%d", i)
		all = append(all, at(t, httpRouteKind, i, name, 1, fmt.Sprintf("{parentRefs: [%s], hostnames: [%s], rules: [%s]}",
			parent, quoted(r.hostnames), strings.Join(rules, ", "))))
		if r.policy {
			all = append(all, at(t, policyKind, i, name, 1, fmt.Sprintf(`{targetRefs: [{group: gateway.networking.k8s.io,
				kind: HTTPRoute, name: r%d}], cors: {allowOrigins: ["https://o%d.test"], allowMethods: ["*"]}}`, i, i)))
		}
	}
	return all
}

// TestDecisionsFollowRoutes: a request is decided by the policy of the route that its Gateway sends it to, and by none if
// no policy names that route. HEAD is left out: a rule for GET is one for HEAD too.
func TestDecisionsFollowRoutes(t *testing.T) {
	t.Parallel()
	decided := map[policy.Verdict]int{}
	rapid.Check(t, func(rt *rapid.T) {
		routes := drawRoutes(rt)
		x := assembleAll(objectsOf(t, routes), nil)
		if x.engine == nil || len(x.faults()) > 0 {
			rt.Fatalf("refused: %v %v", x.refused, x.faults())
		}
		for range 60 {
			host := rapid.SampledFrom([]string{"a.example", "b.example", "c.b.example", "d.b.example", "z.example"}).Draw(rt, "host")
			path := rapid.SampledFrom([]string{"/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/b/x"}).Draw(rt, "path")
			method := rapid.SampledFrom([]string{"GET", "PUT", "DELETE"}).Draw(rt, "request method")
			route := choose(routes, host, method, path)
			if route < 0 {
				continue // 404
			}
			for i := range routes {
				r := policy.Request{Authority: host, Method: method, Path: path, Origin: []string{fmt.Sprintf("https://o%d.test", i)}}
				if rapid.Bool().Draw(rt, "preflight") {
					r.Method, r.RequestMethod = "OPTIONS", []string{method}
				}
				want := policy.VerdictNone
				switch {
				case routes[route].policy && route == i:
					want = policy.VerdictAllow
				case routes[route].policy:
					want = policy.VerdictDeny
				}
				d := x.engine.Decide(&r)
				decided[d.Verdict]++
				if d.Verdict != want {
					rt.Fatalf("%s %s%s from %s goes to route %d: %s %s by %s %s, want %s\n%s", method, host, path, r.Origin[0], route,
						d.Verdict, d.Reason, d.Policy(), d.Rule(), want, strings.Join(rulesOf(x), "\n"))
				}
			}
		}
	})
	if !t.Failed() && len(decided) != 3 {
		t.Errorf("not every verdict was reached: %v", decided)
	}
}

func quoted(names []string) string {
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf("%q", name))
	}
	return strings.Join(all, ", ")
}
