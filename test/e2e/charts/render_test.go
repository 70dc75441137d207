package charts_test

import (
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/test/harness/manifest"
)

// shop are values with a policy in a ConfigMap.
const shop = `
policies:
  source: configMap
  files:
    policy.yaml: |
      apiVersion: corsd.dev/v1alpha1
      kind: CORSPolicy
      metadata: { name: shop }
      spec:
        hosts: [api.shop.example]
        cors: { allowOrigins: [https://www.shop.example] }
`

// always are the objects of every release of the shape gateway.
var always = []string{
	"Deployment corsd", "NetworkPolicy corsd", "PodDisruptionBudget corsd", "Service corsd", "ServiceAccount corsd",
}

var releases = []struct {
	name, values string
	objects      []string // beside always, if the shape is gateway
	args         []string // some of the flags
}{
	{
		"policies in a ConfigMap", shop,
		[]string{"ConfigMap corsd-policy"},
		[]string{"--policy=/etc/corsd", "--listen=:9002", "--admin=:9092", "--drain=5s"},
	},
	{
		"a ConfigMap of someone else", "policies: { source: configMap, existingConfigMap: mine }",
		nil,
		[]string{"--policy=/etc/corsd"},
	},
	{
		"resources of the release's namespace", "",
		[]string{"Role corsd", "RoleBinding corsd"},
		[]string{"--kubernetes", "--kubernetes-namespace=gateway"},
	},
	{
		"some resources of another namespace",
		"kubernetes: { namespace: policies, selector: 'team in (a,b)' }",
		[]string{"Role corsd", "RoleBinding corsd"},
		[]string{"--kubernetes-namespace=policies", "--kubernetes-selector=team in (a,b)"},
	},
	{
		"resources of all namespaces, each of which may name every host",
		"kubernetes: { allNamespaces: true, hostGrants: false }",
		[]string{"ClusterRole gateway:corsd", "ClusterRoleBinding gateway:corsd"},
		[]string{"--kubernetes", "--kubernetes-host-grants=false"},
	},
	{
		"resources with targets",
		"kubernetes: { allNamespaces: true, hostGrants: false, targets: true }",
		[]string{"ClusterRole gateway:corsd", "ClusterRoleBinding gateway:corsd"},
		[]string{"--kubernetes", "--kubernetes-targets"},
	},
	{
		"resources of all namespaces, judged by a webhook",
		"kubernetes: { allNamespaces: true, webhook: { enabled: true } }\n" +
			"tls: { enabled: true, certManager: { issuerRef: { kind: ClusterIssuer, name: internal }, uris: ['spiffe://a/b'] } }",
		[]string{
			"Certificate corsd-tls", "ClusterRole gateway:corsd", "ClusterRoleBinding gateway:corsd", "Service corsd-webhook",
			"ValidatingWebhookConfiguration gateway.corsd",
		},
		[]string{"--webhook=:9443", "--tls-cert=/etc/corsd-tls/tls.crt", "--tls-client-ca=/etc/corsd-tls/ca.crt"},
	},
	{
		"TLS with a Secret, for two clients",
		shop + "tls: { enabled: true, existingSecret: mine, clients: { ids: ['spiffe://a/envoy', envoy.example] } }",
		[]string{"ConfigMap corsd-policy"},
		[]string{"--tls-client-id=spiffe://a/envoy", "--tls-client-id=envoy.example"},
	},
	{
		"TLS that authenticates corsd alone",
		shop + "tls: { enabled: true, existingSecret: mine, clients: { verify: false } }",
		[]string{"ConfigMap corsd-policy"},
		[]string{"--tls-key=/etc/corsd-tls/tls.key"},
	},
	{
		"a listener with the promise, for Envoy Gateway", shop + "static: { enabled: true }",
		[]string{"ConfigMap corsd-policy"},
		[]string{"--listen=:9003,static=strip+vary"},
	},
	{
		"scaled and monitored",
		shop + "autoscaling: { enabled: true }\n" +
			"monitoring: { podMonitor: { enabled: true, labels: { release: p } }, prometheusRule: { enabled: true, labels: { release: p } } }",
		[]string{"ConfigMap corsd-policy", "HorizontalPodAutoscaler corsd", "PodMonitor corsd", "PrometheusRule corsd"},
		nil,
	},
	{
		"every other value",
		shop + `
image: { repository: registry.example:5000/corsd, digest: "sha256:` + strings.Repeat("0", 64) + `", pullPolicy: Always }
imagePullSecrets: [{ name: registry }]
logLevel: warn
maxStreams: 3000000000
drainSeconds: 20
adminHosts: [corsd.gateway.svc]
extraArgs: [--raw-syscalls=false]
resources: { requests: { cpu: 1 }, limits: { memory: 1Gi } }
snapshot: { volume: { persistentVolumeClaim: { claimName: snapshots } } }
replicas: 3
topologySpread: false
nodeSelector: { pool: edge }
tolerations: [{ key: edge, operator: Exists }]
affinity: { podAntiAffinity: {} }
priorityClassName: system-cluster-critical
podLabels: { team: edge }
podAnnotations: { note: "1" }
serviceAccount: { name: mine, annotations: { a: b } }
podDisruptionBudget: { minAvailable: 50% }
networkPolicy: { monitoring: [], gateways: [{ podSelector: {} }] }
`,
		[]string{"ConfigMap corsd-policy", "ServiceAccount mine", "-ServiceAccount corsd"},
		[]string{"--log-level=warn", "--max-streams=3000000000", "--admin-host=corsd.gateway.svc", "--drain=20s"},
	},
	{
		"without what can be left out",
		shop + "serviceAccount: { create: false }\npodDisruptionBudget: { enabled: false }\nnetworkPolicy: { enabled: false }",
		[]string{"ConfigMap corsd-policy", "-ServiceAccount corsd", "-NetworkPolicy corsd", "-PodDisruptionBudget corsd"},
		nil,
	},
	{
		"a sidecar on loopback", "shape: sidecar\nmonitoring: { podMonitor: { enabled: true } }\n" + shop,
		[]string{"ConfigMap corsd-policy", "ConfigMap corsd-sidecar", "PodMonitor corsd"},
		[]string{"--policy=/etc/corsd", "--listen=127.0.0.1:9002", "--drain=0s"},
	},
	{
		"a sidecar on a Unix socket that reads resources",
		"shape: sidecar\nsidecar: { socketInContainer: envoy, socketMode: '0666', serviceAccount: gateway-sa }",
		[]string{"ConfigMap corsd-sidecar", "Role corsd", "RoleBinding corsd"},
		[]string{"--kubernetes", "--listen=unix:/run/corsd/corsd.sock", "--socket-mode=0666"},
	},
}

