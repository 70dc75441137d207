package policy_test

import (
	"fmt"
	"strings"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// dangerFaults are about what is dangerous where credentials are allowed.
func dangerFaults() []compileRow {
	credentials := &spec.CORS{AllowCredentials: new(true)}
	checked := &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)}
	set := func(origins ...string) spec.Config {
		return withSet(forHost(spec.CORS{AllowOriginSets: []string{"t", "s"}, AllowCredentials: new(true)}), "s", spec.OriginSetSpec{Origins: origins})
	}
	sets := func(origins ...string) spec.Config {
		return withSet(set(origins...), "t", spec.OriginSetSpec{Origins: []string{shop}})
	}
	return []compileRow{
		{
			name:    "* with credentials",
			config:  withCredentials("*"),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`any_origin_with_credentials CORSPolicy[0] spec.cors.allowOrigins[0] "*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "https://* with credentials",
			config:  withCredentials(shop, "https://*"),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`any_origin_with_credentials CORSPolicy[0] spec.cors.allowOrigins[1] "https://*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "https://*:* with credentials",
			config:  withCredentials("https://*:*"),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`any_origin_with_credentials CORSPolicy[0] spec.cors.allowOrigins[0] "https://*:*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "http://* with credentials",
			config:  withCredentials("http://*"),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials, spec.InsecureOrigins},
			faults: []string{
				`any_origin_with_credentials CORSPolicy[0] spec.cors.allowOrigins[0] "http://*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`,
				`insecure_origin CORSPolicy[0] spec.cors.allowOrigins[0] "http://*": https: origins; dangerouslyAllow: [InsecureOrigins] if you must`,
			},
		},
		{
			name:    "https://* of a set with credentials",
			config:  sets("https://*"),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`any_origin_with_credentials CORSPolicy[0] spec.cors.allowOriginSets[1] "s": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:   "https://* without credentials",
			config: originList("https://*"),
		},
		{
			name:    "credentials of CORSDefaults",
			config:  withDefaults(originList("*"), spec.DefaultsSpec{CORS: credentials}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`any_origin_with_credentials CORSPolicy[0] spec.cors.allowOrigins[0] "*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "* of CORSDefaults",
			config:  withDefaults(forHost(*credentials), spec.DefaultsSpec{CORS: allowing("*")}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`any_origin_with_credentials CORSDefaults[0] spec.cors.allowOrigins[0] "*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "credentials of a rule",
			config:  one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing("*"), Rules: []spec.Rule{{Match: prefix("/a"), CORS: credentials}}}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`any_origin_with_credentials CORSPolicy[0] spec.cors.allowOrigins[0] "*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "* of a rule",
			config:  one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: credentials, Rules: []spec.Rule{{Match: prefix("/a"), CORS: allowing("*")}}}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`any_origin_with_credentials CORSPolicy[0] spec.rules[0].cors.allowOrigins[0] "*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:   "* of a rule without credentials",
			config: one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: credentials, Rules: []spec.Rule{{Match: prefix("/a"), CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowCredentials: new(false)}}}}),
		},
		{
			name:   "* and credentials that no policy puts together",
			config: withDefaults(originList(shop), spec.DefaultsSpec{CORS: &spec.CORS{AllowOrigins: []string{"*"}, AllowCredentials: new(true)}}),
		},
		{
			name:    "null with credentials",
			config:  forHost(spec.CORS{AllowNullOrigin: new(true), AllowCredentials: new(true)}),
			waivers: []spec.Danger{spec.NullOriginWithCredentials},
			faults:  []string{`null_origin_with_credentials CORSPolicy[0] spec.cors.allowNullOrigin "true": allowNullOrigin: false; dangerouslyAllow: [NullOriginWithCredentials] if you must`},
		},
		{
			name:   "null without credentials",
			config: forHost(spec.CORS{AllowNullOrigin: new(true)}),
		},
		{
			name:   "null that is not allowed with credentials",
			config: forHost(spec.CORS{AllowNullOrigin: new(false), AllowCredentials: new(true)}),
		},
		{
			name:     "a top-level domain",
			config:   withCredentials("https://*.com"),
			waivers:  []spec.Danger{spec.PublicSuffixSubdomains},
			faults:   []string{`public_suffix CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.com": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.com": the names that need it`},
		},
		{
			name:     "a top-level domain with a final dot",
			config:   withCredentials("https://*.com."),
			waivers:  []spec.Danger{spec.PublicSuffixSubdomains},
			faults:   []string{`public_suffix CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.com.": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.com.": the names that need it`},
		},
		{
			name:     "a suffix of the ICANN part",
			config:   withCredentials("https://*.co.uk:*"),
			waivers:  []spec.Danger{spec.PublicSuffixSubdomains},
			faults:   []string{`public_suffix CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.co.uk:*": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.co.uk:*": the names that need it`},
		},
		{
			name:     "a suffix of the private part",
			config:   withCredentials("https://*.github.io"),
			waivers:  []spec.Danger{spec.PublicSuffixSubdomains},
			faults:   []string{`public_suffix CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.github.io": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.github.io": the names that need it`},
		},
		{
			name:     "a suffix by a wildcard rule",
			config:   withCredentials("https://*.ck"),
			waivers:  []spec.Danger{spec.PublicSuffixSubdomains},
			faults:   []string{`public_suffix CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.ck": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.ck": the names that need it`},
		},
		{
			name:     "a suffix below a wildcard rule",
			config:   withCredentials("https://*.anything.ck"),
			waivers:  []spec.Danger{spec.PublicSuffixSubdomains},
			faults:   []string{`public_suffix CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.anything.ck": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.anything.ck": the names that need it`},
		},
		{
			name:     "a suffix of a set",
			config:   sets("https://*.com"),
			waivers:  []spec.Danger{spec.PublicSuffixSubdomains},
			faults:   []string{`public_suffix CORSPolicy[0] spec.cors.allowOriginSets[1] "s": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOriginSets[1] "s": the names that need it`},
		},
		{
			name: "a suffix before which the tenant's label stands",
			config: one("shop", spec.PolicySpec{Hosts: []string{"{t}.shop.example"}, CORS: &spec.CORS{
				AllowOrigins: []string{"https://{t}.github.io"}, AllowCredentials: new(true),
			}}),
			waivers: []spec.Danger{spec.PublicSuffixSubdomains},
			faults: []string{
				`public_suffix CORSPolicy[0] spec.cors.allowOrigins[0] "https://{t}.github.io": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`,
			},
		},
		{
			name:     "a name that the list does not know",
			config:   withCredentials("https://*.internal"),
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.internal": the names that need it`},
		},
		{
			name:     "an exception of the list",
			config:   withCredentials("https://*.www.ck"),
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "https://*.www.ck": the names that need it`},
		},
		{
			name:   "a suffix without credentials",
			config: originList("https://*.com"),
		},
		{
			name:   "a suffix that is an exact origin",
			config: withCredentials("https://github.io"),
		},
		{
			name:    "http with credentials",
			config:  withCredentials("http://www.shop.example"),
			waivers: []spec.Danger{spec.InsecureOrigins},
			faults:  []string{`insecure_origin CORSPolicy[0] spec.cors.allowOrigins[0] "http://www.shop.example": https://www.shop.example; dangerouslyAllow: [InsecureOrigins] if you must`},
		},
		{
			name:     "http below a name with credentials",
			config:   withCredentials("http://*.shop.example"),
			waivers:  []spec.Danger{spec.InsecureOrigins},
			faults:   []string{`insecure_origin CORSPolicy[0] spec.cors.allowOrigins[0] "http://*.shop.example": https://*.shop.example; dangerouslyAllow: [InsecureOrigins] if you must`},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[0] "http://*.shop.example": the names that need it`},
		},
		{
			name:    "http of a set with credentials",
			config:  sets("http://a.example", "http://b.example"),
			waivers: []spec.Danger{spec.InsecureOrigins},
			faults:  []string{`insecure_origin CORSPolicy[0] spec.cors.allowOriginSets[1] "s": https: origins; dangerouslyAllow: [InsecureOrigins] if you must`},
		},
		{
			name:     "http to oneself",
			config:   withCredentials("http://localhost:*", "http://*.localhost", "http://a.localhost", "http://127.0.0.1:3000", "http://127.8.9.10", "http://[::1]"),
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[1] "http://*.localhost": the names that need it`},
		},
		{
			name:    "http to a name like oneself",
			config:  withCredentials("http://127.0.0.1.evil.example"),
			waivers: []spec.Danger{spec.InsecureOrigins},
			faults:  []string{`insecure_origin CORSPolicy[0] spec.cors.allowOrigins[0] "http://127.0.0.1.evil.example": https://127.0.0.1.evil.example; dangerouslyAllow: [InsecureOrigins] if you must`},
		},
		{
			name:    "http to another address",
			config:  withCredentials("http://[::2]"),
			waivers: []spec.Danger{spec.InsecureOrigins},
			faults:  []string{`insecure_origin CORSPolicy[0] spec.cors.allowOrigins[0] "http://[::2]": https://[::2]; dangerouslyAllow: [InsecureOrigins] if you must`},
		},
		{
			name:   "http without credentials",
			config: originList("http://www.shop.example"),
		},
		{
			name:    "a tenant by http with credentials",
			config:  one("shop", spec.PolicySpec{Hosts: []string{"{t}.shop.example"}, CORS: &spec.CORS{AllowOrigins: []string{"http://{t}.example"}, AllowCredentials: new(true)}}),
			waivers: []spec.Danger{spec.InsecureOrigins},
			faults:  []string{`insecure_origin CORSPolicy[0] spec.cors.allowOrigins[0] "http://{t}.example": https://{t}.example; dangerouslyAllow: [InsecureOrigins] if you must`},
		},
		{
			name:   "exposed * with credentials",
			config: forHost(spec.CORS{ExposeHeaders: []string{"ETag", "*"}, AllowCredentials: new(true)}),
			faults: []string{`expose_any_with_credentials CORSPolicy[0] spec.cors.exposeHeaders[1] "*": the names, or expandExposeHeaders: true`},
		},
		{
			name:   "exposed * without credentials",
			config: forHost(spec.CORS{ExposeHeaders: []string{"*"}}),
		},
		{
			name:   "exposed * that is expanded",
			config: forHost(spec.CORS{ExposeHeaders: []string{"*"}, AllowCredentials: new(true), ExpandExposeHeaders: new(true)}),
		},
		{
			name:   "exposed * of CORSDefaults with credentials of a rule",
			config: withDefaults(one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{}, Rules: []spec.Rule{{Match: prefix("/a"), CORS: credentials}}}), spec.DefaultsSpec{CORS: &spec.CORS{ExposeHeaders: []string{"*"}}}),
			faults: []string{`expose_any_with_credentials CORSDefaults[0] spec.cors.exposeHeaders[0] "*": the names, or expandExposeHeaders: true`},
		},
		{
			name:    "a WebSocket check that lets everyone in",
			config:  one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing("*"), WebSocket: checked}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`websocket_any_origin CORSPolicy[0] spec.webSocket.originCheck "Enforce": the origins that may connect; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "a WebSocket check that lets every host in",
			config:  one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing("https://*:*"), WebSocket: checked}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`websocket_any_origin CORSPolicy[0] spec.webSocket.originCheck "Enforce": the origins that may connect; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "a WebSocket check that lets every host of a set in",
			config:  withSet(one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{AllowOriginSets: []string{"s"}}, WebSocket: checked}), "s", spec.OriginSetSpec{Origins: []string{"https://*"}}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`websocket_any_origin CORSPolicy[0] spec.webSocket.originCheck "Enforce": the origins that may connect; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "a WebSocket check of a rule that lets everyone in",
			config:  one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing("*"), Rules: []spec.Rule{{Match: prefix("/a"), WebSocket: checked}}}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`websocket_any_origin CORSPolicy[0] spec.rules[0].webSocket.originCheck "Enforce": the origins that may connect; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:    "a WebSocket check of CORSDefaults that lets everyone in",
			config:  withDefaults(originList("*"), spec.DefaultsSpec{WebSocket: checked}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials},
			faults:  []string{`websocket_any_origin CORSDefaults[0] spec.webSocket.originCheck "Enforce": the origins that may connect; dangerouslyAllow: [AnyOriginWithCredentials] if you must`},
		},
		{
			name:   "a WebSocket check that means nothing",
			config: withDefaults(one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: allowing("*"), WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckDisabled)}}), spec.DefaultsSpec{WebSocket: checked}),
		},
		{
			name:    "every danger at once",
			config:  one("shop", spec.PolicySpec{Hosts: []string{host}, CORS: &spec.CORS{AllowOrigins: []string{"https://*", "http://a.example", "https://*.com"}, AllowNullOrigin: new(true), AllowCredentials: new(true)}}),
			waivers: []spec.Danger{spec.AnyOriginWithCredentials, spec.InsecureOrigins, spec.PublicSuffixSubdomains, spec.NullOriginWithCredentials},
			faults: []string{
				`any_origin_with_credentials CORSPolicy[0] spec.cors.allowOrigins[0] "https://*": the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`,
				`insecure_origin CORSPolicy[0] spec.cors.allowOrigins[1] "http://a.example": https://a.example; dangerouslyAllow: [InsecureOrigins] if you must`,
				`public_suffix CORSPolicy[0] spec.cors.allowOrigins[2] "https://*.com": the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must`,
				`null_origin_with_credentials CORSPolicy[0] spec.cors.allowNullOrigin "true": allowNullOrigin: false; dangerouslyAllow: [NullOriginWithCredentials] if you must`,
			},
			warnings: []string{`subdomain_takeover CORSPolicy[0] spec.cors.allowOrigins[2] "https://*.com": the names that need it`},
		},
	}
}

