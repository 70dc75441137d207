package main

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

func newCheck(std stdio) *cobra.Command {
	var strict bool
	var format string
	cmd := &cobra.Command{
		Use:   "check PATH...",
		Short: "Say everything that is wrong with policy files",
		Long: `check reads files and directories exactly as serve does, and prints every fault
and warning with its place and what to write instead. It exits 1 where serve
would refuse the policy.`,
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
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings are faults")
	formatFlag(cmd, &format, formatText, formatJSON)
	return cmd
}

func formatFlag(cmd *cobra.Command, format *string, values ...string) {
	cmd.Flags().StringVar(format, "format", values[0], "how to print: "+strings.Join(values, " or "))
	// The names are right as they are registered here, so there is no error.
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if slices.Contains(values, *format) {
			return nil
		}
		return usagef("--format %s: write %s", *format, strings.Join(values, " or "))
	}
}

func check(std stdio, paths []string, strict bool, format string) error {
	report := reload.Load(paths, policy.At(time.Now()))
	if strict {
		report = report.Strict()
	}
	write := report.WriteText
	if format == formatJSON {
		write = report.WriteJSON
	}
	if err := write(std.out); err != nil {
		return err
	}
	if report.Err() != nil {
		return errPolicy
	}
	if format == formatText {
		_, err := fmt.Fprintf(std.out, "ok: %s\n", report.Engine.Summary())
		return err
	}
	return nil
}
