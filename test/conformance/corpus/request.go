package corpus

import "strings"

// request draws a request, with one of the selectors or none.
func (g generator) request(selectors []string) object {
	authority := oneOf(g,
		"api.x.example", "api.x.example", "api.x.example", "api.x.example", "API.x.example:8443", "z.x.example",
		"a.b.x.example.", "acme.y.example", "acme.y.example:443", "b.example", "d.example", "other.example",
		"u@b.example", "")
	path := oneOf(g,
		"/", "/a", "/a/b", "/b", "/c/x", "/v1/x", "", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/b", "/c", "/c/x",
		"/caf%C3%A9", "/caf%c3%a9", "/d+e", "/d%2Be", "/v1/x", "/v/x", "/x", "/y",
		"/a;x=1", "/a//b", "/a/../b", "/%61", "/a%2Fb", "/a%", "/a\\b", "/v1/"+strings.Repeat("x", 9000))
	if g.chance(3) {
		path += oneOf(g, "?", "?q=/a;b", "#f")
	}
	headers := object{}
	if !g.chance(8) {
		headers["Origin"] = g.origin()
	}
	o := object{"url": oneOf(g, "https", "https", "http") + "://" + authority + path, "headers": headers}
	switch g.IntN(8) {
	case 0, 1, 2:
		o["method"] = "OPTIONS"
		g.preflight(headers)
	case 3:
		headers["Upgrade"] = lines(g, "websocket", "h2c, WebSocket", "h2c")
	case 4:
		o["method"] = "CONNECT"
		if g.chance(2) {
			headers[":protocol"] = oneOf(g, "websocket", "connect-udp")
		}
	default:
		o["method"] = oneOf(g, "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "put")
	}
	if g.chance(4) {
		headers["Sec-Fetch-Site"] = lines(g, "same-origin", "none", "cross-site", "same-site")
	}
	if g.chance(8) {
		o["selector"] = oneOf(g, append(selectors, "nosuch", "p0"+RuleSeparator+"nosuch")...)
	}
	if g.chance(2) {
		o["response"] = g.response()
	}
	return o
}

// preflight draws the headers of a preflight.
func (g generator) preflight(headers object) {
	headers["Access-Control-Request-Method"] = lines(g,
		"GET", "PUT", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH",
		"put", "patch", "FOO", "TRACE", "a b", "PUT,GET", "")
	if g.chance(2) {
		headers["Access-Control-Request-Headers"] = lines(g,
			"content-type", "x-a,x-b", "authorization", "x-a, ,content-type", "X-A,x-a", "if-match", "b@d", "*",
			"cookie", "sec-x", "access-control-allow-origin", "x-grpc-web",
			strings.Repeat("x-a,", 128), strings.Repeat("x-a,", 129), strings.Repeat("x", 8193))
	}
	if g.chance(4) {
		headers["Access-Control-Request-Private-Network"] = lines(g, "true", "false", "True")
	}
}

// origin draws the value of Origin.
func (g generator) origin() any {
	if !g.chance(3) {
		return oneOf(g, "https://shop.example", "https://shop.example", "https://evil.example")
	}
	return lines(g,
		"https://shop.example", "https://www.shop.example", "https://a.b.shop.example", "https://shop.example:443",
		"https://shop.example:8443", "https://shop.example.", "http://shop.example", "https://SHOP.example", "null", "",
		"https://evilshop.example", "https://set.example", "https://x.set.example", "https://former.example",
		"https://foo.re.example", "https://foo.re.example:443", "https://1.re.example", "https://acme.app.example",
		"https://other.app.example", "http://localhost:3000", "http://localhost", "capacitor://localhost",
		"https://[2001:db8::1]", "https://[2001:DB8::1]", "https://[2001:db8:0::1]", "https://api.x.example",
		"http://api.x.example", "https://b.example", "https://shop.example/", "https://u@shop.example",
		"https://shop.example, https://evil.example", "https://a.sub.shop.example:99999",
		"https://a.sub.shop.example:65535", "https://a..shop.example", "chrome-extension://abc",
		"1https://shop.example")
}

// lines draws the field lines of a header: one, two, or none.
func lines(g generator, values ...string) any {
	switch g.IntN(12) {
	case 0:
		return []string{oneOf(g, values...), oneOf(g, values...)}
	case 1:
		return []string{}
	}
	return oneOf(g, values...)
}

// response draws a response of upstream.
func (g generator) response() object {
	headers := object{}
	for _, h := range [][2]string{
		{"Vary", "Accept"},
		{"Vary", "origin, Accept,accept"},
		{"Vary", "*"},
		{"Access-Control-Allow-Origin", "*"},
		{"Access-Control-Allow-Origin", "https://evil.example"},
		{"Access-Control-Allow-Credentials", "true"},
		{"Access-Control-Expose-Headers", "X-U, etag"},
		{"Access-Control-Expose-Headers", "b@d, X-U"},
		{"Access-Control-Max-Age", "5"},
		{"ETag", "x"},
		{"X-Custom", "1"},
		{"Set-Cookie", "a=b"},
		{"X-Envoy-Upstream-Service-Time", "5"},
	} {
		if g.chance(4) {
			headers[h[0]] = h[1]
		}
	}
	return object{"status": oneOf(g, 200, 204, 304, 302, 404, 500, 101), "headers": headers}
}
