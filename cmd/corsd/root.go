package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsd/corsd/internal/printable"
)

// stdio is what a command has of the world.
type stdio struct {
	in  io.Reader
	out io.Writer // results
	err io.Writer // messages
	env func(string) string
}

// The exit statuses.
const (
	exitOK     = 0
	exitPolicy = 1 // the policy is not well
	exitUsage  = 2 // the call is not
)

// errPolicy is the end of a command that has said what is wrong with the policy.
var errPolicy = errors.New("the policy has faults")

// usageError is a call that cannot be carried out as it was written.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run carries out one command line and gives its exit status.
func run(ctx context.Context, args []string, std stdio) int {
	root := newRoot(std)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errPolicy):
		return exitPolicy
	case errors.As(err, &usage):
		lastWords(std.err, fmt.Sprintf("corsd: %s\nRun corsd --help, or corsd help COMMAND, for what there is.\n", printable.Lines(err.Error())))
		return exitUsage
	}
	lastWords(std.err, fmt.Sprintf("corsd: %s\n", printable.Lines(err.Error())))
	return exitPolicy
}

// lastWords writes why the process ends. It does not wait longer than flushTimeout for
// someone to read it: nobody may.
func lastWords(w io.Writer, text string) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(w, text) // there is nowhere else to report an error
	}()
	select {
	case <-written:
	case <-time.After(flushTimeout):
	}
}

func newRoot(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "corsd",
		Short: "One CORS policy for a whole Envoy mesh",
		Long: `corsd answers Envoy's ext_proc and ext_authz calls by one central CORS policy.

Exit status: 0 all is well, 1 the policy is not, 2 the call is not.`,
		Example: `  corsd check policy/
  corsd explain --policy policy/ -H 'Origin: https://www.shop.example' https://api.shop.example/cart
  corsd serve --policy policy/ --listen unix:/run/corsd/corsd.sock`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          subcommandOnly,
	}
	// Not cobra's own --version: its template would keep the linker from leaving out what is
	// never called, a quarter of the binary.
	asked := root.Flags().BoolP("version", "v", false, "version for corsd")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *asked {
			return printVersion(std)
		}
		return help(cmd, args)
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(suggestFlag)
	root.SuggestionsMinimumDistance = 2
	root.AddCommand(newServe(std), newCheck(std), newExplain(std), newVersion(std))
	adopt(root)
	return root
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// adopt makes cobra's own commands refuse what they do not know, as ours do. By
// themselves they print help then, and exit 0.
func adopt(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = knownCommand
		case "completion":
			cmd.Args, cmd.RunE, cmd.SuggestionsMinimumDistance = subcommandOnly, help, 2
			for _, shell := range cmd.Commands() {
				shell.Args = noArgs
			}
		}
	}
}

// knownCommand refuses to help with what is no command.
func knownCommand(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil {
		return usageError{err}
	}
	return subcommandOnly(found, rest)
}

// subcommandOnly refuses a word that is no command, and names the one that was meant.
func subcommandOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("there is no command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		message += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("%s", message)
}

// noArgs and atLeastOne are cobra's, as usage errors.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, and there is %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// suggestFlag names the flag that was meant.
func suggestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageError{err}
	}
	best := ""
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if name := unknown.GetSpecifiedName(); near(name, f.Name) {
			best = f.Name
		}
	})
	if best == "" {
		return usageError{err}
	}
	return usagef("%w; did you mean --%s?", err, best)
}

// near reports whether one word can be had from the other by up to two insertions,
// deletions or replacements.
func near(a, b string) bool {
	return distance(a, b, 2)
}

func distance(a, b string, budget int) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if len(a)+len(b) == 0 {
		return true
	}
	if budget == 0 {
		return false
	}
	return a != "" && distance(a[1:], b, budget-1) || b != "" && distance(a, b[1:], budget-1) ||
		a != "" && b != "" && distance(a[1:], b[1:], budget-1)
}
