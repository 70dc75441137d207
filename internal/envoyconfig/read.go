package envoyconfig

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// CodeInvalid is the code of a file that is not an Envoy configuration.
const CodeInvalid spec.Code = "envoy_invalid"

// Read reads a file. It returns why it cannot, or why the file is not an Envoy configuration.
func Read(path string) (*Config, *spec.Diagnostic) {
	root, fault := policyfile.Tree(path)
	if fault != nil {
		if fault.Code == spec.CodeLimitExceeded {
			fault.Hint = "a part of it: a /config_dump without include_eds, or one listener and its route configuration"
		}
		return nil, fault
	}
	return parse(path, root)
}

func parse(file string, root *yaml.Node) (*Config, *spec.Diagnostic) {
	r := &reader{config: &Config{File: file}, discovered: map[string]value{}}
	r.resource(valueOf(file, root))
	r.connect()
	if c := r.config; len(c.Managers)+len(c.Tables)+len(c.Clusters) == 0 {
		return nil, &spec.Diagnostic{
			Location: spec.Location{Position: spec.Position{File: file}}, Code: CodeInvalid,
			Message: "has no listener with an HTTP connection manager, no route configuration and no cluster",
			Hint:    "a bootstrap, listener or route configuration of Envoy, or the output of /config_dump",
		}
	}
	return r.config, nil
}

// reader is the state of one [Read].
type reader struct {
	config     *Config
	discovered map[string]value // filters that are configured by ECDS, by name
}

// resource reads a message of one of the known kinds, which its fields show: not every file has a type at
// the top.
func (r *reader) resource(v value) {
	for _, item := range v.items() {
		r.resource(item)
	}
	v, _ = v.message()
	switch {
	case v.get("configs").exists():
		r.dump(v.get("configs"))
	case v.get("static_resources").exists():
		r.bootstrap(v)
	case v.get("resources").exists(): // a file that Envoy watches, as DiscoveryResponse
		r.resource(v.get("resources"))
	case v.get("filter_chains").exists(), v.get("default_filter_chain").exists():
		r.listener(v)
	case v.get("virtual_hosts").exists():
		r.config.Tables = append(r.config.Tables, table(v))
	case v.get("http_filters").exists():
		r.manager(v, "")
	case v.get("load_assignment").exists(), v.get("connect_timeout").exists(), v.get("eds_cluster_config").exists(),
		v.get("circuit_breakers").exists():
		r.cluster(v)
	}
}

func (r *reader) bootstrap(v value) {
	for _, l := range v.get("static_resources", "listeners").items() {
		r.listener(l)
	}
	for _, c := range v.get("static_resources", "clusters").items() {
		r.cluster(c)
	}
}

// dump reads the response of /config_dump. Its bootstrap is among its listeners and clusters too.
func (r *reader) dump(configs value) {
	r.discover(configs)
	var bootstrap value
	listeners := false
	for _, c := range configs.items() {
		_, kind := c.message()
		switch kind[strings.LastIndexByte(kind, '.')+1:] {
		case "BootstrapConfigDump":
			bootstrap = c.get("bootstrap")
		case "ListenersConfigDump":
			listeners = true
			r.listenersDump(c)
		case "ClustersConfigDump":
			for _, list := range []string{"static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"} {
				for _, item := range c.get(list).items() {
					r.cluster(item.get("cluster"))
				}
			}
		case "RoutesConfigDump": // static ones are in their managers
			for _, item := range c.get("dynamic_route_configs").items() {
				r.config.Tables = append(r.config.Tables, table(item.get("route_config")))
			}
		}
	}
	if !listeners {
		r.resource(bootstrap)
	}
}

func (r *reader) listenersDump(c value) {
	for _, item := range c.get("static_listeners").items() {
		r.listener(item.get("listener"))
	}
	for _, item := range c.get("dynamic_listeners").items() {
		state := item.get("active_state")
		if !state.exists() {
			state = item.get("warming_state")
		}
		r.listener(state.get("listener"))
	}
}

// discover finds the filters that ECDS configures, which managers refer to by name.
func (r *reader) discover(configs value) {
	for _, c := range configs.items() {
		for _, item := range c.get("ecds_filters").items() {
			filter := item.get("ecds_filter")
			r.discovered[filter.get("name").text()] = filter
		}
	}
}

func (r *reader) listener(l value) {
	l, _ = l.message()
	name := l.get("name").text()
	for _, chain := range append(l.get("filter_chains").items(), l.get("default_filter_chain")) {
		for _, filter := range chain.get("filters").items() {
			if m, kind := filter.get("typed_config").message(); strings.HasSuffix(kind, ".HttpConnectionManager") {
				r.manager(m, name)
			}
		}
	}
}

func (r *reader) cluster(v value) {
	v, _ = v.message()
	if v.get("name").text() == "" {
		return
	}
	c := &Cluster{Position: v.position(), Name: v.get("name").text(), MaxRequests: Text{Position: v.position()}}
	for _, t := range v.get("circuit_breakers", "thresholds").items() {
		if p := t.get("priority").text(); p == "" || p == "DEFAULT" {
			c.MaxRequests = t.scalar("max_requests")
			break
		}
	}
	r.config.Clusters = append(r.config.Clusters, c)
}

// connect finds the route tables that managers name.
func (r *reader) connect() {
	byName := map[string]*Table{}
	for _, t := range r.config.Tables {
		byName[t.Name] = t
	}
	for _, m := range r.config.Managers {
		for _, name := range m.names {
			if t := byName[name.Value]; t != nil {
				m.Tables = append(m.Tables, t)
			} else {
				m.Unknown = append(m.Unknown, name)
			}
		}
	}
}
