package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// withKnownHost refuses requests whose host is not a loopback name, an IP address or one of names.
// A page of any site can point its own name to the address of the admin listener, and could then
// read it as its own origin (DNS rebinding). An address does not help it: that is another origin
// than the page's.
func withKnownHost(names []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isKnownHost(r.Host, names) {
			http.Error(w, "corsd's admin listener does not serve this host name. "+
				"Use an IP address or localhost, or start corsd with --admin-host NAME.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isKnownHost judges the value of Host. HTTP/1.0 allows a request without one; no browser sends such.
func isKnownHost(authority string, names []string) bool {
	host := authority
	if h, _, err := net.SplitHostPort(authority); err == nil {
		host = h
	} else if inner, found := strings.CutPrefix(authority, "["); found {
		host = strings.TrimSuffix(inner, "]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(host); err == nil || authority == "" {
		return true
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	for _, name := range names {
		if host == strings.ToLower(strings.TrimSuffix(name, ".")) {
			return true
		}
	}
	return false
}
