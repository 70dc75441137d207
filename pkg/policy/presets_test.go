package policy_test

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// presetWorlds are about presets, which are copied here from the contract.
func presetWorlds() []world {
	presets := []struct {
		preset                   spec.Preset
		methods, headers, expose string
	}{
		{
			spec.PresetGRPCWeb, "POST", "Content-Type, X-Grpc-Web, X-User-Agent, Grpc-Timeout",
			"Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin",
		},
		{
			spec.PresetConnect, "GET, POST",
			"Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent",
			"Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin",
		},
		{
			spec.PresetTus, "POST, HEAD, PATCH, DELETE",
			"Content-Type, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Checksum, Upload-Complete, Upload-Draft-Interop-Version, X-Request-ID, X-HTTP-Method-Override",
			"Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Expires",
		},
		{
			spec.PresetMCP, "GET, POST, DELETE",
			"Content-Type, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, mcp-param-region, Last-Event-ID",
			"Mcp-Session-Id, WWW-Authenticate",
		},
		{spec.PresetTrace, "", "Traceparent, Tracestate, Baggage", ""},
		{spec.PresetOTLP, "POST", "Content-Type, Content-Encoding", ""},
	}
	var worlds []world
	for _, p := range presets {
		lines := []string{acao + shop, acah + p.headers, varyPreflight}
		refused := []string{acao + shop, acah + strings.Replace(p.headers, "mcp-param-region, ", "", 1), varyPreflight}
		if p.methods != "" {
			lines = append(lines, acam+p.methods)
			refused = append(refused, acam+p.methods)
		}
		actual := granted
		if p.expose != "" {
			lines = append(lines, aceh+p.expose)
			actual = append([]string{aceh + p.expose}, granted...)
		}
		method, _, _ := strings.Cut(strings.TrimPrefix(p.methods+", GET", ", "), ", ")
		worlds = append(worlds, world{"preset " + string(p.preset), one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
			AllowOrigins: []string{shop}, Presets: []spec.Preset{p.preset},
		}}), []row{
			{"grants what the protocol needs", preflight(method, "/").headers(strings.ToLower(strings.ReplaceAll(p.headers, " ", ""))), "preflight allow allowed shop respond 204", lines},
			{"exposes what the protocol needs", get("/"), "actual allow allowed shop continue 200", actual},
			{"never Authorization", preflight("GET", "/").headers("authorization"), "preflight deny authorization_not_listed shop respond 204", refused},
		}})
	}
	joined := one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
		AllowOrigins: []string{shop}, AllowMethods: []string{"PUT", "DELETE"}, AllowHeaders: []string{"x-a", "content-type"}, ExposeHeaders: []string{"ETag"},
		Presets: []spec.Preset{spec.PresetMCP, spec.PresetTrace},
	}, Rules: []spec.Rule{
		{Name: "none", Match: prefix("/none"), CORS: &spec.CORS{Presets: []spec.Preset{}}},
		{Name: "grpc", Match: prefix("/grpc"), CORS: &spec.CORS{Presets: []spec.Preset{spec.PresetGRPCWeb}, AllowHeaders: []string{}}},
		{Name: "any", Match: prefix("/any"), CORS: &spec.CORS{AllowMethods: []string{"*"}, AllowHeaders: []string{"*"}, ExposeHeaders: []string{"*"}}},
	}})
	return append(worlds, world{"presets beside lists", joined, []row{
		{"come last, each name once, in the first spelling", preflight("PUT", "/"), "preflight allow allowed shop respond 204", []string{
			acao + shop, acam + "PUT, DELETE, GET, POST", acah + "x-a, content-type, Mcp-Session-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID, Traceparent, Tracestate, Baggage",
			aceh + "ETag, Mcp-Session-Id, WWW-Authenticate", varyPreflight,
		}},
		{"are replaced as a whole", preflight("PUT", "/none"), "preflight allow allowed shop/none respond 204", []string{
			acao + shop, acam + "PUT, DELETE", acah + "x-a, content-type", aceh + "ETag", varyPreflight,
		}},
		{"join the lists that come of all layers", preflight("PUT", "/grpc").headers("x-grpc-web"), "preflight allow allowed shop/grpc respond 204", []string{
			acao + shop, acam + "PUT, DELETE, POST", acah + "Content-Type, X-Grpc-Web, X-User-Agent, Grpc-Timeout",
			aceh + "ETag, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin", varyPreflight,
		}},
		{"a * stays a *", preflight("PATCH", "/any").headers("x-z"), "preflight allow allowed shop/any respond 204", []string{
			acao + shop, acam + "PATCH", acah + "x-z", aceh + "*", varyPreflight,
		}},
		{"also where it is exposed", get("/any"), "actual allow allowed shop/any continue 200", []string{acao + shop, aceh + "*", varyOrigin}},
	}})
}

