package extproc

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/corsd/corsd/pkg/extproc/internal/wire"
	"github.com/corsd/corsd/pkg/policy"
)

// requestReader reads a request from the headers of a message. These are parts of a buffer that is
// used again, while the request lasts as long as the stream: the values that decisions are made
// from are copied, all into one string.
type requestReader struct {
	values []byte
	picked []picked
}

// picked is where a value belongs: a pseudo-header, or a line of a header.
type picked struct {
	value  *string
	header string // "" for a pseudo-header
	end    int    // in values
}

// read reads the request's headers as ext_proc sends them: names in lower case, pseudo-headers
// among them, one entry for each line. (Envoy itself joins two Origin or
// access-control-request-* lines with a comma.)
func (p *requestReader) read(r *policy.Request, headers []wire.Header) {
	p.pickHeaders(r, headers)
	p.finish(r)
}

// pickHeaders begins a request with the values of its headers.
func (p *requestReader) pickHeaders(r *policy.Request, headers []wire.Header) {
	p.values, p.picked = p.values[:0], p.picked[:0] // a panic may have left some
	for i := range headers {
		h := &headers[i]
		if value := pseudo(r, h.Name); value != nil {
			p.pick(value, h.Value)
		} else if name := requestHeader(h.Name); name != "" {
			p.values = append(p.values, h.Value...)
			p.picked = append(p.picked, picked{header: name, end: len(p.values)})
		}
	}
}

// pick picks a value that is not a header's.
func (p *requestReader) pick(value *string, bytes []byte) {
	p.values = append(p.values, bytes...)
	p.picked = append(p.picked, picked{value: value, end: len(p.values)})
}

// finish puts every value where it belongs.
func (p *requestReader) finish(r *policy.Request) {
	text, start := string(p.values), 0
	for _, to := range p.picked {
		value := text[start:to.end]
		if start = to.end; to.value != nil {
			*to.value = value
		} else {
			r.AddHeader(to.header, value)
		}
	}
}

// requestHeader returns the name of a header that decisions are made from, "" for every other.
// It makes no string. HTTP/2 and Envoy have names in lower case.
func requestHeader(name []byte) string {
	switch string(name) {
	case "origin":
		return "origin"
	case "upgrade":
		return "upgrade"
	case "sec-fetch-site":
		return "sec-fetch-site"
	case "access-control-request-method":
		return "access-control-request-method"
	case "access-control-request-headers":
		return "access-control-request-headers"
	case "access-control-request-private-network":
		return "access-control-request-private-network"
	}
	return ""
}

// pseudo gives the pseudo-header of a name, nil for every other.
func pseudo(r *policy.Request, name []byte) *string {
	switch string(name) {
	case ":method":
		return &r.Method
	case ":scheme":
		return &r.Scheme
	case ":authority":
		return &r.Authority
	case ":path":
		return &r.Path
	case ":protocol":
		return &r.Protocol
	}
	return nil
}

// readFields reads the response's headers that a decision has to see, and its
// status, 0 where it is not sent.
func readFields(dst []policy.Field, headers []wire.Header, all bool) (status int, fields []policy.Field) {
	for i := range headers {
		h := &headers[i]
		switch name := fieldName(h.Name); {
		case name != "":
			dst = append(dst, policy.Field{Name: name, Value: h.Value})
		case string(h.Name) == ":status":
			status, _ = strconv.Atoi(string(h.Value))
		case len(h.Name) > 0 && h.Name[0] != ':' && (all || bytes.HasPrefix(h.Name, []byte(corsPrefix))):
			dst = append(dst, policy.Field{Name: string(h.Name), Value: h.Value})
		}
	}
	return status, dst
}

const corsPrefix = "access-control-"

// fieldName gives the names that are frequent, without making a string of each.
func fieldName(name []byte) string {
	switch string(name) {
	case "vary":
		return "vary"
	case "access-control-allow-origin":
		return "access-control-allow-origin"
	case "access-control-allow-credentials":
		return "access-control-allow-credentials"
	case "access-control-allow-methods":
		return "access-control-allow-methods"
	case "access-control-allow-headers":
		return "access-control-allow-headers"
	case "access-control-expose-headers":
		return "access-control-expose-headers"
	case "access-control-max-age":
		return "access-control-max-age"
	}
	return ""
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
	// keyRequest has the seven before in one value, since Envoy takes a microsecond for each
	// key: method, scheme, host, path, Sec-Fetch-Site, Upgrade and Origin, with tabs between.
	keyRequest = "corsd-request"
	// keyAuthority is the :authority of the stream. A virtual host can say there what it would
	// in keyStatic, as "strip.vary.set.corsd-static": Envoy copies, hashes and compares the
	// filter's grpc_service for each request, and metadata in it costs twice what a name does.
	keyAuthority    = ":authority"
	authorityStatic = ".corsd-static"
)

// streamMetadata is what the metadata of a stream says.
type streamMetadata struct {
	ctx      context.Context
	selector string
	static   policy.Static
}

func metadataOf(ctx context.Context) streamMetadata {
	m := streamMetadata{ctx: ctx}
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

// readStatic reads what the virtual host does by itself. A word that is not known says
// nothing.
func (m *streamMetadata) readStatic(words, separator string) {
	for word := range strings.SplitSeq(words, separator) {
		switch strings.TrimSpace(word) {
		case "strip":
			m.static.Strip = true
		case "vary":
			m.static.Vary = true
		case "set":
			m.static.Set = true
		}
	}
}

// lines asks for one key: metadata.FromIncomingContext copies them all.
func (m *streamMetadata) lines(key string) []string {
	return metadata.ValueFromIncomingContext(m.ctx, key)
}

func (m *streamMetadata) get(key string) (value string, ok bool) {
	if values := m.lines(key); len(values) > 0 {
		return values[0], true
	}
	return "", false
}

// readRequest reads the request that a stream is about which begins with the
// response's headers. It reports false where Envoy knew nothing of it.
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

// readLine reads the value of keyRequest, in which what is absent is empty. Envoy lets a
// tab into none of the first four. One in Sec-Fetch-Site or Upgrade is of no browser's
// making, and becomes a part of the origin, which then is malformed: nothing that a client
// writes there passes for another field.
func readLine(r *policy.Request, line string) bool {
	var fetchSite, upgrade string
	for _, to := range []*string{&r.Method, &r.Scheme, &r.Authority, &r.Path, &fetchSite, &upgrade} {
		*to, line, _ = strings.Cut(line, "\t")
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
