package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// maxFile bounds a file, in bytes.
const maxFile = 1 << 20

// fileError is a file that cannot be used. Its text ends with what to do about it.
type fileError struct {
	flag, path string
	err        error
}

func (e *fileError) Error() string { return fmt.Sprintf("%s %s: %s", e.flag, e.path, e.err) }
func (e *fileError) Unwrap() error { return e.err }

func faultf(flag, path, format string, args ...any) error {
	return &fileError{flag, path, fmt.Errorf(format, args...)}
}

func readFile(flag, path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, faultf(flag, path, "the file does not exist; create it, or correct the path")
	case err == nil && !info.Mode().IsRegular():
		return nil, faultf(flag, path, "it is not a regular file; write the path of a PEM file")
	case err == nil && info.Size() > maxFile:
		return nil, faultf(flag, path, "it has more than %d bytes; write the path of a PEM file", maxFile)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	var of *fs.PathError
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, faultf(flag, path, "permission denied; let corsd's user read the file")
	case errors.As(err, &of):
		return nil, faultf(flag, path, "%w; make the file readable", of.Err)
	}
	return text, err
}

// parseCertificates returns the certificates of a PEM file, one at least. Other blocks are skipped.
func parseCertificates(flag, path string, text []byte) (list []*x509.Certificate, err error) {
	var others []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			others = append(others, block.Type)
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, faultf(flag, path, "certificate %d of the file is not valid (%w); write the file again",
				len(list)+1, err)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, faultf(flag, path, "it has no certificate%s; write a PEM file with -----BEGIN CERTIFICATE-----",
			found(others))
	}
	return list, nil
}

// found lists the types of PEM blocks that were found in place of those that were sought.
func found(types []string) string {
	if len(types) == 0 {
		return ""
	}
	return ", but " + strings.Join(types, ", ")
}

// parsePair returns the certificate with its key.
func (o *Options) parsePair(c content) (tls.Certificate, error) {
	const flag = "--tls-key"
	var key bool
	var others []string
	for block, rest := pem.Decode(c.key); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY", block.Headers["DEK-Info"] != "":
			return tls.Certificate{}, faultf(flag, o.Key, "the private key is encrypted; "+
				"write it without a passphrase, as \"openssl pkey -in FILE -out FILE\" does")
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key = true
		default:
			others = append(others, block.Type)
		}
	}
	if !key {
		return tls.Certificate{}, faultf(flag, o.Key, "it has no private key%s; write a PEM file with "+
			"-----BEGIN PRIVATE KEY-----", found(others))
	}
	pair, err := tls.X509KeyPair(c.cert, c.key)
	if err != nil {
		return pair, faultf(flag, o.Key, "%s; write the key that the certificate in --tls-cert %s was issued for",
			strings.TrimPrefix(err.Error(), "tls: "), o.Cert)
	}
	return pair, nil
}
