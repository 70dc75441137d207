package kube

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// A Gateway of namespace infra. Its listeners let routes of namespaces attach as their names say.
const public = `{listeners: [
	{name: all, protocol: HTTPS, port: 443, hostname: "*.example", allowedRoutes: {namespaces: {from: All}}},
	{name: same, protocol: HTTPS, port: 443, hostname: pay.example},
	{name: some, protocol: HTTPS, port: 443, hostname: some.test, allowedRoutes:
		{namespaces: {from: Selector, selector: {matchLabels: {team: n}}}, kinds: [{kind: HTTPRoute}]}},
	{name: tcp, protocol: TCP, port: 9000, allowedRoutes: {namespaces: {from: All}}}]}`

// routeOf returns the spec of a route of Gateway infra/public.
func routeOf(hosts, rules string) string {
	return fmt.Sprintf(`{parentRefs: [{namespace: infra, name: public}], hostnames: [%s], rules: [%s]}`, hosts, rules)
}

// policyOf returns the spec of a policy with targets, each KIND/NAME or KIND/NAME/SECTION.
func policyOf(targets ...string) string {
	var refs []string
	for _, target := range targets {
		parts := strings.Split(target, "/")
		ref := fmt.Sprintf("group: gateway.networking.k8s.io, kind: %s, name: %s", parts[0], parts[1])
		if len(parts) > 2 {
			ref += ", sectionName: " + parts[2]
		}
		refs = append(refs, "{"+ref+"}")
	}
	return fmt.Sprintf(`{targetRefs: [%s], cors: {allowOrigins: ["https://p.example"]}}`, strings.Join(refs, ", "))
}

// clusterOf separates Gateways and routes from the other objects.
func clusterOf(objects []*object, g grants) (own []*object, c cluster) {
	var targets []*object
	for _, o := range objects {
		if o.kind.isTarget() {
			targets = append(targets, o)
		} else {
			own = append(own, o)
		}
	}
	c.routing = newRouting(targets, map[string]labels.Set{"n": {"team": "n"}, "m": {}}, g)
	c.grants = g
	return own, c
}

// assembleAll is assemble with Gateways and routes among the objects.
func assembleAll(objects []*object, good map[key]*goodVersion) *assembly {
	own, c := clusterOf(objects, nil)
	return assemble(own, good, c, began)
}

