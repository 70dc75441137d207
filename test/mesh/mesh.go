// Package mesh runs an application, corsd and a real Envoy together, on free
// ports of this machine, from the files of deploy/.
package mesh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/corsd/corsd/test/app/upstream"
	"github.com/corsd/corsd/test/envoy"
	"github.com/corsd/corsd/test/process"
)

// Options are what a mesh is made of.
type Options struct {
	Envoy  envoy.Binary
	Config *envoy.Config // a configuration of deploy/, whose addresses Start replaces
	Corsd  string        // path of the binary
	Policy string        // path of the policies

	// More is paths of further policies.
	More []string

	// Addresses says where those servers are that the configuration calls beside
	// the applications and corsd, as [envoy.Config.Resolve] takes them.
	Addresses map[string]string
}

// Mesh is an application, corsd and Envoy.
type Mesh struct {
	Envoy *envoy.Envoy
	Corsd *process.Process

	// Shop and Weather are the addresses of the applications themselves, host:port.
	Shop, Weather string

	options  Options
	dir      string
	endShops context.CancelFunc
	taken    int // entries of the access log that have been returned
	admin    atomic.Pointer[string]
}

// Admin is the address of corsd's probes and metrics, host:port.
func (m *Mesh) Admin() string { return *m.admin.Load() }

// Start starts all three and returns when Envoy knows that corsd is healthy. If
// that fails, or ctx ends before, nothing is left running.
func Start(ctx context.Context, o Options) (_ *Mesh, err error) {
	dir, err := os.MkdirTemp("", "corsd-mesh-")
	if err != nil {
		return nil, err
	}
	m := &Mesh{options: o, dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%w\n%s", err, m.Logs()), m.Stop())
		}
	}()
	if err := m.startShops(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	if err := m.StartCorsd(ctx); err != nil {
		return nil, err
	}
	if err := m.startEnvoy(ctx); err != nil {
		return nil, err
	}
	return m, m.AwaitCorsd(ctx, 1)
}

// Stop ends all three and removes their files. The error says what did not end
// as it should.
func (m *Mesh) Stop() error {
	var errs []error
	if m.Envoy != nil {
		errs = append(errs, m.Envoy.Stop())
	}
	if m.Corsd != nil {
		errs = append(errs, m.Corsd.Stop(5*time.Second))
	}
	if m.endShops != nil {
		m.endShops()
	}
	return errors.Join(append(errs, os.RemoveAll(m.dir))...)
}

// Logs returns what Envoy and corsd have printed so far.
func (m *Mesh) Logs() string {
	var text string
	if m.Envoy != nil {
		text += "--- Envoy\n" + m.Envoy.Output()
	}
	if m.Corsd != nil {
		text += "--- corsd\n" + m.Corsd.Output()
	}
	return text
}

func (m *Mesh) startShops(ctx context.Context) (err error) {
	ctx, m.endShops = context.WithCancel(ctx)
	if m.Shop, err = serve(ctx, upstream.Shop()); err != nil {
		return err
	}
	m.Weather, err = serve(ctx, upstream.Weather())
	return err
}

func serve(ctx context.Context, h http.Handler) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = upstream.Serve(ctx, l, h) }() // without it, every request shows that it is gone
	return l.Addr().String(), nil
}

func (m *Mesh) socket() string { return filepath.Join(m.dir, "corsd.sock") }

// StartCorsd starts corsd, at first or again, and returns when it accepts connections.
func (m *Mesh) StartCorsd(ctx context.Context) (err error) {
	// A short drain: Envoy is stopped before, or is to see what happens.
	args := []string{"serve", "--listen", "unix:" + m.socket(), "--admin", "127.0.0.1:0", "--drain", "100ms"}
	for _, path := range append([]string{m.options.Policy}, m.options.More...) {
		args = append(args, "--policy", path)
	}
	m.Corsd, err = process.Start(context.WithoutCancel(ctx), m.options.Corsd, args...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return m.Corsd.Await(ctx, func(context.Context) error {
		conn, err := net.Dial("unix", m.socket())
		if err != nil {
			return err
		}
		conn.Close()
		return m.locateAdmin()
	})
}

var adminIsListening = regexp.MustCompile(`"admin is listening","address":"([^"]+)"`)

// locateAdmin learns the address that the kernel chose.
func (m *Mesh) locateAdmin() error {
	said := adminIsListening.FindStringSubmatch(m.Corsd.Output())
	if said == nil {
		return errors.New("corsd has not said where its admin listens")
	}
	m.admin.Store(&said[1])
	return nil
}

func (m *Mesh) startEnvoy(ctx context.Context) (err error) {
	addresses := map[string]string{"corsd:9002": "unix:" + m.socket(), "app:8080": m.Shop, "app:8081": m.Weather}
	maps.Copy(addresses, m.options.Addresses)
	if err := m.options.Config.Resolve(addresses); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	m.Envoy, err = m.options.Envoy.Start(ctx, m.options.Config, m.dir)
	return err
}

// AwaitCorsd waits until Envoy counts n healthy instances of corsd: 1 when it is
// up, 0 when Envoy has noticed that it is down.
func (m *Mesh) AwaitCorsd(ctx context.Context, n int) error {
	const gauge = "cluster.corsd.membership_healthy"
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return m.Envoy.Await(ctx, func(ctx context.Context) error {
		stats, err := m.Envoy.Stats(ctx, "^"+gauge+"$")
		if err == nil && stats[gauge] != n {
			err = fmt.Errorf("%s is %d, not %d", gauge, stats[gauge], n)
		}
		return err
	})
}
