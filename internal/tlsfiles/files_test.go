package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsd/corsd/internal/servetest"
)

// fixture is a directory of files.
type fixture struct {
	t       *testing.T
	dir     string
	log     *servetest.Log
	expires time.Time
	ca      *servetest.Authority
}

func newFixture(t *testing.T) *fixture {
	return &fixture{t: t, dir: t.TempDir(), log: &servetest.Log{}, ca: servetest.NewAuthority(t, "ours")}
}

func (f *fixture) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fixture) write(name, text string) { servetest.Write(f.t, f.path(name), text) }

// issue writes a pair.
func (f *fixture) issue(leaf servetest.Leaf) {
	cert, key := f.ca.Issue(leaf)
	f.write("tls.crt", cert)
	f.write("tls.key", key)
}

func (f *fixture) options() Options {
	return Options{
		Cert: f.path("tls.crt"), Key: f.path("tls.key"), Expires: func(at time.Time) { f.expires = at },
		Logger: slog.New(slog.NewJSONHandler(f.log, nil)),
	}
}

func (f *fixture) open(o Options) *Files {
	f.t.Helper()
	files, err := New(o)
	if err != nil {
		f.t.Fatal(err)
	}
	return files
}

// subject is that of the live certificate.
func subject(f *Files) string { return f.live.Load().leaf.Subject.CommonName }

