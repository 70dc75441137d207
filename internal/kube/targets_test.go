package kube

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/kube/kubetest"
	"github.com/corsd/corsd/pkg/policy"
)

const anyGateway = `{listeners: [{name: all, protocol: HTTP, port: 80, allowedRoutes: {namespaces: {from: All}}}]}`

func routeWith(host string) string {
	return fmt.Sprintf(`{parentRefs: [{namespace: infra, name: g}], hostnames: [%s], rules: [{}]}`, host)
}

func withTargets(o *Options) { o.Targets = true }

// TestTargets: from a policy without its route to a route that comes, moves to another host and goes.
func TestTargets(t *testing.T) {
	s := kubetest.Start(t)
	put(t, s, "CORSPolicy", "n/p", policyOf("HTTPRoute/r"))
	put(t, s, "Gateway", "infra/g", anyGateway)
	r := start(t, s, withTargets, "")
	accepted := func(want string) func() bool {
		return func() bool { return condition(s, "CORSPolicy", "n/p", "Accepted") == want }
	}
	eventually(t, "the route is missing", accepted("False/TargetNotFound"))
	if got := condition(s, "CORSPolicy", "n/p", "ResolvedRefs"); got != "False/TargetNotFound" {
		t.Errorf("ResolvedRefs is %s", got)
	}

	put(t, s, "HTTPRoute", "n/r", routeWith("a.example"))
	eventually(t, "the policy is live at the host of the route", func() bool { return r.allows("a.example", "https://p.example") })
	eventually(t, "it is accepted", accepted("True/Accepted"))
	status := s.Status("CORSPolicy", "n", "p")
	if got := fmt.Sprint(status["hosts"]); got != "[a.example]" {
		t.Errorf("hosts are %s", got)
	}
	ancestor := status["ancestors"].([]any)[0].(map[string]any)
	conditions := ancestor["conditions"].([]any)[0].(map[string]any)
	if got := fmt.Sprintf("%v %v %v %v", ancestor["ancestorRef"], ancestor["controllerName"], conditions["type"],
		conditions["status"]); got != "map[group:gateway.networking.k8s.io kind:Gateway name:g namespace:infra] corsd.dev/corsd Accepted True" ||
		conditions["lastTransitionTime"] == nil {
		t.Errorf("ancestor is %s at %v", got, conditions["lastTransitionTime"])
	}

	live := func() int { return len(r.log.Entries(t, "policy is live")) }
	before, writes := live(), s.Writes()
	s.SetStatus("HTTPRoute", "n", "r", kubetest.Object{"parents": []any{}})
	s.SetStatus("Gateway", "infra", "g", kubetest.Object{"addresses": []any{}})
	time.Sleep(maxQuietTime + statusJitter)
	if live() != before || s.Writes() != writes {
		t.Errorf("a status of a route made %d reloads and %d writes", live()-before, s.Writes()-writes)
	}

	put(t, s, "HTTPRoute", "n/r", routeWith("b.example"))
	eventually(t, "the policy moves with the route", func() bool {
		return r.allows("b.example", "https://p.example") && !r.knows("a.example")
	})
	s.Delete("HTTPRoute", "n", "r")
	eventually(t, "the policy governs nothing", func() bool { return !r.knows("b.example") })
	eventually(t, "the route is missing again", accepted("False/TargetNotFound"))
}

