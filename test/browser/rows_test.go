package page_test

const api = "api.shop.example"

var simple = []row{
	{
		name: "a page reads what its origin may read, and of the headers those that are exposed",
		ask:  get(api + "/catalogue"),
		want: readable(200, "articles", "etag"),
	},
	{
		name: "what the application exposes itself counts for nothing",
		ask:  get(api + "/cart"),
		want: readable(200, "items"),
	},
	{
		name: "a page gets a cookie from an answer to a request with credentials",
		ask:  get(api + "/mirror/cookies").withCookies(),
		want: readable(200, "cookies: "),
	},
	{
		name: "and it goes with the next such request",
		ask:  get(api + "/mirror/cookies").withCookies(),
		want: readable(200, "cookies: session=s3cret"),
	},
	{
		name: "by XMLHttpRequest, too",
		ask:  get(api + "/mirror/cookies").withCookies().byXHR(),
		want: readable(200, "cookies: session=s3cret"),
	},
	{
		name: "but with none without credentials, which is what fetch does unless told",
		ask:  get(api + "/mirror/cookies"),
		want: readable(200, "cookies: "),
	},
	{
		name: "a stranger's page sends the request, and cannot read the answer",
		page: evil,
		ask:  get(api + "/cart"),
		want: refused(noOrigin),
	},
	{
		name: "nor by XMLHttpRequest",
		page: evil,
		ask:  get(api + "/cart").byXHR(),
		want: refused(noOrigin),
	},
	{
		name: "nor with credentials, for which the application itself lets everyone in",
		page: evil,
		ask:  get(api + "/mirror/cookies").withCookies(),
		want: refused(noOrigin),
	},
	{
		name: "a stranger's page may ask without CORS, and sees nothing",
		page: evil,
		ask:  get(api + "/cart").withoutCORS(),
		want: opaque,
	},
	{
		name: "every page reads what is public, and all headers",
		page: evil,
		ask:  get(api + "/public").withoutCookies(),
		want: readable(200, "items", "x-cost"),
	},
	{
		name: "but no page reads what is public with credentials",
		page: evil,
		ask:  get(api + "/public").withCookies(),
		want: refused(anyWithCookies),
	},
	{
		name: "a form's POST needs no preflight",
		ask:  do("POST", api+"/cart").sending("text/plain", "x"),
		want: readable(200, "items"),
	},
	{
		name: "HEAD is answered as GET",
		ask:  do("HEAD", api+"/catalogue"),
		want: readable(200, "", "etag"),
	},
	{
		name: "an API that knows nothing of CORS is readable through the gateway",
		ask:  get("weather.third-party.example/today"),
		want: readable(200, "rain"),
	},
	{
		name: "and is for nobody else",
		page: evil,
		ask:  get("weather.third-party.example/today"),
		want: refused(noOrigin),
	},
	{
		name: "a page of the host's own origin sees all, since CORS has no say in it",
		page: api + "/direct",
		ask:  do("POST", api+"/cart"),
		want: readable(200, "items", "x-cost"),
	},
	{
		name: "where strangers are blocked, the answer is not the application's",
		page: evil,
		ask:  do("POST", api+"/blocked"),
		want: refused(noOrigin),
	},
	{
		name: "and those who may read are not",
		ask:  do("POST", api+"/blocked"),
		want: readable(200, "items"),
	},
}

var preflighted = []row{
	{
		name: "PUT of JSON is granted",
		ask:  do("PUT", api+"/cart").sending("application/json", "{}"),
		want: readable(200, "items"),
	},
	{
		name: "PUT by XMLHttpRequest with credentials is granted",
		ask:  do("PUT", api+"/cart").withCookies().byXHR(),
		want: readable(200, "items"),
	},
	{
		name: "DELETE is granted",
		ask:  do("DELETE", api+"/cart"),
		want: readable(200, "items"),
	},
	{
		name: "a header that is listed is granted",
		ask:  get(api+"/cart").with("X-Trace", "1"),
		want: readable(200, "items"),
	},
	{
		name: "a method that is not listed is not, and the console names it",
		ask:  do("PATCH", api+"/cart"),
		want: refused(methodRefused("PATCH")),
	},
	{
		name: "with credentials just so",
		ask:  do("PATCH", api+"/cart").withCookies(),
		want: refused(methodRefused("PATCH")),
	},
	{
		name: "PATCH is granted where it is listed",
		ask:  do("PATCH", api+"/cased"),
		want: readable(200, "items"),
	},
	{
		name: "but not in the wrong case, which no browser corrects",
		ask:  do("patch", api+"/cased"),
		want: refused(methodRefused("patch")),
	},
	{
		name: "a header that is not listed is not granted, and the console names it",
		ask:  get(api+"/cart").with("X-Secret", "1"),
		want: refused(headerRefused("x-secret")),
	},
	{
		name: "Authorization is such a header",
		ask:  get(api+"/cart").with("Authorization", "Bearer x").withCookies(),
		want: refused(headerRefused("authorization")),
	},
	{
		name: "and so is Content-Type for JSON, where it is not listed",
		ask:  do("POST", "weather.third-party.example/today").sending("application/json", "{}"),
		want: refused(headerRefused("content-type")),
	},
	{
		name: "every method and header is granted where all are",
		page: evil,
		ask:  do("PATCH", api+"/public").with("X-Anything", "1").withoutCookies(),
		want: readable(200, "items", "x-cost"),
	},
	{
		name: "Authorization is not among all",
		page: evil,
		ask:  get(api+"/public").with("Authorization", "Bearer x").withoutCookies(),
		want: refused(headerRefused("authorization")),
	},
	{
		name: "a stranger's preflight is told nothing",
		page: evil,
		ask:  do("PUT", api+"/cart"),
		want: refused(noOriginOnPreflight),
	},
	{
		name: "in minimal detail nobody is told why",
		ask:  do("PATCH", api+"/quiet"),
		want: refused(noOriginOnPreflight),
	},
	{
		name: "a preflight is judged for an API that answers none itself",
		ask:  get("weather.third-party.example/today").with("X-Trace", "1"),
		want: refused(headerRefused("x-trace")),
	},
	{
		name: "a preflight that the application answers is granted by the policy",
		ask:  do("PUT", api+"/forwarded").with("X-Trace", "1"),
		want: readable(200, ""),
	},
}

