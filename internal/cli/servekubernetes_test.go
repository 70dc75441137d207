package cli

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsd/corsd/internal/kube/kubetest"
	"github.com/corsd/corsd/internal/servetest"
)

// resource is a policy that allows one page on the host of servetest's requests.
func resource(page string) kubetest.Object {
	return kubetest.Object{
		"apiVersion": "corsd.dev/v1alpha1", "kind": "CORSPolicy",
		"metadata": kubetest.Object{"namespace": "shop", "name": "api"},
		"spec": kubetest.Object{
			"hosts": []any{"*"}, "cors": kubetest.Object{"allowOrigins": []any{page}},
		},
	}
}

// TestServeKubernetes: corsd is not ready before the resources are listed. Then they decide, a change too, and the
// metrics count them.
func TestServeKubernetes(t *testing.T) {
	t.Parallel()
	api := kubetest.Start(t)
	api.Put(resource(servetest.OldPage))
	api.Refuse(http.StatusForbidden)
	kubeconfig := servetest.Write(t, t.TempDir()+"/kubeconfig", api.Kubeconfig())
	log := &servetest.Log{}
	s := launch(t, log, log, func(string) string { return "" }, append(anywhere[:len(anywhere):len(anywhere)],
		"--kubernetes", "--kubeconfig", kubeconfig, "--kubernetes-namespace", "shop")...)
	s.eventually("the refusal is reported", func() bool { // each kind of object is refused by itself
		status, page := s.get("/readyz")
		return status == http.StatusServiceUnavailable && strings.HasPrefix(page, "no policy is live yet: ") &&
			strings.Contains(page, "grant the ServiceAccount list and watch on corspolicies")
	})
	s.waitForLine("the API server cannot be read; the live policy stays as it is")
	conn := s.dial(s.address("listening"))
	health, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil || health.GetStatus() != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health is %v, %v", health, err)
	}
	api.Refuse(0)
	s.waitForLine("policy is live")
	s.healthy(conn)
	if status, page := s.get("/readyz"); status != http.StatusOK || page != "ok\n" {
		t.Errorf("/readyz: %d %q", status, page)
	}
	if s.verdict(conn, servetest.OldPage) != "allow" {
		t.Error("the page is refused")
	}
	api.Put(resource(servetest.NewPage))
	s.becomes(conn, servetest.NewPage, "allow")
	api.Put(resource("no scheme"))
	s.eventually("the bad version is counted", func() bool {
		return s.metric(`corsd_kubernetes_objects{kind="CORSPolicy",live="last_good"}`) == "1"
	})
	if s.verdict(conn, servetest.NewPage) != "allow" {
		t.Error("the last good version is not live")
	}
	s.eventually("the fault is reported", func() bool { // objects are counted before what they make is live
		_, page := s.get("/readyz?verbose")
		return strings.Contains(page, "CORSPolicy shop/api: spec.cors.allowOrigins[0]:")
	})
	if s.metric("corsd_kubernetes_last_event_timestamp_seconds") == "" {
		t.Error("no event was noted")
	}
}

// TestServeWebhook: the webhook speaks TLS with the certificate of the gRPC port, and asks for none.
func TestServeWebhook(t *testing.T) {
	t.Parallel()
	api := kubetest.Start(t)
	p := newPKI(t)
	kubeconfig := servetest.Write(t, p.path("kubeconfig"), api.Kubeconfig())
	s := start(t, "--kubernetes", "--kubeconfig", kubeconfig, "--kubernetes-host-grants=false", "--webhook", "127.0.0.1:0",
		"--tls-cert", p.path("tls.crt"), "--tls-key", p.path("tls.key"), "--tls-client-ca", p.path("ca.crt"))
	config := &tls.Config{ServerName: "localhost", RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM([]byte(p.ca.PEM))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	defer client.CloseIdleConnections()
	answer, err := client.Post("https://"+s.address("webhook is listening")+"/validate", "application/json", strings.NewReader(
		`{"request": {"uid": "7", "kind": {"group": "corsd.dev", "version": "v1alpha1", "kind": "CORSPolicy"},
		"namespace": "n", "name": "a", "object": {"metadata": {}, "spec": {"hosts": ["a.example"], "cors": {"allowOrigins": ["x"]}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(body), `"allowed":false`) || !strings.Contains(string(body), "origin_invalid") {
		t.Errorf("answered %s, %v", body, err)
	}
}
