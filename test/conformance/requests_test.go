package conformance_test

import (
	"net/http"
	"slices"
	"strings"

	"github.com/corsd/corsd/test/conformance/fetch"
)

// request is a request of a browser, or of another client.
type request struct {
	name         string // the subject of a sentence about the request
	method, path string
	header       http.Header
}

// Who asks.
const (
	page     = "https://www.shop.example"
	admin    = "https://admin.shop.example"
	stranger = "https://evil.example"
)

func actual(name, method, path, origin string) request {
	return request{name, method, path, http.Header{"Origin": {origin}}}
}

// preflight returns a preflight for a method and headers. Browsers write the headers in one line, in
// lower case, sorted and without blanks.
func preflight(name, path, origin, method, headers string) request {
	r := request{name, http.MethodOptions, path, http.Header{"Origin": {origin}, "Access-Control-Request-Method": {method}}}
	if headers != "" {
		r.header.Set("Access-Control-Request-Headers", headers)
	}
	return r
}

func (r request) with(name string, values ...string) request {
	r.header = r.header.Clone()
	r.header[name] = values
	return r
}

func (r request) without(name string) request {
	r.header = r.header.Clone()
	delete(r.header, name)
	return r
}

// isPreflight: what Fetch calls a CORS-preflight request.
func (r request) isPreflight() bool {
	return r.method == http.MethodOptions && r.header.Get("Origin") != "" && r.header.Get("Access-Control-Request-Method") != ""
}

// isCacheable: browsers store answers to these alone.
func (r request) isCacheable() bool { return r.method == http.MethodGet || r.method == http.MethodHead }

// inBrowser returns the script's request that made the browser send r. If r is a preflight, it is the
// request that the preflight describes.
func (r request) inBrowser(credentials string) fetch.Request {
	method := r.method
	if r.isPreflight() {
		method = r.header.Get("Access-Control-Request-Method")
	}
	return fetch.Request{Origin: strings.Join(r.header["Origin"], ", "), Method: method, Mode: "cors", Credentials: credentials, AnyIsAuthorization: true}
}

// wishes are the headers that a preflight asks leave for.
func (r request) wishes() (names []string) {
	for name := range strings.SplitSeq(strings.Join(r.header["Access-Control-Request-Headers"], ","), ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// requests are sent to every configuration, in this order.
func requests() []request {
	return slices.Concat(byOrigin(), byAnswer(), preflightsByOrigin(), preflightsByWish(), oddities())
}

// origins returns the origins that a list of origins has to distinguish.
func origins() [][2]string {
	return [][2]string{
		{"the page", page},
		{"another page of the shop", admin},
		{"a stranger", stranger},
		{"`null`", "null"},
		{"the page without TLS", "http://www.shop.example"},
		{"the page's host on another port", page + ":8443"},
		{"a name below the page's", "https://a.www.shop.example"},
		{"the domain itself", "https://shop.example"},
		{"a name that ends as the domain does", "https://evilshop.example"},
		{"a name that begins as the page's", page + ".evil.example"},
		{"a name with another byte for a dot", "https://wwwxshop.example"},
		{"the page's name with a final dot", page + "."},
	}
}

func byOrigin() []request {
	var all []request
	for _, o := range origins() {
		all = append(all, actual("GET by "+o[0], "GET", "/article", o[1]))
	}
	return append(all,
		actual("HEAD by the page", "HEAD", "/article", page),
		actual("POST by the page", "POST", "/article", page),
		actual("PUT by the page", "PUT", "/article", page),
		actual("GET by the page from a path of its own", "GET", "/catalogue", page),
		actual("GET by a stranger from a path of its own", "GET", "/catalogue", stranger),
		actual("GET without `Origin`", "GET", "/article", "").without("Origin"),
	)
}

// byAnswer are requests that are answered otherwise than by 200.
func byAnswer() []request {
	var all []request
	for _, who := range origins()[:3:3] {
		if who[1] == admin {
			continue
		}
		get := func(what, path string) request { return actual(what+", for "+who[0], "GET", path, who[1]) }
		all = append(all,
			get("304", "/article").with("If-None-Match", `"v7"`),
			get("a redirect", "/moved"),
			get("401 of the application", "/private"),
			get("404 of the application", "/missing"),
			get("500 of the application", "/broken"),
			get("503 of the gateway", "/down"),
			get("401 of the gateway", "/login"),
			get("an application with CORS headers of its own", "/careless"),
		)
	}
	return all
}

func preflightsByOrigin() []request {
	var all []request
	for _, o := range origins() {
		all = append(all, preflight("preflight for PUT by "+o[0], "/article", o[1], "PUT", ""))
	}
	return append(all, preflight("preflight for PUT by a stranger at a path of its own", "/catalogue", stranger, "PUT", ""))
}

func preflightsByWish() []request {
	ask := func(what, method, headers string) request {
		return preflight("preflight for "+what, "/article", page, method, headers)
	}
	return []request{
		ask("GET", "GET", ""),
		ask("DELETE", "DELETE", ""),
		ask("PATCH", "PATCH", ""),
		ask("`patch`, which is another method", "patch", ""),
		ask("OPTIONS", "OPTIONS", ""),
		ask("PURGE", "PURGE", ""),
		ask("JSON by POST", "POST", "content-type"),
		ask("JSON and a trace by PUT", "PUT", "content-type,x-trace"),
		ask("a header that nobody lists", "PUT", "x-secret"),
		ask("a token by GET", "GET", "authorization"),
		ask("200 headers", "PUT", manyNames()),
		preflight("preflight for PUT where the gateway answers itself", "/login", page, "PUT", ""),
		preflight("preflight for PUT where nobody serves", "/down", page, "PUT", ""),
	}
}

func manyNames() string {
	names := make([]string, 200)
	for i := range names {
		names[i] = "x-" + strings.Repeat("a", i/26+1) + string(rune('a'+i%26))
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// oddities returns requests that browsers do not send, or no longer.
func oddities() []request {
	put := preflight("", "/article", page, "PUT", "")
	named := func(name string, r request) request { r.name = name; return r }
	return []request{
		actual("GET with an origin in upper case", "GET", "/article", "HTTPS://WWW.SHOP.EXAMPLE"),
		actual("GET with an origin that has the default port", "GET", "/article", page+":443"),
		actual("GET with an origin that has a path", "GET", "/article", page+"/"),
		actual("GET with an empty `Origin`", "GET", "/article", ""),
		actual("GET with two origins in one line", "GET", "/article", page+" "+stranger),
		actual("GET with two lines of `Origin`", "GET", "/article", "").with("Origin", page, stranger),
		actual("OPTIONS that is no preflight, by the page", "OPTIONS", "/article", page),
		actual("OPTIONS that is no preflight, by a stranger", "OPTIONS", "/article", stranger),
		actual("OPTIONS without `Origin`", "OPTIONS", "/article", "").without("Origin"),
		named("preflight without `Origin`", put.without("Origin")),
		named("preflight for no method", put.with("Access-Control-Request-Method", "")),
		named("preflight for two methods", put.with("Access-Control-Request-Method", "PUT, GET")),
		named("preflight for a header that is none", put.with("Access-Control-Request-Headers", "x y")),
		named("preflight for headers in upper case, with blanks", put.with("Access-Control-Request-Headers", "X-Trace , Content-Type")),
		named("preflight for headers in two lines", put.with("Access-Control-Request-Headers", "content-type", "x-trace")),
		named("preflight of a private network", put.with("Access-Control-Request-Private-Network", "true")),
	}
}
