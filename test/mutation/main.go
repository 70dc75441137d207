// Mutation makes mistakes in the engine and the adapter, one at a time, and runs
// the fast tests: each mistake must be caught by one. The source tree stays as it
// is: the compiler is given the changed file by an overlay.
//
// It ends with status 1 if a mistake is not caught, or can no longer be made
// because the text that it changes is gone.
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
	"regexp"
	"syscall"
	"time"

	"github.com/corsd/corsd/test/mesh"
)

func main() {
	only := flag.String("run", "", "an `expression`: only the mutations whose names match it")
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
	tests := tests{root: root, overlay: filepath.Join(dir, "overlay.json"), mutated: filepath.Join(dir, "mutated.go")}
	var chosen []mutation
	for _, m := range mutations {
		if matching.MatchString(m.name) {
			chosen = append(chosen, m)
		}
	}
	if err := tests.passUnchanged(ctx, chosen); err != nil {
		return err
	}
	return tryAll(ctx, out, &tests, chosen)
}

// tryAll tries mutations and says by what each was caught.
func tryAll(ctx context.Context, out io.Writer, t *tests, chosen []mutation) error {
	var errs []error
	began := time.Now()
	for _, m := range chosen {
		caught, err := t.try(ctx, m)
		switch {
		case err != nil:
			fmt.Fprintf(out, "FAILED    %s\n", m.name)
			errs = append(errs, fmt.Errorf("%s: %w", m.name, err))
		case caught == "":
			fmt.Fprintf(out, "SURVIVED  %s\n", m.name)
			errs = append(errs, fmt.Errorf("%s: no test of %v fails", m.name, m.packages))
		default:
			fmt.Fprintf(out, "caught    %-70s  %s\n", m.name, caught)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	fmt.Fprintf(out, "%d mutations in %.0f s\n", len(chosen), time.Since(began).Seconds())
	return errors.Join(errs...)
}
