package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// TestModuleReloads: a policy that changes ends what workers remember, one with faults changes nothing, and Envoy's
// statistics say which is live.
func TestModuleReloads(t *testing.T) {
	b := start(t, module)
	reason := func() string {
		return b.exchange(t, rawhttp.HTTP1, get("/cart").from(page).closing()).accessed.Reason()
	}
	for range 3 { // the second and third are remembered
		if got := reason(); got != "allowed" {
			t.Fatalf("the page that is allowed: %s", got)
		}
	}
	const other = "https://other.shop.example"
	b.writePolicy(t, func(good string) string { return strings.ReplaceAll(good, page, other) })
	b.until(t, "the page is not allowed any more", func() bool { return reason() == "origin_not_allowed" })
	b.until(t, "the statistics follow", func() bool {
		s := b.moduleStats(t)
		return s["corsd.policy_generation"] == 2 && s["corsd.policy_reloads"] == 2 && s["corsd.policy_refused"] == 0
	})
	good, err := os.ReadFile(b.policy)
	if err != nil {
		t.Fatal(err)
	}
	b.writePolicy(t, func(string) string { return "what is this" })
	b.until(t, "the policy with faults is refused", func() bool { return b.moduleStats(t)["corsd.policy_refused"] == 1 })
	if s := b.moduleStats(t); s["corsd.policy_refusals"] != 1 || s["corsd.policy_generation"] != 2 || s["corsd.panics"] != 0 {
		t.Errorf("statistics after a refused policy: %v", s)
	}
	if got := reason(); got != "origin_not_allowed" {
		t.Errorf("beside a refused policy: %s", got)
	}
	if !strings.Contains(b.Envoy.Output(), `corsd: msg="policy fault" diagnostic=`) {
		t.Errorf("Envoy's log has no fault:\n%s", b.Envoy.Output())
	}
	b.writePolicy(t, func(string) string { return strings.ReplaceAll(string(good), other, page) })
	b.until(t, "the first policy is live again", func() bool { return reason() == "allowed" })
}

func (r request) closing() request { r.Close = true; return r }

func (b *bench) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after 20 s: %s", what)
		}
	}
}

func (b *bench) moduleStats(t *testing.T) map[string]int {
	t.Helper()
	stats, err := b.Envoy.Stats(t.Context(), `^corsd\.(policy|panics)`)
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

// TestModuleIsSmall: the library does not bring a second HTTP server, HTTP client or TLS stack into Envoy's process. An
// import can do so unnoticed; the linker keeps what can be called, and the names of functions with it.
func TestModuleIsSmall(t *testing.T) {
	if noLibrary != nil {
		t.Skip(noLibrary)
	}
	content, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if !strings.Contains(text, "net/http.ReadRequest") {
		t.Error("the library has no names of functions, so this test cannot tell")
	}
	for _, name := range []string{"net/http.(*Server).", "net/http.(*Transport).", "crypto/tls.(*Conn)."} {
		if strings.Contains(text, name) {
			t.Errorf("the library has methods of %s", strings.TrimSuffix(name, "."))
		}
	}
}

// TestModuleRefusesConfigurations: Envoy refuses a configuration whose filter or policies have faults, and its log has
// the same words as corsd check.
func TestModuleRefusesConfigurations(t *testing.T) {
	if lacking != nil {
		t.Skip(lacking)
	}
	if noLibrary != nil {
		t.Skip(noLibrary)
	}
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	const text = "apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: a}\nspec: {host: [a.example]}\n"
	if err := os.WriteFile(bad, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	good := copyPolicy(t)
	for _, row := range []struct{ name, filter, selector, want string }{
		{"no fault", `{"policy": ["` + good + `"]}`, `{"policy": "shop"}`, ""},
		{"a policy with a fault", `{"policy": ["` + bad + `"]}`, "", bad + ":4:8: "},
		{"a policy that is not there", `{"policy": ["/none"]}`, "", "/none"},
		{"an unknown key", `{"polcy": ["` + good + `"]}`, "", `unknown key \"polcy\" (did you mean policy?)`},
		{"no configuration", ``, "", `it is missing; write, for instance, {\"policy\": [\"/etc/corsd\"]}`},
		{"a route without a policy", `{"policy": ["` + good + `"]}`, `{}`, "per-route filter_config: policy is required"},
	} {
		config, err := envoy.LoadConfig(filepath.Join(root, "deploy", module.config))
		if err != nil {
			t.Fatal(err)
		}
		if row.selector != "" {
			err = config.Add([]byte(strings.ReplaceAll(selecting, "SELECTOR", row.selector)))
		}
		if err == nil {
			err = config.SetModule(library, row.filter)
		}
		if err != nil {
			t.Fatal(err)
		}
		out, refused := validate(t, config)
		if refused != (row.want != "") || !strings.Contains(out, row.want) {
			t.Errorf("%s: refused %v, and the log is\n%s", row.name, refused, out)
		}
	}
}

const selecting = `
routes:
  shop:
  - match: { path: /selected }
    route: { cluster: app }
    typed_per_filter_config:
      corsd:
        "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilterPerRoute
        dynamic_module_config: { module: { local: { filename: "" } }, do_not_close: true }
        filter_name: corsd
        filter_config: { "@type": type.googleapis.com/google.protobuf.StringValue, value: 'SELECTOR' }
`

// validate lets Envoy judge a configuration, and returns its log.
func validate(t *testing.T, config *envoy.Config) (log string, refused bool) {
	t.Helper()
	text, err := config.YAML()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary.Path, "--mode", "validate", "--log-level", "warning", "-c", file).CombinedOutput()
	return string(out), err != nil
}
