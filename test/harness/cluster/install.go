// Package cluster runs the API server of Kubernetes without a cluster: etcd and kube-apiserver on loopback, with RBAC.
// There is no controller manager, scheduler or kubelet, so nothing of what the API server stores is carried out.
//
// The package does not depend on CORS or corsd.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/corsd/corsd/test/harness/tools"
)

// Binaries are the paths of the programs.
type Binaries struct{ APIServer, Kubectl, Etcd string }

// server is the module and the package of etcd.
const server = "go.etcd.io/etcd/server/v3"

// Find returns the programs of the versions that tools.mk in root pins. If some are missing, Find builds them under
// root/.tools, and reports that on log. It takes some fifteen minutes of a processor, once.
func Find(ctx context.Context, root string, log io.Writer) (Binaries, error) {
	if runtime.GOOS == "windows" {
		return Binaries{}, errors.New("kube-apiserver and etcd are not run on Windows")
	}
	kubernetes, err := tools.Pinned(root, "KUBERNETES_VERSION")
	if err != nil {
		return Binaries{}, err
	}
	etcd, err := tools.Pinned(root, "ETCD_VERSION")
	if err != nil {
		return Binaries{}, err
	}
	var b Binaries
	for _, p := range []struct {
		path    *string
		name    string
		program tools.Program
	}{
		{&b.Etcd, "etcd", tools.Program{Module: server, Version: etcd, Package: server, LDFlags: "-s -w"}},
		{&b.Kubectl, "kubectl", kubernetesProgram("kubectl", kubernetes)},
		{&b.APIServer, "kube-apiserver", kubernetesProgram("kube-apiserver", kubernetes)},
	} {
		if *p.path, err = install(ctx, root, p.name, p.program, log); err != nil {
			return Binaries{}, fmt.Errorf("build %s %s: %w", p.name, p.program.Version, err)
		}
	}
	return b, nil
}

// kubernetesProgram is a program of k8s.io/kubernetes, whose parts are published as modules of version v0.MINOR.PATCH.
// It reports its version as a release does: kubectl compares it with the server's.
func kubernetesProgram(name, version string) tools.Program {
	minor, _, _ := strings.Cut(strings.TrimPrefix(version, "v1."), ".")
	flags := "-s -w"
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags += fmt.Sprintf(" -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=%[3]s",
			pkg, version, minor)
	}
	return tools.Program{
		Module: "k8s.io/kubernetes", Version: version, Package: "k8s.io/kubernetes/cmd/" + name,
		Parts: "v0." + strings.TrimPrefix(version, "v1."), LDFlags: flags,
	}
}

// install returns the path of a program, and builds it if it is missing.
func install(ctx context.Context, root, name string, program tools.Program, log io.Writer) (string, error) {
	dir, err := tools.Tool{
		Name: name + "-" + program.Version,
		Whole: func(dir string) bool {
			info, err := os.Stat(filepath.Join(dir, name))
			return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
		},
		Fill: func(ctx context.Context, dir string) error { return program.Build(ctx, filepath.Join(dir, name)) },
		Filling: func(dir string) {
			fmt.Fprintf(log, "building %s %s into %s (once)\n", name, program.Version, dir)
		},
	}.Install(ctx, root)
	return filepath.Join(dir, name), err
}
