package e2e_test

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
)

// envoyID is the SPIFFE ID of Envoy.
const envoyID = "spiffe://shop.example/gateway"

// mutual is the certificates of Envoy and corsd.
type mutual struct {
	t       *testing.T
	ca      *servetest.Authority
	dir     string // with the volumes envoy and corsd
	moments int
	address string // of corsd's listener with TLS
	omit    string // a line of the transport socket
}

func newMutual(t *testing.T) *mutual {
	m := &mutual{t: t, ca: servetest.NewAuthority(t, "ours"), dir: t.TempDir(), address: freeAddress(t)}
	m.issue("envoy", m.ca, servetest.Leaf{URIs: []string{envoyID}})
	m.issue("corsd", m.ca, servetest.Leaf{Name: "first", DNSNames: []string{"corsd"}})
	return m
}

// freeAddress returns an address on which corsd can listen, and again after it is started again.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// issue replaces a pair as the kubelet does.
func (m *mutual) issue(of string, a *servetest.Authority, leaf servetest.Leaf) {
	m.t.Helper()
	cert, key := a.Issue(leaf)
	m.moments++
	moment := time.Unix(int64(m.moments), 0).UTC().Format("..2006_01_02_15_04_05")
	for name, text := range map[string]string{"tls.crt": cert, "tls.key": key, "ca.crt": m.ca.PEM} {
		servetest.Write(m.t, filepath.Join(m.dir, of, moment, name), text)
		if _, err := os.Lstat(filepath.Join(m.dir, of, name)); err != nil {
			servetest.Link(m.t, "..data/"+name, filepath.Join(m.dir, of, name))
		}
	}
	servetest.Link(m.t, moment, filepath.Join(m.dir, of, "..data"))
}

