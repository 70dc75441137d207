package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/internal/refusals"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/server"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/internal/tlsfiles"
	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	policy      []string
	snapshot    string
	listen      []string
	admin       string
	adminHosts  []string
	drain       time.Duration
	logLevel    string
	reflection  bool
	rawSyscalls bool
	maxStreams  uint32
	socketMode  string
	tls         tlsFlags
	kubernetes  kubernetesFlags
}

func newServe(std Stdio) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve --policy PATH | --kubernetes [flags]",
		Short: "Answer Envoy's ext_proc and ext_authz calls",
		Long: `serve answers ext_proc and ext_authz calls by the policies in PATH. It reads them
again when they change, or on SIGHUP. A policy with faults changes nothing: the
last good one stays live. With --snapshot this holds for a start, too. On SIGTERM
it reports NOT_SERVING, continues to serve for --drain, and then waits for streams
under way.

With --kubernetes the policies are resources of a cluster. Each stands alone: one
with faults is replaced by its last good version, or else nobody is allowed at its
hosts. What became of a resource is in its status.

Every flag can be set in the environment: --max-streams is CORSD_MAX_STREAMS.
Lists are separated by commas. A flag takes precedence.`,
		Example: `  corsd serve --policy /etc/corsd --listen unix:/run/corsd/corsd.sock --admin 127.0.0.1:9092
  CORSD_POLICY=/etc/corsd CORSD_LISTEN=:9002 corsd serve`,
		Args:    noArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd.Flags(), std.Env) },
		RunE:    func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), std, &f) },
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *serveFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.policy, "policy", nil, "a policy file, or a directory of them (repeatable)")
	flags.StringVar(&f.snapshot, "snapshot", "",
		"keep the last good policy in `FILE`, and serve it if the policies have faults at the start (default: nowhere)")
	flags.StringArrayVar(&f.listen, "listen", []string{":9002"},
		"serve Envoy on `ADDR`, HOST:PORT or unix:PATH (repeatable); after it ,static=strip+vary is what all virtual "+
			"hosts that use it would send as corsd-static")
	flags.StringVar(&f.admin, "admin", "", "serve /livez, /readyz and /metrics on `ADDR` (default: nowhere)")
	flags.StringArrayVar(&f.adminHosts, "admin-host", nil,
		"a host `NAME` that --admin serves, in addition to localhost and IP addresses (repeatable)")
	flags.DurationVar(&f.drain, "drain", 5*time.Second,
		"how long to serve after SIGTERM: longer than Envoy's health check interval")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.BoolVar(&f.reflection, "reflection", false, "serve gRPC reflection")
	flags.BoolVar(&f.rawSyscalls, "raw-syscalls", true,
		"on Linux, read and write sockets by raw system calls, which saves CPU time; "+
			"false leaves it to Go's net package")
	flags.Uint32Var(&f.maxStreams, "max-streams", 0,
		"streams of all connections together; one lasts until the application answers (default: by the memory limit)")
	flags.StringVar(&f.socketMode, "socket-mode", "0660", "file mode of Unix sockets, octal")
	f.tls.register(flags)
	f.kubernetes.register(flags)
}

