package lab

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"path/filepath"

	"github.com/corsd/corsd/test/envoy"
	"github.com/corsd/corsd/test/mesh"
)

// Options are what a lab is made of.
type Options struct {
	Root  string // the source tree
	Envoy envoy.Binary
	Corsd string // path of the binary

	// Profile and Transport say how browser, Envoy and corsd speak. The zero values
	// are TwoPhase and HTTP.
	Profile   Profile
	Transport Transport

	// Policy is the file of the lab's policies; default test/lab/policy.yaml of the
	// source tree. More is paths of further ones.
	Policy string
	More   []string
}

// Lab is a lab that runs.
type Lab struct {
	*mesh.Mesh
	Profile Profile

	// Policy is the file that the page follows.
	Policy string

	// The origins, such as http://www.shop.localhost:4711.
	Page, API, Bare, Stranger, Weather, BareWeather string

	record  *record
	servers *servers
	corsd   string
}

//go:embed additions.yaml
var additions []byte

// Start starts a lab and returns when Envoy knows that corsd is healthy. If that
// fails, or ctx ends before, nothing is left running.
func Start(ctx context.Context, o Options) (_ *Lab, err error) {
	o = o.withDefaults()
	config, err := configure(o)
	if err != nil {
		return nil, err
	}
	l := &Lab{Profile: o.Profile, Policy: o.Policy, record: newRecord(o.Profile), corsd: o.Corsd}
	if l.servers, err = serveAll(l); err != nil {
		return nil, err
	}
	l.Mesh, err = mesh.Start(ctx, mesh.Options{
		Envoy: o.Envoy, Config: config, Corsd: o.Corsd, Policy: o.Policy, More: o.More, Addresses: l.servers.addresses(),
	})
	if err != nil {
		return nil, errors.Join(err, l.servers.stop())
	}
	return l, l.name(o.Transport)
}

// Stop ends all that Start has started.
func (l *Lab) Stop() error { return errors.Join(l.Mesh.Stop(), l.servers.stop()) }

func (o Options) withDefaults() Options {
	if o.Profile == (Profile{}) {
		o.Profile = TwoPhase
	}
	if o.Transport == "" {
		o.Transport = HTTP
	}
	if o.Policy == "" {
		o.Policy = filepath.Join(o.Root, "test", "lab", "policy.yaml")
	}
	return o
}

// configure derives the lab's configuration from one of deploy/.
func configure(o Options) (*envoy.Config, error) {
	config, err := envoy.LoadConfig(filepath.Join(o.Root, "deploy", o.Profile.Config))
	if err != nil {
		return nil, err
	}
	if err := config.Add(additions); err != nil {
		return nil, err
	}
	if o.Transport == HTTP {
		return config, nil
	}
	certificate, key, err := selfSigned("*.shop.localhost", "*.evil.localhost", "weather.localhost", "bare-weather.localhost")
	if err != nil {
		return nil, err
	}
	return config, config.SetTLS(certificate, key, o.Transport.protocols()...)
}

// name gives the origins their port, which is Envoy's.
func (l *Lab) name(t Transport) error {
	_, port, err := net.SplitHostPort(l.Envoy.Address)
	if err != nil {
		return err
	}
	for name, origin := range map[string]*string{
		"www.shop": &l.Page, "api.shop": &l.API, "bare.shop": &l.Bare, "www.evil": &l.Stranger,
		"weather": &l.Weather, "bare-weather": &l.BareWeather,
	} {
		*origin = fmt.Sprintf("%s://%s.localhost:%s", t.scheme(), name, port)
	}
	return nil
}
