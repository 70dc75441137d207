package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/rawhttp"
)

// Who asks.
const (
	page  = "https://www.shop.example" // allowed
	evil  = "https://evil.example"     // not allowed
	bytes = "https://\xff\xfe.example" // not UTF-8
)

// The header lines of testdata/policy.yaml, and those of the application itself.
var (
	acao       = "access-control-allow-origin: " + page
	acac       = "access-control-allow-credentials: true"
	acam       = "access-control-allow-methods: GET, PUT, DELETE"
	acah       = "access-control-allow-headers: Content-Type, X-Trace"
	aceh       = "access-control-expose-headers: ETag, X-Total"
	acma       = "access-control-max-age: 600"
	granted    = []string{acao, acac, aceh}
	allGranted = []string{acao, acac, acam, acah, acma, aceh, preflightVary}
	allNamed   = []string{acao, acac, acam, acah, preflightVary} // a refusal in full detail
	upstreams  = []string{"access-control-allow-origin: *", acac, "access-control-expose-headers: X-Cost"}
)

// Values of Vary.
var (
	varyOrigin    = vary("Origin")
	varyBoth      = vary("Accept-Encoding", "Origin") // the application's and ours
	preflightVary = vary("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
)

func and(lines []string, more ...string) []string { return slices.Concat(lines, more) }

// Why a profile is unlike request_response.
const (
	notRouted   = "Envoy does not ask ext_authz where no route matches"
	onlyAnswers = "response_only asks about a response, when it is too late to answer in the application's place"
	anyStatus   = "ext_authz does not know the status, so every response has what a 304 has to have"
	noVary      = "ext_authz leaves Vary and upstream's headers to the virtual host"
	varyOfHost  = "Envoy adds the Vary of the virtual host to a module's own response, which ext_proc replaces"
	neverSees   = "ext_authz never sees the response, so the virtual host strips it and corsd overrides"
)

func TestTable(t *testing.T) {
	rows := slices.Concat(preflights, actualRequests, localReplies, upstreamsOwn, byOrigin, blocked, webSockets, selectors)
	for _, p := range append(profiles, module) {
		t.Run(p.name, func(t *testing.T) {
			b := start(t, p)
			for _, r := range rows {
				for _, protocol := range []rawhttp.Protocol{rawhttp.HTTP1, rawhttp.HTTP2} {
					if r.only != "" && r.only != protocol {
						continue
					}
					t.Run(r.name+"/"+string(protocol), func(t *testing.T) { r.check(t, b, protocol) })
				}
			}
			t.Run("corsd warns of what the profile cannot do, and has nothing else to complain of", b.checkLog)
		})
	}
}

// checkLog looks into corsd's log after the table.
func (b *bench) checkLog(t *testing.T) {
	if b.profile.inEnvoy {
		b.checkModuleLog(t)
		return
	}
	var cannot []string
	for _, line := range b.Corsd.Lines() {
		var entry struct{ Level, Profile, Setting string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("corsd logged what is not JSON: %s", line)
		}
		switch {
		case entry.Level == "INFO":
		case entry.Level == "WARN" && entry.Profile == b.profile.logged && entry.Setting != "":
			cannot = append(cannot, entry.Setting)
		default:
			t.Errorf("corsd logged: %s", line)
		}
	}
	if diff := cmp.Diff(b.profile.cannot, cannot); diff != "" {
		t.Errorf("settings that the profile cannot carry out (-want +got):\n%s", diff)
	}
}

// checkModuleLog looks into Envoy's log, which has warnings and errors only. Envoy 1.39 warns that the module has the
// ABI of 1.40.
func (b *bench) checkModuleLog(t *testing.T) {
	for _, line := range b.Envoy.Lines() {
		if strings.Contains(line, "[dynamic_modules]") && !strings.Contains(line, "ABI version") {
			t.Errorf("Envoy logged: %s", line)
		}
	}
}