var gatewaysOwn = []row{
	{
		name: "a page reads the 401 of the gateway, though its preflight had no token",
		ask:  do("DELETE", api+"/admin").withCookies(),
		want: readable(401, "Jwt is missing"),
	},
	{
		name: "a stranger's page does not",
		page: evil,
		ask:  get(api + "/admin"),
		want: refused(noOrigin),
	},
	{
		name: "a page reads a 403 of access control",
		ask:  get(api + "/forbidden"),
		want: readable(403, "RBAC"),
	},
	{
		name: "a page reads a 429 of a limit",
		ask:  get(api + "/limited"),
		want: readable(429, "fault"),
	},
	{
		name: "a page reads a 503 when the application is gone",
		ask:  get(api + "/unreachable"),
		want: readable(503, "no healthy upstream"),
	},
	{
		name:   "a page reads a 404 where there is no route",
		ask:    get(api + "/nowhere"),
		want:   readable(404, ""),
		unlike: map[string]want{"ext_authz": refused(noOrigin).because(notRouted)},
	},
	{
		name:   "with a preflight, too",
		ask:    do("PUT", api+"/nowhere"),
		want:   readable(404, ""),
		unlike: map[string]want{"ext_authz": {outcome: "refused", why: notRouted}},
	},
}

var redirected = []row{
	{
		name: "a redirect of the application within the host is followed and read",
		ask:  get(api + "/moved"),
		want: readable(200, "articles", "etag"),
	},
	{
		name: "one of the gateway, too",
		ask:  get(api + "/redirected").withCookies(),
		want: readable(200, "items"),
	},
	{
		name: "one to another host has the origin null there, which is not allowed",
		ask:  get(api + "/to-weather"),
		want: refused(noOrigin),
	},
	{
		name: "and is read where that is public",
		ask:  get(api + "/to-public"),
		want: readable(200, "items"),
	},
	{
		name: "one that needs a preflight sends another there",
		ask:  do("PUT", api+"/to-public"),
		want: readable(200, "items"),
	},
	{
		name: "a stranger's page cannot read a redirect, so it is not followed",
		page: evil,
		ask:  get(api + "/to-public"),
		want: refused(noOrigin),
	},
}

var nullOrigins = []row{
	{
		name: "a sandboxed frame of an allowed page has no origin that is allowed",
		ask:  get(api + "/cart").sandboxed(),
		want: want{outcome: "refused"},
	},
	{
		name: "nor has its preflight",
		ask:  do("PUT", api+"/cart").sandboxed(),
		want: want{outcome: "refused"},
	},
	{
		name: "it reads what is public",
		ask:  get(api + "/public").withoutCookies().sandboxed(),
		want: readable(200, "items", "x-cost"),
	},
}

// upstreamsOwn are hosts on which the application's own CORS headers matter.
var upstreamsOwn = []row{
	{
		name:   "Merge: what the application exposes is seen beside ours",
		ask:    get("search.shop.example/cart").withCookies(),
		want:   readable(200, "items", "x-cost"),
		unlike: map[string]want{"ext_authz": readable(200, "items").because(neverSees)},
	},
	{
		name: "Merge: a stranger's page does not get what the application says",
		page: evil,
		ask:  get("search.shop.example/cart"),
		want: refused(noOrigin),
	},
	{
		name:   "Preserve: the application's * with credentials is one that browsers refuse",
		ask:    get("search.shop.example/preserved").withCookies(),
		want:   refused(anyWithCookies),
		unlike: map[string]want{"ext_authz": readable(200, "items").because(neverSees)},
	},
	{
		name:   "Preserve: without credentials it is read, by strangers too",
		page:   evil,
		ask:    get("search.shop.example/preserved").withoutCookies(),
		want:   readable(200, "items", "x-cost"),
		unlike: map[string]want{"ext_authz": refused(noOrigin).because(neverSees)},
	},
	{
		name: "Preserve: where the application says nothing, the policy does",
		ask:  get("search.shop.example/preserved/plain").withCookies(),
		want: readable(200, "plain"),
	},
	{
		name: "Shadow: nothing is changed, so a stranger reads what the application gives to all",
		page: evil,
		ask:  get("legacy.shop.example/cart").withoutCookies(),
		want: readable(200, "items", "x-cost"),
	},
	{
		name: "Shadow: nor is what the application gets wrong",
		ask:  get("legacy.shop.example/cart").withCookies(),
		want: refused(anyWithCookies),
	},
	{
		name: "Shadow: a preflight is the application's to answer, and it names no methods",
		ask:  do("PUT", "legacy.shop.example/cart"),
		want: refused(methodRefused("PUT")),
	},
}
