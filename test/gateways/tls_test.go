package gateways

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/corsd/corsd/internal/servetest"
)

// gatewayID is the SPIFFE ID in the certificate of the gateway.
const gatewayID = "spiffe://shop.example/gateway"

// encrypt restarts corsd with TLS alone. If client is a namespace, only the gateway there may connect, by its
// certificate.
func (s *suite) encrypt(t *testing.T, client string) {
	t.Helper()
	ca, dir := servetest.NewAuthority(t, "mesh"), t.TempDir()
	pair := servetest.Leaf{DNSNames: []string{"corsd.corsd.svc.cluster.local"}}
	for name, text := range s.secret(t, ca, pair, "corsd", "corsd-tls") {
		servetest.Write(t, filepath.Join(dir, name), text)
	}
	s.kubectl(t, "", "apply", "--kustomize", overlay(t, corsdOverlay+"- ../k8s/components/tls\n"))
	in := func(name string) string { return filepath.Join(dir, name) }
	s.flags = []string{"--tls-cert", in("tls.crt"), "--tls-key", in("tls.key")}
	if client != "" {
		s.secret(t, ca, servetest.Leaf{URIs: []string{gatewayID}}, client, "corsd-client")
		s.flags = append(s.flags, "--tls-client-ca", in("ca.crt"), "--tls-client-id", gatewayID)
	}
	s.corsd.Kill()
	s.startCorsd(t)
}

// secret stores a certificate as cert-manager does, and returns the files.
func (s *suite) secret(t *testing.T, ca *servetest.Authority, leaf servetest.Leaf, namespace, name string) map[string]string {
	t.Helper()
	cert, key := ca.Issue(leaf)
	files := map[string]string{"tls.crt": cert, "tls.key": key, "ca.crt": ca.PEM}
	text := fmt.Sprintf("apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: { namespace: %s, name: %s }\ndata:\n", namespace, name)
	for file, pem := range files {
		text += fmt.Sprintf("  %s: %s\n", file, base64.StdEncoding.EncodeToString([]byte(pem)))
	}
	s.kubectl(t, text, "apply", "--filename", "-")
	return files
}
