package envoy

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Config is an Envoy configuration. It is the tree of its file. Its methods change listeners,
// clusters and virtual hosts by their names, so that all other parts run as they are shipped.
type Config struct {
	file string
	root *yaml.Node
}

// LoadConfig reads a configuration file.
func LoadConfig(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Config{file: path, root: doc.Content[0]}, nil
}

// YAML returns the configuration's text.
func (c *Config) YAML() ([]byte, error) { return yaml.Dump(c.root) }

// SetAdmin moves the admin interface. An address is host:port, with port 0 for a free one, or
// unix:PATH.
func (c *Config) SetAdmin(address string) error {
	return c.setAddress(address, "admin", "address")
}

// SetListener moves the listener of that name.
func (c *Config) SetListener(name, address string) error {
	return c.setAddress(address, "static_resources", "listeners", name, "address")
}

// Resolve replaces the addresses of all endpoints. The keys of addresses are the addresses in the
// configuration (host:port). An address without a key is an error, because no server would answer
// there.
func (c *Config) Resolve(addresses map[string]string) error {
	clusters, err := c.at("static_resources", "clusters")
	if err != nil {
		return err
	}
	for _, cluster := range clusters.Content {
		for _, address := range find(cluster, "socket_address") {
			if err := resolve(cluster, address, addresses); err != nil {
				return fmt.Errorf("%s: cluster %s: %w", c.file, lookup(cluster, "name").Value, err)
			}
		}
	}
	return nil
}

// resolve replaces one endpoint's address, given as the mapping that has a
// socket_address.
func resolve(cluster, address *yaml.Node, addresses map[string]string) error {
	socket := lookup(address, "socket_address")
	shipped := net.JoinHostPort(lookup(socket, "address").Value, lookup(socket, "port_value").Value)
	actual, ok := addresses[shipped]
	if !ok {
		return fmt.Errorf("nothing stands for %s", shipped)
	}
	node, err := addressNode(actual)
	if err != nil {
		return err
	}
	*address = *node
	if strings.HasPrefix(actual, "unix:") { // not a DNS name
		*lookup(cluster, "type") = *scalar("STATIC")
	}
	return nil
}

// AddEndpoint adds an endpoint to the first locality of a cluster.
func (c *Config) AddEndpoint(cluster, address string) error {
	node, err := addressNode(address)
	if err != nil {
		return err
	}
	list, err := c.at("static_resources", "clusters", cluster, "load_assignment", "endpoints", "0", "lb_endpoints")
	if err == nil {
		list.Content = append(list.Content, mapping("endpoint", mapping("address", node)))
	}
	return err
}

// AddFields adds the fields of a YAML mapping to the one at a path from the root, by names.
func (c *Config) AddFields(fields []byte, path ...string) error {
	var doc yaml.Node
	if err := yaml.Load(fields, &doc); err != nil {
		return err
	}
	at, err := c.at(path...)
	if err == nil {
		at.Content = append(at.Content, doc.Content[0].Content...)
	}
	return err
}

// find returns all mappings below node that have the field.
func find(node *yaml.Node, field string) []*yaml.Node {
	var found []*yaml.Node
	if node.Kind == yaml.MappingNode && lookup(node, field) != nil {
		found = append(found, node)
	}
	for _, child := range node.Content {
		found = append(found, find(child, field)...)
	}
	return found
}

// manager is the path of the HTTP connection manager of the listener ingress.
var manager = []string{"static_resources", "listeners", "ingress", "filter_chains", "0", "filters", "0", "typed_config"}

// SetManager sets a field of the HTTP connection manager to a YAML value.
func (c *Config) SetManager(field, value string) error {
	var doc yaml.Node
	if err := yaml.Load([]byte(value), &doc); err != nil {
		return err
	}
	at, err := c.at(manager...)
	if err != nil {
		return err
	}
	if old := lookup(at, field); old != nil {
		*old = *doc.Content[0]
		return nil
	}
	at.Content = append(at.Content, scalar(field), doc.Content[0])
	return nil
}

// SetFilter replaces the HTTP filter of that name.
func (c *Config) SetFilter(name, filter string) error {
	var doc yaml.Node
	if err := yaml.Load([]byte(filter), &doc); err != nil {
		return err
	}
	return c.set(doc.Content[0], append(slices.Clone(manager), "http_filters", name)...)
}

