package conformance_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	jub0bs "github.com/jub0bs/cors"
)

// The library of Go servers that follows the Fetch standard most closely.
func TestJub0bs(t *testing.T) {
	o := other{name: "jub0bs", title: "jub0bs/cors", configs: jub0bsConfigs(), reasons: jub0bsReasons()}
	o.runLibrary(t, func(c config) http.Handler {
		own := c.own.(jub0bsConfig)
		m, err := jub0bs.NewMiddleware(own.Config)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		m.SetDebug(own.debug)
		return m.Wrap(application())
	})
}

type jub0bsConfig struct {
	jub0bs.Config
	debug bool
}

func jub0bsConfigs() []config {
	row := func(name, what string, c jub0bs.Config, spec string) config {
		return config{name: name, what: what, said: literal("cors.Config", c), lang: "go", spec: spec, own: jub0bsConfig{Config: c}}
	}
	shop := func(c jub0bs.Config) jub0bs.Config {
		if c.Origins == nil {
			c.Origins = []string{page}
		}
		if c.Methods == nil {
			c.Methods = []string{"GET", "PUT", "DELETE"}
		}
		if c.RequestHeaders == nil {
			c.RequestHeaders = []string{"Content-Type", "X-Trace"}
		}
		return c
	}
	allow := func(origins string) string { return fmt.Sprintf("cors:\n  allowOrigins: [%s]\n", origins) }
	own := allow(page)
	debug := row("debug", "In debug mode", shop(jub0bs.Config{}), own+specLists)
	debug.said += "middleware.SetDebug(true)\n"
	debug.own = jub0bsConfig{Config: shop(jub0bs.Config{}), debug: true}
	return []config{
		row("origins", "`Origins`", shop(jub0bs.Config{Origins: []string{page, admin}}), allow(page+", "+admin)+specLists),
		debug,
		row("subdomains", "`Origins` with subdomains", shop(jub0bs.Config{Origins: []string{"https://*.shop.example"}}), allow(`"https://*.shop.example"`)+specLists),
		row("ports", "`Origins` with ports", shop(jub0bs.Config{Origins: []string{page + ":*"}}), allow(`"`+page+`:*"`)+specLists),
		row("everyone", "`Origins` with everyone", shop(jub0bs.Config{Origins: []string{"*"}}), allow(`"*"`)+specLists),
		row("nothing", "No lists", jub0bs.Config{Origins: []string{page}}, own),
		row("credentialed", "`Credentialed`", shop(jub0bs.Config{Credentialed: true}), own+specLists+"  allowCredentials: true\n"),
		row("methods", "`Methods` with a star", shop(jub0bs.Config{Methods: []string{"*"}}), own+"  allowMethods: [\"*\"]\n  allowHeaders: [Content-Type, X-Trace]\n"),
		row("methods-credentialed", "`Methods` with a star, `Credentialed`", shop(jub0bs.Config{Methods: []string{"*"}, Credentialed: true}),
			own+"  allowMethods: [\"*\"]\n  allowHeaders: [Content-Type, X-Trace]\n  allowCredentials: true\n"),
		row("headers", "`RequestHeaders` with a star", shop(jub0bs.Config{RequestHeaders: []string{"*"}}),
			own+"  allowMethods: [GET, PUT, DELETE]\n  allowHeaders: [\"*\"]\n"),
		row("headers-token", "`RequestHeaders` with a star and `Authorization`", shop(jub0bs.Config{RequestHeaders: []string{"*", "Authorization"}}),
			own+"  allowMethods: [GET, PUT, DELETE]\n  allowHeaders: [\"*\", Authorization]\n"),
		row("headers-credentialed", "`RequestHeaders` with a star, `Credentialed`", shop(jub0bs.Config{RequestHeaders: []string{"*"}, Credentialed: true}),
			own+"  allowMethods: [GET, PUT, DELETE]\n  allowHeaders: [\"*\", Authorization]\n  allowCredentials: true\n"),
		row("exposed", "`ResponseHeaders`", shop(jub0bs.Config{ResponseHeaders: []string{"X-Total", "ETag"}}), own+specLists+"  exposeHeaders: [X-Total, ETag]\n"),
		row("exposed-all", "`ResponseHeaders` with a star", shop(jub0bs.Config{ResponseHeaders: []string{"*"}}), own+specLists+"  exposeHeaders: [\"*\"]\n"),
		row("max-age", "`MaxAgeInSeconds`", shop(jub0bs.Config{MaxAgeInSeconds: 600}), own+specLists+"  maxAge: 600\n"),
		row("no-max-age", "`MaxAgeInSeconds` below 0", shop(jub0bs.Config{MaxAgeInSeconds: -1}), own+specLists+"  maxAge: 0\n"),
		row("insecure", "`DangerouslyTolerateInsecureOrigins`", shop(jub0bs.Config{Origins: []string{"http://www.shop.example"}, Credentialed: true, DangerouslyTolerateInsecureOrigins: true}),
			allow("http://www.shop.example")+specLists+"  allowCredentials: true\ndangerouslyAllow: [InsecureOrigins]\n"),
		row("public-suffix", "`DangerouslyTolerateSubdomainsOfPublicSuffixes`", shop(jub0bs.Config{Origins: []string{"https://*.github.io", page}, Credentialed: true, DangerouslyTolerateSubdomainsOfPublicSuffixes: true}),
			allow(`"https://*.github.io", `+page)+specLists+"  allowCredentials: true\ndangerouslyAllow: [PublicSuffixSubdomains]\n"),
	}
}

func jub0bsReasons() []reason {
	return slices.Concat([]reason{
		{
			name: "no lists",
			why: "With neither `Methods` nor `RequestHeaders` jub0bs/cors refuses every preflight. A browser asks for GET and POST too, where the page " +
				"watches an upload, and the Fetch standard lets them pass.",
			aspects: both, in: []string{"nothing"},
			when: func(d difference) bool { return d.is("preflight for GET") && d.moreOpen() },
		},
		{
			name: "Authorization",
			why: "By the Fetch standard a `*` does not cover `Authorization`. jub0bs/cors answers `*` and leaves it to the browser, and Chromium 156 and Firefox 153 " +
				"let the request pass. corsd grants it only where it is named.",
			aspects: []aspect{passes}, in: []string{"headers"},
			when: func(d difference) bool { return d.is("a token by GET") && d.stricter() },
		},
		{
			name: "debug mode",
			why: "What jub0bs/cors says in debug mode for a refused preflight corsd says always, and more: what else is allowed, not only the method " +
				"that was asked for.",
			aspects: grants, in: []string{"debug"},
			when: func(d difference) bool { return d.refused() && isPart(d.theirs, d.ours) },
		},
	}, because(
		"only preflights", "the application's own headers", "default port", "many headers", "the list's form", "malformed wishes",
		"gateway's answers", "preflights first", "`Vary` of a preflight", "`Vary` for everyone", "`Vary: Origin`",
		"status of a refusal", "silence", "what is missing", "whole lists", "names for a star", "exposed headers of a preflight",
	))
}