// Each release has the objects that it should have, valid by the schemas of Kubernetes, and corsd knows its flags.
func TestReleases(t *testing.T) {
	s := schemas(t)
	for _, r := range releases {
		t.Run(r.name, func(t *testing.T) {
			text := render(t, "corsd", r.values)
			if err := s.Check([]byte(text)); err != nil {
				t.Error(err)
			}
			objects := byName(t, text)
			if diff := cmp.Diff(expected(r.values, r.objects), slices.Sorted(maps.Keys(objects))); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
			args := argsOf(t, objects)
			for _, want := range r.args {
				if !slices.Contains(args, want) {
					t.Errorf("corsd is called with %q, without %s", args, want)
				}
			}
			if out, err := exec.Command(corsd, append(args, "--help")...).CombinedOutput(); err != nil {
				t.Errorf("corsd %q: %v\n%s", args, err, out)
			}
		})
	}
}

func expected(values string, objects []string) []string {
	all := slices.Clone(objects)
	if !strings.Contains(values, "shape: sidecar") {
		all = append(all, always...)
	}
	for _, o := range objects {
		if left, out := strings.CutPrefix(o, "-"); out {
			all = slices.DeleteFunc(all, func(other string) bool { return other == o || other == left })
		}
	}
	slices.Sort(all)
	return all
}

