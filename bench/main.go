// Load measures corsd with a client that imitates Envoy, beside a server that decides nothing. It compares the results
// with their bounds.
//
// It prints the table, writes it with plots into docs/performance/, and exits with status 1 if a bound is missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/corsd/corsd/test/harness/mesh"
)

func main() {
	noopAt := flag.String("serve-noop", "", "serve as the no-op server at `ADDR`")
	quick := flag.Bool("quick", false, "fewer and shorter repetitions, and nothing is written")
	throughEnvoy := flag.Bool("envoy", false, "measure through a real Envoy")
	only := flag.String("run", "", "only the rows whose name matches `REGEXP`; nothing is written")
	flag.Parse()
	if err := run(*noopAt, *quick, *throughEnvoy, *only); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(noopAt string, quick, throughEnvoy bool, only string) error {
	if noopAt != "" {
		return serveNoop(noopAt)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	return measure(ctx, quick, throughEnvoy, only)
}

// pinnedVariable is set if this process has its own core. Its value is the path of corsd.
const pinnedVariable = "CORSD_LOAD_CORSD"

func measure(ctx context.Context, quick, throughEnvoy bool, only string) (err error) {
	root, err := mesh.Root()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "corsd-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	corsd := os.Getenv(pinnedVariable)
	if corsd == "" {
		if corsd, err = mesh.Build(ctx, root, dir, os.Stderr); err != nil {
			return err
		}
		if pinnable() {
			return again(ctx, corsd)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b := &bench{
		root: root, dir: dir, corsd: corsd, self: self,
		core: "0", pinned: os.Getenv(pinnedVariable) != "", quick: quick,
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	if throughEnvoy {
		b.core = "1"
		return b.gatewayRows(ctx)
	}
	return b.rows(ctx, only)
}

// pinnable reports whether the client and the server can each have a core.
func pinnable() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.GOOS == "linux" && runtime.NumCPU() >= 2
}

// again runs this program once more, on its own core.
func again(ctx context.Context, corsd string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", "1", self}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), pinnedVariable+"="+corsd)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // the program stops its servers
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("measuring: %w", err)
	}
	return nil
}

// bench is the state that all rows share.
type bench struct {
	root, dir, corsd, self string
	library                string // the dynamic module
	pinned, quick          bool
	core                   string // of the servers, if they are pinned

	started int
	running []*server

	gateways []*gateway
}

func (b *bench) stop() error {
	var errs []error
	for _, g := range b.gateways {
		errs = append(errs, g.envoy.Stop())
	}
	b.gateways = nil
	for _, s := range b.running {
		select {
		case <-s.process.Exited():
		default:
			errs = append(errs, s.stop())
		}
	}
	b.running = nil
	return errors.Join(errs...)
}

// policyDir returns the directory of the policy of a size.
func (b *bench) policyDir(s size) string {
	return filepath.Join(b.dir, fmt.Sprintf("policy-%d-%d", s.hosts, s.origins))
}

// policy writes a policy of a size and returns its directory.
func (b *bench) policy(s size) (string, error) {
	dir := b.policyDir(s)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return dir, s.write(dir)
}
