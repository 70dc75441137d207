package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/corsd/corsd/internal/limits"
	"github.com/corsd/corsd/internal/telemetry"
)

// serveFlags is the call of serve.
type serveFlags struct {
	policy     []string
	listen     []string
	admin      string
	adminHosts []string
	drain      time.Duration
	logLevel   string
	reflection bool
	maxStreams uint32
	socketMode string
}

func newServe(std stdio) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve --policy PATH [flags]",
		Short: "Answer Envoy's ext_proc and ext_authz calls",
		Long: `serve answers ext_proc and ext_authz calls by the policies that PATH names, and
reads them again when they change, or on SIGHUP. A policy that is refused
changes nothing: the last good one stays live. On SIGTERM it reports NOT_SERVING,
goes on serving for --drain, and then lets streams under way end.

Every flag can be given in the environment: --max-streams is CORSD_MAX_STREAMS,
lists are separated by commas, and a flag wins.`,
		Example: `  corsd serve --policy /etc/corsd --listen unix:/run/corsd/corsd.sock --admin 127.0.0.1:9092
  CORSD_POLICY=/etc/corsd CORSD_LISTEN=:9002 corsd serve`,
		Args:    noArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd.Flags(), std.env) },
		RunE:    func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), std, &f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.policy, "policy", nil, "a policy file, or a directory of them (repeat for more)")
	flags.StringArrayVar(&f.listen, "listen", []string{":9002"}, "where Envoy connects: `ADDR`, HOST:PORT or unix:PATH (repeat for more)")
	flags.StringVar(&f.admin, "admin", "", "serve /livez, /readyz and /metrics on `ADDR` (default: nowhere)")
	flags.StringArrayVar(&f.adminHosts, "admin-host", nil, "a host `NAME` by which --admin may be asked, beside localhost and IP addresses (repeat for more)")
	flags.DurationVar(&f.drain, "drain", 5*time.Second, "how long to serve on after SIGTERM: longer than Envoy's health check interval")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	flags.BoolVar(&f.reflection, "reflection", false, "serve gRPC reflection")
	flags.Uint32Var(&f.maxStreams, "max-streams", 0, "streams of all connections together; one lasts as long as the application takes to answer (default: what the memory limit has room for)")
	flags.StringVar(&f.socketMode, "socket-mode", "0660", "file mode of unix sockets, octal")
	return cmd
}

// fromEnvironment sets the flags that were not given from CORSD_… variables.
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
			values = strings.Split(value, ",")
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

// serve runs until ctx ends or a signal says so.
func serve(ctx context.Context, std stdio, f *serveFlags) error {
	level, mode, err := f.check()
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGPIPE) // whoever reads the log may go; serving goes on
	m := telemetry.New(buildInfo().metric())
	logger, log := newLogger(std.err, level, m.LogDropped)
	defer log.close(flushTimeout)
	l := newLive(f.policy, m, logger)
	signal.Notify(l.hangup, syscall.SIGHUP) // from here on it no longer ends the process
	defer signal.Stop(l.hangup)
	if !l.reload(causeStart) {
		return errPolicy
	}
	listeners, err := listenAll(ctx, f.listen, mode, logger)
	if err != nil {
		return usageError{err}
	}
	admin, err := newAdmin(ctx, f, l, m, logger)
	if err != nil {
		closeAll(listeners)
		return usageError{err}
	}
	bounds := newLimits(limits.Memory(os.DirFS("/")), f.maxStreams, m, logger)
	logger.Info("peers are bounded", "maxStreams", bounds.MaxStreams(), "maxConnections", bounds.MaxConns())
	g, err := newGRPC(l, m, logger, bounds, f.reflection)
	if err != nil {
		closeAll(listeners)
		return err
	}
	return runAll(ctx, f.drain, g, admin, l, listeners, logger)
}

// nonEmpty refuses a value that is empty: what an unset variable leaves must mean
// neither the working directory nor every interface.
func nonEmpty(flag, what string, values []string) error {
	for _, v := range values {
		if v == "" || v == "unix:" {
			return usagef("%s %q is empty: write %s", flag, v, what)
		}
	}
	return nil
}

// check returns what the flags mean.
func (f *serveFlags) check() (slog.Level, fs.FileMode, error) {
	if len(f.policy) == 0 {
		return 0, 0, usagef("serve needs --policy PATH")
	}
	if err := cmp.Or(nonEmpty("--policy", "a path", f.policy), nonEmpty("--listen", "HOST:PORT or unix:PATH", f.listen),
		checkAdminHosts(f.adminHosts)); err != nil {
		return 0, 0, err
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

// runAll serves until ctx ends, a signal comes or a listener fails, and then
// stops in order.
func runAll(ctx context.Context, drain time.Duration, g *grpcServer, admin *adminServer, l *live, listeners []net.Listener, logger *slog.Logger) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	for _, listener := range listeners {
		group.Go(func() error {
			if err := g.Serve(g.listener(listener)); !errors.Is(err, grpc.ErrServerStopped) { // before it began
				return err
			}
			return nil
		})
	}
	group.Go(admin.serve)
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return l.watch(watching) })
	group.Go(func() error {
		<-ctx.Done()
		// A second signal ends the process at once; what sends each one twice, as some
		// process supervisors do, means one.
		time.AfterFunc(time.Second, stop)
		l.stopping.Store(true)
		g.health.Shutdown()
		logger.Info("stopping", "drain", drain.String())
		g.stop(drain, logger)
		stopWatching()
		return admin.stop()
	})
	g.ready()
	return group.Wait()
}
