package extproc

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
)

// The gRPC metadata that Envoy's configuration adds to a stream. Clients cannot set it.
const (
	keyPolicy    = "corsd-policy"
	keyStatic    = "corsd-static"
	keyMethod    = "corsd-method"
	keyScheme    = "corsd-scheme"
	keyHost      = "corsd-host"
	keyPath      = "corsd-path"
	keyOrigin    = "corsd-origin"
	keyFetchSite = "corsd-fetch-site"
	keyUpgrade   = "corsd-upgrade"
	// keyRequest has the seven before in one value, since each key costs Envoy a microsecond: method,
	// scheme, host, path, Sec-Fetch-Site, Upgrade and Origin, separated by tabs.
	keyRequest = "corsd-request"
	// keyAuthority is the :authority of the stream. It can have the words of keyStatic, as in
	// "strip.vary.set.corsd-static": Envoy copies, hashes and compares the filter's grpc_service for
	// each request, and metadata in it costs twice as much as a name.
	keyAuthority    = ":authority"
	authorityStatic = ".corsd-static"
)

// streamMetadata is the gRPC metadata of a stream.
type streamMetadata struct {
	ctx      context.Context
	selector string
	static   policy.Static
}

// metadataOf reads the metadata of a stream. Its corsd-static adds to static.
func metadataOf(ctx context.Context, static policy.Static) streamMetadata {
	m := streamMetadata{ctx: ctx, static: static}
	m.selector, _ = m.get(keyPolicy)
	authority, _ := m.get(keyAuthority)
	if words, ok := strings.CutSuffix(authority, authorityStatic); ok {
		m.readStatic(words, ".")
		return m
	}
	for _, line := range m.lines(keyStatic) {
		m.readStatic(line, ",")
	}
	return m
}

// readStatic reads what the virtual host does by itself. Unknown words are ignored.
func (m *streamMetadata) readStatic(words, separator string) {
	for word := range strings.SplitSeq(words, separator) {
		exchange.AddStatic(&m.static, strings.TrimSpace(word))
	}
}

// lines returns the values of one key. metadata.FromIncomingContext would copy all keys.
func (m *streamMetadata) lines(key string) []string {
	return metadata.ValueFromIncomingContext(m.ctx, key)
}

func (m *streamMetadata) get(key string) (value string, ok bool) {
	if values := m.lines(key); len(values) > 0 {
		return values[0], true
	}
	return "", false
}

// readRequest reads the request of a stream that begins with the response's headers. It returns false
// if the metadata has no data of the request.
func (m *streamMetadata) readRequest(r *policy.Request) bool {
	if line, ok := m.get(keyRequest); ok {
		return readLine(r, line)
	}
	var known [3]bool
	r.Method, known[0] = m.get(keyMethod)
	r.Authority, known[1] = m.get(keyHost)
	r.Path, known[2] = m.get(keyPath)
	r.Scheme, _ = m.get(keyScheme)
	r.Origin = m.lines(keyOrigin)
	r.FetchSite = m.lines(keyFetchSite)
	r.Upgrade = m.lines(keyUpgrade)
	return known[0] || known[1] || known[2]
}

// readLine reads the value of keyRequest, in which absent fields are empty. Envoy allows no tab in
// the first four. No browser sends one in Sec-Fetch-Site or Upgrade; it shifts a part of the value
// into the origin, which then is malformed. So a client cannot forge another field.
func readLine(r *policy.Request, line string) bool {
	var fetchSite, upgrade string
	for _, field := range []*string{&r.Method, &r.Scheme, &r.Authority, &r.Path, &fetchSite, &upgrade} {
		*field, line, _ = strings.Cut(line, "\t")
	}
	for _, h := range []struct {
		lines *[]string
		value string
	}{{&r.FetchSite, fetchSite}, {&r.Upgrade, upgrade}, {&r.Origin, line}} {
		if h.value != "" {
			*h.lines = append(*h.lines, h.value)
		}
	}
	return r.Method != "" || r.Authority != "" || r.Path != ""
}

// attributesKey is the name of the filter's type. It does not depend on the filter's name.
const attributesKey = "envoy.filters.http.ext_proc"

// readAttributes reads the request from attributes, if request_attributes or response_attributes is
// configured. corsd's own configurations do not use them: one byte that is not UTF-8 makes the whole
// message unreadable. It returns false if the attributes have no data of the request.
func readAttributes(r *policy.Request, attributes map[string]*structpb.Struct) bool {
	fields := attributes[attributesKey].GetFields()
	text := func(name string) string { return fields[name].GetStringValue() }
	r.Method, r.Scheme, r.Authority = text("request.method"), text("request.scheme"), text("request.host")
	if r.Path = text("request.path"); r.Path == "" {
		r.Path = text("request.url_path")
	}
	for _, name := range []string{"origin", "sec-fetch-site", "upgrade"} {
		if v, ok := fields["request.headers['"+name+"']"]; ok {
			r.AddHeader(name, v.GetStringValue())
		}
	}
	return r.Method != "" || r.Authority != "" || r.Path != ""
}
