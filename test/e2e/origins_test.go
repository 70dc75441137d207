package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// Pages that rules by origin match.
const (
	partner   = "https://www.partner.example" // without credentials
	suspended = "https://suspended.example"   // not allowed
)

// The header lines for them: taken are those with which a 304 withdraws access from a refused page, lowered those for a
// page without credentials.
var (
	measured   = "timing-allow-origin: " + page
	embeddable = "cross-origin-resource-policy: cross-origin" // the application's
	embedded   = "cross-origin-resource-policy: same-site"
	partners   = []string{"access-control-allow-origin: " + partner, "timing-allow-origin: " + partner}
	bare       = []string{"access-control-allow-credentials: false", "access-control-expose-headers: Content-Type"}
	taken      = and(bare, "access-control-allow-origin: none", "timing-allow-origin: none")
	lowered    = and(bare, partners...)
	byPolicy   = []string{acao, acac, "access-control-expose-headers: ETag", measured, embedded, varyOrigin}
)

// byOrigin are requests to a host whose rules depend on the origin. Its policy sets Timing-Allow-Origin and
// Cross-Origin-Resource-Policy, too.
var byOrigin = []row{
	{
		name:    "by origin: a page that no rule matches reads by the policy's own terms",
		request: get("/objects/1").at("partners.shop.example").from(page),
		late:    mixes,
		want:    want{status: 200, cors: byPolicy, asked: 2, reason: "allowed"},
	},
	{
		name:    "by origin: a partner's page reads by the terms of its rule",
		request: get("/objects/1").at("partners.shop.example").from(partner),
		late:    mixes,
		want:    want{status: 200, cors: and(partners, embedded, varyOrigin), asked: 2, reason: "allowed"},
		unlike: unlike{"ext_authz": {
			status: 200, cors: and(lowered, embedded, varyOrigin), asked: 1, reason: "allowed", why: anyStatus,
		}},
	},
	{
		name:    "by origin: a page whose rule refuses gets nothing",
		request: get("/objects/1").at("partners.shop.example").from(suspended),
		late:    mixes,
		want:    want{status: 200, cors: []string{embedded, varyOrigin}, asked: 2, reason: "origin_not_allowed"},
		unlike: unlike{"ext_authz": {
			status: 200, cors: and(taken, embedded, varyOrigin),
			asked: 1, reason: "origin_not_allowed", why: anyStatus,
		}},
	},
	{
		name:    "by origin: a sandboxed page is the policy's own to refuse",
		request: get("/objects/1").at("partners.shop.example").from("null"),
		late:    mixes,
		want:    want{status: 200, cors: []string{embedded, varyOrigin}, asked: 2, reason: "origin_null"},
		unlike: unlike{"ext_authz": {
			status: 200, cors: and(taken, embedded, varyOrigin), asked: 1, reason: "origin_null", why: anyStatus,
		}},
	},
	{
		name:    "by origin: a 304 to a page without credentials takes back those of the stored response",
		request: get("/objects/1").at("partners.shop.example").from(partner).with("If-None-Match", `"o1"`),
		late:    mixes,
		want:    want{status: 304, cors: and(lowered, embedded, varyOrigin), asked: 2, reason: "allowed"},
	},
	{
		name:    "by origin: a 304 to a page that is granted more has that",
		request: get("/objects/1").at("partners.shop.example").from(page).with("If-None-Match", `"o1"`),
		late:    mixes,
		want:    want{status: 304, cors: byPolicy, asked: 2, reason: "allowed"},
	},
	{
		name:    "by origin: a 304 to a page that is refused takes back the stored grant",
		request: get("/objects/1").at("partners.shop.example").from(suspended).with("If-None-Match", `"o1"`),
		late:    mixes,
		want: want{
			status: 304, cors: and(taken, embedded, varyOrigin), asked: 2, reason: "origin_not_allowed",
		},
	},
	{
		name:    "by origin: where the virtual host does nothing, corsd replaces all that the application sent",
		request: get("/objects/1").at("unstripped.shop.example").from(suspended).with("If-None-Match", `"o1"`),
		late:    mixes,
		want: want{
			status: 304, cors: and(taken, embedded, varyOrigin), asked: 2, reason: "origin_not_allowed",
		},
		unlike: unlike{"ext_authz": {
			status: 304, cors: and(taken, embedded), asked: 1, reason: "origin_not_allowed", why: noVary,
		}},
	},
	{
		name:    "by origin: without an Origin nobody asks corsd, so the resource policy is the application's",
		request: get("/objects/1").at("partners.shop.example"),
		want:    want{status: 200, cors: []string{embeddable, varyOrigin}, reason: "-"},
	},
	{
		name:    "by origin: a preflight is granted the headers that it asks for of a family",
		request: preflight("/objects/1", "PUT", "content-type", "x-amz-acl", "x-amz-date").at("partners.shop.example").from(page),
		want: want{
			status: 204,
			cors: []string{
				acao, acac, "access-control-allow-methods: GET, PUT", "access-control-allow-headers: Content-Type, x-amz-acl, x-amz-date",
				acma, "access-control-expose-headers: ETag", preflightVary,
			},
			asked: 1, reason: "allowed", immediate: true,
		},
	},
	{
		name:    "by origin: a partner's preflight is told what its rule does not allow",
		request: preflight("/objects/1", "PUT", "x-amz-date").at("partners.shop.example").from(partner),
		want: want{
			status: 204,
			cors: []string{
				partners[0], "access-control-allow-headers: Content-Type, x-amz-date", preflightVary,
			},
			asked: 1, reason: "method_not_allowed", immediate: true,
		},
	},
	{
		name:    "by origin: the preflight of a page whose rule refuses is refused",
		request: preflight("/objects/1", "GET", "x-amz-date").at("partners.shop.example").from(suspended),
		want:    want{status: 403, cors: []string{preflightVary}, asked: 1, reason: "origin_not_allowed", immediate: true},
	},
}