// argsOf returns the arguments of corsd's container in the Deployment, or in the patch of the sidecar.
func argsOf(t *testing.T, objects map[string]manifest.Object) (args []string) {
	t.Helper()
	deployment, where := objects["Deployment corsd"], "containers"
	if sidecar := objects["ConfigMap corsd-sidecar"]; sidecar != nil {
		patch, err := manifest.Read([]byte(sidecar["data"].(map[string]any)["patch.yaml"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		deployment, where = patch[0], "initContainers"
	}
	pod := at(deployment, "spec", "template", "spec").(map[string]any)
	for _, arg := range pod[where].([]any)[0].(map[string]any)["args"].([]any) {
		args = append(args, fmt.Sprint(arg))
	}
	return args
}

// at returns the value at a path of names, nil if there is none.
func at(value any, path ...string) any {
	for _, name := range path {
		switch v := value.(type) {
		case manifest.Object:
			value = v[name]
		case map[string]any:
			value = v[name]
		default:
			return nil
		}
	}
	return value
}

func TestLint(t *testing.T) {
	for name, values := range map[string]string{"corsd": shop, "corsd-crds": ""} {
		if out, err := runHelm(t, values, "lint", "--strict", "--quiet", chart(name)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// The text of the policies is what `corsd check` reads from the output of `helm template`.
func TestPoliciesAreChecked(t *testing.T) {
	text := render(t, "corsd", shop)
	report := reload.LoadWithInput([]string{"-"}, strings.NewReader(text)).Strict()
	if report.Err() != nil || !strings.HasPrefix(report.Engine.Summary(), "policies: 1,") {
		t.Errorf("faults: %v", report.Err())
	}
}

// A policy with braces, quotes and blank lines arrives byte for byte, beside a second file.
func TestPoliciesAreNotChanged(t *testing.T) {
	const values = "policies:\n  source: configMap\n  files:\n    a.yaml: |\n      # {{ \"{tenant}\" }}: 'x'\n\n        indented\n" +
		"    b.json: '{\"a\": \"b\"}'\n"
	want := map[string]any{"a.yaml": "# {{ \"{tenant}\" }}: 'x'\n\n  indented\n", "b.json": "{\"a\": \"b\"}\n"}
	if diff := cmp.Diff(want, rendered(t, "corsd", values)["ConfigMap corsd-policy"]["data"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Values that are not valid are refused, and the message names the value.
func TestRefusedValues(t *testing.T) {
	for _, row := range []struct{ why, values, message string }{
		{"an unknown name", shop + "replica: 3", "additional properties 'replica' not allowed"},
		{"an unknown name inside", shop + "tls: { enable: true }", "additional properties 'enable' not allowed"},
		{"an unknown shape", "shape: daemon", "at '/shape': value must be one of 'gateway', 'sidecar'"},
		{"an unknown source", "policies: { source: file }", "at '/policies/source'"},
		{"a text for a number", shop + "replicas: two", "at '/replicas': got string, want integer"},
		{"no replica", shop + "replicas: 0", "at '/replicas': minimum: got 0, want 1"},
		{"a port below 1024, which corsd's user cannot open", shop + "static: { port: 443 }", "at '/static/port'"},
		{"an unknown level", shop + "logLevel: loud", "at '/logLevel'"},
		{"a tag in the repository", shop + "image: { repository: 'ghcr.io/corsd/corsd:1' }", "at '/image/repository'"},
		{"a digest that is too short", shop + "image: { digest: 'sha256:00' }", "at '/image/digest'"},
		{"a file that corsd does not read", "policies: { source: configMap, files: { policy.txt: x } }", "policy.txt"},
		{"a duration without a unit", shop + "tls: { certManager: { duration: 24 } }", "at '/tls/certManager/duration'"},
		{"a mode that is not octal", "sidecar: { socketMode: '0999' }", "at '/sidecar/socketMode'"},
		{"an argument that is not a flag", shop + "extraArgs: [check]", "at '/extraArgs/0'"},
		{"an unknown value of the other chart", shop + "crds: { enabled: true }", "additional properties 'crds' not allowed"},

		{"no policies", "policies: { source: configMap }", "set policies.files or policies.existingConfigMap"},
		{"policies twice", shop + "  existingConfigMap: mine", "exclude each other"},
		{"files that would not be read", "policies: { files: { a.yaml: x } }", "need policies.source: configMap"},
		{"two namespaces", "kubernetes: { allNamespaces: true, namespace: a }", "exclude each other"},
		{"a webhook without TLS", "kubernetes: { webhook: { enabled: true } }", "needs tls.enabled"},
		{"a webhook without resources", shop + "kubernetes: { webhook: { enabled: true } }", "needs policies.source: kubernetes"},
		{
			"a webhook that the API server could not verify",
			"kubernetes: { webhook: { enabled: true } }\ntls: { enabled: true, existingSecret: mine }", "webhook.caBundle",
		},
		{"TLS without a certificate", shop + "tls: { enabled: true }", "set tls.existingSecret or tls.certManager.issuerRef.name"},
		{
			"two certificates",
			shop + "tls: { enabled: true, existingSecret: a, certManager: { issuerRef: { name: b } } }", "exclude each other",
		},
		{
			"clients that would not be verified",
			shop + "tls: { enabled: true, existingSecret: a, clients: { verify: false, ids: [a] } }", "needs tls.clients.verify",
		},
		{"a sidecar without an account", "shape: sidecar", "needs sidecar.serviceAccount"},
		{"a sidecar that scales", "shape: sidecar\nautoscaling: { enabled: true }\n" + shop, "need shape: gateway"},
		{"no room to scale", shop + "autoscaling: { minReplicas: 9 }", "greater than autoscaling.maxReplicas"},
	} {
		t.Run(row.why, func(t *testing.T) {
			out, err := runHelm(t, row.values, "template", "corsd", chart("corsd"))
			if err == nil || !strings.Contains(err.Error(), row.message) {
				t.Errorf("error %v, want one with %q\n%s", err, row.message, out)
			}
		})
	}
}

// values.yaml has every value of the schema, and no other.
func TestSchemaNamesTheValues(t *testing.T) {
	for _, name := range []string{"corsd", "corsd-crds"} {
		values := load(t, read(t, "deploy/helm", name, "values.yaml"))
		schema := load(t, read(t, "deploy/helm", name, "values.schema.json"))
		got := named(schema, "")
		got = slices.DeleteFunc(got, func(path string) bool { return path == ".global" || strings.Contains(path, ".issuerRef.") })
		if diff := cmp.Diff(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(keys(values, schema, "")))); diff != "" {
			t.Errorf("%s (-schema +values):\n%s", name, diff)
		}
	}
}

// named returns the paths of the values that a schema names.
func named(schema map[string]any, path string) (all []string) {
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return nil
	}
	for name, property := range properties {
		inner := path + "." + name
		if below := named(property.(map[string]any), inner); below != nil {
			all = append(all, below...)
		} else if !regexp.MustCompile(`\.(requests|limits|claims)$`).MatchString(inner) { // of Kubernetes
			all = append(all, inner)
		}
	}
	return all
}

// keys returns the paths of values, down to those whose schema names no further ones.
func keys(values, schema map[string]any, path string) (all []string) {
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range values {
		inner := path + "." + name
		property, _ := properties[name].(map[string]any)
		below, _ := value.(map[string]any)
		switch {
		case inner == ".resources": // the fields are those of Kubernetes
			all = append(all, inner)
		case property["properties"] != nil && len(below) > 0:
			all = append(all, keys(below, property, inner)...)
		case name != "issuerRef":
			all = append(all, inner)
		}
	}
	return all
}

// The chart of the definitions has those of deploy/k8s, which stay when it is uninstalled, and what the values add.
func TestDefinitions(t *testing.T) {
	s := schemas(t)
	definitions := []string{
		"CustomResourceDefinition corsdefaults.corsd.dev", "CustomResourceDefinition corspolicies.corsd.dev",
		"CustomResourceDefinition originsets.corsd.dev",
	}
	roles := []string{"ClusterRole corsd-policies-edit", "ClusterRole corsd-policies-view"}
	grants := []string{"ValidatingAdmissionPolicy corsd-host-grants", "ValidatingAdmissionPolicyBinding corsd-host-grants"}
	for _, row := range []struct {
		values string
		want   []string
		policy any // of Helm for a definition that the release has no more
	}{
		{"", slices.Concat(roles, definitions), "keep"},
		{"{ keep: false, hostGrants: true }", slices.Concat(roles, definitions, grants), nil},
		{"aggregatedRoles: false", definitions, "keep"},
	} {
		text := render(t, "corsd-crds", row.values)
		if err := s.Check([]byte(text)); err != nil {
			t.Errorf("%s: %v", row.values, err)
		}
		objects := byName(t, text)
		if diff := cmp.Diff(row.want, slices.Sorted(maps.Keys(objects))); diff != "" {
			t.Errorf("%s: objects (-want +got):\n%s", row.values, diff)
		}
		for _, name := range definitions {
			if got := at(objects[name], "metadata", "annotations", "helm.sh/resource-policy"); got != row.policy {
				t.Errorf("%s: %s has the policy %v, want %v", row.values, name, got, row.policy)
			}
		}
	}
}
