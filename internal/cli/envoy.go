package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsd/corsd/internal/envoyconfig"
	"github.com/corsd/corsd/internal/envoypolicy"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The values of --profile.
const (
	profileRequestResponse = "request-response"
	profileLean            = "lean"
)

func newEnvoy(std Stdio) *cobra.Command {
	var paths []string
	var profile, cluster string
	cmd := &cobra.Command{
		Use:   "envoy --policy PATH [flags]",
		Short: "Write the Envoy configuration that policies need",
		Long: `envoy writes an Envoy configuration for policies: the filter corsd, its cluster,
and for each host a virtual host with all that corsd needs there. It is complete
but for the cluster your-application, and the routes to it.

The output depends on the policies and the flags alone.`,
		Example: `  corsd envoy --policy policy/ > envoy.yaml
  corsd envoy --policy policy/ --profile lean --cluster-address unix:/run/corsd/corsd.sock`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noArgs(cmd, args); err != nil {
				return err
			}
			if err := nonEmpty("--policy", "a path", paths); err != nil {
				return err
			}
			if len(paths) == 0 {
				return usagef("envoy needs --policy PATH")
			}
			if err := inputOnce(paths, ""); err != nil {
				return err
			}
			if profile != profileRequestResponse && profile != profileLean {
				return usagef("--profile %s: write %s or %s", profile, profileRequestResponse, profileLean)
			}
			return writeEnvoy(std, paths, envoypolicy.Options{Cluster: cluster, Lean: profile == profileLean})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&paths, "policy", nil, "a policy file, or a directory of them (repeatable)")
	flags.StringVar(&profile, "profile", profileRequestResponse,
		"how Envoy calls corsd: "+profileRequestResponse+" or "+profileLean)
	flags.StringVar(&cluster, "cluster-address", "corsd:9002", "where Envoy finds corsd, `HOST:PORT` or unix:PATH")
	// It cannot fail: the flag was registered above.
	_ = cmd.RegisterFlagCompletionFunc("profile", cobra.FixedCompletions(
		[]string{profileRequestResponse, profileLean}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func writeEnvoy(std Stdio, paths []string, o envoypolicy.Options) error {
	report := reload.LoadWithInput(paths, std.In, policy.At(time.Now()))
	if report.Err() != nil {
		if err := report.WriteText(std.Err); err != nil {
			return err
		}
		return errPolicy
	}
	err := envoypolicy.Write(std.Out, planOf(report), o)
	if address, ok := errors.AsType[envoypolicy.AddressError](err); ok {
		return usagef("--cluster-address %w", address)
	}
	return err
}

// planOf returns the plan of policies without faults.
func planOf(report *reload.Report) *plan.Plan {
	p, _ := plan.Resolve(report.Config(), plan.Options{})
	return p
}

func envoyFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "envoy", "", "compare the policies with an Envoy configuration in `FILE`")
}

// compareEnvoy adds the findings in an Envoy configuration to the report of policies without faults. No file
// means none.
func compareEnvoy(report *reload.Report, file string) *reload.Report {
	if file == "" || report.Err() != nil {
		return report
	}
	config, fault := envoyconfig.Read(file)
	if fault != nil {
		return report.With([]spec.Diagnostic{*fault}, nil)
	}
	return report.With(envoypolicy.Check(planOf(report), config))
}
