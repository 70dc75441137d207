package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/corsd/corsd/internal/envoypolicy"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The values of --format.
const (
	formatText  = "text"
	formatJSON  = "json"
	formatSARIF = "sarif"
)

// checkFlags are the flags of check.
type checkFlags struct {
	strict []string
	format string
	at     string
	envoy  string
}

func newCheck(std Stdio) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check PATH...",
		Short: "Report everything that is wrong with policy files",
		Long: `check reads files and directories exactly as serve does. It prints every fault
and warning with its position and a fix. It exits with 1 if serve would refuse
the policy.

The PATH - is standard input: policies, or rendered manifests, of which those
that are not of corsd.dev are skipped.

With --envoy it also compares the policies with an Envoy configuration: a
bootstrap, route configuration or listener, or the output of the admin page
/config_dump. docs/envoy.md lists what it finds.`,
		Example: `  corsd check policy.yaml
  corsd check --strict --format json policy/ origins/
  kubectl kustomize . | corsd check -
  corsd check --envoy envoy.yaml policy/
  corsd check --format sarif policy/ > corsd.sarif`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				return usagef("check needs a PATH: a policy file, or a directory of them")
			}
			if err := nonEmpty("PATH", "a policy file, or a directory of them", paths); err != nil {
				return err
			}
			if err := inputOnce(paths, ""); err != nil {
				return err
			}
			if cmd.Flags().Changed("envoy") {
				if err := nonEmpty("--envoy", "a file", []string{f.envoy}); err != nil {
					return err
				}
			}
			return check(std, paths, &f)
		},
	}
	strictFlag(cmd, &f.strict)
	atFlag(cmd, &f.at)
	envoyFlag(cmd, &f.envoy)
	formatFlag(cmd, &f.format, formatText, formatJSON, formatSARIF)
	return cmd
}

// everyWarning is the value of --strict if it has none.
const everyWarning = "every warning"

func strictFlag(cmd *cobra.Command, codes *[]string) {
	cmd.Flags().StringSliceVar(codes, "strict", nil,
		"treat warnings as faults; --strict=`CODE,...` those with these codes")
	cmd.Flags().Lookup("strict").NoOptDefVal = everyWarning
}

// strictCodes returns the codes of --strict, nil for every warning.
func strictCodes(names []string) ([]spec.Code, error) {
	var codes []spec.Code
	for _, name := range names {
		if name == everyWarning {
			return nil, nil
		}
		if !slices.Contains(warningCodes(), spec.Code(name)) {
			return nil, usagef("--strict=%s: is not the code of a warning; %s", name, nearestCode(name))
		}
		codes = append(codes, spec.Code(name))
	}
	return codes, nil
}

func nearestCode(name string) string {
	var known []string
	for _, code := range warningCodes() {
		known = append(known, string(code))
	}
	if near := suggest.Nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "docs/policy.md and docs/envoy.md list them"
}

// warningCodes returns the codes of all warnings that check reports.
func warningCodes() []spec.Code {
	return slices.Concat(spec.WarningCodes(), envoypolicy.WarningCodes())
}

func formatFlag(cmd *cobra.Command, format *string, values ...string) {
	names := strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1]
	cmd.Flags().StringVar(format, "format", values[0], "output format: "+names)
	// It cannot fail: the flag was registered above.
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if slices.Contains(values, *format) {
			return nil
		}
		return usagef("--format %s: write %s", *format, names)
	}
}

func check(std Stdio, paths []string, f *checkFlags) error {
	at, err := momentOf(f.at)
	if err != nil {
		return err
	}
	codes, err := strictCodes(f.strict)
	if err != nil {
		return err
	}
	report := compareEnvoy(reload.LoadWithInput(paths, std.In, policy.At(at)), f.envoy)
	if f.strict != nil {
		report = report.Strict(codes...)
	}
	write := report.WriteText
	switch f.format {
	case formatJSON:
		write = report.WriteJSON
	case formatSARIF:
		write = func(w io.Writer) error { return writeSARIF(w, report) }
	}
	if err := cmp.Or(noteSkipped(std.Err, report.Skipped), write(std.Out)); err != nil {
		return err
	}
	if report.Err() != nil {
		return errPolicy
	}
	if f.format == formatText {
		_, err := fmt.Fprintf(std.Out, "ok: %s\n", report.Engine.Summary())
		return err
	}
	return nil
}
