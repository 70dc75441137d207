package deploy_test

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/corsd/corsd/internal/reload"
)

// manifests is the kustomize base.
const manifests = "deploy/k8s"

// stopTimeout is how long corsd waits, after --drain, for streams that are under
// way: the constant of that name in internal/server.
const stopTimeout = 30 * time.Second

func TestRequiredSettings(t *testing.T) {
	base := render(t, filesys.MakeFsOnDisk(), root+manifests)
	const pod, container = "spec.template.spec.", "spec.template.spec.containers.0."
	for _, row := range []struct {
		why, kind, path string
		want            any
	}{
		{"one corsd may be gone", "Deployment", "spec.replicas", 2},
		{"no pod goes before a new one is there", "Deployment", "spec.strategy.rollingUpdate.maxUnavailable", 0},
		{"one pod stays when nodes are drained", "PodDisruptionBudget", "spec.minAvailable", 1},
		{"the pods are put on two nodes", "Deployment", pod + "topologySpreadConstraints.0.topologyKey", "kubernetes.io/hostname"},
		{"Envoy knows each pod", "Service", "spec.clusterIP", "None"},
		{"the protocol is HTTP/2 without TLS", "Service", "spec.ports.0.appProtocol", "kubernetes.io/h2c"},
		{"Istio reads it from the name", "Service", "spec.ports.0.name", "grpc-extproc"},
		{"corsd has no business with the API server", "ServiceAccount", "automountServiceAccountToken", false},
		{"nor have its pods", "Deployment", pod + "automountServiceAccountToken", false},
		{"corsd calls nobody", "NetworkPolicy", "spec.egress", []any{}},
		{"which has to be said by type", "NetworkPolicy", "spec.policyTypes", []any{"Ingress", "Egress"}},

		// The Pod Security Standard "restricted", all of it that is not forbidden fields.
		{"restricted: no root", "Deployment", pod + "securityContext.runAsNonRoot", true},
		{"restricted: system calls are filtered", "Deployment", pod + "securityContext.seccompProfile.type", "RuntimeDefault"},
		{"restricted: no set-uid", "Deployment", container + "securityContext.allowPrivilegeEscalation", false},
		{"restricted: no capabilities", "Deployment", container + "securityContext.capabilities", map[string]any{"drop": []any{"ALL"}}},

		{"the image's user", "Deployment", pod + "securityContext.runAsUser", 65532},
		{"nothing is written", "Deployment", container + "securityContext.readOnlyRootFilesystem", true},
		{"a flag is never set by the name of a Service", "Deployment", pod + "enableServiceLinks", false},
		{"corsd is never throttled", "Deployment", container + "resources.limits.cpu", nil},
	} {
		t.Run(row.why, func(t *testing.T) {
			if diff := cmp.Diff(row.want, base.at(t, row.kind, row.path)); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", row.kind, row.path, diff)
			}
		})
	}
	for _, path := range []string{"requests.cpu", "requests.memory", "limits.memory"} {
		if base.at(t, "Deployment", container+"resources."+path) == nil {
			t.Errorf("resources.%s is not set", path)
		}
	}
}

func TestNoFieldThatRestrictedForbids(t *testing.T) {
	pod := render(t, filesys.MakeFsOnDisk(), root+manifests).at(t, "Deployment", "spec.template.spec").(map[string]any)
	for _, field := range []string{"hostNetwork", "hostPID", "hostIPC", "initContainers", "ephemeralContainers"} {
		if _, ok := pod[field]; ok {
			t.Errorf("the pod has %s", field)
		}
	}
	for _, volume := range pod["volumes"].([]any) {
		v := volume.(map[string]any)
		if v["configMap"] == nil && v["emptyDir"] == nil {
			t.Errorf("volume %v is neither a ConfigMap nor an emptyDir", volume)
		}
	}
}

// The snapshot is in a volume that the container may write, which ends with the pod.
func TestSnapshotIsInAnEmptyDir(t *testing.T) {
	base := render(t, filesys.MakeFsOnDisk(), root+manifests)
	mount := base.at(t, "Deployment", "spec.template.spec.containers.0.volumeMounts.1").(map[string]any)
	volume := base.at(t, "Deployment", "spec.template.spec.volumes.1").(map[string]any)
	if dir := path.Dir(base.flags(t).snapshot); mount["mountPath"] != dir || mount["readOnly"] != nil || mount["name"] != volume["name"] {
		t.Errorf("--snapshot is in %s, but mounted is %v", dir, mount)
	}
	if limit := base.at(t, "Deployment", "spec.template.spec.volumes.1.emptyDir.sizeLimit"); limit != "64Mi" {
		t.Errorf("the volume of the snapshot has the limit %v", limit)
	}
}

