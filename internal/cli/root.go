package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsd/corsd/internal/suggest"
)

func newRoot(std Stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "corsd",
		Short: "One CORS policy for a whole Envoy mesh",
		Long: `corsd answers Envoy's ext_proc and ext_authz calls by one central CORS policy.

Exit status: 0 success, 1 policy error, 2 usage error.`,
		Example: `  corsd check policy/
  corsd explain --policy policy/ -H 'Origin: https://www.shop.example' https://api.shop.example/cart
  corsd envoy --policy policy/ > envoy.yaml
  corsd serve --policy policy/ --listen unix:/run/corsd/corsd.sock`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          subcommandOnly,
	}
	// cobra's own --version uses a template, which keeps the linker from removing a quarter of the
	// binary.
	showVersion := root.Flags().BoolP("version", "v", false, "version for corsd")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *showVersion {
			return printVersion(std)
		}
		return help(cmd, args)
	}
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	root.SetFlagErrorFunc(suggestFlag)
	root.SuggestionsMinimumDistance = 2
	root.AddCommand(newServe(std), newCheck(std), newExplain(std), newEnvoy(std), newVersion(std))
	configureBuiltins(root)
	return root
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// configureBuiltins makes cobra's own commands refuse unknown arguments, as ours do. By default
// they print help then, and exit with 0.
func configureBuiltins(root *cobra.Command) {
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

// knownCommand accepts the names of commands.
func knownCommand(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil {
		return usageError{err}
	}
	return subcommandOnly(found, rest)
}

// subcommandOnly refuses an unknown command, and suggests a similar one.
func subcommandOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		message += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("%s", message)
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s accepts no argument, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// suggestFlag adds a similar flag to the error of an unknown one.
func suggestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageError{err}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	slices.Sort(names)
	name := suggest.Nearest(unknown.GetSpecifiedName(), names)
	if name == "" {
		return usageError{err}
	}
	return usagef("%w; did you mean --%s?", err, name)
}
