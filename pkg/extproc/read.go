package extproc

import (
	"context"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsd/corsd/pkg/policy"
)

// readHeaders reads the request's headers as ext_proc sends them: names in lower
// case, pseudo-headers among them, one entry for each line. (Envoy itself joins
// two Origin or access-control-request-* lines with a comma.)
func readHeaders(r *policy.Request, headers *corev3.HeaderMap) {
	for _, h := range headers.GetHeaders() {
		readHeader(r, h.GetKey(), valueOf(h))
	}
}

func readHeader(r *policy.Request, name, value string) {
	switch name {
	case ":method":
		r.Method = value
	case ":scheme":
		r.Scheme = value
	case ":authority":
		r.Authority = value
	case ":path":
		r.Path = value
	case ":protocol":
		r.Protocol = value
	default:
		r.AddHeader(name, value)
	}
}

// valueOf: Envoy sends raw_value since 1.27, older versions and other data
// planes value.
func valueOf(h *corev3.HeaderValue) string {
	if raw := h.GetRawValue(); len(raw) > 0 {
		return string(raw)
	}
	return h.GetValue()
}

// readFields reads the response's headers, and its status, 0 where it is not sent.
func readFields(dst []policy.Field, headers *corev3.HeaderMap) (status int, fields []policy.Field) {
	for _, h := range headers.GetHeaders() {
		name := h.GetKey()
		switch {
		case name == ":status":
			status, _ = strconv.Atoi(valueOf(h))
		case strings.HasPrefix(name, ":"):
		case len(h.GetRawValue()) > 0:
			dst = append(dst, policy.Field{Name: name, Value: h.GetRawValue()})
		default:
			dst = append(dst, policy.Field{Name: name, Value: []byte(h.GetValue())})
		}
	}
	return status, dst
}

// The gRPC metadata that Envoy's configuration sends when it opens a stream. No
// client can forge it.
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
)

// streamMetadata is what the metadata of a stream says.
type streamMetadata struct {
	md       metadata.MD
	selector string
	static   policy.Static
}

func metadataOf(ctx context.Context) streamMetadata {
	md, _ := metadata.FromIncomingContext(ctx)
	m := streamMetadata{md: md}
	m.selector, _ = m.get(keyPolicy)
	for _, line := range md[keyStatic] {
		for word := range strings.SplitSeq(line, ",") {
			switch strings.TrimSpace(word) {
			case "strip":
				m.static.Strip = true
			case "vary":
				m.static.Vary = true
			}
		}
	}
	return m
}

func (m *streamMetadata) get(key string) (value string, ok bool) {
	if values := m.md[key]; len(values) > 0 {
		return values[0], true
	}
	return "", false
}

// readRequest reads the request that a stream is about which begins with the
// response's headers. It reports false where Envoy knew nothing of it.
func (m *streamMetadata) readRequest(r *policy.Request) bool {
	var known [3]bool
	r.Method, known[0] = m.get(keyMethod)
	r.Authority, known[1] = m.get(keyHost)
	r.Path, known[2] = m.get(keyPath)
	r.Scheme, _ = m.get(keyScheme)
	r.Origin = m.md[keyOrigin]
	r.FetchSite = m.md[keyFetchSite]
	r.Upgrade = m.md[keyUpgrade]
	return known[0] || known[1] || known[2]
}

// attributesKey is the name of the filter's type, whatever the filter is called.
const attributesKey = "envoy.filters.http.ext_proc"

// readAttributes reads the request from attributes, where someone configured
// request_attributes or response_attributes. corsd's own configurations do not:
// one byte that is not UTF-8 makes the whole message unreadable. It reports false
// where there are none.
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
