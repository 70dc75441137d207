package gateways

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/tools"
)

// TestGateways runs the table with each gateway, and compares the responses with docs/gateways.md.
func TestGateways(t *testing.T) {
	need(t)
	t.Run("Envoy Gateway", func(t *testing.T) {
		alive, dead := map[kind][]string{}, map[kind][]string{}
		testEnvoyGateway(t, alive, dead)
		publishTable(t, "envoy-gateway", table, alive, eg, egModule)
		publishTable(t, "envoy-gateway-outage", outage, dead, eg)
	})
	t.Run("Istio", func(t *testing.T) {
		alive, dead := map[kind][]string{}, map[kind][]string{}
		testIstio(t, alive, dead)
		publishTable(t, "istio", table, alive, istio, extAuthz, istioModule)
		publishTable(t, "istio-outage", outage, dead, istio, extAuthz)
		publishTable(t, "istio-sidecar", sidecarTable, alive, sidecar)
		publishTable(t, "istio-sidecar-outage", sidecarOutage, dead, sidecar)
	})
	publish(t, "versions", versions(t))
}

// publishTable writes or compares a table of the page, unless a row has failed or a column was skipped.
func publishTable(t *testing.T, part string, rows []row, cells map[kind][]string, kinds ...kind) {
	t.Helper()
	skipped := slices.ContainsFunc(kinds, func(k kind) bool { return cells[k] == nil })
	if !t.Failed() && !skipped {
		publish(t, part, markdown(rows, cells, kinds))
	}
}

// versions has the versions of all programs.
func versions(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| | version |\n|---|---|\n")
	fmt.Fprintf(&b, "| Envoy | %v |\n", run.Envoy.Version)
	for _, p := range []struct{ name, pin string }{
		{"Envoy Gateway", "ENVOY_GATEWAY_VERSION"},
		{"Istio's pilot-discovery", "ISTIO_VERSION"},
		{"kube-apiserver", "KUBERNETES_VERSION"},
		{"the Gateway API's tests of CORS", "GATEWAY_API_VERSION"},
	} {
		version, err := tools.Pinned(run.Root, p.pin)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", p.name, strings.TrimPrefix(version, "v"))
	}
	return b.String()
}

// markdown is a table of the page: a row for each request, a column for each kind.
func markdown(rows []row, cells map[kind][]string, kinds []kind) string {
	var b strings.Builder
	b.WriteString("| request |")
	for _, k := range kinds {
		fmt.Fprintf(&b, " %s |", k)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for i, r := range rows {
		line := ""
		for _, k := range kinds {
			line += " " + cells[k][i] + " |"
		}
		if strings.Trim(line, " |") != "" { // a row of other gateways
			fmt.Fprintf(&b, "| %s |%s\n", r.name, line)
		}
	}
	return strings.ReplaceAll(b.String(), "|  |", "| |")
}

// publish writes a part of docs/gateways.md with -update, and else compares it with the page.
func publish(t *testing.T, part, text string) {
	t.Helper()
	if run.Envoy.Version != envoy.Pinned() {
		t.Logf("this is Envoy %v, and the page is that of %v: not compared", run.Envoy.Version, envoy.Pinned())
		return
	}
	file := filepath.Join(run.Root, "docs/gateways.md")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin := "<!-- made: " + part + " -->\n"
	before, rest, found := strings.Cut(string(old), begin)
	was, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("docs/gateways.md has no part %s", part)
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+text+"<!-- end -->"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(was, "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("docs/gateways.md differs (-page +run; make test-gateways ARGS=-update writes it)\n%s", diff)
	}
}
