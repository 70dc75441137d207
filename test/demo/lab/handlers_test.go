package lab

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCommandThatExplains(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request string
		want    string
	}{
		{"a GET", "GET /a?run=1 https://www.shop.example", "go run ./cmd/corsd explain --policy p.yaml -H 'origin: https://www.shop.example' https://api.shop.example/a"},
		{
			"a preflight", "OPTIONS /a https://www.shop.example PUT x-b",
			"go run ./cmd/corsd explain --policy p.yaml -X OPTIONS -H 'origin: https://www.shop.example' -H 'access-control-request-method: PUT'" +
				" -H 'access-control-request-headers: x-b' https://api.shop.example/a",
		},
		{"a quote is no way out of the shell's", "GET /a https://it's", `go run ./cmd/corsd explain --policy p.yaml -H 'origin: https://it'\''s' https://api.shop.example/a`},
		{"nor is anything else", "GET /$(reboot) null", "go run ./cmd/corsd explain --policy p.yaml -H 'origin: null' 'https://api.shop.example/$(reboot)'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := shell(explain("p.yaml", exchangeOf(tt.request))); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestReadinessIsRead(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       ready
	}{
		{"a policy is live", "ok\nlive policy: 1f since 2026-11-25T03:28:40Z\n", ready{live: "1f"}},
		{
			"another was refused", "ok\nlive policy: 1f since 2026-11-25T03:28:40Z\nrefused policy: 2e\np.yaml:1:2: spec: one (a)\np.yaml:3:4: two (b)\n",
			ready{live: "1f", refused: "2e", faults: []string{"p.yaml:1:2: spec: one (a)", "p.yaml:3:4: two (b)"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, parseReadiness(tt.text), cmp.AllowUnexported(ready{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPathsInTheTree(t *testing.T) {
	l := &Lab{root: "/src"}
	for path, want := range map[string]string{
		"/src/test/demo/lab/policy.yaml": "test/demo/lab/policy.yaml",
		"/elsewhere/policy.yaml":         "/elsewhere/policy.yaml",
		"/source/policy.yaml":            "/source/policy.yaml",
	} {
		if got := l.inTree(path); got != want {
			t.Errorf("inTree(%s) is %s, want %s", path, got, want)
		}
	}
}