// TestFaults: files that cannot be used are refused with what to do about it.
func TestFaults(t *testing.T) {
	encrypted := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}))
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}}))
	for _, row := range []struct {
		name   string // a sentence
		change func(f *fixture)
		want   string // with FILE in place of the directory
	}{
		{
			"the certificate is missing", func(f *fixture) { os.Remove(f.path("tls.crt")) },
			"--tls-cert DIR/tls.crt: the file does not exist; create it, or correct the path",
		},
		{
			"all files are missing", func(f *fixture) {
				os.Remove(f.path("tls.crt"))
				os.Remove(f.path("tls.key"))
				os.Remove(f.path("ca.crt"))
			},
			"--tls-cert DIR/tls.crt: the file does not exist; create it, or correct the path\n" +
				"--tls-key DIR/tls.key: the file does not exist; create it, or correct the path\n" +
				"--tls-client-ca DIR/ca.crt: the file does not exist; create it, or correct the path",
		},
		{
			"the key is a directory", func(f *fixture) { os.Remove(f.path("tls.key")); os.Mkdir(f.path("tls.key"), 0o755) },
			"--tls-key DIR/tls.key: it is not a regular file; write the path of a PEM file",
		},
		{
			"the certificate is too large", func(f *fixture) { f.write("tls.crt", strings.Repeat("x", maxFile+1)) },
			"--tls-cert DIR/tls.crt: it has more than 1048576 bytes; write the path of a PEM file",
		},
		{
			"the certificate is as large as may be, and not PEM", func(f *fixture) { f.write("tls.crt", strings.Repeat("x", maxFile)) },
			"--tls-cert DIR/tls.crt: it has no certificate; write a PEM file with -----BEGIN CERTIFICATE-----",
		},
		{
			"the certificate is a key", func(f *fixture) { copyFile(f, "tls.key", "tls.crt") },
			"--tls-cert DIR/tls.crt: it has no certificate, but PRIVATE KEY; write a PEM file with -----BEGIN CERTIFICATE-----",
		},
		{
			"the certificate is broken", func(f *fixture) { f.write("tls.crt", broken) },
			"--tls-cert DIR/tls.crt: certificate 1 of the file is not valid (x509: malformed certificate); write the file again",
		},
		{
			"the key is a certificate", func(f *fixture) { copyFile(f, "tls.crt", "tls.key") },
			"--tls-key DIR/tls.key: it has no private key, but CERTIFICATE; write a PEM file with -----BEGIN PRIVATE KEY-----",
		},
		{
			"the key is encrypted", func(f *fixture) { f.write("tls.key", encrypted) },
			`--tls-key DIR/tls.key: the private key is encrypted; write it without a passphrase, as "openssl pkey -in FILE -out FILE" does`,
		},
		{
			"the key belongs to another certificate", func(f *fixture) { _, key := f.ca.Issue(servetest.Leaf{}); f.write("tls.key", key) },
			"--tls-key DIR/tls.key: private key does not match public key; " +
				"write the key that the certificate in --tls-cert DIR/tls.crt was issued for",
		},
		{
			"the authorities are empty", func(f *fixture) { f.write("ca.crt", "") },
			"--tls-client-ca DIR/ca.crt: it has no certificate; write a PEM file with -----BEGIN CERTIFICATE-----",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			f.issue(servetest.Leaf{})
			f.write("ca.crt", f.ca.PEM)
			row.change(f)
			o := f.options()
			o.ClientCA = f.path("ca.crt")
			_, err := New(o)
			if want := strings.ReplaceAll(row.want, "DIR", f.dir); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestUnreadable: the superuser reads every file.
func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		err := &fileError{"--tls-key", "k", errors.New("x")}
		if err.Error() != "--tls-key k: x" {
			t.Error(err)
		}
		t.Skip("the superuser reads every file")
	}
	f := newFixture(t)
	f.issue(servetest.Leaf{})
	os.Chmod(f.path("tls.key"), 0)
	want := "--tls-key " + f.path("tls.key") + ": permission denied; let corsd's user read the file"
	if _, err := New(f.options()); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func copyFile(f *fixture, from, to string) {
	text, err := os.ReadFile(f.path(from))
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(to, string(text))
}

// TestLive: what is live is logged, and its end is reported. One that has expired is served, with a warning.
func TestLive(t *testing.T) {
	for _, row := range []struct {
		end      time.Time
		warnings int
	}{{time.Now().Add(time.Hour), 0}, {time.Now().Add(-time.Hour), 1}} {
		f := newFixture(t)
		f.issue(servetest.Leaf{Name: "corsd", DNSNames: []string{"corsd.svc"}, URIs: []string{"spiffe://shop/corsd"}, NotAfter: row.end})
		f.open(f.options())
		if f.expires.Unix() != row.end.Unix() {
			t.Errorf("expires %v, want %v", f.expires, row.end)
		}
		live := f.log.Entries(t, "TLS certificate is live")
		if len(live) != 1 || live[0]["subject"] != "CN=corsd" || live[0]["expires"] == nil {
			t.Errorf("logged %v", live)
		}
		if text := f.log.String(); !strings.Contains(text, `"dnsNames":["corsd.svc"]`) || !strings.Contains(text, "spiffe://shop/corsd") {
			t.Errorf("the names are not logged: %s", text)
		}
		if got := f.log.Entries(t, "TLS certificate is not valid now: Envoy refuses it; replace it"); len(got) != row.warnings {
			t.Errorf("warnings %v", got)
		}
	}
}

// TestReload: files that change are live after an interval, also if only a link above them changes. Files with a fault
// change nothing, and are logged once.
func TestReload(t *testing.T) {
	const fault = "TLS files have a fault; the last good ones stay live"
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.volume("1", servetest.Leaf{Name: "first"})
		files := f.open(f.options())
		go files.Run(t.Context())
		wait := func(want string, faults int) {
			t.Helper()
			time.Sleep(3 * interval)
			synctest.Wait()
			if got := subject(files); got != want {
				t.Errorf("%s is live, want %s", got, want)
			}
			if got := f.log.Entries(t, fault); len(got) != faults {
				t.Errorf("logged %v, want %d", got, faults)
			}
		}
		wait("first", 0)
		f.volume("2", servetest.Leaf{Name: "second"})
		wait("second", 0)
		f.write("3/tls.crt", "no PEM")
		f.write("3/tls.key", "no PEM")
		servetest.Link(t, "3", f.path("..data"))
		wait("second", 1)
		wait("second", 1)
		if e := f.log.Entries(t, fault); e[0]["level"] != "ERROR" || !strings.Contains(e[0]["error"].(string), "it has no certificate") {
			t.Errorf("logged %v", e)
		}
		if err := os.RemoveAll(f.path("3")); err != nil {
			t.Fatal(err)
		}
		wait("second", 2)
		f.volume("4", servetest.Leaf{Name: "expired", NotAfter: time.Now().Add(-time.Minute)})
		wait("second", 3)
		f.volume("5", servetest.Leaf{Name: "third"})
		wait("third", 3)
		if text := f.log.String(); strings.Contains(text, "PRIVATE KEY-----") {
			t.Error("the log has a private key")
		}
	})
}

