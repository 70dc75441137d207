package extproc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// TestStream is the conversation with Envoy: every message that can arrive, in every order, and the
// whole answer to each.
func TestStream(t *testing.T) {
	upstreams := []string{"access-control-allow-origin: *", "access-control-expose-headers: X-Cost", "vary: Accept-Encoding"}
	bothRemoved := []string{"access-control-allow-origin", "access-control-expose-headers"}
	const varyBoth = "vary: Accept-Encoding, Origin"

	rows := []struct {
		name     string // a sentence
		metadata []string
		sent     []sent
		want     []answer
	}{
		// A request and its response.
		{
			"an allowed origin may read", nil,
			[]sent{get("api.shop.example/cart", page), responds("200")},
			[]answer{awaits(allowed), changes(nil, acao, acac, aceh, varyOrigin)},
		},
		{
			"an allowed origin may read errors", nil,
			[]sent{get("api.shop.example/cart", page), responds("503")},
			[]answer{awaits(allowed), changes(nil, acao, acac, aceh, varyOrigin)},
		},
		{
			"upstream's own CORS headers are replaced, and its Vary is kept", nil,
			[]sent{get("api.shop.example/cart", page), responds("200", upstreams...)},
			[]answer{awaits(allowed), changes(nil, acao, acac, aceh, varyBoth)},
		},
		{
			"a header of upstream that we do not set is removed, whatever it is", nil,
			[]sent{get("api.shop.example/cart", page), responds("200", "access-control-allow-methods: PUT", "access-control-max-age: 5", "access-control-x: y", "x-access-control: z")},
			[]answer{awaits(allowed), changes([]string{"access-control-allow-methods", "access-control-max-age", "access-control-x"}, acao, acac, aceh, varyOrigin)},
		},
		{
			"a header that is sent twice is removed once", nil,
			[]sent{get("api.shop.example/cart", evil), responds("200", "access-control-allow-origin: *", "access-control-allow-origin: null")},
			[]answer{awaits(refused), changes([]string{"access-control-allow-origin"}, varyOrigin)},
		},
		{
			"a refused origin gets upstream's response without CORS headers", nil,
			[]sent{get("api.shop.example/cart", evil), responds("200", upstreams...)},
			[]answer{awaits(refused), changes(bothRemoved, varyBoth)},
		},
		{
			"without an Origin the response varies by it, too", nil,
			[]sent{get("api.shop.example/cart"), responds("200", upstreams...)},
			[]answer{awaits(notCORS), changes(bothRemoved, varyBoth)},
		},
		{
			"a response that needs no change gets none", nil,
			[]sent{get("api.shop.example/cart"), responds("200", "vary: Accept-Encoding,origin")},
			[]answer{awaits(notCORS), untouchedResponse()},
		},
		{
			"several lines of Vary become one", nil,
			[]sent{get("api.shop.example/cart"), responds("200", "vary: Accept", "vary: Accept-Encoding, accept")},
			[]answer{awaits(notCORS), changes(nil, "vary: Accept, Accept-Encoding, Origin")},
		},
		{
			"Vary: * includes everything", nil,
			[]sent{get("api.shop.example/cart"), responds("200", "vary: *")},
			[]answer{awaits(notCORS), untouchedResponse()},
		},
		{
			"bytes that are not UTF-8 are kept where they are upstream's", nil,
			[]sent{get("api.shop.example/cart"), responds("200", "vary: X-\xff")},
			[]answer{awaits(notCORS), changes(nil, "vary: X-\xff, Origin")},
		},
		{
			"1xx is not touched", nil,
			[]sent{get("api.shop.example/cart", page), responds("103", upstreams...), responds("200")},
			[]answer{awaits(allowed), untouchedResponse(), changes(nil, acao, acac, aceh, varyOrigin)},
		},
		{
			"a public rule lets everyone read, and does not vary", nil,
			[]sent{get("api.shop.example/catalogue/1", evil), responds("200", upstreams...)},
			[]answer{awaits(public), changes(nil, acaoAny, "access-control-expose-headers: X-Total")},
		},
		{
			"a public rule lets everyone read without an Origin too", nil,
			[]sent{get("api.shop.example/catalogue"), responds("200")},
			[]answer{awaits(publicNone), changes(nil, acaoAny, "access-control-expose-headers: X-Total")},
		},
		{
			"a path that no rule matches is refused", nil,
			[]sent{get("strict.shop.example/", page), responds("200", upstreams...)},
			[]answer{awaits(why{"deny", "no_rule", "strict", ""}), changes(bothRemoved, varyBoth)},
		},
		{
			"an ambiguous path is refused", nil,
			[]sent{get("api.shop.example/catalogue/../cart", page), responds("200")},
			[]answer{awaits(why{"deny", "path_ambiguous", "shop", ""}), changes(nil, varyOrigin)},
		},
		{
			"the query is not a part of the path", nil,
			[]sent{get("api.shop.example/catalogue?x=/../;", page), responds("200")},
			[]answer{awaits(public), changes(nil, acaoAny, "access-control-expose-headers: X-Total")},
		},
		{
			"a page of the host itself needs no grant", nil,
			[]sent{get("api.shop.example/cart", "origin: https://api.shop.example"), responds("200", upstreams...)},
			[]answer{awaits(why{"none", "same_origin", "shop", ""}), changes(bothRemoved, varyBoth)},
		},
		{
			"Sec-Fetch-Site: same-origin counts", nil,
			[]sent{get("api.shop.example/cart", null, "sec-fetch-site: same-origin")},
			[]answer{awaits(why{"none", "same_origin", "shop", ""})},
		},
		{
			"a host that no policy names is left alone", nil,
			[]sent{get("other.example/", page), responds("200", upstreams...)},
			[]answer{ends(noPolicy), untouchedResponse()},
		},
		{
			"CONNECT has no path", nil,
			[]sent{requestHeaders(":method: CONNECT", ":authority: api.shop.example", page)},
			[]answer{awaits(allowed)},
		},

		// What the headers of a request look like.
		{
			"older versions of Envoy send value", nil,
			[]sent{inValue(get("api.shop.example/cart", page)), inValue(responds("200", upstreams...))},
			[]answer{awaits(allowed), changes(nil, acao, acac, aceh, varyBoth)},
		},
		{
			"raw_value comes before value", nil,
			[]sent{inBoth(get("api.shop.example/cart", page), "x")},
			[]answer{awaits(allowed)},
		},
		{
			"an Origin that is not UTF-8 is malformed, and not an error", nil,
			[]sent{get("api.shop.example/cart", junk), responds("200", upstreams...)},
			[]answer{awaits(why{"deny", "origin_malformed", "shop", ""}), changes(bothRemoved, varyBoth)},
		},
		{
			"an Origin that is not UTF-8 is not echoed to a preflight", nil,
			[]sent{preflight("api.shop.example/cart", "PUT", junk)},
			[]answer{replies(why{"deny", "origin_malformed", "shop", ""}, 403, varyPreflight)},
		},
		{
			"two lines of Origin are malformed, though each is allowed", nil,
			[]sent{get("api.shop.example/cart", page, page)},
			[]answer{awaits(why{"deny", "origin_malformed", "shop", ""})},
		},
		{
			"two lines that Envoy joined are malformed", nil,
			[]sent{get("api.shop.example/cart", page+",https://www.shop.example")},
			[]answer{awaits(why{"deny", "origin_malformed", "shop", ""})},
		},
		{
			"an empty Origin is malformed, and not absent", nil,
			[]sent{get("api.shop.example/cart", "origin: ")},
			[]answer{awaits(why{"deny", "origin_malformed", "shop", ""})},
		},
		{
			"two lines of requested headers are one list", nil,
			[]sent{preflight("api.shop.example/cart", "PUT", page, "access-control-request-headers: content-type", "access-control-request-headers: x-trace")},
			[]answer{replies(allowed, 204, acao, acac, acam, acah, acma, aceh, varyPreflight)},
		},
		{
			"two lines of the requested method are malformed", nil,
			[]sent{preflight("api.shop.example/cart", "PUT", page, "access-control-request-method: GET")},
			[]answer{replies(why{"deny", "method_malformed", "shop", ""}, 403, varyPreflight)},
		},
		{
			"two lines of Sec-Fetch-Site do not count", nil,
			[]sent{get("api.shop.example/cart", evil, "sec-fetch-site: same-origin", "sec-fetch-site: same-origin")},
			[]answer{awaits(refused)},
		},
		{
			"two lines of Upgrade are one list", nil,
			[]sent{webSocket("block.shop.example/", evil, "upgrade: h2c")},
			[]answer{replies(refused.By("block"), 403, varyOrigin)},
		},

		// Preflights.
		{
			"a preflight is answered on the spot", nil,
			[]sent{preflight("api.shop.example/cart", "PUT", page)},
			[]answer{replies(allowed, 204, acao, acac, acam, acah, acma, aceh, varyPreflight)},
		},
		{
			"a preflight of a public rule does not vary by the origin", nil,
			[]sent{preflight("api.shop.example/catalogue", "PUT", evil)},
			[]answer{replies(public, 204, acaoAny, acam, acah, acma, "access-control-expose-headers: X-Total", varyPublic)},
		},
		{
			"a refused origin learns nothing", nil,
			[]sent{preflight("api.shop.example/cart", "PUT", evil)},
			[]answer{replies(refused, 403, varyPreflight)},
		},
		{
			"an allowed origin learns what is missing", nil,
			[]sent{preflight("api.shop.example/cart", "PATCH", page)},
			[]answer{replies(why{"deny", "method_not_allowed", "shop", ""}, 204, acao, acac, acam, acah, varyPreflight)},
		},
		{
			"the reason is in the details", nil,
			[]sent{preflight("api.shop.example/cart", "PUT", page, "access-control-request-headers: authorization")},
			[]answer{replies(why{"deny", "authorization_not_listed", "shop", ""}, 204, acao, acac, acam, acah, varyPreflight)},
		},
		{
			"a preflight for a path that no rule matches is refused", nil,
			[]sent{preflight("strict.shop.example/", "GET", page)},
			[]answer{replies(why{"deny", "no_rule", "strict", ""}, 403, varyPreflight)},
		},
		{
			"a preflight to a host that no policy names is upstream's", nil,
			[]sent{preflight("other.example/", "GET", page)},
			[]answer{ends(noPolicy)},
		},
		{
			"OPTIONS without a requested method is not a preflight", nil,
			[]sent{do("OPTIONS", "api.shop.example/cart", page), responds("200")},
			[]answer{awaits(allowed), changes(nil, acao, acac, aceh, varyOrigin)},
		},
		{
			"a forwarded preflight is upstream's to answer, and ours to head", nil,
			[]sent{preflight("forward.shop.example/", "PUT", page), responds("200", "access-control-allow-methods: PATCH", "access-control-max-age: 5")},
			[]answer{awaits(allowed.By("forward")), changes([]string{"access-control-max-age"}, acao, "access-control-allow-methods: PUT", varyPreflight)},
		},
		{
			"a refused preflight is not forwarded", nil,
			[]sent{preflight("forward.shop.example/", "PUT", evil)},
			[]answer{replies(refused.By("forward"), 403, varyPreflight)},
		},
		{
			"a response that follows an answer of ours is not touched", nil,
			[]sent{preflight("api.shop.example/cart", "PUT", page), responds("200", upstreams...)},
			[]answer{replies(allowed, 204, acao, acac, acam, acah, acma, aceh, varyPreflight), untouchedResponse()},
		},

		// Settings.
		{
			"Block answers a refused origin in the application's place", nil,
			[]sent{get("block.shop.example/", evil)},
			[]answer{replies(refused.By("block"), 403, varyOrigin)},
		},
		{
			"Block lets an allowed origin through", nil,
			[]sent{get("block.shop.example/", page), responds("200")},
			[]answer{awaits(allowed.By("block")), changes(nil, acao, varyOrigin)},
		},
		{
			"Block never keeps a page from its own host", nil,
			[]sent{get("block.shop.example/", junk, "sec-fetch-site: same-origin")},
			[]answer{awaits(why{"deny", "origin_malformed", "block", ""})},
		},
		{
			"Block never stops a request without an Origin", nil,
			[]sent{get("block.shop.example/")},
			[]answer{awaits(notCORS.By("block"))},
		},
		{
			"a checked WebSocket of a refused origin is refused", nil,
			[]sent{webSocket("block.shop.example/", evil)},
			[]answer{replies(refused.By("block"), 403, varyOrigin)},
		},
		{
			"a checked WebSocket of an allowed origin passes untouched", nil,
			[]sent{webSocket("block.shop.example/", page), responds("101", upstreams...)},
			[]answer{ends(allowed.By("block")), untouchedResponse()},
		},
		{
			"a WebSocket that is not checked passes untouched", nil,
			[]sent{webSocket("api.shop.example/cart", evil), responds("200", upstreams...)},
			[]answer{ends(why{"none", "origin_not_allowed", "shop", ""}), untouchedResponse()},
		},
		{
			"an extended CONNECT is a WebSocket too", nil,
			[]sent{requestHeaders(":method: CONNECT", ":protocol: websocket", ":scheme: https", ":authority: block.shop.example", ":path: /", evil)},
			[]answer{replies(refused.By("block"), 403, varyOrigin)},
		},
		{
			"Shadow decides and changes nothing", nil,
			[]sent{get("shadow.shop.example/", evil), responds("200", upstreams...)},
			[]answer{ends(refused.By("shadow")), untouchedResponse()},
		},
		{
			"Shadow answers no preflight", nil,
			[]sent{preflight("shadow.shop.example/", "PUT", evil), responds("200", upstreams...)},
			[]answer{ends(refused.By("shadow")), untouchedResponse()},
		},
		{
			"Disabled decides nothing", nil,
			[]sent{preflight("off.shop.example/", "PUT", evil), responds("200", upstreams...)},
			[]answer{ends(why{"none", "disabled", "off", ""}), untouchedResponse()},
		},
		{
			"Preserve leaves upstream's headers, and sees to Vary", nil,
			[]sent{get("preserve.shop.example/", evil), responds("200", upstreams...)},
			[]answer{awaits(refused.By("preserve")), changes(nil, varyBoth)},
		},
		{
			"Preserve grants if upstream grants nothing", nil,
			[]sent{get("preserve.shop.example/", page), responds("200", "access-control-max-age: 5")},
			[]answer{awaits(allowed.By("preserve")), changes([]string{"access-control-max-age"}, acao, varyOrigin)},
		},
		{
			"Merge joins upstream's exposed headers to ours", nil,
			[]sent{get("merge.shop.example/", page), responds("200", upstreams...)},
			[]answer{awaits(allowed.By("merge")), changes(nil, acao, "access-control-expose-headers: ETag, X-Cost", varyBoth)},
		},
		{
			"Merge leaves nothing to a refused origin", nil,
			[]sent{get("merge.shop.example/", evil), responds("200", upstreams...)},
			[]answer{awaits(refused.By("merge")), changes(bothRemoved, varyBoth)},
		},
		{
			"expandExposeHeaders names the response's own headers", nil,
			[]sent{get("expand.shop.example/", page), responds("200", "content-type: text/html", "x-cost: 1", "set-cookie: a=b", "x-envoy-upstream-service-time: 3", "etag: x")},
			[]answer{awaits(allowed.By("expand")), changes(nil, acao, acac, "access-control-expose-headers: x-cost, etag", varyOrigin)},
		},

		// Selectors.
		{
			"a selector replaces host and path",
			[]string{"corsd-policy: shop"},
			[]sent{get("other.example/catalogue/../", page), responds("200")},
			[]answer{awaits(allowed), changes(nil, acao, acac, aceh, varyOrigin)},
		},
		{
			"a selector names a rule",
			[]string{"corsd-policy: shop#catalogue"},
			[]sent{get("other.example/", evil), responds("200")},
			[]answer{awaits(public), changes(nil, acaoAny, "access-control-expose-headers: X-Total")},
		},
		{
			"a response that is sent although the route does all is edited as usual",
			[]string{"corsd-static: strip,vary,set"},
			[]sent{get("api.shop.example/cart", page), responds("200", upstreams...)},
			[]answer{ends(allowed, acao, acac, aceh), changes(nil, acao, acac, aceh, varyBoth)},
		},
		{
			"an unknown selector is refused",
			[]string{"corsd-policy: nosuch"},
			[]sent{get("api.shop.example/", page), responds("200", upstreams...)},
			[]answer{awaits(why{"deny", "selector_unknown", "", ""}), changes(bothRemoved, varyBoth)},
		},
		{
			"a preflight under an unknown selector is refused",
			[]string{"corsd-policy: shop#nosuch"},
			[]sent{preflight("api.shop.example/", "PUT", page)},
			[]answer{replies(why{"deny", "selector_unknown", "", ""}, 403, varyPreflight)},
		},
		{
			"a client cannot select", nil,
			[]sent{get("api.shop.example/cart", page, "corsd-policy: shop#catalogue", "corsd-static: strip, vary")},
			[]answer{awaits(allowed)},
		},
		{
			"a selector with the response only", append(responseOnly("GET", "other.example/", page), "corsd-policy: shop"),
			[]sent{responds("200")},
			[]answer{reports(allowed, changes(nil, acao, acac, aceh, varyOrigin))},
		},

		// Streams that begin with the response.
		{
			"response only: an allowed origin may read", responseOnly("GET", "api.shop.example/cart", page),
			[]sent{responds("200", upstreams...)},
			[]answer{reports(allowed, changes(nil, acao, acac, aceh, varyBoth))},
		},
		{
			"response only: a refused origin may not", responseOnly("GET", "api.shop.example/cart", evil),
			[]sent{responds("404", upstreams...)},
			[]answer{reports(refused, changes(bothRemoved, varyBoth))},
		},
		{
			"response only: an absent key is an absent header", responseOnly("GET", "api.shop.example/cart"),
			[]sent{responds("200")},
			[]answer{reports(notCORS, changes(nil, varyOrigin))},
		},
		{
			"response only: an Origin that is not UTF-8 is malformed", responseOnly("GET", "api.shop.example/cart", junk),
			[]sent{responds("200")},
			[]answer{reports(why{"deny", "origin_malformed", "shop", ""}, changes(nil, varyOrigin))},
		},
		{
			"response only: two lines of Origin arrive joined, and are malformed", responseOnly("GET", "api.shop.example/cart", page+",https://www.shop.example"),
			[]sent{responds("200")},
			[]answer{reports(why{"deny", "origin_malformed", "shop", ""}, changes(nil, varyOrigin))},
		},
		{
			"response only: a tab in Sec-Fetch-Site makes no origin",
			[]string{"corsd-request: GET\thttps\tapi.shop.example\t/cart\tx\t\thttps://www.shop.example\t\thttps://evil.example"},
			[]sent{responds("200", upstreams...)},
			[]answer{reports(why{"deny", "origin_malformed", "shop", ""}, changes(bothRemoved, varyBoth))},
		},
		{
			"response only: a tab in Origin is malformed",
			[]string{"corsd-request: GET\thttps\tapi.shop.example\t/cart\t\t\thttps://www.shop.example\t"},
			[]sent{responds("200")},
			[]answer{reports(why{"deny", "origin_malformed", "shop", ""}, changes(nil, varyOrigin))},
		},
		{
			"response only: nothing is changed if Envoy knows nothing of the request",
			[]string{"corsd-request: \t\t\t\t\t\t"},
			[]sent{responds("400", upstreams...)},
			[]answer{untouchedResponse()},
		},
		{
			"response only: a page of the host itself", responseOnly("GET", "api.shop.example/cart", evil, "fetch-site: same-origin"),
			[]sent{responds("200")},
			[]answer{reports(why{"none", "same_origin", "shop", ""}, changes(nil, varyOrigin))},
		},
		{
			"response only: a rule by its path, less the query", responseOnly("GET", "api.shop.example/catalogue?x=1", evil),
			[]sent{responds("200")},
			[]answer{reports(public, changes(nil, acaoAny, "access-control-expose-headers: X-Total"))},
		},
		{
			"response only: what Block refuses has reached the application, and is refused in the response", responseOnly("GET", "block.shop.example/", evil),
			[]sent{responds("200", upstreams...)},
			[]answer{reports(refused.By("block"), changes(bothRemoved, varyBoth))},
		},
		{
			"response only: a checked WebSocket is open already, and passes", responseOnly("GET", "block.shop.example/", evil, "upgrade: websocket"),
			[]sent{responds("101", upstreams...)},
			[]answer{reports(refused.By("block"), untouchedResponse())},
		},
		{
			"response only: Shadow changes nothing", responseOnly("GET", "shadow.shop.example/", evil),
			[]sent{responds("200", upstreams...)},
			[]answer{reports(refused.By("shadow"), untouchedResponse())},
		},
		{
			"response only: Preserve leaves upstream's headers", responseOnly("GET", "preserve.shop.example/", page),
			[]sent{responds("200", upstreams...)},
			[]answer{reports(allowed.By("preserve"), changes(nil, varyBoth))},
		},
		{
			"response only: a host that no policy names", responseOnly("GET", "other.example/", page),
			[]sent{responds("200", upstreams...)},
			[]answer{reports(noPolicy, untouchedResponse())},
		},
		{
			"response only: the decision is made once", responseOnly("GET", "api.shop.example/cart", page),
			[]sent{responds("200"), responds("200")},
			[]answer{reports(allowed, changes(nil, acao, acac, aceh, varyOrigin)), changes(nil, acao, acac, aceh, varyOrigin)},
		},
		{
			"attributes stand in for metadata", nil,
			[]sent{described(responds("200"), map[string]string{
				"request.method": "GET", "request.scheme": "https", "request.host": "api.shop.example", "request.path": "/cart?q=1",
				"request.headers['origin']": "https://www.shop.example",
			})},
			[]answer{reports(allowed, changes(nil, acao, acac, aceh, varyOrigin))},
		},
		{
			"attributes may have the path without its query", nil,
			[]sent{described(responds("200"), map[string]string{
				"request.host": "api.shop.example", "request.url_path": "/catalogue", "request.headers['sec-fetch-site']": "cross-site",
			})},
			[]answer{reports(publicNone, changes(nil, acaoAny, "access-control-expose-headers: X-Total"))},
		},
		{
			"attributes may have an upgrade", nil,
			[]sent{described(responds("101", upstreams...), map[string]string{
				"request.method": "GET", "request.host": "block.shop.example", "request.path": "/",
				"request.headers['origin']": "https://evil.example", "request.headers['upgrade']": "websocket",
			})},
			[]answer{reports(refused.By("block"), untouchedResponse())},
		},
		{
			"metadata comes before attributes", responseOnly("GET", "api.shop.example/cart", page),
			[]sent{described(responds("200"), map[string]string{"request.host": "other.example", "request.path": "/"})},
			[]answer{reports(allowed, changes(nil, acao, acac, aceh, varyOrigin))},
		},
		{
			"an error of Envoy's own, before it knew the request, is not touched", nil,
			[]sent{responds("400", upstreams...)},
			[]answer{untouchedResponse()},
		},
		{
			"an error of Envoy's own knows the route at the most", nil,
			[]sent{described(responds("400", upstreams...), map[string]string{"xds.virtual_host_name": "app"})},
			[]answer{untouchedResponse()},
		},

		// Whatever else may come.
		{
			"bodies and trailers are answered in kind, and change nothing", nil,
			[]sent{get("api.shop.example/cart", page), requestBody, requestTrailers, responds("200"), responseBody, responseTrailers},
			[]answer{
				awaits(allowed), untouchedRequestBody(), untouchedRequestTrailers(),
				changes(nil, acao, acac, aceh, varyOrigin), untouchedResponseBody(), untouchedResponseTrailers(),
			},
		},
		{
			"bodies and trailers may come first", nil,
			[]sent{requestTrailers, responseTrailers, requestBody, responseBody, get("api.shop.example/cart", page), responds("200")},
			[]answer{
				untouchedRequestTrailers(), untouchedResponseTrailers(), untouchedRequestBody(), untouchedResponseBody(),
				awaits(allowed), changes(nil, acao, acac, aceh, varyOrigin),
			},
		},
		{
			"a message of an unknown kind is ignored", nil,
			[]sent{unknown, get("api.shop.example/cart", page), unknown, responds("200"), unknown},
			[]answer{awaits(allowed), changes(nil, acao, acac, aceh, varyOrigin)},
		},
		{
			"a second request is decided by itself", nil,
			[]sent{get("api.shop.example/cart", page), get("api.shop.example/cart", evil), responds("200")},
			[]answer{awaits(allowed), awaits(refused), changes(nil, varyOrigin)},
		},
		{
			"a request without headers has no host", nil,
			[]sent{requestHeaders(), responds("200")},
			[]answer{ends(noPolicy), untouchedResponse()},
		},
		{
			"a response without a status is a response", nil,
			[]sent{get("api.shop.example/cart", page), requestBody, responds("")},
			[]answer{awaits(allowed), untouchedRequestBody(), changes(nil, acao, acac, aceh, varyOrigin)},
		},
		{
			"in observability mode nothing is answered", nil,
			[]sent{observed(get("api.shop.example/cart", page)), observed(requestBody), observed(responds("200")), observed(unknown)},
			nil,
		},
		{"a stream without messages ends", nil, nil, nil},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			for _, unusual := range []bool{false, true} {
				f := newFixture(t)
				f.unusual = unusual
				exchangetest.Equal(t, r.want, f.answers(t, r.metadata, r.sent...))
				exchangetest.Equal(t, r.want, newFixture(t).answers(t, inOneLine(r.metadata), r.sent...))
			}
		})
	}
}

