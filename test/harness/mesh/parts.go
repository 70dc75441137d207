package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/tools"
)

// Parts are the programs that tests of a mesh run.
type Parts struct {
	Root  string // the source tree
	Envoy envoy.Binary
	Corsd string // path of the binary

	// Module is the path of the dynamic module, and NoModule the reason why there is none.
	Module   string
	NoModule error

	// Lacking is the reason to skip the tests, nil if all programs are there.
	Lacking error
}

// FindParts finds an Envoy and builds corsd and its dynamic module into dir. With short it does nothing of this, and
// sets Lacking.
func FindParts(dir string, short bool) (p Parts, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if p.Root, err = Root(); err != nil {
		return p, err
	}
	if short {
		p.Lacking = errors.New("not with -short: needs a real Envoy")
		return p, nil
	}
	p.Envoy, err = envoy.Find(ctx, p.Root, os.Stderr)
	if errors.Is(err, envoy.ErrNoBinary) && !tools.Complete() {
		p.Lacking = err
		return p, nil
	}
	if err != nil {
		return p, err
	}
	if p.Corsd, err = Build(ctx, p.Root, dir, io.Discard); err != nil {
		return p, err
	}
	if p.Module, err = BuildModule(ctx, p.Root, dir); errors.Is(err, ErrNoCompiler) && !tools.Complete() {
		p.NoModule, err = err, nil
	}
	return p, err
}

// RunTests prepares a directory, runs the tests of a TestMain, and returns their exit status.
func RunTests(m interface{ Run() int }, prepare func(dir string) error) (status int) {
	dir, err := os.MkdirTemp("", "corsd-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := prepare(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