// volume writes a pair as the kubelet does.
func (f *fixture) volume(moment string, leaf servetest.Leaf) {
	cert, key := f.ca.Issue(leaf)
	f.write(moment+"/tls.crt", cert)
	f.write(moment+"/tls.key", key)
	servetest.Link(f.t, moment, f.path("..data"))
	for _, name := range []string{"tls.crt", "tls.key"} {
		if _, err := os.Lstat(f.path(name)); err != nil {
			servetest.Link(f.t, "..data/"+name, f.path(name))
		}
	}
}

// TestHalfReplaced: a pair of which one file is replaced at a look, and the other one before the next, is not a fault.
func TestHalfReplaced(t *testing.T) {
	f := newFixture(t)
	f.issue(servetest.Leaf{Name: "first"})
	files := f.open(f.options())
	cert, key := f.ca.Issue(servetest.Leaf{Name: "second"})
	f.write("tls.crt", cert)
	files.look()
	if got := subject(files); got != "first" {
		t.Errorf("%s is live", got)
	}
	f.write("tls.key", key)
	files.look()
	if got := subject(files); got != "second" {
		t.Errorf("%s is live", got)
	}
	if text := f.log.String(); strings.Contains(text, "fault") {
		t.Error(text)
	}
}

// TestExpiredReplacesExpired: a certificate that is not valid replaces one that is not valid either.
func TestExpiredReplacesExpired(t *testing.T) {
	f := newFixture(t)
	f.issue(servetest.Leaf{Name: "first", NotAfter: time.Now().Add(-time.Minute)})
	files := f.open(f.options())
	f.issue(servetest.Leaf{Name: "second", NotAfter: time.Now().Add(-time.Minute)})
	files.look()
	if got := subject(files); got != "second" {
		t.Errorf("%s is live", got)
	}
}

