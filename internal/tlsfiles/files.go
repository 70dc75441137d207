// Package tlsfiles makes the TLS configuration of a server from files, and follows their changes. It knows neither gRPC
// nor policies.
//
// It is used in place of grpc-go's certprovider/pemfile, which logs the private key if the pair does not match, reports
// no error to its caller, and requires both files in one directory.
package tlsfiles

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// interval is how often the files are read. A replaced secret of Kubernetes changes a link above them, and a look costs
// three small reads, so that events of the file system are not worth their pitfalls.
const interval = 5 * time.Second

// Options are the files, and who may connect.
type Options struct {
	// Cert and Key are PEM files: a certificate with its intermediates, and its private key. Required.
	Cert, Key string
	// ClientCA is a PEM file of the authorities of the clients' certificates. "" if clients need none.
	ClientCA string
	// ClientIDs are the clients that may connect, as [CheckClientID] allows. Empty for every client of ClientCA.
	ClientIDs []string
	// Expires is called with the end of the live certificate. Required.
	Expires func(time.Time)
	// Logger is required.
	Logger *slog.Logger
}

// Files are the live certificates. Make them with [New].
type Files struct {
	options Options
	live    atomic.Pointer[material]
	fault   string // why the files read last are not live
	logged  bool   // fault is in the log
}

// New reads the files. The error names the flag of the faulty one and contains what to do about it.
func New(o Options) (*Files, error) {
	f := &Files{options: o}
	content, err := o.read()
	if err != nil {
		return nil, err
	}
	m, err := o.parse(content)
	if err != nil {
		return nil, err
	}
	f.setLive(m)
	return f, nil
}

// Config returns a configuration for TLS 1.3 that uses the live files for each handshake.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.live.Load().config, nil },
	}
}

// OpenConfig returns the same for HTTP, and for clients that have no certificate.
func (f *Files) OpenConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c := f.live.Load().config.Clone()
			c.ClientAuth, c.ClientCAs, c.VerifyConnection = tls.NoClientCert, nil, nil
			c.NextProtos = []string{"h2", "http/1.1"}
			return c, nil
		},
	}
}

// Run follows the files until ctx ends. Files with a fault change nothing: the last good ones stay live. A nil Files
// has none to follow.
func (f *Files) Run(ctx context.Context) {
	if f == nil {
		return
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.look()
		}
	}
}

// look reads the files once.
func (f *Files) look() {
	content, err := f.options.read()
	if err != nil {
		f.fail(err)
		return
	}
	live := f.live.Load()
	if content.equal(live.content) {
		f.fault = ""
		return
	}
	m, err := f.options.parse(content)
	if err == nil {
		err = m.worseThan(live, time.Now())
	}
	if err != nil {
		f.fail(err)
		return
	}
	f.setLive(m)
}

// fail logs an error when it is found for the second time in a row, once. The first may be due to a pair of which only
// one file was replaced.
func (f *Files) fail(err error) {
	switch text := err.Error(); {
	case text != f.fault:
		f.fault, f.logged = text, false
	case !f.logged:
		f.logged = true
		f.options.Logger.Error("TLS files have a fault; the last good ones stay live", "error", text,
			"expires", f.live.Load().notAfter)
	}
}

func (f *Files) setLive(m *material) {
	f.live.Store(m)
	f.fault = ""
	f.options.Expires(m.notAfter)
	log, leaf := f.options.Logger, m.leaf
	log.Info("TLS certificate is live", "subject", leaf.Subject.String(), "dnsNames", leaf.DNSNames,
		"uris", texts(leaf.URIs), "expires", m.notAfter,
		"clientCertificates", f.options.ClientCA != "", "clientIDs", f.options.ClientIDs)
	if err := m.invalidAt(time.Now()); err != nil {
		log.Warn("TLS certificate is not valid now: Envoy refuses it; replace it", "error", err.Error())
	}
}

// material is what the files contain.
type material struct {
	content             content
	leaf                *x509.Certificate
	notBefore, notAfter time.Time // of the whole chain
	config              *tls.Config
}

// invalidAt returns an error if the certificate has expired, or begins later.
func (m *material) invalidAt(now time.Time) error {
	switch {
	case now.After(m.notAfter):
		return fmt.Errorf("it expired at %s", m.notAfter.Format(time.RFC3339))
	case now.Before(m.notBefore):
		return fmt.Errorf("it begins at %s", m.notBefore.Format(time.RFC3339))
	}
	return nil
}

// worseThan returns an error if the live certificate is valid and this one is not.
func (m *material) worseThan(live *material, now time.Time) error {
	if err := m.invalidAt(now); err != nil && live.invalidAt(now) == nil {
		return fmt.Errorf("the new certificate is not valid now: %w; write one that is valid", err)
	}
	return nil
}

// content is the bytes of the certificate, the key and the authorities.
type content struct{ cert, key, clientCA []byte }

func (c content) equal(d content) bool {
	return bytes.Equal(c.cert, d.cert) && bytes.Equal(c.key, d.key) && bytes.Equal(c.clientCA, d.clientCA)
}

func (o *Options) read() (c content, err error) {
	var errs [3]error
	c.cert, errs[0] = readFile("--tls-cert", o.Cert)
	c.key, errs[1] = readFile("--tls-key", o.Key)
	if o.ClientCA != "" {
		c.clientCA, errs[2] = readFile("--tls-client-ca", o.ClientCA)
	}
	return c, errors.Join(errs[:]...)
}

// parse makes the configuration of the next handshakes. Sessions are not resumed: each connection is checked by the
// files that are live then, and Envoy keeps its connections for long.
func (o *Options) parse(c content) (*material, error) {
	chain, err := parseCertificates("--tls-cert", o.Cert, c.cert)
	if err != nil {
		return nil, err
	}
	pair, err := o.parsePair(c)
	if err != nil {
		return nil, err
	}
	m := &material{content: c, leaf: chain[0], notBefore: chain[0].NotBefore, notAfter: chain[0].NotAfter}
	for _, issuer := range chain[1:] {
		if issuer.NotAfter.Before(m.notAfter) {
			m.notAfter = issuer.NotAfter
		}
	}
	m.config = &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, SessionTicketsDisabled: true,
		Certificates: []tls.Certificate{pair},
	}
	if o.ClientCA == "" {
		return m, nil
	}
	authorities, err := parseCertificates("--tls-client-ca", o.ClientCA, c.clientCA)
	if err != nil {
		return nil, err
	}
	m.config.ClientAuth, m.config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	for _, ca := range authorities {
		m.config.ClientCAs.AddCert(ca)
	}
	m.config.VerifyConnection = verifyClient(o.ClientIDs)
	return m, nil
}