// fromEnvironment sets flags that were not given from CORSD_* variables.
func fromEnvironment(flags *pflag.FlagSet, env func(string) string) error {
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "CORSD_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := env(name)
		if f.Changed || value == "" || f.Name == "help" {
			return
		}
		values := []string{value}
		if _, isList := f.Value.(pflag.SliceValue); isList {
			values = splitList(value)
		}
		for _, v := range values {
			if err := flags.Set(f.Name, strings.TrimSpace(v)); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

// splitList splits a list at commas. The option of a listener follows a comma too, and stays with its address.
func splitList(text string) (values []string) {
	for v := range strings.SplitSeq(text, ",") {
		if last := len(values) - 1; last >= 0 && strings.HasPrefix(strings.TrimSpace(v), "static=") {
			values[last] += "," + strings.TrimSpace(v)
		} else {
			values = append(values, v)
		}
	}
	return values
}

// check refuses invalid values, and returns those that are parsed.
func (f *serveFlags) check() (slog.Level, fs.FileMode, error) {
	if err := cmp.Or(f.kubernetes.check(f.policy, f.tls.cert != ""),
		nonEmpty("--policy", "a path", f.policy), nonEmpty("--listen", "HOST:PORT or unix:PATH", f.listen),
		checkAdminHosts(f.adminHosts), checkSnapshot(f.snapshot, f.policy), f.tls.check()); err != nil {
		return 0, 0, err
	}
	if slices.Contains(f.policy, policyfile.StandardInput) {
		return 0, 0, usagef("serve --policy - is standard input, which cannot be read again: write a file or directory")
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return 0, 0, usagef("--log-level %s: write debug, info, warn or error", f.logLevel)
	}
	mode, err := strconv.ParseUint(f.socketMode, 8, 9)
	if err != nil {
		return 0, 0, usagef("--socket-mode %s: write an octal mode such as 0660", f.socketMode)
	}
	if f.drain < 0 {
		return 0, 0, usagef("--drain %s: write a duration that is not negative, such as 5s", f.drain)
	}
	return level, fs.FileMode(mode), nil
}

// nonEmpty refuses an empty value, which an unset shell variable leaves. It must not mean the
// working directory, or every interface.
func nonEmpty(flag, want string, values []string) error {
	for _, v := range values {
		if v == "" || v == "unix:" {
			return usagef("%s %q is empty: write %s", flag, v, want)
		}
	}
	return nil
}

// checkAdminHosts refuses names that can never be the host of a request.
func checkAdminHosts(names []string) error {
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, ":/* \t") {
			return usagef("--admin-host %q: write a host name without a port, such as corsd.monitoring.svc", name)
		}
	}
	return nil
}

// serve serves until ctx ends or a signal stops it.
func serve(ctx context.Context, std Stdio, f *serveFlags) error {
	level, mode, err := f.check()
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // the reader of the log may end, and corsd continues to serve
	m := telemetry.New(buildInfo().labels())
	logger, log := newLogger(std.Err, level, m.LogDropped)
	defer log.close(flushTimeout)
	files, tlsConfig, err := f.tls.open(m.TLSExpires, logger)
	if err != nil {
		return usageError{err}
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from here on it does not end the process
	defer signal.Stop(hangup)
	reloader, webhook, err := f.reloader(files, hangup, m, logger)
	if err != nil {
		return usageError{err}
	}
	if !reloader.Start() {
		return errPolicy
	}
	s, err := server.New(ctx, server.Options{
		Listen: f.listen, TLS: tlsConfig, SocketMode: mode, Admin: f.admin, AdminHosts: f.adminHosts,
		Webhook: webhook, Drain: f.drain,
		Reflection: f.reflection, RawSyscalls: f.rawSyscalls,
		MaxStreams: f.maxStreams, Memory: limits.Memory(os.DirFS("/")),
		Policies: reloader, Observers: []exchange.Observer{m, refusals.New(logger)},
		RefusedPeer: m.RefusedPeer, Logger: logger,
		MetricsPage: promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{Registry: m.Registry}),
	})
	if err != nil {
		return usageError{err}
	}
	return runUntilSignal(ctx, s, reloader.Run, files.Run)
}

// reloader returns what keeps the policies live, and the webhook that judges them.
func (f *serveFlags) reloader(
	files *tlsfiles.Files, hangup <-chan os.Signal, m *telemetry.Metrics, logger *slog.Logger,
) (*reload.Reloader, server.Webhook, error) {
	policies, webhook := reload.FromFiles(source.NewFiles(f.policy, logger)), server.Webhook{}
	if f.kubernetes.on {
		var err error
		if policies, webhook, err = f.kubernetes.source(files, m, logger); err != nil {
			return nil, webhook, err
		}
	}
	r := reload.New(policies, hangup, m, logger)
	if f.snapshot != "" {
		r.UseSnapshot(reload.Snapshot{Path: f.snapshot, Version: buildInfo().String(), From: f.policy})
	}
	return r, webhook, nil
}

// runUntilSignal serves until SIGTERM or SIGINT. Policies and certificates are followed until the server has stopped.
func runUntilSignal(ctx context.Context, s *server.Server, followers ...func(context.Context)) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	// A second signal ends the process at once. Some supervisors send each signal twice, so one that
	// comes within a second does not count.
	defer context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })()

	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	var following sync.WaitGroup
	for _, follow := range followers {
		following.Go(func() { follow(watching) })
	}
	err := s.Run(ctx)
	stopWatching()
	following.Wait()
	return err
}
