package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// TestPublicFiles runs the virtual host and the policy that docs/cdn.md shows for public files. Every response has the same
// header, with an Origin or without, and does not vary.
func TestPublicFiles(t *testing.T) {
	const star = "access-control-allow-origin: *"
	blocks := strings.Split(readFile(t, filepath.Join(root, "docs", "cdn.md")), "```")
	host, policy := strings.TrimPrefix(blocks[1], "yaml\n"), strings.TrimPrefix(blocks[3], "yaml\n")
	public := func(r request) request { return r.at("static.shop.example") }
	rows := []row{
		{
			name: "without an Origin", request: public(get("/plain")),
			want: want{status: 200, cors: []string{star}, reason: "-"},
		},
		{
			name: "from any page", request: public(get("/plain")).from(evil), late: hostLeaves,
			want: want{status: 200, cors: []string{star}, asked: 2, reason: "allowed"},
		},
		{
			name: "the application's own CORS headers are removed", request: public(get("/cart")), late: hostLeaves,
			want: want{status: 200, cors: []string{star, vary("Accept-Encoding")}, reason: "-"},
		},
		{
			name: "a preflight is answered by corsd", request: public(preflight("/plain", "GET")).from(evil),
			want: want{
				status: 204, cors: []string{star, vary("Access-Control-Request-Method", "Access-Control-Request-Headers")},
				asked: 1, reason: "allowed", immediate: true,
			},
		},
	}
	for _, p := range shipped {
		t.Run(p.name, func(t *testing.T) {
			text := host
			if p == extAuthz {
				from, to := strings.Index(text, "  typed_per_filter_config"), strings.Index(text, "  routes:")
				text = text[:from] + text[to:]
			}
			b := startInstances(t, p, 1, func(config *envoy.Config) error { return config.Add([]byte(text)) })
			b.writePolicy(t, func(policies string) string { return policies + "---\n" + policy })
			b.awaitCorsdSays(t, `"cause":"file change"`)
			for _, r := range rows {
				t.Run(r.name, func(t *testing.T) { r.check(t, b, rawhttp.HTTP1) })
			}
		})
	}
}