// start runs a profile with mutual TLS by the files of deploy/tls. Envoy makes a connection for each ten requests.
func (m *mutual) start(p *profile) *bench {
	m.t.Helper()
	pem := func(name string) string { return filepath.Join(m.dir, "corsd", name) }
	o := mesh.Options{
		Addresses: map[string]string{"corsd:9002": m.address},
		Flags: []string{
			"--listen", m.address, "--tls-cert", pem("tls.crt"), "--tls-key", pem("tls.key"),
			"--tls-client-ca", pem("ca.crt"), "--tls-client-id", envoyID,
		},
	}
	return startMesh(m.t, p, o, func(c *envoy.Config) error {
		in := strings.NewReplacer(
			"/etc/envoy/tls", filepath.Join(m.dir, "envoy"), "/etc/envoy/sds", m.dir, m.omit, "")
		texts := map[string]string{}
		for _, name := range []string{"transport_socket.yaml", "certificate.yaml", "authority.yaml"} {
			text, err := os.ReadFile(filepath.Join(root, "deploy", "tls", name))
			if err != nil {
				return err
			}
			texts[name] = in.Replace(string(text))
			servetest.Write(m.t, filepath.Join(m.dir, name), texts[name])
		}
		return errors.Join(
			c.AddFields([]byte("node: { id: gateway, cluster: gateway }")),
			c.AddFields([]byte(texts["transport_socket.yaml"]), "static_resources", "clusters", "corsd"),
			c.AddFields([]byte("common_http_protocol_options: { max_requests_per_connection: 10 }"), "static_resources", "clusters",
				"corsd", "typed_extension_protocol_options", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"))
	})
}

// TestMutualTLS: Envoy and corsd refuse each other's bad certificates, and then the gateway fails open. A good
// certificate mends it without a restart of either.
func TestMutualTLS(t *testing.T) {
	good := servetest.Leaf{URIs: []string{envoyID}}
	ours := servetest.Leaf{DNSNames: []string{"corsd"}}
	for _, p := range shipped {
		t.Run(p.name, func(t *testing.T) {
			m := newMutual(t)
			b := m.start(p)
			b.expect(t, "an allowed page", get("/cart").from(page), 200, readable)
			b.expect(t, "a preflight", preflight("/cart", "PUT").from(page), 204, allGranted)
			if b.handshakes(t) == 0 {
				t.Error("Envoy made no TLS handshake")
			}
			if p != requestResponse { // what follows is the same for all
				return
			}
			for _, row := range []struct {
				name string // a sentence
				of   string
				leaf servetest.Leaf
				ca   *servetest.Authority
				log  string // of corsd, if it refuses
				stat string // of Envoy, if it refuses
			}{
				{"Envoy's certificate has expired", "envoy", servetest.Leaf{URIs: good.URIs, NotAfter: time.Now().Add(-time.Minute)}, m.ca, "certificate has expired", ""},
				{"Envoy's certificate is of a foreign authority", "envoy", good, servetest.NewAuthority(t, "theirs"), "unknown authority", ""},
				{"Envoy has another SPIFFE ID", "envoy", servetest.Leaf{URIs: []string{envoyID + "2"}}, m.ca, "no --tls-client-id allows", ""},
				{"corsd has another name", "corsd", servetest.Leaf{DNSNames: []string{"evil"}}, m.ca, "", "fail_verify_san"},
				{"corsd's certificate is of a foreign authority", "corsd", ours, servetest.NewAuthority(t, "theirs"), "", "fail_verify_error"},
				{"corsd's certificate has expired", "corsd", servetest.Leaf{DNSNames: ours.DNSNames, NotAfter: time.Now().Add(-time.Minute)}, m.ca, "", "fail_verify_error"},
			} {
				t.Run(row.name, func(t *testing.T) {
					before := b.tls(t, row.stat)
					m.issue(row.of, row.ca, row.leaf)
					m.restart(t, b, 0)
					b.expect(t, "the gateway fails open", get("/cart").from(page), 200, failOpen)
					if row.log != "" {
						b.awaitCorsdSays(t, row.log)
					} else if b.tls(t, row.stat) == before {
						t.Errorf("Envoy does not count %s", row.stat)
					}
					m.issue("envoy", m.ca, good)
					m.issue("corsd", m.ca, ours)
					if err := b.AwaitCorsd(t.Context(), 1); err != nil {
						t.Fatal(err)
					}
					b.await(t, get("/cart").from(page), failOpen, readable)
				})
			}
		})
	}
}

// TestNoALPN: an Envoy whose transport socket configures no ALPN can check the health of corsd, and call it.
func TestNoALPN(t *testing.T) {
	m := newMutual(t)
	m.omit = "      alpn_protocols: [h2]\n"
	b := m.start(requestResponse) // waits until corsd is healthy
	b.expect(t, "an allowed page", get("/cart").from(page), 200, readable)
}

// restart makes Envoy connect again, and waits until it counts so many healthy instances.
func (m *mutual) restart(t *testing.T, b *bench, healthy int) {
	t.Helper()
	b.Corsd.Kill()
	if err := b.AwaitCorsd(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := b.StartCorsd(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second) // the interval of health checks is 0.5 s then
	if err := b.AwaitCorsd(t.Context(), healthy); err != nil {
		t.Fatal(err)
	}
}

// handshakes is how many TLS handshakes Envoy has made with corsd.
func (b *bench) handshakes(t *testing.T) int { return b.tls(t, "handshake") }

// tls is a counter of Envoy about TLS with corsd.
func (b *bench) tls(t *testing.T, name string) int {
	t.Helper()
	counter := "cluster.corsd.ssl." + name
	stats, err := b.Envoy.Stats(t.Context(), "^"+counter+"$")
	if err != nil {
		t.Fatal(err)
	}
	return stats[counter]
}

// TestRotation: both certificates are replaced while requests arrive. None of them fails.
func TestRotation(t *testing.T) {
	m := newMutual(t)
	b := m.start(requestResponse)
	l := b.load(t.Context())
	l.await(t, 50)
	m.issue("corsd", m.ca, servetest.Leaf{Name: "second", DNSNames: []string{"corsd"}})
	m.issue("envoy", m.ca, servetest.Leaf{URIs: []string{envoyID}, NotAfter: time.Now().Add(30 * time.Minute)})
	b.awaitCorsdSays(t, "CN=second")
	before := b.handshakes(t)
	l.await(t, l.tally().all+200)
	seen := l.end()
	if seen.open > 0 || len(seen.wrong) > 0 {
		t.Errorf("%v, wrong %v", seen, seen.wrong)
	}
	if got := b.handshakes(t); got < before+10 {
		t.Errorf("%d handshakes, %d before: the new certificate is not used", got, before)
	}
	if name := m.subject(t); name != "second" {
		t.Errorf("the certificate of corsd is %s", name)
	}
}

// subject is that of the certificate that corsd presents.
func (m *mutual) subject(t *testing.T) string {
	t.Helper()
	var name string
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, VerifyConnection: func(s tls.ConnectionState) error {
		name = s.PeerCertificates[0].Subject.CommonName
		return nil
	}}
	conn, err := tls.Dial("tcp", m.address, config)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	return name
}