// TestTargetsWithoutTheirKinds: an API server without the Gateway API keeps nothing from going live, and is asked again.
func TestTargetsWithoutTheirKinds(t *testing.T) {
	s := kubetest.Start(t)
	s.Absent("Gateway", "HTTPRoute", "GRPCRoute")
	put(t, s, "CORSPolicy", "n/a", aGood)
	put(t, s, "CORSPolicy", "n/p", policyOf("HTTPRoute/r"))
	r := start(t, s, withTargets, "", func(r *Reader) { r.kindInterval = 50 * time.Millisecond })
	eventually(t, "the other policy is live", func() bool { return r.allows("a.example", "https://p.example") })
	if pending := r.State().Pending; pending != "" {
		t.Errorf("pending: %s", pending)
	}
	time.Sleep(200 * time.Millisecond)
	if n := len(r.log.Entries(t, "the API server does not have this kind of targets; corsd looks for it again")); n != 3 {
		t.Errorf("logged %d times for three kinds", n)
	}
	s.Absent("GRPCRoute")
	put(t, s, "Gateway", "infra/g", anyGateway)
	put(t, s, "HTTPRoute", "n/r", routeWith("b.example"))
	eventually(t, "the kinds are found", func() bool { return r.allows("b.example", "https://p.example") })
}

// TestTargetsAreOff: without the option no kind of the Gateway API is requested.
func TestTargetsAreOff(t *testing.T) {
	s := kubetest.Start(t)
	put(t, s, "CORSPolicy", "n/p", policyOf("HTTPRoute/r"))
	start(t, s, nil, "")
	eventually(t, "the policy is refused", func() bool { return condition(s, "CORSPolicy", "n/p", "Accepted") == "False/Invalid" })
	for request := range s.Requests() {
		if strings.Contains(request, "gateway") {
			t.Errorf("requested %s", request)
		}
	}
}

// TestTargetsOfOneNamespace: only objects of the namespace are requested, and its Gateways accept its own routes.
func TestTargetsOfOneNamespace(t *testing.T) {
	s := kubetest.Start(t)
	put(t, s, "Gateway", "n/g", `{listeners: [{name: all, protocol: HTTP, port: 80}]}`)
	put(t, s, "HTTPRoute", "n/r", `{parentRefs: [{name: g}], hostnames: [a.example], rules: [{}]}`)
	put(t, s, "CORSPolicy", "n/p", policyOf("HTTPRoute/r"))
	r := start(t, s, func(o *Options) { o.Namespace, o.Targets = "n", true }, "")
	eventually(t, "the policy is live", func() bool { return r.allows("a.example", "https://p.example") })
	for request := range s.Requests() {
		if !strings.Contains(request, "/namespaces/n/") {
			t.Errorf("requested %s", request)
		}
	}
}

// TestGatewaySelectsNamespaces: labels of a namespace decide whether its routes are attached, also beside host grants.
func TestGatewaySelectsNamespaces(t *testing.T) {
	s := kubetest.Start(t)
	namespace := func(team string) {
		s.Put(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{
			"name": "n", "labels": map[string]any{"team": team}, "annotations": map[string]any{"corsd.dev/hosts": "a.example"},
		}})
	}
	namespace("other")
	put(t, s, "Gateway", "infra/g", strings.Replace(anyGateway, "from: All", "from: Selector, selector: {matchLabels: {team: n}}", 1))
	put(t, s, "HTTPRoute", "n/r", routeWith("a.example"))
	put(t, s, "CORSPolicy", "n/p", policyOf("HTTPRoute/r"))
	r := start(t, s, func(o *Options) { o.HostGrants, o.Targets = true, true }, "")
	eventually(t, "no listener accepts the route", func() bool {
		return condition(s, "CORSPolicy", "n/p", "Accepted") == "False/TargetNotFound"
	})
	namespace("n")
	eventually(t, "the policy is live", func() bool { return r.allows("a.example", "https://p.example") })
}