func TestGracePeriodCoversTheStop(t *testing.T) {
	base := render(t, filesys.MakeFsOnDisk(), root+manifests)
	flags := base.flags(t)
	drain, err := time.ParseDuration(flags.drain)
	if err != nil {
		t.Fatal(err)
	}
	grace := time.Duration(base.at(t, "Deployment", "spec.template.spec.terminationGracePeriodSeconds").(int)) * time.Second
	if grace < drain+stopTimeout {
		t.Errorf("pods are killed after %v, while corsd takes up to %v + %v to stop", grace, drain, stopTimeout)
	}
}

// Envoy has to know a new pod before an old one goes.
func TestRolloutWaitsForDNS(t *testing.T) {
	const cached, refreshed = 30, 5 // seconds: CoreDNS as Kubernetes installs it, and Envoy's STRICT_DNS
	if got := render(t, filesys.MakeFsOnDisk(), root+manifests).at(t, "Deployment", "spec.minReadySeconds"); got == nil || got.(int) < cached+refreshed {
		t.Errorf("minReadySeconds is %v, but Envoy may take %d s to learn of a pod", got, cached+refreshed)
	}
}

// One port has to be named in five places.
func TestPortsAgree(t *testing.T) {
	base := render(t, filesys.MakeFsOnDisk(), root+manifests)
	flags := base.flags(t)
	grpc, admin := port(t, flags.listen), port(t, flags.admin)
	const container = "spec.template.spec.containers.0."
	named := map[string]int{}
	for _, p := range base.at(t, "Deployment", container+"ports").([]any) {
		p := p.(map[string]any)
		named[p["name"].(string)] = p["containerPort"].(int)
	}
	if diff := cmp.Diff(map[string]int{"grpc": grpc, "admin": admin}, named); diff != "" {
		t.Errorf("the container's ports are not what corsd listens on (-want +got):\n%s", diff)
	}
	for _, row := range []struct {
		kind, path string
		want       any
	}{
		{"Deployment", container + "readinessProbe.grpc.port", grpc},
		{"Deployment", container + "livenessProbe.httpGet", map[string]any{"port": "admin", "path": "/livez"}},
		{"Deployment", "spec.template.metadata.annotations", map[string]any{
			"prometheus.io/scrape": "true", "prometheus.io/port": strconv.Itoa(admin), "prometheus.io/path": "/metrics",
		}},
		{"Service", "spec.ports.0.targetPort", "grpc"},
		{"Service", "spec.ports.0.port", grpc},
		{"NetworkPolicy", "spec.ingress", []any{
			allowed("corsd.dev/gateway", grpc),
			allowed("corsd.dev/monitoring", admin),
		}},
	} {
		if diff := cmp.Diff(row.want, base.at(t, row.kind, row.path)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", row.kind, row.path, diff)
		}
	}
}

// allowed is a rule that lets the pods of namespaces with a label connect to a port, and no others.
func allowed(label string, port int) map[string]any {
	return map[string]any{
		"from":  []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{label: "true"}}}},
		"ports": []any{map[string]any{"protocol": "TCP", "port": port}},
	}
}

func TestSelectorsTakeThePods(t *testing.T) {
	base := render(t, filesys.MakeFsOnDisk(), root+manifests)
	labels := base.at(t, "Deployment", "spec.template.metadata.labels")
	for kind, path := range map[string]string{
		"Deployment":          "spec.selector.matchLabels",
		"Service":             "spec.selector",
		"PodDisruptionBudget": "spec.selector.matchLabels",
		"NetworkPolicy":       "spec.podSelector.matchLabels",
	} {
		if diff := cmp.Diff(labels, base.at(t, kind, path)); diff != "" {
			t.Errorf("%s does not select the pods (-labels +selector):\n%s", kind, diff)
		}
	}
}

var pinned = regexp.MustCompile(`^[a-z0-9./-]+:\d+\.\d+\.\d+$`)

func TestImageIsPinned(t *testing.T) {
	image := render(t, filesys.MakeFsOnDisk(), root+manifests).at(t, "Deployment", "spec.template.spec.containers.0.image").(string)
	if !pinned.MatchString(image) {
		t.Errorf("image %s has no version", image)
	}
}

// The ConfigMap is mounted as a directory at the path of --policy. It contains a policy that corsd
// accepts without a warning.
func TestPolicyIsMountedAndTaken(t *testing.T) {
	base := render(t, filesys.MakeFsOnDisk(), root+manifests)
	const container = "spec.template.spec.containers.0."
	mount := base.at(t, "Deployment", container+"volumeMounts.0").(map[string]any)
	volume := base.at(t, "Deployment", "spec.template.spec.volumes.0").(map[string]any)
	if mount["mountPath"] != base.flags(t).policy || mount["subPath"] != nil || mount["name"] != volume["name"] {
		t.Errorf("--policy is %s, but mounted is %v", base.flags(t).policy, mount)
	}
	name := base.at(t, "ConfigMap", "metadata.name")
	if got := volume["configMap"].(map[string]any)["name"]; got != name || name != "corsd-policy" {
		t.Errorf("the ConfigMap is %v, the volume's %v, and both must be corsd-policy: an edit is no rollout", name, got)
	}
	for file, text := range base.at(t, "ConfigMap", "data").(map[string]any) {
		if err := reload.Parse(file, []byte(text.(string))).Strict().Err(); err != nil {
			t.Error(err)
		}
	}
}

