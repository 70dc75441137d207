package cli

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"github.com/corsd/corsd/internal/tlsfiles"
)

// tlsFlags are the flags of serve about TLS.
type tlsFlags struct {
	cert, key, clientCA string
	clientIDs           []string
}

func (f *tlsFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.cert, "tls-cert", "",
		"serve TLS on every HOST:PORT of --listen, with the certificate in the PEM `FILE`, its intermediates after it")
	flags.StringVar(&f.key, "tls-key", "", "the private key of --tls-cert, in the PEM `FILE`")
	flags.StringVar(&f.clientCA, "tls-client-ca", "",
		"accept only clients with a certificate of the authorities in the PEM `FILE`")
	flags.StringArrayVar(&f.clientIDs, "tls-client-id", nil,
		"of those clients accept only the one with this SPIFFE `ID` or DNS name (repeatable)")
}

// check refuses flags that lack another one, and malformed IDs.
func (f *tlsFlags) check() error {
	switch {
	case f.cert == "" && f.key != "":
		return usagef("--tls-key needs --tls-cert FILE, the certificate that it belongs to")
	case f.cert != "" && f.key == "":
		return usagef("--tls-cert needs --tls-key FILE, the private key of the certificate")
	case f.clientCA != "" && f.cert == "":
		return usagef("--tls-client-ca needs --tls-cert FILE and --tls-key FILE: without them there is no TLS")
	case len(f.clientIDs) > 0 && f.clientCA == "":
		return usagef("--tls-client-id needs --tls-client-ca FILE, the authorities of the clients' certificates")
	}
	for _, id := range f.clientIDs {
		if err := tlsfiles.CheckClientID(id); err != nil {
			return usagef("--tls-client-id %q: %s", id, err)
		}
	}
	return nil
}

// open reads the files. Without TLS, the configuration is nil.
func (f *tlsFlags) open(expires func(time.Time), logger *slog.Logger) (*tlsfiles.Files, *tls.Config, error) {
	if f.cert == "" {
		return nil, nil, nil
	}
	files, err := tlsfiles.New(tlsfiles.Options{
		Cert: f.cert, Key: f.key, ClientCA: f.clientCA, ClientIDs: f.clientIDs, Expires: expires, Logger: logger,
	})
	if err != nil {
		return nil, nil, err
	}
	return files, files.Config(), nil
}