// TestStreamEnds: Envoy half-closes or resets the stream. Neither is an error.
func TestStreamEnds(t *testing.T) {
	broken := status.Error(codes.Unavailable, "broken")
	rows := []struct {
		name             string
		end, unsendable  error
		want             error
		wantUnsentAnswer bool
	}{
		{"Envoy half-closes", io.EOF, nil, nil, false},
		{"Envoy resets the stream", status.Error(codes.Canceled, "context canceled"), nil, nil, false},
		{"the context ends", context.Canceled, nil, nil, false},
		{"the context ends, wrapped", fmt.Errorf("receiving: %w", context.Canceled), nil, nil, false},
		{"the connection breaks", broken, nil, broken, false},
		{"the deadline passes", context.DeadlineExceeded, nil, context.DeadlineExceeded, false},
		{"Envoy resets the stream before the answer", nil, status.Error(codes.Canceled, "context canceled"), nil, true},
		{"the connection breaks before the answer", nil, broken, broken, true},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			f := newFixture(t)
			s := &script{in: []sent{get("api.shop.example/cart", page), responds("200")}, end: r.end, unsendable: r.unsendable}
			if err := f.process(s); !errors.Is(err, r.want) {
				t.Errorf("ended with %v, want %v", err, r.want)
			}
			if sent := len(s.out); (sent == 0) != r.wantUnsentAnswer {
				t.Errorf("%d answers", sent)
			}
			if f.Observer.Started != 1 || len(f.Observer.Ends) != 1 || !errors.Is(f.Observer.Ends[0], r.want) {
				t.Errorf("observed: %d started, ends %v", f.Observer.Started, f.Observer.Ends)
			}
			if len(f.Log.Entries(t, "Envoy requests decisions")) != 1 || strings.Count(f.Log.String(), "\n") != 1 {
				t.Errorf("logged:\n%s", &f.Log)
			}
		})
	}
}