// `corsd check -` reads the output of kustomize: the policy in the ConfigMap, among other manifests.
func TestRenderedManifestsAreChecked(t *testing.T) {
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), root+manifests)
	if err != nil {
		t.Fatal(err)
	}
	text, err := rendered.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	report := reload.LoadWithInput([]string{"-"}, bytes.NewReader(text)).Strict()
	if report.Err() != nil || !strings.HasPrefix(report.Engine.Summary(), "policies: 1,") {
		t.Errorf("faults %v", report.Err())
	}
	if report.Skipped["Deployment"] != 1 || report.Skipped["ConfigMap"] != 0 {
		t.Errorf("skipped %v", report.Skipped)
	}
}

// The overlay in the comment of kustomization.yaml has the effect that the comment describes.
func TestOverlayOfTheComment(t *testing.T) {
	files := filesys.MakeFsInMemory()
	paths, err := filepath.Glob(root + manifests + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file := filepath.Base(path)
		write(t, files, "/corsd/"+file, read(t, manifests+"/"+file))
	}
	write(t, files, "/mine/kustomization.yaml", indented(read(t, manifests+"/kustomization.yaml")))
	write(t, files, "/mine/policy.yaml", "# mine")

	mine := render(t, files, "/mine")
	for kind := range mine {
		if got := mine.at(t, kind, "metadata.namespace"); got != "gateway" {
			t.Errorf("%s is in namespace %v", kind, got)
		}
	}
	if got := mine.at(t, "Deployment", "spec.template.spec.containers.0.image"); got != "registry.example/platform/corsd:0.1.0" {
		t.Errorf("image: %v", got)
	}
	if diff := cmp.Diff(map[string]any{"policy.yaml": "# mine"}, mine.at(t, "ConfigMap", "data")); diff != "" {
		t.Errorf("ConfigMap (-want +got):\n%s", diff)
	}
	if got := mine.at(t, "ConfigMap", "metadata.name"); got != "corsd-policy" {
		t.Errorf("the ConfigMap is called %v: an edit would be a rollout", got)
	}
}

// indented is the block of a comment that stands four columns in.
func indented(text string) string {
	var block strings.Builder
	for line := range strings.Lines(text) {
		if code, ok := strings.CutPrefix(line, "#   "); ok {
			block.WriteString(code)
		}
	}
	return block.String()
}

// objects are rendered manifests by kind, of which there is one each.
type objects map[string]any

func render(t *testing.T, files filesys.FileSystem, dir string) objects {
	t.Helper()
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := objects{}
	for _, r := range rendered.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := yaml.Load(text, &object); err != nil {
			t.Fatal(err)
		}
		got[r.GetKind()] = object
	}
	if len(got) != rendered.Size() {
		t.Fatalf("%d objects of %d kinds", rendered.Size(), len(got))
	}
	return got
}

// at returns the value at a path of field names and indexes, nil if there is none.
func (o objects) at(t *testing.T, kind, path string) any {
	t.Helper()
	value, ok := o[kind]
	if !ok {
		t.Fatalf("there is no %s", kind)
	}
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// serve is how the container calls corsd.
type serve struct{ policy, snapshot, listen, admin, drain string }

func (o objects) flags(t *testing.T) serve {
	t.Helper()
	var args []string
	for _, arg := range o.at(t, "Deployment", "spec.template.spec.containers.0.args").([]any) {
		args = append(args, fmt.Sprint(arg))
	}
	if !slices.Equal(args[:1], []string{"serve"}) {
		t.Fatalf("the container runs corsd %v", args)
	}
	var s serve
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	flags.StringVar(&s.policy, "policy", "", "")
	flags.StringVar(&s.snapshot, "snapshot", "", "")
	flags.StringVar(&s.listen, "listen", "", "")
	flags.StringVar(&s.admin, "admin", "", "")
	flags.StringVar(&s.drain, "drain", "", "")
	if err := flags.Parse(args[1:]); err != nil {
		t.Fatal(err)
	}
	return s
}

func port(t *testing.T, address string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimPrefix(address, ":"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func write(t *testing.T, files filesys.FileSystem, path, text string) {
	t.Helper()
	if err := files.WriteFile(path, []byte(text)); err != nil {
		t.Fatal(err)
	}
}
