package cli

import (
	"log/slog"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/corsd/corsd/internal/kube"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/server"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/internal/tlsfiles"
)

// kubernetesFlags are the flags of serve for policies that are resources.
type kubernetesFlags struct {
	on         bool
	kubeconfig string
	namespace  string
	selector   string
	hostGrants bool
	targets    bool
	webhook    string
}

func (f *kubernetesFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.on, "kubernetes", false,
		"read CORSPolicy, OriginSet and CORSDefaults resources from the API server")
	flags.StringVar(&f.kubeconfig, "kubeconfig", "",
		"reach the API server as `FILE` has it (default: as a container of a pod does)")
	flags.StringVar(&f.namespace, "kubernetes-namespace", "",
		"read only the resources of `NAMESPACE`, and no CORSDefaults (default: those of all namespaces)")
	flags.StringVar(&f.selector, "kubernetes-selector", "", "read only resources whose labels match `SELECTOR`")
	flags.BoolVar(&f.hostGrants, "kubernetes-host-grants", true,
		"if resources of all namespaces are read, let policies name only the hosts in the annotation "+
			"corsd.dev/hosts of their namespace")
	flags.BoolVar(&f.targets, "kubernetes-targets", false,
		"read Gateways, HTTPRoutes and GRPCRoutes too, which policies can name in targetRefs")
	flags.StringVar(&f.webhook, "webhook", "",
		"serve a validating webhook for these resources on `ADDR`, HOST:PORT, with the certificate of --tls-cert "+
			"(default: nowhere)")
}

// check refuses flags that do not go together, policy being --policy.
func (f *kubernetesFlags) check(policy []string, tls bool) error {
	switch {
	case f.on && len(policy) > 0:
		return usagef("--kubernetes and --policy are two sources of policies: write one of them")
	case !f.on && len(policy) == 0:
		return usagef("serve needs --policy PATH or --kubernetes")
	case !f.on && (f.kubeconfig != "" || f.namespace != "" || f.selector != "" || f.webhook != "" || f.targets):
		return usagef("--kubeconfig, --kubernetes-namespace, --kubernetes-selector, --kubernetes-targets and " +
			"--webhook need --kubernetes")
	case f.webhook != "" && !tls:
		return usagef("--webhook needs --tls-cert FILE and --tls-key FILE: an API server calls webhooks over TLS only")
	}
	if _, err := labels.Parse(f.selector); err != nil {
		return usagef("--kubernetes-selector %q: %v: write labels such as team=shop", f.selector, err)
	}
	return nil
}

func (f *kubernetesFlags) source(
	files *tlsfiles.Files, m *telemetry.Metrics, logger *slog.Logger,
) (reload.Source, server.Webhook, error) {
	config, err := kube.Connect(f.kubeconfig, "corsd/"+buildInfo().version)
	if err != nil {
		return nil, server.Webhook{}, err
	}
	reader, err := kube.NewReader(kube.Options{
		Config: config, Namespace: f.namespace, Selector: f.selector, HostGrants: f.hostGrants, Targets: f.targets,
		Metrics: m, Logger: logger,
	})
	if err != nil || f.webhook == "" {
		return reader, server.Webhook{}, err
	}
	return reader, server.Webhook{Listen: f.webhook, TLS: files.OpenConfig(), Handler: reader.Webhook()}, nil
}