// rulesOf describes the policies of a config, with the rules of those that have any: what they match, and allow.
func rulesOf(x *assembly) (lines []string) {
	for _, p := range x.config.Policies {
		s := p.Spec
		line := p.ID().String() + " " + strings.Join(s.Hosts, ",")
		if s.CORS != nil {
			line += " cors" + allows(s.CORS)
		}
		if s.Enforcement != nil {
			line += " " + string(*s.Enforcement)
		}
		for _, r := range s.Rules {
			line += "; "
			if r.Match != nil {
				line += fmt.Sprintf("%s %s", *cmp.Or(r.Match.Path.Type, new(spec.PathMatchType)), r.Match.Path.Value)
				line += strings.Join(append([]string{""}, r.Match.Methods...), " ")
			}
			line += allows(r.CORS)
			if r.Enforcement != nil {
				line += " " + string(*r.Enforcement)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func allows(c *spec.CORS) string {
	switch {
	case c == nil:
		return ""
	case len(c.AllowOrigins) == 0:
		return " nobody"
	}
	return " p"
}

// TestDerive: what policies with targets come to.
func TestDerive(t *testing.T) {
	t.Parallel()
	p, g, h, grpc := policyKind, gatewayKind, httpRouteKind, grpcRouteKind
	gw := at(t, g, 0, "infra/public", 1, public)
	for _, row := range []struct {
		name    string
		objects []*object
		want    []string // policies
		faults  []string // of objects that have any, without "CORSPolicy"
	}{
		{
			"a rule for each match of a route, and nothing else of its hosts",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", `{matches: [{path: {type: Exact, value: /a}, method: PUT},
					{path: {type: PathPrefix, value: /b}, headers: [{name: x, value: y}]}]}, {matches: [{path:
					{type: RegularExpression, value: "/c/[0-9]+"}}]}, {}`)),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")),
			},
			[]string{"n/p a.example Disabled; Exact /a PUT p Enforce; PathPrefix /b p Enforce; " +
				"RegularExpression /c/[0-9]+ p Enforce; PathPrefix / p Enforce"},
			nil,
		},
		{
			"a section of a route is a rule by its name",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example",
					`{name: a, matches: [{path: {value: /a}}]}, {name: b, matches: [{path: {value: /a/b}}]}`)),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r/a")),
			},
			[]string{"n/p a.example Disabled; PathPrefix /a p Enforce", "ungoverned a.example Disabled; PathPrefix /a/b Disabled"},
			nil,
		},
		{
			"a gRPC method is a path",
			[]*object{
				at(t, grpc, 0, "n/r", 1, routeOf("a.example", `{matches: [{method: {service: s.S, method: M}},
					{method: {service: s.T}}, {method: {method: M.}}, {method: {type: RegularExpression, service: "s[.].*"}},
					{headers: [{name: x, value: y}]}]}`)),
				at(t, p, 0, "n/p", 1, policyOf("GRPCRoute/r")),
			},
			[]string{"n/p a.example Disabled; Exact /s.S/M p Enforce; PathPrefix /s.T p Enforce; " +
				`RegularExpression /[^/]+/M\. p Enforce; RegularExpression /(?:s[.].*)/[^/]+ p Enforce; PathPrefix / p Enforce`},
			nil,
		},
		{
			"hosts are those of the route that its listeners have, too",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf(`a.example, "*.b.example", "*.other"`, "{}")),
				at(t, h, 0, "n/every", 1, `{parentRefs: [{namespace: infra, name: public, sectionName: some}], rules: [{}]}`),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r", "HTTPRoute/every")),
			},
			[]string{"n/p *.b.example,a.example Disabled; PathPrefix / p Enforce", "n/p:2 some.test Disabled; PathPrefix / p Enforce"},
			nil,
		},
		{
			"a route that no listener accepts governs nothing",
			[]*object{
				at(t, h, 0, "n/other", 1, routeOf("a.other", "{}")),
				at(t, h, 0, "n/isolated", 1, routeOf("pay.example", "{}")), // listener same has the host, and is not for n
				at(t, h, 0, "m/unlabelled", 1, routeOf("some.test", "{}")),
				at(t, grpc, 0, "n/kind", 1, routeOf("some.test", "{}")),
				at(t, h, 0, "n/tcp", 1, `{parentRefs: [{namespace: infra, name: public, sectionName: tcp}], rules: [{}]}`),
				at(t, h, 0, "n/port", 1, `{parentRefs: [{namespace: infra, name: public, port: 80}], rules: [{}]}`),
				at(t, h, 0, "n/mesh", 1, `{parentRefs: [{kind: Service, group: "", namespace: infra, name: public}], rules: [{}]}`),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/other", "HTTPRoute/isolated", "GRPCRoute/kind", "HTTPRoute/tcp",
					"HTTPRoute/port", "HTTPRoute/mesh")),
				at(t, p, 0, "m/p", 1, policyOf("HTTPRoute/unlabelled")),
			},
			nil,
			[]string{
				"m/p: current; spec.targetRefs[0] target_not_found", "n/p: current; spec.targetRefs[0] target_not_found; " +
					"spec.targetRefs[1] target_not_found; spec.targetRefs[2] target_not_found; spec.targetRefs[3] target_not_found; " +
					"spec.targetRefs[4] target_not_found; spec.targetRefs[5] target_not_found",
			},
		},
		{
			"a target that is missing keeps no other one from going live",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/none", "HTTPRoute/r", "HTTPRoute/r/none", "Gateway/public")),
			},
			[]string{"n/p a.example Disabled; PathPrefix / p Enforce"},
			[]string{"n/p: current; spec.targetRefs[0] target_not_found; spec.targetRefs[2] target_not_found; " +
				"spec.targetRefs[3] target_not_found"},
		},
		{
			"a Gateway's policy governs its hosts, and those of its routes, as it is written",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{}")),
				at(t, p, 0, "infra/p", 1, strings.Replace(policyOf("Gateway/public"), "cors", "rules: [{match: {path: {value: /x}}}], cors", 1)),
			},
			[]string{"infra/p *.example,a.example,pay.example,some.test cors p;  /x"},
			nil,
		},
		{
			"a section of a Gateway is a listener",
			[]*object{at(t, p, 0, "infra/p", 1, policyOf("Gateway/public/same"))},
			[]string{"infra/p pay.example cors p"},
			nil,
		},
		{
			"a section is not one of another protocol",
			[]*object{at(t, p, 0, "infra/p", 1, policyOf("Gateway/public/tcp"))},
			nil,
			[]string{"infra/p: current; spec.targetRefs[0] target_not_found"},
		},
		{
			"a listener without a hostname has every host",
			[]*object{
				at(t, g, 0, "n/g", 1, `{listeners: [{name: a, protocol: HTTP, port: 80}]}`),
				at(t, p, 0, "n/p", 1, policyOf("Gateway/g")),
			},
			[]string{"n/p * cors p"},
			nil,
		},
		{
			"a route's policy is beside that of its Gateway",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{matches: [{path: {value: /a}}]}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")), at(t, p, 1, "infra/p", 1, policyOf("Gateway/public/all")),
			},
			[]string{"n/p a.example Disabled; PathPrefix /a p Enforce", "infra/p *.example,a.example cors p"},
			nil,
		},
		{
			"what goes to a route that no policy names is let through",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf(`"*.b.example", a.example`, "{}")),
				at(t, h, 1, "m/other", 1, routeOf("a.example", "{matches: [{path: {value: /m}, method: GET}]}, {matches: [{path: {value: /%2f}}]}")),
				at(t, h, 1, "m/host", 1, routeOf("c.b.example", "{}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")),
			},
			[]string{
				"n/p *.b.example,a.example Disabled; PathPrefix / p Enforce", "ungoverned a.example Disabled; PathPrefix /m GET Disabled",
				"ungoverned:2 c.b.example Disabled",
			},
			nil,
		},
		{
			"and refused if unmatched hosts are",
			[]*object{
				at(t, defaultsKind, 0, "default", 1, `{unmatchedHosts: Deny, enforcement: Shadow}`),
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{}")),
				at(t, h, 1, "m/other", 1, routeOf("a.example", "{matches: [{path: {value: /m}}]}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")),
			},
			[]string{"n/p a.example; PathPrefix / p Shadow", "ungoverned a.example; PathPrefix /m nobody Shadow"},
			nil,
		},
		{
			"or if a policy for many hosts would govern it",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{matches: [{path: {value: /a}}]}")),
				at(t, h, 1, "m/other", 1, routeOf("a.example", "{matches: [{path: {value: /a/m}}]}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")), at(t, p, 0, "n/q", 1, `{hosts: ["*.example"], enforcement: Block}`),
			},
			[]string{
				"n/q *.example Block", "n/p a.example; PathPrefix /a p Enforce",
				"ungoverned a.example; PathPrefix /a/m nobody Enforce",
			},
			nil,
		},
		{
			"a policy with hosts governs the rest of a host with a route's",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{matches: [{path: {value: /a}}]}")),
				at(t, h, 1, "m/other", 1, routeOf("a.example", "{matches: [{path: {value: /a/m}}]}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")), at(t, p, 0, "n/q", 1, aGood),
			},
			[]string{"n/q a.example cors p", "n/p a.example Disabled; PathPrefix /a p Enforce"},
			nil,
		},
		{
			"a rule that no policy names must differ by more than headers",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{matches: [{path: {value: /a/}}]}")),
				at(t, h, 1, "n/canary", 1, routeOf("a.example", "{matches: [{path: {value: /a}, headers: [{name: x, value: y}]}]}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")),
			},
			[]string{"n/p a.example Disabled; PathPrefix /a/ nobody Enforce"},
			[]string{"n/p: stand-in; spec.targetRefs[0] conflict"},
		},
		{
			"unless it is a younger one of another namespace, or a policy names it",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{matches: [{path: {value: /a}}]}")),
				at(t, h, 1, "n/canary", 1, routeOf("a.example", "{matches: [{path: {value: /a}, headers: [{name: x, value: y}]}]}")),
				at(t, h, 1, "m/late", 1, routeOf("a.example", "{matches: [{path: {value: /a}}]}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r", "HTTPRoute/canary")),
			},
			[]string{"n/p a.example Disabled; PathPrefix /a p Enforce"},
			nil,
		},
		{
			"an older one of another namespace does count",
			[]*object{
				at(t, h, 1, "n/r", 1, routeOf("a.example", "{}")), at(t, h, 0, "m/early", 1, routeOf("a.example", "{}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")),
			},
			[]string{"n/p a.example Disabled; PathPrefix / nobody Enforce"},
			[]string{"n/p: stand-in; spec.targetRefs[0] conflict"},
		},
		{
			"of two policies for one match the younger yields, and governs the rest of its own",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{}")),
				at(t, h, 0, "n/s", 1, routeOf("a.example", "{}, {matches: [{path: {value: /s}}]}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")), at(t, p, 1, "n/q", 1, policyOf("HTTPRoute/s")),
			},
			[]string{
				"n/p a.example Disabled; PathPrefix / p Enforce", "n/q a.example Disabled; PathPrefix /s nobody Enforce",
			},
			[]string{"n/q: stand-in; spec.targetRefs[0] conflict"},
		},
		{
			"a fault of cors is reported once, where it is written",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{}, {matches: [{path: {value: /a}}]}")),
				at(t, p, 0, "n/p", 1, strings.Replace(policyOf("HTTPRoute/r"), "https://", "", 1)),
			},
			[]string{"n/p a.example Disabled; PathPrefix / nobody Enforce; PathPrefix /a nobody Enforce"},
			[]string{"n/p: stand-in; spec.cors.allowOrigins[0] origin_invalid"},
		},
		{
			"a path that corsd does not compare is a fault of the target, and keeps nothing else from going live",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{matches: [{path: {value: /%2f}}]}, {matches: [{path: {value: /a}}]}")),
				at(t, p, 0, "n/p", 1, policyOf("HTTPRoute/r")), at(t, p, 0, "n/q", 1, bGood),
			},
			[]string{"n/q b.example cors p", "n/p a.example Disabled; PathPrefix /a nobody Enforce"},
			[]string{"n/p: stand-in; spec.targetRefs[0] path_invalid"},
		},
		{
			"rules stand beside no route",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{}")),
				at(t, p, 0, "n/p", 1, strings.Replace(policyOf("HTTPRoute/r"), "cors", "rules: [{}], cors", 1)),
			},
			[]string{"n/p a.example Disabled; PathPrefix / nobody Enforce"},
			[]string{"n/p: stand-in; spec.rules value_invalid"},
		},
		{
			"Shadow is of the matches alone",
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example", "{}")),
				at(t, p, 0, "n/p", 1, strings.Replace(policyOf("HTTPRoute/r"), "cors", "enforcement: Shadow, cors", 1)),
			},
			[]string{"n/p a.example Disabled; PathPrefix / p Shadow"},
			nil,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			x := assembleAll(append(row.objects, gw), nil)
			if x.engine == nil {
				t.Fatalf("no engine: %v", x.refused)
			}
			if diff := gocmp.Diff(row.want, rulesOf(x)); diff != "" {
				t.Errorf("policies: %s", diff)
			}
			if diff := gocmp.Diff(row.faults, faultsOf(x)); diff != "" {
				t.Errorf("faults: %s", diff)
			}
		})
	}
}

// TestGrantsOfTargets: hosts that targets lead to are judged as hosts of a policy are, by the grants of its namespace.
// Routes that may not reach a host have no part in what is derived for it.
func TestGrantsOfTargets(t *testing.T) {
	t.Parallel()
	p, h := policyKind, httpRouteKind
	gw := at(t, gatewayKind, 0, "infra/public", 1, public)
	mine := at(t, gatewayKind, 0, "m/mine", 1, `{listeners: [{name: all, protocol: HTTP, port: 80}]}`)
	ownRoute := func(name, hosts, rules string) *object {
		return at(t, h, 0, name, 1, fmt.Sprintf(`{parentRefs: [{name: mine}], hostnames: [%s], rules: [%s]}`, hosts, rules))
	}
	nRoute := at(t, h, 1, "n/r", 1, routeOf("a.example", "{}"))
	nPolicy := at(t, p, 1, "n/p", 1, policyOf("HTTPRoute/r"))
	for _, row := range []struct {
		name    string
		grants  map[string]string // by namespace
		objects []*object
		want    []string // policies
		faults  []string
	}{
		{
			"of the hosts of a route, those that are granted are live",
			map[string]string{"n": "a.example"},
			[]*object{at(t, h, 0, "n/r", 1, routeOf("a.example, b.example", "{}")), nPolicy},
			[]string{"n/p a.example Disabled; PathPrefix / p Enforce"},
			[]string{"n/p: current; spec.targetRefs[0] host_not_granted b.example"},
		},
		{
			"of the listeners of a Gateway, and the routes at them, too",
			map[string]string{"m": "b.example"},
			[]*object{ownRoute("m/r", "a.example, b.example", "{}"), at(t, p, 0, "m/p", 1, policyOf("Gateway/mine"))},
			[]string{"m/p b.example cors p"},
			[]string{"m/p: current; spec.targetRefs[0] host_not_granted *"},
		},
		{
			"nothing is granted, and nothing governed",
			nil,
			[]*object{nRoute, nPolicy, ownRoute("m/r", "a.example", "{}"), at(t, p, 0, "m/p", 1, policyOf("Gateway/mine"))},
			nil,
			[]string{
				"m/p: current; spec.targetRefs[0] host_not_granted *", "n/p: current; spec.targetRefs[0] host_not_granted a.example",
			},
		},
		{
			"nor by what stands in for a policy that has a fault",
			map[string]string{"n": "a.example"},
			[]*object{
				at(t, h, 0, "n/r", 1, routeOf("a.example, b.example", "{}")),
				at(t, p, 1, "n/p", 1, strings.Replace(policyOf("HTTPRoute/r"), "https://", "", 1)),
			},
			[]string{"n/p a.example Disabled; PathPrefix / nobody Enforce"},
			[]string{
				"n/p: stand-in; spec.cors.allowOrigins[0] origin_invalid p.example; spec.targetRefs[0] host_not_granted b.example",
			},
		},
		{
			"a pattern is granted as one of a policy",
			map[string]string{"n": "*.b.example"},
			[]*object{at(t, h, 0, "n/r", 1, routeOf(`"*.b.example", "*.c.b.example", "*.example"`, "{}")), nPolicy},
			[]string{"n/p *.b.example,*.c.b.example Disabled; PathPrefix / p Enforce"},
			[]string{"n/p: current; spec.targetRefs[0] host_not_granted *.example"},
		},
		{
			"a route at a Gateway of one's own leaves no part of another one's host ungoverned",
			map[string]string{"n": "a.example"},
			[]*object{nRoute, nPolicy, ownRoute("m/r", "a.example", "{matches: [{path: {value: /x}}]}")},
			[]string{"n/p a.example Disabled; PathPrefix / p Enforce"},
			nil,
		},
		{
			"nor conflicts with it, although it is older",
			map[string]string{"n": "a.example"},
			[]*object{nRoute, nPolicy, ownRoute("m/r", "a.example", "{}")},
			[]string{"n/p a.example Disabled; PathPrefix / p Enforce"},
			nil,
		},
		{
			"nor leaves a host of a wildcard ungoverned",
			map[string]string{"n": "*.example"},
			[]*object{at(t, h, 1, "n/r", 1, routeOf(`"*.example"`, "{}")), nPolicy, ownRoute("m/r", "z.example", "{}")},
			[]string{"n/p *.example Disabled; PathPrefix / p Enforce"},
			nil,
		},
		{
			"one at a Gateway whose namespace is granted the host is not governed by others",
			map[string]string{"n": "a.example", "infra": "*.example"},
			[]*object{nRoute, nPolicy, at(t, h, 1, "m/r", 1, routeOf("a.example", "{matches: [{path: {value: /x}}]}"))},
			[]string{"n/p a.example Disabled; PathPrefix / p Enforce", "ungoverned a.example Disabled; PathPrefix /x Disabled"},
			nil,
		},
		{
			"nor if the policy that names it is not granted the host",
			map[string]string{"n": "a.example", "infra": "*.example"},
			[]*object{
				nRoute, nPolicy, at(t, h, 1, "m/r", 1, routeOf("a.example", "{matches: [{path: {value: /x}}]}")),
				at(t, p, 0, "m/p", 1, policyOf("HTTPRoute/r")),
			},
			[]string{"n/p a.example Disabled; PathPrefix / p Enforce", "ungoverned a.example Disabled; PathPrefix /x Disabled"},
			[]string{"m/p: current; spec.targetRefs[0] host_not_granted a.example"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			g := grants{}
			for namespace, hosts := range row.grants {
				g[namespace] = parseGrants(hosts)
			}
			own, c := clusterOf(append(row.objects, gw, mine), g)
			x := assemble(own, nil, c, began)
			if x.engine == nil {
				t.Fatalf("no engine: %v", x.refused)
			}
			if diff := gocmp.Diff(row.want, rulesOf(x)); diff != "" {
				t.Errorf("policies: %s", diff)
			}
			var faults []string
			for _, j := range x.objects {
				if line := faultLine(j, true); line != "" {
					faults = append(faults, line)
				}
			}
			slices.Sort(faults)
			if diff := gocmp.Diff(row.faults, faults); diff != "" {
				t.Errorf("faults: %s", diff)
			}
		})
	}
}

func faultsOf(x *assembly) (lines []string) {
	for _, j := range x.objects {
		if line := faultLine(j, false); line != "" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// faultLine describes the faults of an object, "" if it has none.
func faultLine(j *judged, values bool) string {
	problems := j.problems()
	if len(problems) == 0 {
		return ""
	}
	line := j.id.String() + ": " + [...]string{"current", "last good", "stand-in"}[j.choice]
	for _, d := range problems {
		line += fmt.Sprintf("; %s %s", d.Place.Path.String(), d.Code)
		if values {
			line += " " + d.Value
		}
	}
	return line
}

// TestTargetRefsForm: what can be wrong with targetRefs themselves.
func TestTargetRefsForm(t *testing.T) {
	t.Parallel()
	ref := "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r%d}"
	many := func(n int) string {
		var refs []string
		for i := range n {
			refs = append(refs, fmt.Sprintf(ref, i))
		}
		return strings.Join(refs, ", ")
	}
	for _, row := range []struct{ spec, want string }{
		{"targetRefs: [" + many(maxTargets) + "]", ""},
		{"targetRefs: [" + many(maxTargets+1) + "]", "spec.targetRefs has 17 elements, not 1 to 16"},
		{"targetRefs: []", "spec.targetRefs has 0 elements, not 1 to 16"},
		{"targetRefs: null, hosts: [a.example]", "spec.targetRefs has 0 elements, not 1 to 16"},
		{"targetRefs: [" + many(1) + "], hosts: [a.example]", "spec.targetRefs stands beside hosts"},
		{"targetRefs: {}", "spec.targetRefs cannot be read"},
		{"targetRefs: [{namespace: n}]", "spec.targetRefs cannot be read"},
		{"targetRefs: [{group: apps, kind: HTTPRoute, name: r}]", "spec.targetRefs[0].group is not the group"},
		{"targetRefs: [{group: gateway.networking.k8s.io, kind: TCPRoute, name: r}]", "spec.targetRefs[0].kind is not a kind of targets"},
		{"targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway}]", "spec.targetRefs[0].name is missing"},
		{"targetRefs: [" + many(1) + ", " + many(1) + "]", "spec.targetRefs[1] is the same target"},
		{"targetRefs: [" + many(1) + "], hots: [a]", "spec.hots is not a field here"},
	} {
		o := at(t, policyKind, 0, "n/p", 1, "{"+row.spec+"}")
		got := ""
		if len(o.faults) > 0 {
			got = o.faults[0].Place.Path.String() + " " + o.faults[0].Message
			if o.faults[0].Hint == "" {
				t.Errorf("%s: no hint", row.spec)
			}
		}
		if (row.want == "") != (got == "") || !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: %q, want %q", row.spec, got, row.want)
		}
		own, c := clusterOf([]*object{o}, nil)
		if x := assemble(own, nil, c, began); x.engine == nil || len(x.config.Policies) > 0 {
			t.Errorf("%s: %v %v", row.spec, rulesOf(x), x.refused)
		}
	}
}

// TestTargetsAreNotRead: without the flag a policy with targets has a fault that names it.
func TestTargetsAreNotRead(t *testing.T) {
	t.Parallel()
	o := at(t, policyKind, 0, "n/p", 1, policyOf("HTTPRoute/r"))
	x := assemble([]*object{o, at(t, policyKind, 0, "n/b", 1, bGood)}, nil, cluster{}, began)
	if len(x.config.Policies) != 1 || len(x.faults()) != 1 || !strings.Contains(x.faults()[0].Hint, "--kubernetes-targets") {
		t.Errorf("%v %v", rulesOf(x), x.faults())
	}
}

// TestDerivedRules: the rules of one policy are bounded.
func TestDerivedRules(t *testing.T) {
	t.Parallel()
	for n, choice := range map[int]choice{maxDerivedRules: current, maxDerivedRules + 1: standIn} {
		var rules []string
		for i := range n {
			rules = append(rules, fmt.Sprintf("{matches: [{path: {value: /%d}}]}", i))
		}
		x := assembleAll([]*object{
			at(t, gatewayKind, 0, "infra/public", 1, public),
			at(t, httpRouteKind, 0, "n/r", 1, routeOf("a.example, b.example", strings.Join(rules, ", "))),
			at(t, policyKind, 0, "n/p", 1, policyOf("HTTPRoute/r")),
		}, nil)
		if x.engine == nil || x.objects[0].choice != choice {
			t.Errorf("%d rules: %v", n, outcome(x))
		}
	}
}

// TestManyMatches: routes with many matches at one host, which anyone can attach who may attach any, keep nothing else
// from going live. If time grew with the square of their number, this would take hours.
func TestManyMatches(t *testing.T) {
	t.Parallel()
	objects := []*object{at(t, gatewayKind, 0, "infra/public", 1, public)}
	targets := []string{"HTTPRoute/mine"}
	routes := func(name string, seconds, n int) {
		for i := range n {
			var rules []string
			for j := range 16 {
				var matches []string
				for k := range 64 {
					matches = append(matches, fmt.Sprintf(`{"path": {"value": "/%s/%d/%d/%d"}}`, name[:1], i, j, k))
				}
				rules = append(rules, `{"matches": [`+strings.Join(matches, ", ")+`]}`)
			}
			objects = append(objects, at(t, httpRouteKind, seconds, fmt.Sprintf("%s%d", name, i), 1,
				`{"parentRefs": [{"namespace": "infra", "name": "public"}], "hostnames": ["a.example"], "rules": [`+
					strings.Join(rules, ", ")+`]}`))
		}
	}
	routes("n/m", 0, 40) // not named by a policy
	routes("n/r", 1, 15) // named by one
	routes("n/s", 0, 15) // with the same matches, and older
	for i := range 15 {
		targets = append(targets, fmt.Sprintf("HTTPRoute/r%d", i))
	}
	objects = append(objects, at(t, httpRouteKind, 0, "n/mine", 1, routeOf("a.example", "{}")),
		at(t, policyKind, 0, "n/all", 1, policyOf(targets...)), at(t, policyKind, 0, "n/p", 1, policyOf("HTTPRoute/mine")),
		at(t, policyKind, 0, "n/b", 1, bGood))
	x := assembleAll(objects, nil)
	if x.engine == nil {
		t.Fatalf("no engine: %v", x.refused)
	}
	for _, j := range x.objects {
		n, version := 0, current
		if j.id.Name == "all" {
			n, version = maxFaults, standIn
		}
		if j.choice != version || len(j.faults) != n {
			t.Errorf("%s: version %d, %d faults, want %d, %d", j, j.choice, len(j.faults), version, n)
		}
	}
}

// TestLastGoodTargets: the last good version is derived from the routes of the moment, also that of the status.
func TestLastGoodTargets(t *testing.T) {
	t.Parallel()
	gw := at(t, gatewayKind, 0, "infra/public", 1, public)
	r := at(t, httpRouteKind, 0, "n/r", 1, routeOf("a.example", "{}"))
	x := assembleAll([]*object{gw, r, at(t, policyKind, 0, "n/p", 1, policyOf("HTTPRoute/r"))}, nil)
	bad := at(t, policyKind, 0, "n/p", 2, strings.Replace(policyOf("HTTPRoute/r"), "https://", "", 1))
	r = at(t, httpRouteKind, 0, "n/r", 2, routeOf("b.example", "{}"))
	x = assembleAll([]*object{gw, r, bad}, x.good)
	want := []string{"n/p b.example Disabled; PathPrefix / p Enforce"}
	if diff := gocmp.Diff(want, rulesOf(x)); diff != "" {
		t.Error(diff)
	}
	s := statusOf(x.objects[0], nil)
	if len(s.Hosts) != 1 || s.Hosts[0] != "b.example" || !strings.Contains(string(s.LastAccepted.Spec), `"targetRefs"`) {
		t.Errorf("status %+v", s)
	}
	again := *bad
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again.observed = observe(again.key, again.uid, raw)
	if diff := gocmp.Diff(want, rulesOf(assembleAll([]*object{gw, r, &again}, nil))); diff != "" {
		t.Errorf("from the status: %s", diff)
	}
}