// configured is the first message of a stream, which contains how bodies are sent.
func configured(m sent, requestBodies, responseBodies modev3.ProcessingMode_BodySendMode) sent {
	m = proto.CloneOf(m)
	m.ProtocolConfig = &extprocv3.ProtocolConfiguration{RequestBodyMode: requestBodies, ResponseBodyMode: responseBodies}
	return m
}

// TestEndsWithTheLastAnswer: if Envoy sends no bodies, a stream ends with the last answer that Envoy
// needs, and not before. Otherwise Envoy ends it.
func TestEndsWithTheLastAnswer(t *testing.T) {
	const none, streamed = modev3.ProcessingMode_NONE, modev3.ProcessingMode_STREAMED
	stripped := []string{"corsd-static: strip,vary"}
	rows := []struct {
		name     string
		metadata []string
		sent     []sent
		answers  int // before the stream ends
	}{
		{"a refused request, where the route does the rest", stripped, []sent{configured(get("api.shop.example/cart", evil), none, none), responds("200")}, 1},
		{"a preflight", nil, []sent{configured(preflight("api.shop.example/cart", "PUT", page), none, none), responds("204")}, 1},
		{"an allowed request has its response", stripped, []sent{configured(get("api.shop.example/cart", page), none, none), responds("200"), responds("200")}, 2},
		{"an allowed request, where the route does all", []string{"corsd-static: strip,vary,set"}, []sent{configured(get("api.shop.example/cart", page), none, none), responds("200")}, 1},
		{"a stream of the response phase", responseOnly("GET", "api.shop.example/cart", page), []sent{configured(responds("200"), none, none), responds("200")}, 1},
		{"bodies of requests follow", stripped, []sent{configured(get("api.shop.example/cart", evil), streamed, none), requestBody}, 2},
		{"bodies of responses follow", nil, []sent{configured(get("api.shop.example/cart", page), none, streamed), responds("200"), responseBody}, 3},
		{"no protocol_config is sent", stripped, []sent{get("api.shop.example/cart", evil), requestBody, responds("200")}, 3},
		{"in observability mode", stripped, []sent{observed(configured(get("api.shop.example/cart", evil), none, none)), responds("200")}, 1},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			for _, unusual := range []bool{false, true} {
				f := newFixture(t)
				f.unusual = unusual
				if got := f.answers(t, r.metadata, r.sent...); len(got) != r.answers {
					t.Errorf("%d answers, want %d", len(got), r.answers)
				}
			}
		})
	}
}

