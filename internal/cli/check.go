package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
)

// The values of --format.
const (
	formatText = "text"
	formatJSON = "json"
)

func newCheck(std Stdio) *cobra.Command {
	var strict bool
	var format string
	cmd := &cobra.Command{
		Use:   "check PATH...",
		Short: "Report everything that is wrong with policy files",
		Long: `check reads files and directories exactly as serve does. It prints every fault
and warning with its position and a fix. It exits with 1 if serve would refuse
the policy.`,
		Example: `  corsd check policy.yaml
  corsd check --strict --format json policy/ origins/`,
		RunE: func(_ *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				return usagef("check needs a PATH: a policy file, or a directory of them")
			}
			if err := nonEmpty("PATH", "a policy file, or a directory of them", paths); err != nil {
				return err
			}
			return check(std, paths, strict, format)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "treat warnings as faults")
	formatFlag(cmd, &format, formatText, formatJSON)
	return cmd
}

func formatFlag(cmd *cobra.Command, format *string, values ...string) {
	cmd.Flags().StringVar(format, "format", values[0], "output format: "+strings.Join(values, " or "))
	// It cannot fail: the flag was registered above.
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if slices.Contains(values, *format) {
			return nil
		}
		return usagef("--format %s: write %s", *format, strings.Join(values, " or "))
	}
}

func check(std Stdio, paths []string, strict bool, format string) error {
	report := reload.Load(paths, policy.At(time.Now()))
	if strict {
		report = report.Strict()
	}
	write := report.WriteText
	if format == formatJSON {
		write = report.WriteJSON
	}
	if err := write(std.Out); err != nil {
		return err
	}
	if report.Err() != nil {
		return errPolicy
	}
	if format == formatText {
		_, err := fmt.Fprintf(std.Out, "ok: %s\n", report.Engine.Summary())
		return err
	}
	return nil
}
