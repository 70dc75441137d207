// Package cli has the commands of corsd: serve, check, explain, envoy and version.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/grpclog"

	"github.com/corsd/corsd/internal/printable"
)

// Stdio is the environment of a command.
type Stdio struct {
	In  io.Reader
	Out io.Writer // results
	Err io.Writer // messages
	Env func(name string) string
}

// The exit statuses.
const (
	exitOK     = 0
	exitPolicy = 1 // policy error
	exitUsage  = 2 // usage error
)

// errPolicy ends a command that has reported what is wrong with the policy.
var errPolicy = errors.New("the policy has faults")

// usageError is an error in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Run runs one command line and returns its exit status.
func Run(ctx context.Context, args []string, std Stdio) int {
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
		const hint = "Run corsd --help, or corsd help COMMAND, for usage."
		writeLast(std.Err, fmt.Sprintf("corsd: %s\n%s\n", printable.Lines(err.Error()), hint))
		return exitUsage
	}
	writeLast(std.Err, fmt.Sprintf("corsd: %s\n", printable.Lines(err.Error())))
	return exitPolicy
}

// writeLast writes the message of a process that ends. It waits no longer than flushTimeout: nobody
// may be reading.
func writeLast(w io.Writer, text string) {
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

// SilenceGRPC turns off the log of grpc-go, unless its own variable is set. grpc-go writes to
// standard error directly, and a connection that logs an error would wait until someone reads it.
// It must be called before anything else.
func SilenceGRPC(env func(name string) string) {
	if env("GRPC_GO_LOG_SEVERITY_LEVEL") == "" {
		grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	}
}