// TestExposedFamilies: a family in exposeHeaders stands for the response's own names, which the filter has to
// forward. A 304 has no list, so that the stored one stays in force.
func TestExposedFamilies(t *testing.T) {
	const families = `
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: objects}
spec:
  hosts: [search.shop.example]
  cors: {allowOrigins: [` + page + `], allowHeaders: [X-Amz-*], exposeHeaders: [ETag, X-Amz-*], allowCredentials: true}
`
	const both = "access-control-expose-headers: ETag, x-amz-request-id, x-amz-version-id"
	rows := []row{
		{
			name:    "the response's own names are exposed",
			request: get("/objects/1").at("search.shop.example").from(page),
			late:    ownNames,
			want: want{
				status: 200, cors: []string{acao, acac, both, "timing-allow-origin: *", embeddable, varyOrigin},
				asked: 2, reason: "allowed",
			},
		},
		{
			name:    "a 304 has no list of them",
			request: get("/objects/1").at("search.shop.example").from(page).with("If-None-Match", `"o1"`),
			late:    ownNames,
			want: want{
				status: 304, cors: []string{acao, acac, "timing-allow-origin: *", embeddable, varyOrigin},
				asked: 2, reason: "allowed",
			},
		},
		{
			name:    "a response without such a name exposes what is named",
			request: get("/plain").at("search.shop.example").from(page),
			late:    ownNames,
			want: want{
				status: 200, cors: []string{acao, acac, "access-control-expose-headers: ETag", varyOrigin},
				asked: 2, reason: "allowed",
			},
		},
		{
			name:    "a preflight exposes what is named",
			request: preflight("/objects/1", "GET", "x-amz-date").at("search.shop.example").from(page),
			want: want{
				status: 204,
				cors: []string{
					acao, acac, "access-control-allow-headers: x-amz-date", "access-control-expose-headers: ETag", preflightVary,
				},
				asked: 1, reason: "allowed", immediate: true,
			},
		},
	}
	for _, p := range []*profile{requestResponse, lean, responseOnly} {
		t.Run(p.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(file, []byte(families), 0o600); err != nil {
				t.Fatal(err)
			}
			b := startPolicy(t, p, file, 1, func(c *envoy.Config) error { return c.Forward("x-amz-") })
			for _, r := range rows {
				for _, protocol := range []rawhttp.Protocol{rawhttp.HTTP1, rawhttp.HTTP2} {
					t.Run(r.name+"/"+string(protocol), func(t *testing.T) { r.check(t, b, protocol) })
				}
			}
		})
	}
}
