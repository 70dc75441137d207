package cluster_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/test/harness/cluster"
	"github.com/corsd/corsd/test/harness/process"
)

// instance is a corsd that reads resources.
type instance struct {
	t       *testing.T
	process *process.Process
	conn    *grpc.ClientConn
}

// serve starts corsd as a user of an API server.
func serve(t *testing.T, account *cluster.Client, flags ...string) *instance {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // Stop ends it
	p, err := process.Start(ctx, corsd, append([]string{
		"serve", "--kubernetes", "--kubeconfig", account.Kubeconfig, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
		"--drain", "0s",
	}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(20 * time.Second); err != nil {
			t.Errorf("%v\n%s", err, p.Output())
		}
		if t.Failed() {
			t.Log(p.Output())
		}
	})
	s := &instance{t: t, process: p}
	conn, err := grpc.NewClient(s.address("listening"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s.conn = conn
	return s
}

// address returns the address in the first line of the log with a message.
func (s *instance) address(message string) (address string) {
	s.t.Helper()
	await(s.t, func() error {
		for _, line := range s.process.Lines() {
			var e struct{ Msg, Address string }
			if json.Unmarshal([]byte(line), &e) == nil && e.Msg == message {
				address = e.Address
				return nil
			}
		}
		return errors.New("not logged: " + message + "\n" + s.process.Output())
	})
	return address
}

// page returns a page of the admin listener with its status.
func (s *instance) page(path string) (int, string) {
	s.t.Helper()
	response, err := http.Get("http://" + s.address("admin is listening") + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// verdict returns the decision about a page that reads a host, with its reason.
func (s *instance) verdict(host, origin string) string {
	s.t.Helper()
	response, err := authv3.NewAuthorizationClient(s.conn).Check(s.t.Context(), &authv3.CheckRequest{
		Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
			Http: &authv3.AttributeContext_HttpRequest{
				Method: "GET", Scheme: "https", Host: host, Path: "/", Headers: map[string]string{"origin": origin},
			},
		}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	fields := response.GetDynamicMetadata().GetFields()
	return fields["verdict"].GetStringValue() + " " + fields["reason"].GetStringValue()
}

// becomes waits until a decision is the wanted one.
func (s *instance) becomes(host, origin, verdict string) {
	s.t.Helper()
	await(s.t, func() error {
		if got := s.verdict(host, origin); got != verdict {
			return fmt.Errorf("%s of %s on %s, want %s", got, origin, host, verdict)
		}
		return nil
	})
}

const (
	shopOrigin  = "https://www.shop.example"
	otherOrigin = "https://www.other.example"
	withPath    = "{hosts: [api.shop.example], cors: {allowOrigins: [https://www.shop.example/app]}}"
)

func allowing(host, origin string) string {
	return fmt.Sprintf("{hosts: [%s], cors: {allowOrigins: [%q]}}", host, origin)
}

// TestServe: from nothing to a policy that decides, one that is refused and blocks nobody, an API server that dies and
// comes back, and a second instance that is started beside the refused version.
func TestServe(t *testing.T) {
	own := startAPI(t)
	must(t, own.Client, "", "create", "namespace", "corsd-system")
	must(t, own.Client, "", "create", "namespace", "shop")
	must(t, own.Client, "", "annotate", "namespace", "shop", "corsd.dev/hosts=*.shop.example")
	account := installOn(t, own, "corsd-system", "kubernetes-all-namespaces")
	s := serve(t, account)
	await(t, func() error {
		if status, page := s.page("/readyz"); status != http.StatusOK {
			return errors.New(page)
		}
		return nil
	})

	must(t, own.Client, policy("shop", "api", allowing("api.shop.example", shopOrigin)), "apply", "-f", "-")
	must(t, own.Client, "", "wait", "-n", "shop", "--for=condition=Accepted", "--timeout=20s", "cors/api")
	s.becomes("api.shop.example", shopOrigin, "allow allowed")

	must(t, own.Client, policy("shop", "api", withPath), "apply", "-f", "-")
	must(t, own.Client, "", "wait", "-n", "shop", "--for=condition=Accepted=false", "--timeout=20s", "cors/api")
	described := must(t, own.Client, "", "describe", "-n", "shop", "cors/api")
	for _, want := range []string{
		"origin_invalid", "spec.cors.allowOrigins[0]", "https://www.shop.example", "Invalid", "LastGood", "Last Accepted",
	} {
		if !strings.Contains(described, want) {
			t.Errorf("kubectl describe lacks %q:\n%s", want, described)
		}
	}
	s.becomes("api.shop.example", shopOrigin, "allow allowed")
	second := serve(t, account)
	second.becomes("api.shop.example", shopOrigin, "allow allowed")

	must(t, own.Client, policy("shop", "foreign", allowing("api.other.example", otherOrigin)), "apply", "-f", "-")
	must(t, own.Client, "", "wait", "-n", "shop", "--for=condition=Accepted=false", "--timeout=20s", "cors/foreign")
	s.becomes("api.other.example", otherOrigin, "none no_policy")

	own.KillServer()
	for _, i := range []*instance{s, second} {
		i.becomes("api.shop.example", shopOrigin, "allow allowed")
	}
	await(t, func() error {
		if _, page := s.page("/readyz?verbose"); !strings.Contains(page, "retry: ") {
			return errors.New(page)
		}
		return nil
	})
	if err := own.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, own.Client, policy("shop", "api", allowing("api.shop.example", otherOrigin)), "apply", "-f", "-")
	began := time.Now()
	s.becomes("api.shop.example", otherOrigin, "allow allowed")
	t.Logf("a change was live %s after it was made, with an API server that came back", time.Since(began).Round(time.Millisecond))
}

// TestReplicas: three instances write each status, and none for the sake of the others.
func TestReplicas(t *testing.T) {
	ns := namespace(t)
	account := install(t, ns, "kubernetes")
	for range 3 {
		serve(t, account, "--kubernetes-namespace", ns)
	}
	const n = 20
	var all strings.Builder
	for i := range n {
		all.WriteString("---\n" + policy(ns, fmt.Sprintf("p%d", i), allowing(fmt.Sprintf("h%d.example", i), shopOrigin)))
	}
	must(t, api.Client, all.String(), "apply", "-f", "-")
	must(t, api.Client, "", "wait", "-n", ns, "--for=condition=Accepted", "--timeout=20s", "cors", "--all")
	time.Sleep(3 * time.Second)
	versions := func() string {
		return must(t, api.Client, "", "get", "cors", "-n", ns, "-o", "jsonpath={.items[*].metadata.resourceVersion}")
	}
	before := versions()
	time.Sleep(5 * time.Second)
	if after := versions(); before != after {
		t.Errorf("statuses are written although nothing changes:\n%s\n%s", before, after)
	}
}

// TestBadAmongMany: one bad object among 5,000 keeps none from going live.
func TestBadAmongMany(t *testing.T) {
	ns := namespace(t)
	account := install(t, ns, "kubernetes")
	const n = 5000
	var all strings.Builder
	for i := range n {
		spec := allowing(fmt.Sprintf("h%d.many.example", i), shopOrigin)
		if i == n/2 {
			spec = allowing(fmt.Sprintf("h%d.many.example", i), "https://www.shop.example/app")
		}
		all.WriteString("---\n" + policy(ns, fmt.Sprintf("p%d", i), spec))
	}
	must(t, api.Client, all.String(), "create", "-f", "-", "-o", "name")
	s := serve(t, account, "--kubernetes-namespace", ns)
	s.becomes(fmt.Sprintf("h%d.many.example", n-1), shopOrigin, "allow allowed")
	s.becomes(fmt.Sprintf("h%d.many.example", n/2), shopOrigin, "deny no_rule")
	began := time.Now()
	must(t, api.Client, policy(ns, "p0", allowing("h0.many.example", otherOrigin)), "replace", "-f", "-")
	s.becomes("h0.many.example", otherOrigin, "allow allowed")
	t.Logf("a change among %d was live %s after kubectl was started", n, time.Since(began).Round(time.Millisecond))
}

// TestWebhook: kubectl shows the faults and warnings of corsd. Without the webhook, the object is stored.
func TestWebhook(t *testing.T) {
	ns := namespace(t)
	account := install(t, ns, "kubernetes")
	authority := servetest.NewAuthority(t, "webhook")
	cert, key := authority.Issue(servetest.Leaf{Name: "webhook", DNSNames: []string{"localhost"}})
	dir := t.TempDir()
	for name, text := range map[string]string{"tls.crt": cert, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, account, "--kubernetes-namespace", ns, "--webhook", "127.0.0.1:0",
		"--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"))
	_, port, _ := strings.Cut(s.address("webhook is listening"), ":")
	must(t, api.Client, fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %s}
webhooks:
- name: check.corsd.dev
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
  rules: [{apiGroups: [corsd.dev], apiVersions: [v1alpha1], operations: [CREATE, UPDATE], resources: [corspolicies, originsets]}]
  clientConfig: {url: "https://localhost:%s/validate", caBundle: %s}
`, ns, port, base64.StdEncoding.EncodeToString([]byte(authority.PEM))), "apply", "-f", "-")
	t.Cleanup(func() {
		_, _ = api.Kubectl(context.WithoutCancel(t.Context()), "", "delete", "validatingwebhookconfiguration", ns)
	})

	await(t, func() error { return refused(t, api.Client, policy(ns, "api", withPath), "apply", "-f", "-") })
	mustFail(t, api.Client, policy(ns, "api", withPath), []string{"apply", "-f", "-"},
		`spec.cors.allowOrigins[0]: "https://www.shop.example/app" has a path, and an origin has none (origin_invalid); hint: https://www.shop.example`)
	out := must(t, api.Client, policy(ns, "api", allowing("api.shop.example", shopOrigin+":443")), "apply", "-f", "-")
	if !strings.Contains(out, "Warning: ") || !strings.Contains(out, "default_port") {
		t.Errorf("kubectl apply printed %s", out)
	}
	must(t, api.Client, "", "wait", "-n", ns, "--for=condition=Accepted", "--timeout=20s", "cors/api")
}