// TestHandshakes: who may connect.
func TestHandshakes(t *testing.T) {
	const gateway = "spiffe://shop.example/gateway"
	ours := servetest.Leaf{DNSNames: []string{"gateway.shop.example"}, URIs: []string{gateway}}
	for _, row := range []struct {
		name    string // a sentence
		ids     []string
		leaf    *servetest.Leaf
		foreign bool
		maximum uint16
		want    string // a part of the server's error, "" for none
	}{
		{name: "every client of the authority may connect", leaf: &ours},
		{name: "a SPIFFE ID may connect", ids: []string{"spiffe://shop.example/other", gateway}, leaf: &ours},
		{name: "a DNS name may connect, in any case", ids: []string{"Gateway.shop.example"}, leaf: &ours},
		{name: "another SPIFFE ID may not", ids: []string{gateway + "/x"}, leaf: &ours, want: "no --tls-client-id allows the client's certificate"},
		{name: "a SPIFFE ID is compared byte for byte", ids: []string{"spiffe://shop.example/Gateway"}, leaf: &ours, want: "no --tls-client-id"},
		{name: "a wildcard in a certificate is no other name", ids: []string{"gateway.shop.example"}, leaf: &servetest.Leaf{DNSNames: []string{"*.shop.example"}}, want: "no --tls-client-id"},
		{name: "a name of the subject is none", ids: []string{"gateway"}, leaf: &servetest.Leaf{Name: "gateway"}, want: "no --tls-client-id"},
		{name: "a second URI is no SPIFFE identity", ids: []string{gateway}, leaf: &servetest.Leaf{URIs: []string{gateway, "spiffe://evil.example/"}}, want: "no --tls-client-id"},
		{name: "a client without a certificate may not", want: "client didn't provide a certificate"},
		{name: "a client of another authority may not", leaf: &ours, foreign: true, want: "unknown authority"},
		{name: "an expired certificate may not", leaf: &servetest.Leaf{NotAfter: time.Now().Add(-time.Minute)}, want: "expired"},
		{name: "TLS 1.2 is refused", leaf: &ours, maximum: tls.VersionTLS12, want: "unsupported versions"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			f.issue(servetest.Leaf{DNSNames: []string{"localhost"}})
			f.write("ca.crt", f.ca.PEM)
			o := f.options()
			o.ClientCA, o.ClientIDs = f.path("ca.crt"), row.ids
			client := &tls.Config{ServerName: "localhost", RootCAs: x509.NewCertPool(), MaxVersion: row.maximum, NextProtos: []string{"h2"}}
			client.RootCAs.AppendCertsFromPEM([]byte(f.ca.PEM))
			if row.leaf != nil {
				issuer := f.ca
				if row.foreign {
					issuer = servetest.NewAuthority(t, "theirs")
				}
				pair := pairOf(t, issuer, *row.leaf)
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
			}
			err := handshake(t, f.open(o).Config(), client)
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("got %v, want %q", err, row.want)
			}
		})
	}
}

func pairOf(t *testing.T, a *servetest.Authority, leaf servetest.Leaf) tls.Certificate {
	t.Helper()
	cert, key := a.Issue(leaf)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// handshake returns the error of the server.
func handshake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := tls.Client(theirs, client)
		if c.Handshake() == nil {
			_, _ = io.ReadAll(c)
		}
		theirs.Close()
	}()
	err := tls.Server(ours, server).Handshake()
	ours.Close()
	<-done
	return err
}

// TestClientIDs: which texts are IDs.
func TestClientIDs(t *testing.T) {
	for _, row := range []struct {
		id   string
		want string // a part of the error, "" if it is valid
	}{
		{"spiffe://shop.example/ns/gateway/sa/envoy", ""},
		{"spiffe://shop_1.example", ""},
		{"gateway.shop.example", ""},
		{"gateway", ""},
		{"spiffe://shop.example/", "not a valid SPIFFE ID"},
		{"spiffe://", "not a valid SPIFFE ID"},
		{"spiffe:///gateway", "not a valid SPIFFE ID"},
		{"spiffe://shop.example:443/gateway", "not a valid SPIFFE ID"},
		{"spiffe://user@shop.example/gateway", "not a valid SPIFFE ID"},
		{"spiffe://shop.example/gateway?x", "not a valid SPIFFE ID"},
		{"spiffe://shop.example/gateway#x", "not a valid SPIFFE ID"},
		{"spiffe://Shop.example/gateway", "not a valid SPIFFE ID"},
		{"spiffe://shop.example/*", "wildcards are not supported; repeat the flag for each SPIFFE ID or DNS name"},
		{"*.shop.example", "wildcards are not supported"},
		{"https://shop.example", "neither a SPIFFE ID nor a DNS name; write spiffe://TRUST-DOMAIN/PATH or a DNS name"},
		{"", "neither"},
		{"a..b", "neither"},
		{"-a", "neither"},
		{"a b", "neither"},
		{strings.Repeat("a", 63) + ".b", ""},
		{strings.Repeat("a", 64) + ".b", "neither"},
		{strings.Repeat("a.", 126) + "b", ""},
		{strings.Repeat("a.", 126) + "bc", "neither"},
	} {
		err := CheckClientID(row.id)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%q: got %v, want %q", row.id, err, row.want)
		}
	}
}
