package conformance_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	rs "github.com/rs/cors"
)

// The library of Go servers that is used most.
func TestRS(t *testing.T) {
	o := other{name: "rs", title: "rs/cors", configs: rsConfigs(), reasons: rsReasons()}
	o.runLibrary(t, func(c config) http.Handler { return rs.New(c.own.(rs.Options)).Handler(application()) })
}

func rsConfigs() []config {
	row := func(name, what string, o rs.Options, spec string) config {
		return config{name: name, what: what, said: literal("cors.Options", o), lang: "go", spec: spec, own: o}
	}
	shop := func(o rs.Options) rs.Options {
		o.AllowedOrigins = []string{page}
		if o.AllowedMethods == nil {
			o.AllowedMethods = []string{"GET", "PUT", "DELETE"}
		}
		if o.AllowedHeaders == nil {
			o.AllowedHeaders = []string{"Content-Type", "X-Trace"}
		}
		return o
	}
	const own = "cors:\n  allowOrigins: [https://www.shop.example]\n"
	listed := func(origin string) bool { return origin == page || origin == admin }
	return []config{
		row("defaults", "Nothing", rs.Options{}, "cors:\n  allowOrigins: [\"*\"]\n  allowHeaders: [Accept, Content-Type, X-Requested-With]\n"),
		row("allow-all", "`AllowAll()`", rs.Options{
			AllowedOrigins: []string{"*"}, AllowedMethods: []string{"HEAD", "GET", "POST", "PUT", "PATCH", "DELETE"}, AllowedHeaders: []string{"*"},
		}, "cors:\n  allowOrigins: [\"*\"]\n  allowMethods: [HEAD, GET, POST, PUT, PATCH, DELETE]\n  allowHeaders: [\"*\", Authorization]\n"),
		row("origins", "`AllowedOrigins`", shop(rs.Options{}), own+specLists),
		row("wildcard", "`AllowedOrigins` with a wildcard", rs.Options{
			AllowedOrigins: []string{"https://*.shop.example"}, AllowedMethods: []string{"GET", "PUT", "DELETE"}, AllowedHeaders: []string{"Content-Type", "X-Trace"},
		}, "cors:\n  allowOrigins: [\"https://*.shop.example\"]\n"+specLists),
		row("origin-func", "`AllowOriginFunc`", rs.Options{
			AllowOriginFunc: listed, AllowedMethods: []string{"GET", "PUT", "DELETE"}, AllowedHeaders: []string{"Content-Type", "X-Trace"},
		}, "cors:\n  allowOrigins: [https://www.shop.example, https://admin.shop.example]\n"+specLists),
		row("origin-request-func", "`AllowOriginVaryRequestFunc`", rs.Options{
			AllowOriginVaryRequestFunc: func(r *http.Request, origin string) (bool, []string) {
				return r.URL.Path == "/catalogue" || listed(origin), nil
			},
			AllowedMethods: []string{"GET", "PUT", "DELETE"}, AllowedHeaders: []string{"Content-Type", "X-Trace"},
		}, "cors:\n  allowOrigins: [https://www.shop.example, https://admin.shop.example]\n"+specLists+
			"rules:\n- match: {path: {type: Exact, value: /catalogue}}\n  cors: {allowOrigins: [\"*\"]}\n"),
		row("methods", "`AllowedMethods`", shop(rs.Options{AllowedMethods: []string{"PATCH"}}),
			own+"  allowMethods: [PATCH]\n  allowHeaders: [Content-Type, X-Trace]\n"),
		row("headers", "`AllowedHeaders` with a star", shop(rs.Options{AllowedHeaders: []string{"*"}}),
			own+"  allowMethods: [GET, PUT, DELETE]\n  allowHeaders: [\"*\", Authorization]\n"),
		row("exposed", "`ExposedHeaders`", shop(rs.Options{ExposedHeaders: []string{"X-Total", "ETag"}}), own+specLists+"  exposeHeaders: [X-Total, ETag]\n"),
		row("max-age", "`MaxAge`", shop(rs.Options{MaxAge: 600}), own+specLists+"  maxAge: 600\n"),
		row("no-max-age", "`MaxAge` below 0", shop(rs.Options{MaxAge: -1}), own+specLists+"  maxAge: 0\n"),
		row("credentials", "`AllowCredentials`", shop(rs.Options{AllowCredentials: true}), own+specLists+"  allowCredentials: true\n"),
		row("everyone-credentials", "`AllowCredentials` for every origin", rs.Options{
			AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET", "PUT", "DELETE"}, AllowedHeaders: []string{"Content-Type", "X-Trace"}, AllowCredentials: true,
		}, "cors:\n  allowOrigins: [\"*\"]\n"+specLists),
		row("private-network", "`AllowPrivateNetwork`", shop(rs.Options{AllowPrivateNetwork: true}), own+specLists+"  allowPrivateNetwork: true\n"),
		row("passthrough", "`OptionsPassthrough`", shop(rs.Options{OptionsPassthrough: true}), own+specLists+"preflight: {mode: Forward}\n"),
		row("success-status", "`OptionsSuccessStatus`", shop(rs.Options{OptionsSuccessStatus: 200}), own+specLists+"preflight: {successStatus: 200}\n"),
	}
}

func rsReasons() []reason {
	return slices.Concat([]reason{
		{
			name: "methods of requests",
			why: "rs/cors sets no header where the method of a request is not in `AllowedMethods`, GET, HEAD and POST among them. The Fetch standard judges " +
				"methods by the preflight alone, and lets those three always pass; so does corsd.",
			aspects: both,
			when: func(d difference) bool {
				return !d.request.isPreflight() && !strings.Contains(d.config.said, strconv.Quote(d.request.method)) && d.moreOpen()
			},
		},
		{
			name:    "GET, HEAD and POST",
			why:     "They always pass a preflight, by the Fetch standard. rs/cors grants them only where they are listed, and then names them.",
			aspects: append(slices.Clone(both), "Access-Control-Allow-Methods"),
			when: func(d difference) bool {
				return d.request.isPreflight() && slices.Contains([]string{"GET", "POST"}, d.request.inBrowser("omit").Method) && (d.moreOpen() || d.granted() && d.ours == "")
			},
		},
		{
			name:    "OPTIONS",
			why:     "By the Fetch standard OPTIONS is a method as any other, and has to be listed. rs/cors grants it always.",
			aspects: both,
			when:    func(d difference) bool { return d.is("preflight for OPTIONS") && d.stricter() },
		},
	}, because(
		"only preflights", "the application's own headers", "no origin", "default port", "many headers", "the list's form", "malformed wishes",
		"gateway's answers", "preflights first", "`Vary` of a preflight", "`Vary` for everyone", "`Vary: Origin`",
		"status of a refusal", "credentials beside a star", "what is missing", "whole lists", "a star for everyone", "exposed headers of a preflight",
	))
}