// TestTargetsNeedGrants: the hosts of a Gateway that a tenant has created are judged as hosts in its policy are. What is
// not granted is in the status, and leaves the other hosts, and those who own the host, alone.
func TestTargetsNeedGrants(t *testing.T) {
	s := kubetest.Start(t)
	putNamespace(s, "n", "a.example")
	putNamespace(s, "m", "b.example")
	put(t, s, "CORSPolicy", "n/a", strings.ReplaceAll(aGood, "p.example", "q.example"))
	put(t, s, "Gateway", "m/g", `{listeners: [{name: all, protocol: HTTP, port: 80}]}`)
	put(t, s, "HTTPRoute", "m/r", `{parentRefs: [{name: g}], hostnames: [a.example, b.example], rules: [{}]}`)
	put(t, s, "CORSPolicy", "m/gateway", policyOf("Gateway/g"))
	r := start(t, s, func(o *Options) { o.HostGrants, o.Targets = true, true }, "")
	eventually(t, "the policy is live at the host that is granted", func() bool { return r.allows("b.example", "https://p.example") })
	if r.allows("a.example", "https://p.example") || !r.allows("a.example", "https://q.example") || r.knows("c.example") {
		t.Error("a host that is not granted is governed")
	}
	eventually(t, "the listener is reported", func() bool {
		return condition(s, "CORSPolicy", "m/gateway", "Accepted") == "False/HostNotGranted"
	})
	for of, want := range map[string]string{"Programmed": "True/Programmed", "ResolvedRefs": "True/ResolvedRefs"} {
		if got := condition(s, "CORSPolicy", "m/gateway", of); got != want {
			t.Errorf("%s is %s, want %s", of, got, want)
		}
	}
	status := s.Status("CORSPolicy", "m", "gateway")
	if got, want := fmt.Sprint(status["hosts"], status["diagnostics"]), "[b.example] [map[code:host_not_granted "+
		"hint:* in the annotation corsd.dev/hosts of the namespace, or a host that it has "+
		"message:is not a host that namespace m may name path:spec.targetRefs[0] severity:Fault value:*]]"; got != want {
		t.Errorf("the status has %s\nwant %s", got, want)
	}

	put(t, s, "CORSPolicy", "m/gateway", policyOf("HTTPRoute/r"))
	eventually(t, "the hostname of the route is reported", func() bool {
		return strings.Contains(fmt.Sprint(s.Status("CORSPolicy", "m", "gateway")["diagnostics"]), "value:a.example")
	})
	putNamespace(s, "m", "b.example, c.example")
	put(t, s, "HTTPRoute", "m/r", `{parentRefs: [{name: g}], hostnames: [b.example, c.example], rules: [{}]}`)
	eventually(t, "all of its hosts are granted", func() bool { return r.allows("c.example", "https://p.example") })
	eventually(t, "it is accepted", func() bool { return condition(s, "CORSPolicy", "m/gateway", "Accepted") == "True/Accepted" })
}

// TestSnapshotOfTargets: a process that starts without the API server decides by the documents that were derived.
func TestSnapshotOfTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "snapshot.yaml")
	s := kubetest.Start(t)
	put(t, s, "Gateway", "infra/g", anyGateway)
	put(t, s, "HTTPRoute", "n/r", routeWith("a.example"))
	put(t, s, "HTTPRoute", "n/s", strings.Replace(routeWith("b.example"), "{}", "{matches: [{path: {value: /x}}]}", 1))
	put(t, s, "CORSPolicy", "n/p", policyOf("HTTPRoute/r", "HTTPRoute/s"))
	first := start(t, s, withTargets, file)
	eventually(t, "the policy is live", func() bool { return first.allows("a.example", "https://p.example") })
	first.stop()

	s.Refuse(http.StatusInternalServerError)
	second := start(t, s, withTargets, file)
	if !second.allows("a.example", "https://p.example") || second.allows("b.example", "https://p.example") {
		t.Errorf("the snapshot is not live, or also beside the matches: %s", second.log)
	}
	d := second.Engine().Decide(&policy.Request{
		Authority: "b.example", Method: "GET", Path: "/x", Origin: []string{"https://p.example"},
	})
	if d.Verdict != policy.VerdictAllow || d.Policy() != "n/p:2" || d.Rule() != "httproute/n/s/rule/0/match/0" {
		t.Errorf("%s by %s %s", d.Verdict, d.Policy(), d.Rule())
	}
}