// TestNoEngine: nothing is changed while there is no policy.
func TestNoEngine(t *testing.T) {
	f := newFixture(t)
	f.Engine = nil
	got := f.answers(t, responseOnly("GET", "api.shop.example/cart", page),
		responds("200", acaoAny), get("api.shop.example/cart", evil), preflight("api.shop.example/cart", "PUT", page),
		requestBody, responseBody, requestTrailers, responseTrailers, unknown, observed(responds("200")))
	exchangetest.Equal(t, []answer{
		untouchedResponse(), untouchedRequest(), untouchedRequest(),
		untouchedRequestBody(), untouchedResponseBody(), untouchedRequestTrailers(), untouchedResponseTrailers(),
	}, got)
	if len(f.Observer.Decisions) > 0 {
		t.Errorf("decided: %v", f.Observer.Decisions)
	}
}

// TestObserved: observers receive each decision once, with its profile.
func TestObserved(t *testing.T) {
	f := newFixture(t)
	f.answers(t, nil, get("api.shop.example/cart", page), responds("200"))
	f.answers(t, nil, observed(get("shadow.shop.example/", evil)), observed(responds("200")))
	f.answers(t, responseOnly("GET", "block.shop.example/", evil), responds("200"), responds("200"))
	f.answers(t, nil, responds("400"), requestBody, unknown)
	want := []string{
		"request_response actual allow allowed Enforce",
		"request_response actual deny origin_not_allowed Shadow",
		"response_only actual deny origin_not_allowed Block",
	}
	exchangetest.Equal(t, want, f.Observer.Decisions)
	if f.Observer.Started != 4 || len(f.Observer.Ends) != 4 {
		t.Errorf("%d streams started, %d ended; want 4", f.Observer.Started, len(f.Observer.Ends))
	}
}

// TestRegister: a missing option and a missing codec are errors before the first request.
func TestRegister(t *testing.T) {
	if _, err := extproc.New(extproc.Options{}); err == nil || err.Error() != "extproc: Options.Engine is required" {
		t.Errorf("without options: %v", err)
	}
	f := newFixture(t)
	s := newServer(t, f.Options())
	if err := s.Register(&services{}); err == nil || !strings.Contains(err.Error(), "ServerOption") {
		t.Errorf("without the codec: %v", err)
	}
	s.ServerOption()
	if err := s.Register(&services{}); err != nil {
		t.Errorf("with the codec: %v", err)
	}
}

// TestEngineIsTakenOnce: both phases of an exchange use one policy, even if another one goes live in
// between.
func TestEngineIsTakenOnce(t *testing.T) {
	taken := 0
	engine := exchangetest.Engine(t)
	process := handler(t, extproc.Options{
		Engine: func() *policy.Engine { taken++; return engine }, Logger: slog.New(slog.DiscardHandler),
	})
	stream := &script{in: []sent{get("api.shop.example/cart", page), requestBody, responds("200")}}
	if err := process(stream); err != nil || taken != 1 {
		t.Errorf("the engine was taken %d times, want once; %v", taken, err)
	}
}
