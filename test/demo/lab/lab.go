package lab

import (
	"context"
	_ "embed"
	"errors"
	"net"
	"path/filepath"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
)

// Options are the parts and settings of a lab.
type Options struct {
	Root  string // the source tree
	Envoy envoy.Binary
	Corsd string // path of the binary

	// Module is the path of the dynamic module, for a profile that is in Envoy.
	Module string

	// Profile is the protocol between Envoy and corsd, Transport the one between browser and Envoy.
	// The zero values mean RequestResponse and HTTP.
	Profile   Profile
	Transport Transport

	// Listen is the address of Envoy, host:port; "" means a free port of this machine.
	Listen string

	// Certificate and Key, in PEM, are Envoy's for TLS. The default is a self-signed certificate
	// that is made for this lab.
	Certificate, Key string

	// Policy is the file of the lab's policies; default test/demo/lab/policy.yaml of the source
	// tree. More has the paths of further policies.
	Policy string
	More   []string
}

// Lab is a running lab.
type Lab struct {
	*mesh.Mesh
	Profile Profile

	// Policy is the file that the page follows.
	Policy string

	Origins Origins

	// Certificate is Envoy's, in PEM; "" without TLS.
	Certificate string

	root     string // the source tree
	binary   string // corsd
	record   *record
	follower *follower
	servers  *servers
	started  chan struct{} // closed when all fields above are set
}

// Origins are the lab's origins, such as http://www.shop.localhost:4711.
type Origins struct{ Page, API, Bare, Stranger, Weather, BareWeather string }

//go:embed additions.yaml
var additions []byte

// Start starts a lab and returns when Envoy knows that corsd is healthy. If that
// fails, or ctx ends before, nothing is left running.
func Start(ctx context.Context, o Options) (_ *Lab, err error) {
	o = o.withDefaults()
	config, certificate, err := configure(o)
	if err != nil {
		return nil, err
	}
	l := &Lab{
		Profile:     o.Profile,
		Policy:      o.Policy,
		Certificate: certificate,
		root:        o.Root,
		binary:      o.Corsd,
		record:      newRecord(o.Profile.metadata),
		follower:    &follower{paths: append([]string{o.Policy}, o.More...)},
		started:     make(chan struct{}),
	}
	if l.servers, err = l.serve(); err != nil {
		return nil, err
	}
	if !o.Profile.InEnvoy {
		o.Module = ""
	}
	l.Mesh, err = mesh.Start(ctx, mesh.Options{
		Module:    o.Module,
		Envoy:     o.Envoy,
		Config:    config,
		Corsd:     o.Corsd,
		Policy:    o.Policy,
		More:      o.More,
		Addresses: l.servers.addresses(),
		Listen:    o.Listen,
	})
	if err != nil {
		return nil, errors.Join(err, l.servers.stop())
	}
	if l.Origins, err = originsAt(l.Envoy.Address, o.Transport); err != nil {
		return nil, errors.Join(err, l.Stop())
	}
	close(l.started)
	return l, nil
}

// Stop ends all programs and servers that Start has started.
func (l *Lab) Stop() error { return errors.Join(l.Mesh.Stop(), l.servers.stop()) }

func (o Options) withDefaults() Options {
	if o.Profile == (Profile{}) {
		o.Profile = RequestResponse
	}
	if o.Transport == "" {
		o.Transport = HTTP
	}
	if o.Policy == "" {
		o.Policy = filepath.Join(o.Root, "test", "demo", "lab", "policy.yaml")
	}
	return o
}

// configure derives the lab's configuration from one of deploy/.
func configure(o Options) (config *envoy.Config, certificate string, err error) {
	config, err = envoy.LoadConfig(filepath.Join(o.Root, "deploy", o.Profile.Config))
	if err != nil {
		return nil, "", err
	}
	if err := config.Add(additions); err != nil || o.Transport == HTTP {
		return config, "", err
	}
	if o.Certificate == "" {
		o.Certificate, o.Key, err = selfSigned(
			"*.shop.localhost", "*.evil.localhost", "weather.localhost", "bare-weather.localhost")
		if err != nil {
			return nil, "", err
		}
	}
	return config, o.Certificate, config.SetTLS(o.Certificate, o.Key, o.Transport.protocols()...)
}

// originsAt returns the lab's origins, whose port is Envoy's.
func originsAt(address string, t Transport) (Origins, error) {
	_, port, err := net.SplitHostPort(address)
	at := func(name string) string { return t.scheme() + "://" + name + ".localhost:" + port }
	return Origins{
		Page: at("www.shop"), API: at("api.shop"), Bare: at("bare.shop"), Stranger: at("www.evil"),
		Weather: at("weather"), BareWeather: at("bare-weather"),
	}, err
}
