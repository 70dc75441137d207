package modulehost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/refusals"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/pkg/dynmodule"
	"github.com/corsd/corsd/pkg/policy"
)

// Host has the policies of all filters of a process. Make one with [New]. It is safe for concurrent use.
type Host struct {
	logger  *slog.Logger
	version string

	mu     sync.Mutex
	open   map[string]*Policies  // by source
	admins map[string]*adminPort // by address
}

// New returns a host without policies. Version is that of the program, for snapshots.
func New(logger *slog.Logger, version string) *Host {
	return &Host{logger: logger, version: version, open: map[string]*Policies{}, admins: map[string]*adminPort{}}
}

// Policies are the live policies of a source, and the module that decides by them.
type Policies struct {
	*dynmodule.Module
	stats

	host     *Host
	reloader *reload.Reloader
	admin    string // the address of the probes, "" for none
	key      string
	users    int // filters; guarded by host.mu
	stop     func()
}

// Engine returns the live engine.
func (p *Policies) Engine() *policy.Engine { return p.reloader.Engine() }

// State returns the state of the policies.
func (p *Policies) State() reload.State { return p.reloader.State() }

// Open returns the policies of a source. Filters with the same source share them: all workers and
// listeners decide by one engine, and a listener's update does not read the policies again. If they are
// not open already and have faults, these are logged and Open returns an error.
//
// With validates, Envoy only checks its configuration, and may do so beside one that runs: the policies are
// read, but not followed, and neither the snapshot nor the admin port is touched.
func (h *Host) Open(c Config, validates bool) (*Policies, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if validates {
		c.Snapshot, c.Admin = "", ""
	}
	key := strings.Join(append([]string{c.Snapshot, c.Admin}, c.Policy...), "\x00")
	p := h.open[key]
	if p == nil {
		var err error
		if p, err = h.start(c, validates); err != nil {
			return nil, err
		}
		p.host, p.key, p.admin = h, key, c.Admin
		if c.Admin != "" {
			if err := h.openAdmin(p); err != nil {
				p.stop()
				return nil, err
			}
		}
		h.open[key] = p
	}
	p.users++
	return p, nil
}

// Close ends one use of the policies. They are followed until the last.
func (p *Policies) Close() {
	p.host.mu.Lock()
	defer p.host.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	delete(p.host.open, p.key)
	p.host.closeAdmin(p)
	p.stop() // and does not wait: Envoy's main thread is here
}

func (h *Host) start(c Config, validates bool) (*Policies, error) {
	p := &Policies{}
	p.reloader = reload.New(reload.FromFiles(source.NewFiles(c.Policy, h.logger)), nil, &p.stats, h.logger)
	p.reloader.SpareMemory()
	if c.Snapshot != "" {
		p.reloader.UseSnapshot(reload.Snapshot{Path: c.Snapshot, Version: h.version, From: c.Policy})
	}
	if !p.reloader.Start() {
		return nil, fmt.Errorf("the policies in %s have faults, which are logged before this line",
			strings.Join(c.Policy, ", "))
	}
	module, err := dynmodule.New(dynmodule.Options{
		Engine: p.Engine, Logger: h.logger,
		Observers: []exchange.Observer{refusals.New(h.logger)},
	})
	if err != nil {
		return nil, errors.Join(errors.New("this is a mistake in corsd"), err)
	}
	p.Module = module
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	if !validates {
		go p.reloader.Run(ctx) // which contains panics
	}
	return p, nil
}
