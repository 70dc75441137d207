package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"github.com/corsd/corsd/internal/servetest"
)

// pki is the files of a server with mutual TLS, and what its clients need.
type pki struct {
	t   *testing.T
	dir string
	ca  *servetest.Authority
}

func newPKI(t *testing.T) *pki {
	p := &pki{t: t, dir: t.TempDir(), ca: servetest.NewAuthority(t, "ours")}
	servetest.Write(t, p.path("ca.crt"), p.ca.PEM)
	p.issue(servetest.Leaf{Name: "first", DNSNames: []string{"localhost"}})
	return p
}

func (p *pki) path(name string) string { return filepath.Join(p.dir, name) }

func (p *pki) issue(leaf servetest.Leaf) {
	cert, key := p.ca.Issue(leaf)
	for name, text := range map[string]string{"tls.crt": cert, "tls.key": key} {
		servetest.Write(p.t, p.path(name+".new"), text)
		servetest.Rename(p.t, p.path(name+".new"), p.path(name))
	}
}

// flags are those of mutual TLS.
func (p *pki) flags(more ...string) []string {
	return append([]string{
		"--policy", servetest.PolicyFile(p.t), "--tls-cert", p.path("tls.crt"), "--tls-key", p.path("tls.key"),
		"--tls-client-ca", p.path("ca.crt"),
	}, more...)
}

// client dials with a certificate of the authority.
func (p *pki) client(s *served, a *servetest.Authority, leaf servetest.Leaf) *grpc.ClientConn {
	p.t.Helper()
	cert, key := a.Issue(leaf)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		p.t.Fatal(err)
	}
	config := &tls.Config{ServerName: "localhost", RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM([]byte(p.ca.PEM))
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	conn, err := grpc.NewClient(s.address("listening"), grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

const gateway = "spiffe://shop.example/gateway"

// TestServeTLS: decisions and health over mutual TLS, and everyone else is refused, counted and logged.
func TestServeTLS(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"true", "false"} {
		p := newPKI(t)
		s := start(t, p.flags("--tls-client-id", gateway, "--raw-syscalls="+raw)...)
		conn := p.client(s, p.ca, servetest.Leaf{URIs: []string{gateway}})
		s.healthy(conn)
		if got := s.verdict(conn, servetest.OldPage); got != "allow" {
			t.Errorf("verdict %s", got)
		}
		x := s.stream(conn)
		x.Exchange(servetest.RequestOf(servetest.OldPage))
		if got := servetest.AllowOrigin(x.Exchange(servetest.Response())); got != servetest.OldPage {
			t.Errorf("ext_proc: allows %q", got)
		}
		x.End()
		if line := s.waitForLine("listening"); line["tls"] != true {
			t.Errorf("logged %v", line)
		}
		refused := []*grpc.ClientConn{
			s.dial(s.address("listening")),
			p.client(s, p.ca, servetest.Leaf{URIs: []string{"spiffe://shop.example/other"}}),
			p.client(s, servetest.NewAuthority(t, "theirs"), servetest.Leaf{URIs: []string{gateway}}),
		}
		for i, conn := range refused {
			_, err := grpc_health_v1.NewHealthClient(conn).Check(s.ctx(), &grpc_health_v1.HealthCheckRequest{})
			if status.Code(err) != codes.Unavailable {
				t.Errorf("client %d: %v", i, err)
			}
		}
		// With TLS 1.3 a client has its answer before the server has judged the client's certificate.
		s.waitForMetric(`corsd_peer_refusals_total{kind="tls_handshake"}`, len(refused))
		s.waitForLine("a TLS handshake failed")
		seconds, err := strconv.ParseFloat(s.metric("corsd_tls_certificate_expires_timestamp_seconds"), 64)
		if until := time.Until(time.Unix(int64(seconds), 0)); err != nil || until < 50*time.Minute || until > time.Hour {
			t.Errorf("the certificate expires in %v, %v", until, err)
		}
	}
}

// TestServeWithoutTLS: there is no certificate whose end could be alerted on.
func TestServeWithoutTLS(t *testing.T) {
	t.Parallel()
	s := start(t, "--policy", servetest.PolicyFile(t))
	if got := s.metric("corsd_tls_certificate_expires_timestamp_seconds"); got != "" {
		t.Errorf("expires %s", got)
	}
}

// TestTLSRotation: connections stay when the certificate is replaced, and later ones get the new one.
func TestTLSRotation(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	s := start(t, p.flags()...)
	old := p.client(s, p.ca, servetest.Leaf{})
	s.healthy(old)
	x := s.stream(old)
	x.Exchange(servetest.RequestOf(servetest.OldPage))
	p.issue(servetest.Leaf{Name: "second", DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(30 * time.Minute)})
	s.waitForLines(2, "TLS certificate is live")
	if got := s.waitForLine("TLS certificate is live")["subject"]; got != "CN=second" {
		t.Errorf("live: %v", got)
	}
	s.healthy(p.client(s, p.ca, servetest.Leaf{}))
	if got := servetest.AllowOrigin(x.Exchange(servetest.Response())); got != servetest.OldPage {
		t.Errorf("a stream from before allows %q", got)
	}
	x.End()
}

// TestSilentTLSPeer: a peer that never speaks TLS, or stops within the handshake, is closed like one that never speaks
// HTTP/2.
func TestSilentTLSPeer(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	s := start(t, p.flags()...)
	var conns []net.Conn
	for _, first := range []string{"", "\x16\x03\x01\x01\x00"} {
		conn, err := net.Dial("tcp", s.address("listening"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(first)); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	begin := time.Now()
	for _, conn := range conns {
		conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the server sends something")
		}
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("closed after %v", took)
		}
	}
	if got := s.waitForLine("a TLS handshake failed")["error"]; !strings.Contains(got.(string), "timeout") {
		t.Errorf("logged %v", got)
	}
}

// TestListenerStatic: the listener's promise has the effect of corsd-static from the stream, which adds to it.
func TestListenerStatic(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		listen, metadata string
		edited           bool // whether the response is requested
	}{
		{"", "", true},
		{",static=vary", "", true},
		{"", "strip,vary", false},
		{",static=strip+vary", "", false},
		{",static=strip", "vary", false},
		{",static=strip+vary", "unknown", false},
	} {
		env := map[string]string{"CORSD_LISTEN": "unix:" + servetest.ShortDir(t) + "/other.sock,127.0.0.1:0" + row.listen}
		s := startWith(t, func(name string) string { return env[name] },
			"serve", "--admin", "127.0.0.1:0", "--drain", "0s", "--policy", servetest.PolicyFile(t))
		s.waitForLines(2, "listening")
		conn := s.conn()
		ctx := s.ctx()
		if row.metadata != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "corsd-static", row.metadata)
		}
		if got := s.requestsResponse(ctx, conn); got != row.edited {
			t.Errorf("%q with corsd-static %q: the response is requested: %v", row.listen, row.metadata, got)
		}
	}
}

// requestsResponse reports whether corsd requests the response to a request of a stranger.
func (s *served) requestsResponse(ctx context.Context, conn *grpc.ClientConn) bool {
	s.t.Helper()
	client, err := extprocv3.NewExternalProcessorClient(conn).Process(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	x := servetest.Stream{T: s.t, ExternalProcessor_ProcessClient: client}
	answer := x.Exchange(servetest.RequestOf("https://evil.example"))
	x.End()
	return answer.GetModeOverride().GetResponseHeaderMode() == filterv3.ProcessingMode_SEND
}
