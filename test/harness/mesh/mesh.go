// Package mesh runs an application, corsd and a real Envoy together on free ports of this machine, with the files of
// deploy/.
package mesh

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/corsd/corsd/test/harness/app/upstream"
	"github.com/corsd/corsd/test/harness/envoy"
)

// Options are the parts of a mesh.
type Options struct {
	Envoy  envoy.Binary
	Config *envoy.Config // a configuration of deploy/, whose addresses Start replaces
	Corsd  string        // path of the binary
	Policy string        // path of the policies

	// Module is the path of the dynamic module. If it is set, corsd is in Envoy, and no instance runs.
	Module string

	// More has the paths of further policies.
	More []string

	// Listen is the address of Envoy, host:port; "" means a free port of this machine.
	Listen string

	// Instances is the number of corsd instances in the cluster; 0 means 1.
	Instances int

	// Flags are further flags of corsd.
	Flags []string

	// Addresses has the addresses of further servers that the configuration calls, as for [envoy.Config.Resolve].
	Addresses map[string]string
}

// Mesh is an application, corsd and Envoy.
type Mesh struct {
	Envoy *envoy.Envoy

	// Instances are all instances of corsd, and Corsd is the first of them. There are none with a module.
	Instances []*Instance
	Corsd     *Instance

	// Shop and Weather are the addresses of the applications themselves, host:port.
	Shop, Weather string

	options  Options
	probes   string // the address of those of the module
	dir      string
	endShops context.CancelFunc
	returned int // entries of the access log that have been returned
}

// Admin returns the address of the probes of the first corsd, or of the module, host:port.
func (m *Mesh) Admin() string {
	if m.Corsd == nil {
		return m.probes
	}
	return m.Corsd.Admin()
}

// Start starts all three programs, and returns when Envoy has seen that corsd is healthy. If that fails,
// or ctx ends before, Start ends the programs that it has started.
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
	if o.Module != "" {
		return m, m.startWithModule(ctx)
	}
	if err := m.startInstances(ctx); err != nil {
		return nil, err
	}
	addresses := map[string]string{"corsd:9002": "unix:" + m.Corsd.socket}
	if err := m.startEnvoy(ctx, addresses); err != nil {
		return nil, err
	}
	return m, m.AwaitCorsd(ctx, len(m.Instances))
}

// startWithModule starts Envoy with the module.
func (m *Mesh) startWithModule(ctx context.Context) error {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	m.probes = free.Addr().String()
	filter, err := json.Marshal(map[string]any{
		"policy": append([]string{m.options.Policy}, m.options.More...), "admin": m.probes,
	})
	if err := errors.Join(err, free.Close()); err != nil {
		return err
	}
	if err := m.options.Config.SetModule(m.options.Module, string(filter)); err != nil {
		return err
	}
	return m.startEnvoy(ctx, map[string]string{})
}

// Stop ends all three programs and removes their files. It returns an error for each that did not end normally.
func (m *Mesh) Stop() error {
	var errs []error
	if m.Envoy != nil {
		errs = append(errs, m.Envoy.Stop())
	}
	for _, i := range m.Instances {
		errs = append(errs, i.Stop(5*time.Second))
	}
	if m.endShops != nil {
		m.endShops()
	}
	return errors.Join(append(errs, os.RemoveAll(m.dir))...)
}

// Logs returns the output of Envoy and corsd so far.
func (m *Mesh) Logs() string {
	var text string
	if m.Envoy != nil {
		text += "--- Envoy\n" + m.Envoy.Output()
	}
	for _, i := range m.Instances {
		text += "--- corsd\n" + i.Output()
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
	go func() { _ = upstream.Serve(ctx, l, h) }() // if it fails, so does every request of the test
	return l.Addr().String(), nil
}

// StartCorsd starts the first instance of corsd again.
func (m *Mesh) StartCorsd(ctx context.Context) error { return m.Corsd.Start(ctx) }

// startInstances starts every instance of corsd.
func (m *Mesh) startInstances(ctx context.Context) error {
	for i := range max(1, m.options.Instances) {
		instance := &Instance{
			binary:   m.options.Corsd,
			policies: append([]string{m.options.Policy}, m.options.More...),
			flags:    m.options.Flags,
			socket:   filepath.Join(m.dir, fmt.Sprintf("corsd-%d.sock", i)),
		}
		m.Instances = append(m.Instances, instance)
		if err := instance.Start(ctx); err != nil {
			return err
		}
	}
	m.Corsd = m.Instances[0]
	return nil
}

func (m *Mesh) startEnvoy(ctx context.Context, addresses map[string]string) (err error) {
	addresses["app:8080"], addresses["app:8081"] = m.Shop, m.Weather
	maps.Copy(addresses, m.options.Addresses)
	if err := m.options.Config.Resolve(addresses); err != nil {
		return err
	}
	for _, more := range m.Instances[min(1, len(m.Instances)):] {
		if err := m.options.Config.AddEndpoint("corsd", "unix:"+more.socket); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	m.Envoy, err = m.options.Envoy.StartAt(ctx, m.options.Config, m.dir, cmp.Or(m.options.Listen, "127.0.0.1:0"))
	return err
}

// AwaitCorsd waits until Envoy counts n healthy instances of corsd: 0 when Envoy has seen that all
// are down.
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