// regexFaults are about regular expressions.
func regexFaults() []compileRow {
	regex := func(texts ...string) spec.Config {
		return one("shop", spec.PolicySpec{Hosts: []string{"shop.example"}, CORS: &spec.CORS{AllowOriginRegexes: texts}})
	}
	unbounded := []spec.Danger{spec.UnboundedRegexes}
	fault := func(code spec.Code, text, hint string) string {
		return fmt.Sprintf("%s CORSPolicy[0] spec.cors.allowOriginRegexes[0] %q: %s", code, text, hint)
	}
	refused := func(name, text, hint string) compileRow {
		return compileRow{
			name: name, config: regex(text), waivers: unbounded,
			faults: []string{fault(spec.CodeRegexUnbounded, text, hint+"; dangerouslyAllow: [UnboundedRegexes] if you must")},
		}
	}
	dead := func(name, text, hint string) compileRow {
		return compileRow{name: name, config: regex(text), faults: []string{fault(spec.CodeRegexDead, text, hint)}}
	}
	redundant := func(name, text, entries string) compileRow {
		return compileRow{name: name, config: regex(text), warnings: []string{fault(spec.CodeRedundantRegex, text, "allowOrigins: ["+entries+"]")}}
	}
	alive := func(name, text string) compileRow { return compileRow{name: name, config: regex(text)} }
	branch := func(name, text, hint string) compileRow {
		return compileRow{name: name, config: regex(text), warnings: []string{fault(spec.CodeRegexBranchDead, text, hint)}}
	}
	const generic = `an expression that ends with the names that are yours: https://pr-[0-9]+\.shop\.example`
	long := func(n int) string {
		const start, end = `https://[a`, `]+\.b`
		return start + strings.Repeat("b", n-len(start+end)) + end
	}
	credentials := func(text string, waivers []spec.Danger, faults ...string) compileRow {
		return compileRow{
			name: "with credentials " + text, waivers: waivers, faults: faults,
			config: forHost(spec.CORS{AllowOriginRegexes: []string{text}, AllowCredentials: new(true)}),
		}
	}
	return []compileRow{
		{
			name:   "an expression that does not compile",
			config: regex(`https://[a-z\.example`),
			faults: []string{`regex_invalid CORSPolicy[0] spec.cors.allowOriginRegexes[0] "https://[a-z\\.example": the syntax of https://github.com/google/re2/wiki/Syntax`},
		},
		{
			name:   "an expression that compiles only between parentheses",
			config: regex(`https://a)(b\.example`),
			faults: []string{`regex_invalid CORSPolicy[0] spec.cors.allowOriginRegexes[0] "https://a)(b\\.example": the syntax of https://github.com/google/re2/wiki/Syntax`},
		},
		{
			name:   "an expression with a look-ahead",
			config: regex(`(?=https)://a\.b`),
			faults: []string{`regex_invalid CORSPolicy[0] spec.cors.allowOriginRegexes[0] "(?=https)://a\\.b": the syntax of https://github.com/google/re2/wiki/Syntax`},
		},
		{
			name:   "an expression of 1024 bytes",
			config: regex(long(plan.MaxRegexLength)),
		},
		{
			name:   "an expression of 1025 bytes",
			config: regex(long(plan.MaxRegexLength + 1)),
			faults: []string{`limit_exceeded CORSPolicy[0] spec.cors.allowOriginRegexes[0] "https://[a"... 1025 bytes: several shorter expressions`},
		},
		refused("an expression that takes everything", `.*`, `allowOrigins: ["*"]`),
		refused("an expression that takes any https", `https://.*`, generic),
		refused("an expression that takes any http", `http://.*`, generic),
		refused("an expression that takes any public address", `http://(\d+\.){3}\d+`, generic),
		refused("an expression that goes on behind the host", `https://shop\.example.*`, `https://shop\.example(:[0-9]+)?`),
		refused("an expression that begins before the host", `https://.*shop\.example`, `https://.*\.shop\.example`),
		refused("an expression that lacks the dot before a name", `https://[a-z]*shop\.example`, generic),
		refused("an expression that lacks backslashes", `https://www.shop.example`, `https://www\.shop\.example`),
		refused("an expression that lacks backslashes, for http too", `https?://www.shop.example`, `https?://www\.shop\.example`),
		refused("an expression that lacks one backslash of two", `https://api.shop\.com`, `https://api\.shop\.com`),
		refused("an expression that lacks one within a public suffix", `https://([a-z]+\.)?shop.co\.uk`, `https://([a-z]+\.)?shop\.co\.uk`),
		{
			name: "an expression that is too large to judge", config: regex(`https://.{1,900}a.{1,900}\.com`), waivers: unbounded,
			faults: []string{fault(spec.CodeRegexUnbounded, `https://.{1,900}a.{1,900}\.com`,
				"shorter repetitions, several expressions, or allowOrigins; dangerouslyAllow: [UnboundedRegexes] if you must")},
		},
		{
			name:   "an expression for all names below a domain of another host",
			config: one("shop", spec.PolicySpec{Hosts: []string{"a.b.shop.com"}, CORS: &spec.CORS{AllowOriginRegexes: []string{`https://[a-z]+\.other\.com`}}}),
		},
		{
			name:   "an expression that means something",
			config: regex(`https://[a-z0-9-]+\.shop\.example`),
		},
		{
			name:   "addresses of private networks",
			config: regex(`http://(10|192\.168)(\.\d+){2,3}(:\d+)?`),
		},
		{
			name:   "an empty expression takes nothing",
			config: regex(``),
			faults: []string{`regex_dead CORSPolicy[0] spec.cors.allowOriginRegexes[0]: remove it, or the origins that may`},
		},
		dead("a JavaScript literal", `/^https:\/\/x\.com$/`, `^https://x\.com$`),
		dead("a JavaScript literal without a scheme", `/\.acme\.example$/`, `https://.*\.acme\.example$`),
		dead("names of a platform without a scheme", `\.vercel\.app$`, `https://.*\.vercel\.app$`),
		dead("a JavaScript literal of anything", `/.*/`, `allowOrigins: ["*"]`),
		dead("a loopback name without a scheme", `^localhost:\d+$`, `http://localhost:\d+$`),
		dead("an escaped glob", `https://\*\.acme\.com`, `https://.*\.acme\.com`),
		dead("upper case", `https://FOO\.com`, `https://foo\.com`),
		dead("a default port", `https://x\.com:443`, `https://x\.com`),
		dead("a trailing slash", `https://x\.com/`, `https://x\.com`),
		dead("no scheme", `^x\.com$`, `https://x\.com$`),
		redundant("an expression for all subdomains", `https://.*\.acme\.com`, `"https://*.acme.com"`),
		redundant("an expression for some names", `https://(www\.)?foo\.(com|de)`, `"https://foo.de", "https://foo.com", "https://www.foo.de", "https://www.foo.com"`),
		redundant("an expression for any port", `https?://localhost(:\d+)?`, `"http://localhost:*", "https://localhost:*"`),
		dead("null", `^null$`, "allowNullOrigin: true"),
		branch("null beside an origin", `null|https://a\.b`, `https://a\.b`),
		branch("a branch without a scheme", `https://app\.acme\.com|app\.acme\.com:3000`, `https://app\.acme\.com|https://app\.acme\.com:3000`),
		branch("a branch in a group", `https://(www|WWW|a[0-9])\.acme\.com`, `https://(www|a[0-9])\.acme\.com`),
		branch("a branch in a group in a branch", `https://(x[a-z]|(b|B)[0-9])\.acme\.com|https://c[0-9]\.acme\.com`, `https://(x[a-z]|(b)[0-9])\.acme\.com|https://c[0-9]\.acme\.com`),
		branch("the last branch", `https://b[0-9]\.acme\.com|https://acme\.com/app|`, `https://b[0-9]\.acme\.com|https://acme\.com|`),
		branch("a branch behind flags", `(?i)https://A[0-9]\.acme\.com|null`, `(?i)https://A[0-9]\.acme\.com`),
		alive("branches that match together alone", `(https://|a[0-9]\.acme\.com){2}`),
		alive("a bar in a class", `https://[|A]?[a-z]\.acme\.com`),
		alive("a bar that is escaped", `https://x\|?[a-z]\.acme\.com`),
		credentials(`.*`, []spec.Danger{
			spec.UnboundedRegexes, spec.AnyOriginWithCredentials, spec.NullOriginWithCredentials, spec.InsecureOrigins,
		},
			fault(spec.CodeRegexUnbounded, `.*`, "the origins that may, one entry each; dangerouslyAllow: [UnboundedRegexes] if you must"),
			fault(spec.CodeAnyOriginWithCredentials, `.*`, "the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must"),
			fault(spec.CodeNullOriginWithCredentials, `.*`, "the origins that may, or allowCredentials: false; dangerouslyAllow: [NullOriginWithCredentials] if you must"),
			fault(spec.CodeInsecureOrigin, `.*`, "https: origins; dangerouslyAllow: [InsecureOrigins] if you must")),
		credentials(`https://[a-z]+\.github\.io`, []spec.Danger{spec.PublicSuffixSubdomains},
			fault(spec.CodePublicSuffix, `https://[a-z]+\.github\.io`, "the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must")),
		credentials(`^https?://[a-z]+\.shop\.com`, []spec.Danger{spec.InsecureOrigins},
			fault(spec.CodeInsecureOrigin, `^https?://[a-z]+\.shop\.com`, "https://[a-z]+\\.shop\\.com; dangerouslyAllow: [InsecureOrigins] if you must")),
		credentials(`^(file|ionic|capacitor)://.*`, []spec.Danger{spec.NullOriginWithCredentials, spec.AnyOriginWithCredentials},
			fault(spec.CodeAnyOriginWithCredentials, `^(file|ionic|capacitor)://.*`, "the hosts that may, such as an extension's ID, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must"),
			fault(spec.CodeNullOriginWithCredentials, `^(file|ionic|capacitor)://.*`, "the origins that may, or allowCredentials: false; dangerouslyAllow: [NullOriginWithCredentials] if you must")),
		credentials(`https://acme-.*\.s3\.amazonaws\.com`, []spec.Danger{spec.PublicSuffixSubdomains},
			fault(spec.CodePublicSuffix, `https://acme-.*\.s3\.amazonaws\.com`, "the names that are yours; dangerouslyAllow: [PublicSuffixSubdomains] if you must")),
		refused("names below a registry's wildcard rule", `https://.*\.ck`, generic),
		refused("names below a registry's rule for a city", `https://.*\.foo\.kawasaki\.jp`, generic),
		refused("more domains than one knows", `https://acme[0-9]\.com`, "an expression for each of the domains that are yours, or allowOrigins"),
		{
			name:   "many names of a hosting platform without credentials",
			config: regex(`https://app-[0-9]{1,4}\.herokuapp\.com`),
		},
		dead("a scheme that no page has", `wss://acme\.com`, `https://acme\.com`),
		{
			name: "an expression that lets everyone open a WebSocket", waivers: []spec.Danger{spec.UnboundedRegexes, spec.AnyOriginWithCredentials},
			config: one("shop", spec.PolicySpec{
				Hosts: []string{host}, CORS: &spec.CORS{AllowOriginRegexes: []string{`https://.+`}},
				WebSocket: &spec.WebSocket{OriginCheck: new(spec.OriginCheckEnforce)},
			}),
			faults: []string{
				`websocket_any_origin CORSPolicy[0] spec.webSocket.originCheck "Enforce": the origins that may connect; dangerouslyAllow: [AnyOriginWithCredentials] if you must`,
				fault(spec.CodeRegexUnbounded, `https://.+`, generic+"; dangerouslyAllow: [UnboundedRegexes] if you must"),
			},
		},
		{
			name:    "an expression of CORSDefaults is judged for each policy that inherits it",
			config:  withDefaults(one("shop", spec.PolicySpec{Hosts: []string{"*.shop.example"}, CORS: &spec.CORS{}}), spec.DefaultsSpec{CORS: &spec.CORS{AllowOriginRegexes: []string{`https://.*shop\.example`}}}),
			waivers: unbounded,
			faults:  []string{`regex_unbounded CORSDefaults[0] spec.cors.allowOriginRegexes[0] "https://.*shop\\.example": https://.*\.shop\.example; dangerouslyAllow: [UnboundedRegexes] if you must`},
		},
		{
			name:    "an expression of a rule",
			config:  one("shop", spec.PolicySpec{Hosts: []string{host}, Rules: []spec.Rule{{CORS: &spec.CORS{AllowOriginRegexes: []string{`https://[a-z]\.b\.example`, `https?://.+`}}}}}),
			waivers: unbounded,
			faults:  []string{`regex_unbounded CORSPolicy[0] spec.rules[0].cors.allowOriginRegexes[1] "https?://.+": an expression that ends with the names that are yours: https://pr-[0-9]+\.shop\.example; dangerouslyAllow: [UnboundedRegexes] if you must`},
		},
		{
			name:   "a path that is no expression",
			config: ruled(at("a", spec.PathRegularExpression, "/(")),
			faults: []string{`regex_invalid CORSPolicy[0] spec.rules[0].match.path.value "/(": the syntax of https://github.com/google/re2/wiki/Syntax`},
		},
		{
			name:   "a path of 1025 bytes",
			config: ruled(at("a", spec.PathRegularExpression, "/"+strings.Repeat("a", plan.MaxRegexLength))),
			faults: []string{`limit_exceeded CORSPolicy[0] spec.rules[0].match.path.value "/aaaaaaaaa"... 1025 bytes: several shorter expressions`},
		},
	}
}
