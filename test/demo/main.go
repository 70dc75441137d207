// Demo runs corsd, a real Envoy and an application on this machine. It sends the requests of a browser and shows the
// responses. Then it keeps running for your own requests.
//
// With --once it exits after the last request, with status 1 if a response was not as expected.
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

	"github.com/corsd/corsd/test/demo/lab"
	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
)

func main() {
	once := flag.Bool("once", false, "exit after the last request, with status 1 if a response was not as expected")
	listen := flag.String("listen", "", "the `ADDRESS` of Envoy, host:port (default: a free port of this machine)")
	module := flag.Bool("module", false, "run corsd in Envoy, as a dynamic module, in place of a process beside it")
	flag.Parse()
	profile := lab.RequestResponse
	if *module {
		profile = lab.Module
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr, profile, *listen, *once); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, progress io.Writer, p lab.Profile, listen string, once bool) (err error) {
	dir, err := os.MkdirTemp("", "corsd-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, v, err := start(ctx, dir, p, listen, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Stop()) }()
	where := "beside it"
	if p.InEnvoy {
		where = "in it"
	}
	fmt.Fprintf(out, "Envoy %v is at http://%s, with corsd %s; the application itself is at http://%s.\n"+
		"The configuration is that of deploy/%s, the policy is deploy/demo/policy.yaml.\n",
		v, l.Envoy.Address, where, l.Shop, p.Config)
	if err := errors.Join(show(ctx, out, l.Mesh), checkLab(ctx, l)); err != nil || once {
		return err
	}
	fmt.Fprintf(out, "\nSee it in your browser: the CORS lab is at %s\n"+
		"There, what a page can and cannot do happens before your eyes, with corsd and without. Its policy is %s.\n",
		l.Origins.Page, l.Policy)
	fmt.Fprintln(out, "\nEverything keeps running for your own commands. "+
		"If you change deploy/demo/policy.yaml, corsd loads it at once.\n"+
		"The logs of Envoy and corsd follow. Ctrl-C ends the demo.")
	return follow(ctx, out, l)
}

// follow writes the logs of Envoy and corsd until ctx is done or one of them ends.
func follow(ctx context.Context, out io.Writer, l *lab.Lab) error {
	var shown int
	var ended <-chan struct{} // nil for corsd in Envoy, whose log has its lines
	if l.Corsd != nil {
		shown, ended = len(l.Corsd.Lines()), l.Corsd.Exited()
	}
	for {
		for _, e := range l.NewEntries() {
			if !ofPage(l, string(e)) {
				fmt.Fprintln(out, "Envoy:", e)
			}
		}
		if l.Corsd != nil {
			lines := l.Corsd.Lines()
			for _, line := range lines[shown:] {
				fmt.Fprintln(out, "corsd:", line)
			}
			shown = len(lines)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return fmt.Errorf("corsd ended\n%s", l.Logs())
		case <-l.Envoy.Exited():
			return fmt.Errorf("Envoy ended\n%s", l.Logs())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// start finds Envoy, builds corsd into dir, and starts the lab with Envoy at the address.
func start(
	ctx context.Context, dir string, p lab.Profile, listen string, progress io.Writer,
) (*lab.Lab, envoy.Version, error) {
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
	corsd, err := mesh.Build(ctx, root, dir, progress)
	if err != nil {
		return nil, envoy.Version{}, err
	}
	var module string
	if p.InEnvoy {
		fmt.Fprintln(progress, "building the dynamic module")
		if module, err = mesh.BuildModule(ctx, root, dir); err != nil {
			return nil, envoy.Version{}, err
		}
	}
	l, err := lab.Start(ctx, lab.Options{
		Root: root, Envoy: binary, Corsd: corsd, Module: module, Profile: p, Listen: listen,
		More: []string{filepath.Join(root, "deploy", "demo", "policy.yaml")},
	})
	return l, binary.Version, err
}
