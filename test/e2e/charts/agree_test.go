package charts_test

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/corsd/corsd/test/harness/manifest"
)

// example is the policy of deploy/k8s, as values of the chart.
func example(t *testing.T) string {
	t.Helper()
	text := strings.ReplaceAll("\n"+strings.TrimSpace(read(t, "deploy/k8s/policy.yaml")), "\n", "\n      ")
	return "policies:\n  source: configMap\n  files:\n    policy.yaml: |" + text + "\n"
}

// deploy/k8s with components and the chart with values have the same objects, except for the labels that Helm adds.
func TestKustomizeAndChartAgree(t *testing.T) {
	s := schemas(t)
	for _, row := range []struct {
		components []string
		values     string
	}{
		{nil, example(t)},
		{[]string{"kubernetes"}, ""},
		{[]string{"kubernetes-all-namespaces"}, "kubernetes: { allNamespaces: true }"},
		{[]string{"kubernetes", "kubernetes-targets"}, "kubernetes: { targets: true }"},
		{[]string{"kubernetes-all-namespaces", "kubernetes-targets"}, "kubernetes: { allNamespaces: true, targets: true }"},
		{[]string{"tls"}, example(t) + "tls: { enabled: true, existingSecret: corsd-tls }"},
		{[]string{"autoscaling"}, example(t) + "autoscaling: { enabled: true }"},
		{
			[]string{"monitoring"},
			example(t) + "monitoring: { podMonitor: { enabled: true }, prometheusRule: { enabled: true } }",
		},
		{
			[]string{"kubernetes", "tls", "autoscaling", "monitoring"},
			"tls: { enabled: true, existingSecret: corsd-tls }\nautoscaling: { enabled: true }\n" +
				"monitoring: { podMonitor: { enabled: true }, prometheusRule: { enabled: true } }",
		},
	} {
		t.Run(fmt.Sprint(row.components), func(t *testing.T) {
			text := kustomize(t, "resources: [../k8s]\nnamespace: gateway\ncomponents:", row.components)
			if err := s.Check([]byte(text)); err != nil {
				t.Error(err)
			}
			want, got := normal(byName(t, text)), normal(rendered(t, "corsd", row.values))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-kustomize +chart):\n%s", diff)
			}
		})
	}
}

