package mesh

import (
	"context"
	"errors"
	"net"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/corsd/corsd/test/harness/process"
)

// Instance is one corsd of a mesh.
type Instance struct {
	*process.Process

	binary   string
	policies []string
	flags    []string
	socket   string
	admin    atomic.Pointer[string]
}

// Admin returns the address of the instance's probes and metrics, host:port.
func (i *Instance) Admin() string { return *i.admin.Load() }

// Start starts the instance, for the first time or again. It returns when the instance accepts connections.
func (i *Instance) Start(ctx context.Context) (err error) {
	// The drain is short: Envoy has been stopped before, or the test is about an Envoy that still runs.
	args := []string{"serve", "--listen", "unix:" + i.socket, "--admin", "127.0.0.1:0", "--drain", "100ms"}
	args = append(args, i.flags...)
	for _, path := range i.policies {
		args = append(args, "--policy", path)
	}
	i.Process, err = process.Start(context.WithoutCancel(ctx), i.binary, args...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return i.Await(ctx, func(context.Context) error {
		conn, err := net.Dial("unix", i.socket)
		if err != nil {
			return err
		}
		conn.Close()
		return i.locateAdmin()
	})
}

// Stop ends the instance. It does nothing if the instance was never started.
func (i *Instance) Stop(grace time.Duration) error {
	if i.Process == nil {
		return nil
	}
	return i.Process.Stop(grace)
}

var adminIsListening = regexp.MustCompile(`"admin is listening","address":"([^"]+)"`)

// locateAdmin sets the address that the kernel chose.
func (i *Instance) locateAdmin() error {
	match := adminIsListening.FindStringSubmatch(i.Output())
	if match == nil {
		return errors.New("corsd has not logged where its admin listens")
	}
	i.admin.Store(&match[1])
	return nil
}