// expandWorlds are about expandExposeHeaders.
func expandWorlds() []world {
	doc := spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{
		AllowOrigins: []string{shop}, AllowCredentials: new(true), ExposeHeaders: []string{"*"}, ExpandExposeHeaders: new(true),
	}, Rules: []spec.Rule{
		{Name: "public", Match: prefix("/public"), CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowCredentials: new(false)}},
		{Name: "plain", Match: prefix("/plain"), CORS: &spec.CORS{AllowCredentials: new(false)}},
		{Name: "names", Match: prefix("/names"), CORS: &spec.CORS{ExposeHeaders: []string{"X-N"}}},
		{Name: "merge", Match: prefix("/merge"), UpstreamHeaders: new(spec.UpstreamMerge)},
		{Name: "forward", Match: prefix("/forward"), Preflight: &spec.Preflight{Mode: new(spec.PreflightForward)}},
	}}
	upstream := []string{
		":status: 200", "x-b: 1", "etag: 2", "x-b: 3", "set-cookie: a=b", "set-cookie2: a=b", "cache-control: x", "content-language: x",
		"content-length: 1", "content-type: x", "expires: x", "last-modified: x", "pragma: x", "x-envoy-upstream-service-time: 1",
		"access-control-expose-headers: X-Theirs, b@d", "access-control-allow-origin: *", "server: envoy",
	}
	credentialed := func(lines ...string) []string { return append(lines, acao+shop, acac, varyOrigin) }
	return []world{{"expanded exposed headers", one("shop", doc), []row{
		{"name the response's own headers, each once, but what a page reads anyway or never", get("/").answered(200, upstream...), "actual allow allowed shop continue 200", credentialed(aceh + "x-b, etag, server")},
		{"no header to name sends none", get("/").answered(200, "content-type: x"), "actual allow allowed shop continue 200", credentialed()},
		{"a name that is no token is left out", get("/").answered(200, "x b: 1", "x-c: 1"), "actual allow allowed shop continue 200", credentialed(aceh + "x-c")},
		{"a preflight names none", preflight("GET", "/").answered(200, upstream...), "preflight allow allowed shop respond 204", []string{acao + shop, acac, varyPreflight}},
		{"nor one that is forwarded", preflight("GET", "/forward").answered(200, upstream...), "preflight allow allowed shop/forward continue 200", []string{acao + shop, acac, varyPreflight}},
		{"a refused origin is told nothing", get("/").from(evil).answered(200, upstream...), "actual deny origin_not_allowed shop continue 200", refused},
		{"nor a request without one", ask("GET", "/").answered(200, upstream...), "not_cors none not_cors shop continue 200", refused},
		{"without credentials a * is enough", get("/plain").answered(200, upstream...), "actual allow allowed shop/plain continue 200", []string{acao + shop, aceh + "*", varyOrigin}},
		{"for everyone, too", get("/public").answered(200, upstream...), "actual allow allowed shop/public continue 200", []string{acao + "*", aceh + "*"}},
		{"names stay names", get("/names").answered(200, upstream...), "actual allow allowed shop/names continue 200", credentialed(aceh + "X-N")},
		{"under Merge upstream's join them", get("/merge").answered(200, upstream...), "actual allow allowed shop/merge continue 200", credentialed(aceh + "x-b, etag, server, X-Theirs")},
	}}}
}
