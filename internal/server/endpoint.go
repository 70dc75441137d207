package server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
)

// endpoint is a value of --listen: ADDR, or ADDR,static=WORD+WORD.
type endpoint struct {
	address string
	tls     bool
	words   string // of static
	static  policy.Static
}

// errUnusedTLS is returned if no listener has TLS: Unix sockets are protected by their file mode.
var errUnusedTLS = errors.New("--tls-cert has no effect: every --listen is a Unix socket, which has no TLS; " +
	"write --listen HOST:PORT, or omit --tls-cert")

func parseEndpoints(values []string, withTLS bool) ([]endpoint, error) {
	var endpoints []endpoint
	var used bool
	for _, value := range values {
		e, err := parseEndpoint(value)
		if err != nil {
			return nil, &listenError{flag: "--listen", address: value, err: err}
		}
		e.tls = withTLS && !strings.HasPrefix(e.address, "unix:")
		used = used || e.tls
		endpoints = append(endpoints, e)
	}
	if withTLS && !used {
		return nil, errUnusedTLS
	}
	return endpoints, nil
}

func parseEndpoint(value string) (e endpoint, err error) {
	address, option, hasOption := strings.Cut(value, ",")
	e.address = address
	if address == "" || address == "unix:" {
		return e, errors.New("the address is empty; write HOST:PORT or unix:PATH")
	}
	if !hasOption {
		return e, nil
	}
	words, ok := strings.CutPrefix(option, "static=")
	if !ok {
		return e, fmt.Errorf("%q is not an option of an address; write static=strip+vary after the comma", option)
	}
	for word := range strings.SplitSeq(words, "+") {
		if !exchange.AddStatic(&e.static, word) {
			return e, fmt.Errorf("%q is not a word of static; write strip, vary or set, joined by +", word)
		}
	}
	e.words = words
	return e, nil
}
