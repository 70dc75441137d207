// Mutation makes mistakes in the engine and the adapter, one at a time, and runs the fast tests.
// One of them must catch each mistake. The source tree is not changed: the compiler reads the
// changed file from an overlay.
//
// Exit status: 0 all mistakes are caught, 1 a mistake is not caught or its text is not in the code any more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/corsd/corsd/test/harness/mesh"
)

func main() {
	only := flag.String("run", "", "run only the mutations whose names match this `expression`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *only); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, only string) error {
	matching, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	root, err := mesh.Root()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "corsd-mutation-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var chosen []mutation
	for _, m := range mutations {
		if matching.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	t := &tests{root: root, dir: dir}
	if err := t.passUnchanged(ctx, chosen); err != nil {
		return err
	}
	return tryAll(ctx, out, t, chosen)
}

// atOnce is the number of mutations that run in parallel: a link and a test mostly use one core each.
const atOnce = 2

// tryAll tries mutations and prints, in their order, the test that caught each.
func tryAll(ctx context.Context, out io.Writer, t *tests, chosen []mutation) error {
	began := time.Now()
	outcomes := make([]chan outcome, len(chosen))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range outcomes {
		outcomes[i] = make(chan outcome, 1)
	}
	go func() {
		for i, m := range chosen {
			group.Go(func() error { outcomes[i] <- t.try(ctx, m); return nil })
		}
	}()
	var errs []error
	for i, m := range chosen {
		o := <-outcomes[i]
		fmt.Fprintln(out, o.line(m))
		if err := o.fault(m); err != nil {
			errs = append(errs, err)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(out, "%d mutations in %.0f s\n", len(chosen), time.Since(began).Seconds())
	return errors.Join(errs...)
}

// outcome is the result of a mutation.
type outcome struct {
	test string // the test that failed, "" if none did
	err  error  // set if the mutation could not be tried
}

func (o outcome) line(m mutation) string {
	switch {
	case o.err != nil:
		return "FAILED    " + m.name
	case o.test == "":
		return "SURVIVED  " + m.name
	}
	return fmt.Sprintf("caught    %-70s  %s", m.name, o.test)
}

func (o outcome) fault(m mutation) error {
	switch {
	case o.err != nil:
		return fmt.Errorf("%s: %w", m.name, o.err)
	case o.test == "":
		return fmt.Errorf("%s: no test of %v fails", m.name, m.packages)
	}
	return nil
}