// kustomize renders a kustomization beside deploy/k8s with components of it.
func kustomize(t *testing.T, text string, components []string) string {
	t.Helper()
	// Kustomize reads bases by paths that are relative to the kustomization.
	files := filesys.MakeFsInMemory()
	copyTo(t, files, filepath.Join(root, "deploy", "k8s"), "/k8s")
	for _, c := range components {
		text += "\n- ../k8s/components/" + c
	}
	if components == nil {
		text = strings.TrimSuffix(text, "components:")
	}
	if err := files.WriteFile("/mine/kustomization.yaml", []byte(text+"\n")); err != nil {
		t.Fatal(err)
	}
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/mine")
	if err != nil {
		t.Fatal(err)
	}
	out, err := rendered.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func copyTo(t *testing.T, files filesys.FileSystem, dir, to string) {
	t.Helper()
	disk := filesys.MakeFsOnDisk()
	err := disk.Walk(dir, func(path string, info fs.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := disk.ReadFile(path)
		if err != nil {
			return err
		}
		return files.WriteFile(to+strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(dir)), text)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// normal returns objects without what differs by design: the labels that Helm adds, the names of cluster-scoped
// objects, which contain the release's namespace, and the way in which --kubernetes-namespace is written.
func normal(objects map[string]manifest.Object) map[string]any {
	all := map[string]any{}
	for key, o := range objects {
		all[strings.Replace(key, namespace+":", "", 1)] = plain(map[string]any(o))
	}
	return all
}

var added = regexp.MustCompile(`^(helm\.sh/chart|app\.kubernetes\.io/(instance|version|managed-by))$`)

func plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, child := range v {
			if !added.MatchString(key) && key != "imagePullPolicy" && !isPodNamespace(key, child) {
				out[key] = plain(child)
			}
		}
		return out
	case []any:
		var out []any
		for _, child := range v {
			out = append(out, plain(child))
		}
		slices.SortStableFunc(out, func(a, b any) int { return strings.Compare(nameOf(a), nameOf(b)) })
		return out
	case string:
		v = strings.TrimPrefix(v, namespace+":")
		return strings.ReplaceAll(v, "$(POD_NAMESPACE)", namespace)
	}
	return value
}

// nameOf returns the name of an element of a list, whose order means nothing then; "" if it has none.
func nameOf(element any) string {
	name, _ := at(element, "name").(string)
	return name
}

// isPodNamespace reports whether a field is the container's environment, from which kustomize's flag takes the namespace.
func isPodNamespace(key string, value any) bool {
	return key == "env" && strings.Contains(fmt.Sprint(value), "POD_NAMESPACE")
}

// The alerts name metrics that corsd has, and docs/operations.md lists them.
func TestAlertsNameMetrics(t *testing.T) {
	page := read(t, "docs/operations.md")
	known := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(corsd_\\w+)` \\|").FindAllStringSubmatch(page, -1) {
		known[row[1]] = true
	}
	named := regexp.MustCompile(`corsd_\w+`).FindAllString(read(t, "deploy/helm/corsd/files/alerts.yaml"), -1)
	if len(named) < 8 {
		t.Fatalf("the alerts name %q", named)
	}
	for _, name := range named {
		if !known[name] {
			t.Errorf("an alert names %s, which docs/operations.md does not list", name)
		}
	}
}

// One release has one version everywhere.
func TestVersionsAgree(t *testing.T) {
	want := load(t, read(t, "deploy/helm/corsd/Chart.yaml"))["appVersion"]
	for _, name := range []string{"corsd", "corsd-crds"} {
		chart := load(t, read(t, "deploy/helm", name, "Chart.yaml"))
		if chart["version"] != want || chart["appVersion"] != want {
			t.Errorf("%s has version %v of %v, want %v", name, chart["version"], chart["appVersion"], want)
		}
	}
	image := load(t, read(t, "deploy/k8s/kustomization.yaml"))["images"].([]any)[0].(map[string]any)
	if image["newTag"] != want {
		t.Errorf("deploy/k8s has the image of version %v, the charts %v", image["newTag"], want)
	}
	values := load(t, read(t, "deploy/helm/corsd/values.yaml"))["image"].(map[string]any)
	if image["name"] != values["repository"] {
		t.Errorf("deploy/k8s has the image %v, the chart %v", image["name"], values["repository"])
	}
}

// The patch of the sidecar, applied as docs/install.md does it with kustomize, leaves the gateway as it is and adds
// corsd to its pods. The result is valid.
func TestSidecarIsPatchedIn(t *testing.T) {
	const gateway = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: gateway, namespace: gateway }
spec:
  selector: { matchLabels: { app: gateway } }
  template:
    metadata: { labels: { app: gateway } }
    spec:
      initContainers:
      - name: setup
        image: setup
      containers:
      - name: envoy
        image: envoy
        volumeMounts:
        - name: certs
          mountPath: /certs
      volumes:
      - name: certs
        emptyDir: {}
`
	for _, row := range []struct {
		values            string
		mounts, container []string
	}{
		{"shape: sidecar\n" + shop, []string{"/certs"}, []string{"corsd-policy", "corsd-snapshot"}},
		{
			"shape: sidecar\nsidecar: { socketInContainer: envoy, serviceAccount: gateway }",
			[]string{"/certs", "/run/corsd"},
			[]string{"corsd-snapshot", "corsd-socket", "corsd-token"},
		},
	} {
		patch := rendered(t, "corsd", row.values)["ConfigMap corsd-sidecar"]["data"].(map[string]any)["patch.yaml"].(string)
		files := filesys.MakeFsInMemory()
		for name, text := range map[string]string{
			"/gateway.yaml":       gateway,
			"/corsd-sidecar.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: gateway }\n" + patch,
			"/kustomization.yaml": "resources: [gateway.yaml]\n" +
				"patches: [{ path: corsd-sidecar.yaml, target: { kind: Deployment, name: gateway } }]\n",
		} {
			if err := files.WriteFile(name, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		all, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/")
		if err != nil {
			t.Fatal(err)
		}
		text, err := all.AsYaml()
		if err != nil {
			t.Fatal(err)
		}
		if err := schemas(t).Check(text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		pod := at(byName(t, string(text))["Deployment gateway"], "spec", "template", "spec")
		if got := field(at(pod, "initContainers"), "name"); !slices.Equal(got, []string{"corsd", "setup"}) {
			t.Errorf("initContainers %q", got)
		}
		if got := field(at(pod, "containers").([]any)[0].(map[string]any)["volumeMounts"], "mountPath"); !slices.Equal(got, row.mounts) {
			t.Errorf("Envoy's container has the mounts %q, want %q", got, row.mounts)
		}
		if got := field(at(pod, "volumes"), "name"); !slices.Equal(got, append([]string{"certs"}, row.container...)) {
			t.Errorf("volumes %q", got)
		}
	}
}

// field returns a field of the elements of a list, sorted.
func field(list any, name string) (all []string) {
	for _, v := range list.([]any) {
		all = append(all, fmt.Sprint(v.(map[string]any)[name]))
	}
	slices.Sort(all)
	return all
}

// Nothing in the chart names the namespace of a release, so two releases in two namespaces share no object.
func TestReleasesDoNotCollide(t *testing.T) {
	const values = "kubernetes: { allNamespaces: true, webhook: { enabled: true } }\n" +
		"tls: { enabled: true, certManager: { issuerRef: { name: internal } } }"
	here := rendered(t, "corsd", values)
	text, err := runHelm(t, values, "template", "corsd", chart("corsd"), "--namespace", "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	there := byName(t, text)
	for _, key := range slices.Sorted(maps.Keys(here)) {
		if other := there[key]; other != nil && at(here[key], "metadata", "namespace") == nil {
			t.Errorf("%s is of the cluster, and both releases have it", key)
		}
	}
}

// The chart of the definitions has copies of files of deploy/k8s, since a chart contains all that it reads.
func TestCopiesAreEqual(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "deploy/helm/corsd-crds/files/*/*.yaml"))
	if err != nil || len(paths) < 3 {
		t.Fatalf("copies %q, %v", paths, err)
	}
	originals, err := filepath.Glob(filepath.Join(root, "deploy/k8s/crds/corsd.dev_*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range originals {
		paths = append(paths, filepath.Join(root, "deploy/helm/corsd-crds/files/crds", filepath.Base(path)))
	}
	for _, path := range paths {
		folder, name := filepath.Base(filepath.Dir(path)), filepath.Base(path)
		copied := read(t, "deploy/helm/corsd-crds/files", folder, name)
		if diff := cmp.Diff(read(t, "deploy/k8s", folder, name), copied); diff != "" {
			t.Errorf("%s/%s is not that of deploy/k8s, `make generate` copies definitions (-deploy/k8s +copy):\n%s", folder, name, diff)
		}
	}
}
