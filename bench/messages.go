package main

import (
	"encoding/binary"
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"
)

// exchanges is the number of different exchanges of a client. With fewer, all data that the lookups
// need would stay in the processor's caches.
const exchanges = 512

// script is the messages of one exchange, each with gRPC's prefix, and its origin.
type script struct {
	origin   string
	messages [][]byte
}

// headerLines returns the header of a browser's request through an Envoy without forward_rules:
// 1.2 kB, of which six lines matter.
func headerLines(i int, s size) (lines [][2]string, origin string) {
	host, page := i*131%s.hosts, i*7919%s.origins
	origin = originOf(page)
	return [][2]string{
		{":authority", hostOf(host)},
		{":path", fmt.Sprintf("/v1/service%d/accounts/%d/orders?limit=50&cursor=MDEyMzQ1Njc4OWFiY2RlZg",
			i%rulesPerHost, 10_000+i)},
		{":method", "GET"},
		{":scheme", "https"},
		{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
			"Chrome/156.0.0.0 Safari/537.36"},
		{"sec-ch-ua", `"Chromium";v="156", "Not.A/Brand";v="8"`},
		{"sec-ch-ua-mobile", "?0"},
		{"sec-ch-ua-platform", `"Linux"`},
		{"accept", "application/json, text/plain, */*"},
		{"origin", origin},
		{"sec-fetch-site", "cross-site"},
		{"sec-fetch-mode", "cors"},
		{"sec-fetch-dest", "empty"},
		{"referer", origin + "/"},
		{"accept-encoding", "gzip, deflate, br, zstd"},
		{"accept-language", "en-US,en;q=0.9"},
		{"cookie", "session=" + strings.Repeat("0123456789abcdef", 4) + "; theme=dark"},
		{"authorization", "Bearer " + strings.Repeat("abcdefghijklmnopqrstuvwxyz012345", 8)},
		{"x-forwarded-proto", "https"},
		{"x-forwarded-for", "203.0.113.7"},
		{"x-request-id", fmt.Sprintf("9f3c2a10-5b6d-4e7f-8a90-%012d", i)},
	}, origin
}

func responseLines(i int) [][2]string {
	return [][2]string{
		{":status", "200"},
		{"content-type", "application/json; charset=utf-8"},
		{"content-length", "1834"},
		{"date", "Wed, 25 Nov 2026 10:00:00 GMT"},
		{"server", "envoy"},
		{"cache-control", "private, max-age=0, no-cache"},
		{"etag", `W/"72a-1b2c3d4e5f"`},
		{"vary", "accept-encoding"},
		{"content-encoding", "gzip"},
		{"x-envoy-upstream-service-time", "12"},
		{"strict-transport-security", "max-age=31536000; includeSubDomains"},
		{"x-request-id", fmt.Sprintf("9f3c2a10-5b6d-4e7f-8a90-%012d", i)},
	}
}

func headerMap(lines [][2]string) *corev3.HeaderMap {
	m := &corev3.HeaderMap{}
	for _, l := range lines {
		m.Headers = append(m.Headers, &corev3.HeaderValue{Key: l[0], RawValue: []byte(l[1])})
	}
	return m
}

// processScripts returns exchanges over ext_proc in two phases.
func processScripts(s size) ([]script, error) {
	scripts := make([]script, exchanges)
	for i := range scripts {
		lines, origin := headerLines(i, s)
		request, err := framed(&extprocv3.ProcessingRequest{
			Request: &extprocv3.ProcessingRequest_RequestHeaders{
				RequestHeaders: &extprocv3.HttpHeaders{Headers: headerMap(lines), EndOfStream: true},
			},
			MetadataContext: &corev3.Metadata{},
			ProtocolConfig:  &extprocv3.ProtocolConfiguration{},
		})
		if err != nil {
			return nil, err
		}
		response, err := framed(&extprocv3.ProcessingRequest{
			Request: &extprocv3.ProcessingRequest_ResponseHeaders{
				ResponseHeaders: &extprocv3.HttpHeaders{Headers: headerMap(responseLines(i))},
			},
			MetadataContext: &corev3.Metadata{},
		})
		if err != nil {
			return nil, err
		}
		scripts[i] = script{origin, [][]byte{request, response}}
	}
	return scripts, nil
}

// checkScripts returns calls of ext_authz.
func checkScripts(s size) ([]script, error) {
	peer := func(port uint32) *authv3.AttributeContext_Peer {
		address := &corev3.SocketAddress{
			Address:       "192.0.2.1",
			PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
		}
		return &authv3.AttributeContext_Peer{Address: &corev3.Address{
			Address: &corev3.Address_SocketAddress{SocketAddress: address},
		}}
	}
	scripts := make([]script, exchanges)
	for i := range scripts {
		lines, origin := headerLines(i, s)
		headers := map[string]string{}
		for _, l := range lines {
			headers[l[0]] = l[1]
		}
		message, err := framed(&authv3.CheckRequest{Attributes: &authv3.AttributeContext{
			Source: peer(41234), Destination: peer(8443),
			Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
				Id:        fmt.Sprint(i),
				Method:    headers[":method"],
				Path:      headers[":path"],
				Host:      headers[":authority"],
				Scheme:    headers[":scheme"],
				Protocol:  "HTTP/2",
				HeaderMap: headerMap(lines),
			}},
		}})
		if err != nil {
			return nil, err
		}
		scripts[i] = script{origin, [][]byte{message}}
	}
	return scripts, nil
}

// framed returns a message with gRPC's prefix.
func framed(m proto.Message) ([]byte, error) {
	body, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 5, 5+len(body))
	binary.BigEndian.PutUint32(out[1:], uint32(len(body)))
	return append(out, body...), nil
}
