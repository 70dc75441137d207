// Demo runs corsd, a real Envoy and an application on this machine, asks what a
// browser would ask, and shows what comes back. Then it stays up, for you to ask.
//
// With --once it ends by itself, with status 1 if anything was not as it should be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/corsd/corsd/test/envoy"
	"github.com/corsd/corsd/test/mesh"
)

func main() {
	once := flag.Bool("once", false, "end after the last request, with status 1 if an answer was not as expected")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr, *once); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, progress io.Writer, once bool) (err error) {
	m, v, err := start(ctx, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Stop()) }()
	fmt.Fprintf(out, "Envoy %v is at http://%s, with corsd beside it; the application itself is at http://%s.\n"+
		"The configuration is deploy/envoy.yaml, the policy is deploy/demo/policy.yaml.\n", v, m.Envoy.Address, m.Shop)
	if err := show(ctx, out, m); err != nil || once {
		return err
	}
	fmt.Fprintln(out, "\nEverything stays up, for commands of your own. Change deploy/demo/policy.yaml, and corsd takes it at once.\n"+
		"Envoy's access log and what corsd says follow. Ctrl-C ends the demo.")
	return follow(ctx, out, m)
}

// follow writes what Envoy and corsd log, until ctx is done or one of them ends.
func follow(ctx context.Context, out io.Writer, m *mesh.Mesh) error {
	said := len(m.Corsd.Lines())
	for {
		for _, e := range m.NewEntries() {
			fmt.Fprintln(out, "Envoy:", e)
		}
		lines := m.Corsd.Lines()
		for _, l := range lines[said:] {
			fmt.Fprintln(out, "corsd:", l)
		}
		said = len(lines)
		select {
		case <-ctx.Done():
			return nil
		case <-m.Corsd.Exited():
			return fmt.Errorf("corsd ended\n%s", m.Logs())
		case <-m.Envoy.Exited():
			return fmt.Errorf("Envoy ended\n%s", m.Logs())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// start finds or builds all that is needed, and starts it.
func start(ctx context.Context, progress io.Writer) (*mesh.Mesh, envoy.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	root, err := mesh.Root()
	if err != nil {
		return nil, envoy.Version{}, err
	}
	binary, err := envoy.Find(ctx, root, progress)
	if err != nil {
		return nil, envoy.Version{}, err
	}
	config, err := envoy.LoadConfig(filepath.Join(root, "deploy", "envoy.yaml"))
	if err != nil {
		return nil, envoy.Version{}, err
	}
	dir, err := os.MkdirTemp("", "corsd-demo-")
	if err != nil {
		return nil, envoy.Version{}, err
	}
	defer os.RemoveAll(dir) // what runs needs its file no longer
	corsd, err := mesh.Build(ctx, root, dir, progress)
	if err != nil {
		return nil, envoy.Version{}, err
	}
	m, err := mesh.Start(ctx, mesh.Options{
		Envoy: binary, Config: config, Corsd: corsd, Policy: filepath.Join(root, "deploy", "demo", "policy.yaml"),
	})
	return m, binary.Version, err
}
