package gateways

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/rawhttp"
)

// redirectRoute is an HTTPRoute that redirects to rN.test, so that the response shows which one was chosen. If a policy
// names it, that one allows https://rN.test.
type redirectRoute struct {
	hosts, rules []string
	policy       bool
}

func (r *redirectRoute) manifest(n int) string {
	text := fmt.Sprintf(`---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r%[1]d, namespace: gateway }
spec:
  parentRefs: [{ name: eg }]
  hostnames: ["%[2]s"]
  rules:
  - matches: [%[3]s]
    filters: [{ type: RequestRedirect, requestRedirect: { hostname: r%[1]d.test, statusCode: 302 } }]
`, n, strings.Join(r.hosts, `", "`), strings.Join(r.rules, ", "))
	if r.policy {
		text += fmt.Sprintf(`---
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: { name: r%[1]d, namespace: gateway }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: r%[1]d }]
  cors: { allowOrigins: ["https://r%[1]d.test"] }
`, n)
	}
	return text
}

// randomRoutes returns routes of which no two have an equal match.
func randomRoutes(random *rand.Rand) (routes []*redirectRoute) {
	hosts := []string{"a.t.example", "b.t.example", "*.t.example", "*.c.t.example", "x.c.t.example"}
	paths := []string{
		"type: Exact, value: /a", "type: Exact, value: /a/b", "type: PathPrefix, value: /", "type: PathPrefix, value: /a",
		"type: PathPrefix, value: /a/b", "type: PathPrefix, value: /b", "type: RegularExpression, value: '/a/[a-z]+'",
	}
	var all []string
	for _, path := range paths {
		for _, method := range []string{"", ", method: GET", ", method: PUT"} {
			all = append(all, fmt.Sprintf("{ path: { %s }%s }", path, method))
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := 0; len(all) > 0; i++ {
		n := min(1+random.IntN(3), len(all))
		r := &redirectRoute{rules: all[:n], policy: i%3 != 0}
		all = all[n:]
		for _, host := range random.Perm(len(hosts))[:1+random.IntN(3)] {
			r.hosts = append(r.hosts, hosts[host])
		}
		routes = append(routes, r)
	}
	return routes
}

// TestTargetRefs: for random routes, corsd decides a request by the policy of the route to which Envoy Gateway has
// Envoy send it, and by none if no policy names that route.
func TestTargetRefs(t *testing.T) {
	s := newSuite(t, run.gatewayCRDs, "envoy-gateway-system", "gateway")
	s.kubectl(t, "", "apply", "--server-side", "--kustomize", path("deploy/k8s/crds"))
	s.startEnvoyGateway(t)
	s.corsd.Kill()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	routes := randomRoutes(rand.New(rand.NewPCG(seed, 0)))
	sentinel := &redirectRoute{hosts: []string{"sentinel.example"}, rules: []string{"{}"}, policy: true}
	var manifests strings.Builder
	for i, r := range append(routes, sentinel) {
		manifests.WriteString(r.manifest(i))
	}
	s.kubectl(t, manifests.String(), "apply", "--filename", "-")
	s.kubectl(t, "", "annotate", "namespace", "gateway", "corsd.dev/hosts=*.t.example, sentinel.example")
	s.startCorsdOnCluster(t)
	s.kubectl(t, "", "wait", "--for=condition=Accepted", "corspolicies", "--all", "--namespace", "gateway", "--timeout=60s")
	last := origin(len(routes))
	s.await(t, "the routes", get("/").at("sentinel.example").from(last), func(r *rawhttp.Response) bool {
		return r.Status == 302 && grants(r, last)
	})
	granted, refused, unnamed := s.compareRoutes(t, routes)
	t.Logf("%d routes; requests of the origin that the route's policy allows: %d, of others: %d, to routes without a policy: %d",
		len(routes), granted, refused, unnamed)
	if granted < 15 || refused < 30 || unnamed < 10 {
		t.Error("too few requests for a comparison")
	}
}

// startCorsdOnCluster starts corsd in place of that which reads files.
func (s *suite) startCorsdOnCluster(t *testing.T) {
	t.Helper()
	s.corsd = start(t, run.Corsd, "serve", "--kubernetes", "--kubernetes-targets", "--kubeconfig", s.api.Kubeconfig,
		"--listen", corsdAddress, "--drain", "100ms")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := s.corsd.Await(ctx, func(context.Context) error {
		conn, err := net.Dial("tcp", corsdAddress)
		if err == nil {
			conn.Close()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func origin(route int) string { return fmt.Sprintf("https://r%d.test", route) }

func grants(r *rawhttp.Response, origin string) bool {
	values := r.Get("access-control-allow-origin")
	return len(values) == 1 && values[0] == origin
}

// compareRoutes makes requests, and returns how many of each sort there were.
func (s *suite) compareRoutes(t *testing.T, routes []*redirectRoute) (granted, refused, unnamed int) {
	t.Helper()
	for _, host := range []string{"a.t.example", "b.t.example", "d.t.example", "x.c.t.example", "y.c.t.example"} {
		for _, path := range []string{"/", "/a", "/a/", "/a/b", "/a/bc", "/a/b/c", "/ab", "/b", "/b/c"} {
			for _, method := range []string{"GET", "PUT", "DELETE"} {
				r := do(method, path).at(host)
				route := s.routeOf(t, r)
				if route < 0 {
					continue
				}
				for _, other := range []int{route, (route + 1) % len(routes), (route + 2) % len(routes)} {
					got := s.send(t, r.from(origin(other)))
					want := routes[route].policy && other == route
					if grants(got, origin(other)) != want || !want && len(got.Get("access-control-allow-origin")) > 0 {
						t.Errorf("%s %s%s goes to route %d (policy: %t); from %s:\n%s", method, host, path, route,
							routes[route].policy, origin(other), got.Head)
					}
					switch {
					case !routes[route].policy:
						unnamed++
					case want:
						granted++
					default:
						refused++
					}
				}
			}
		}
	}
	return granted, refused, unnamed
}

func (s *suite) send(t *testing.T, r request) *rawhttp.Response {
	t.Helper()
	got, err := rawhttp.HTTP1.Do(t.Context(), s.envoy.Address, rawhttp.Request(r))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// routeOf returns the route that Envoy chooses, -1 if there is none.
func (s *suite) routeOf(t *testing.T, r request) (route int) {
	t.Helper()
	got := s.send(t, r)
	if got.Status == 404 {
		return -1
	}
	location := strings.Join(got.Get("location"), "")
	if _, err := fmt.Sscanf(location, "http://r%d.test", &route); err != nil || got.Status != 302 {
		t.Fatalf("%s %s%s: %v\n%s", r.Method, r.Authority, r.Path, err, got.Head)
	}
	return route
}