// SetModule sets the file of the dynamic module, wherever the configuration names it, and the configuration of
// the HTTP filter corsd, in JSON.
func (c *Config) SetModule(library, filter string) error {
	for _, m := range find(c.root, "do_not_close") {
		file := lookup(lookup(lookup(m, "module"), "local"), "filename")
		if file == nil {
			return fmt.Errorf("%s has a dynamic module without module.local.filename", c.file)
		}
		*file = *scalar(library)
	}
	at := append(slices.Clone(manager), "http_filters", "corsd", "typed_config", "filter_config", "value")
	return c.set(scalar(filter), at...)
}

// Forward lets every filter with forward_rules forward the headers whose names begin with prefix.
func (c *Config) Forward(prefix string) error {
	filters := find(c.root, "forward_rules")
	if len(filters) == 0 {
		return fmt.Errorf("%s has no forward_rules", c.file)
	}
	for _, f := range filters {
		patterns := lookup(lookup(lookup(f, "forward_rules"), "allowed_headers"), "patterns")
		patterns.Content = append(patterns.Content, mapping("prefix", scalar(prefix)))
	}
	return nil
}

// SetTLS makes the listener ingress use TLS, with a certificate and its key in PEM. It offers the
// protocols by ALPN.
func (c *Config) SetTLS(certificate, key string, protocols ...string) error {
	chain, err := c.at("static_resources", "listeners", "ingress", "filter_chains", "0")
	if err != nil {
		return err
	}
	offered := &yaml.Node{Kind: yaml.SequenceNode}
	for _, p := range protocols {
		offered.Content = append(offered.Content, scalar(p))
	}
	pair := mapping(
		"certificate_chain", mapping("inline_string", scalar(certificate)),
		"private_key", mapping("inline_string", scalar(key)),
	)
	pairs := &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{pair}}
	chain.Content = append(chain.Content, scalar("transport_socket"), mapping(
		"name", scalar("envoy.transport_sockets.tls"),
		"typed_config", mapping(
			"@type", scalar("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"),
			"common_tls_context", mapping("tls_certificates", pairs, "alpn_protocols", offered),
		),
	))
	return nil
}

func (c *Config) setAddress(address string, path ...string) error {
	node, err := addressNode(address)
	if err != nil {
		return err
	}
	return c.set(node, path...)
}

// Delete removes a field: the last step of a path from the root, by names.
func (c *Config) Delete(path ...string) error {
	if _, err := c.at(path...); err != nil {
		return err
	}
	last := len(path) - 1
	of, err := c.at(path[:last]...)
	if err != nil {
		return err
	}
	for i := 0; i < len(of.Content); i += 2 {
		if of.Content[i].Value == path[last] {
			of.Content = slices.Delete(of.Content, i, i+2)
			return nil
		}
	}
	return fmt.Errorf("%s: %s is not a field", c.file, strings.Join(path, "."))
}

func (c *Config) set(value *yaml.Node, path ...string) error {
	at, err := c.at(path...)
	if err == nil {
		*at = *value
	}
	return err
}

// at returns the node at a path from the root. A step is a field of a mapping, or the name or the
// index of an element of a list.
func (c *Config) at(path ...string) (*yaml.Node, error) {
	node := c.root
	for i, step := range path {
		if node = lookup(node, step); node == nil {
			return nil, fmt.Errorf("%s has no %s", c.file, strings.Join(path[:i+1], "."))
		}
	}
	return node, nil
}

func lookup(node *yaml.Node, step string) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for i, element := range node.Content {
			name := lookup(element, "name")
			if name != nil && name.Value == step || fmt.Sprint(i) == step {
				return element
			}
		}
	}
	return nil
}

func addressNode(address string) (*yaml.Node, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return mapping("pipe", mapping("path", scalar(path))), nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return mapping("socket_address", mapping("address", scalar(host), "port_value", scalar(port))), nil
}

func scalar(value string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: value} }

// mapping returns a mapping of names (string) and values (*yaml.Node).
func mapping(pairs ...any) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(pairs); i += 2 {
		m.Content = append(m.Content, scalar(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return m
}
