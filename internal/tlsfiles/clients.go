package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

const spiffeScheme = "spiffe://"

// CheckClientID refuses text that is neither a SPIFFE ID nor a DNS name. Both are compared exactly, DNS names
// without regard to case.
func CheckClientID(id string) error {
	const forms = "write spiffe://TRUST-DOMAIN/PATH or a DNS name"
	if strings.Contains(id, "*") {
		return errors.New("wildcards are not supported; repeat the flag for each SPIFFE ID or DNS name")
	}
	if path, isSPIFFE := strings.CutPrefix(id, spiffeScheme); isSPIFFE {
		u, err := url.Parse(id)
		domain, _, _ := strings.Cut(path, "/")
		if err != nil || u.String() != id || u.Host != domain || !isDNSName(domain) || u.RawQuery != "" ||
			u.Fragment != "" || domain != strings.ToLower(domain) || strings.HasSuffix(path, "/") {
			return fmt.Errorf("it is not a valid SPIFFE ID; %s", forms)
		}
		return nil
	}
	if !isDNSName(id) {
		return fmt.Errorf("it is neither a SPIFFE ID nor a DNS name; %s", forms)
	}
	return nil
}

// isDNSName reports whether text has the characters and lengths of a host name.
func isDNSName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "-") != label ||
			strings.ContainsFunc(label, notInName) {
			return false
		}
	}
	return true
}

func notInName(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// verifyClient returns a check of the client's certificate, whose chain was verified before.
func verifyClient(ids []string) func(tls.ConnectionState) error {
	if len(ids) == 0 {
		return nil
	}
	return func(state tls.ConnectionState) error {
		leaf := state.PeerCertificates[0]
		if slices.ContainsFunc(ids, func(id string) bool { return identifies(id, leaf) }) {
			return nil
		}
		return fmt.Errorf("no --tls-client-id allows the client's certificate: its URIs are %q, its DNS names %q",
			texts(leaf.URIs), leaf.DNSNames)
	}
}

func texts(uris []*url.URL) (list []string) {
	for _, u := range uris {
		list = append(list, u.String())
	}
	return list
}

// identifies reports whether the certificate is one of id. One with several URIs is not a valid SPIFFE identity
// (X509-SVID, section 2).
func identifies(id string, leaf *x509.Certificate) bool {
	if strings.HasPrefix(id, spiffeScheme) {
		return len(leaf.URIs) == 1 && leaf.URIs[0].String() == id
	}
	return slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.EqualFold(name, id) })
}
