package envoy

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Add adds the parts that a YAML text lists. Each part is optional:
//
//	routes: { NAME: [...] }   before those of the virtual host of that name
//	virtual_hosts: [...]      with "like: NAME", missing fields are copied from that virtual host
//	filters: [...]            the last HTTP filters before the router
//	access_log: [...]
//	clusters: [...]
func (c *Config) Add(text []byte) error {
	var doc yaml.Node
	if err := yaml.Load(text, &doc); err != nil {
		return err
	}
	additions := doc.Content[0]
	return errors.Join(
		c.addRoutes(lookup(additions, "routes")),
		c.addVirtualHosts(lookup(additions, "virtual_hosts")),
		c.insert(lookup(additions, "filters"), 1, append(slices.Clone(manager), "http_filters")...),
		c.insert(lookup(additions, "access_log"), 0, append(slices.Clone(manager), "access_log")...),
		c.insert(lookup(additions, "clusters"), 0, "static_resources", "clusters"))
}

var virtualHosts = append(slices.Clone(manager), "route_config", "virtual_hosts")

// addRoutes puts routes, which may be missing, before those of their virtual hosts.
func (c *Config) addRoutes(routes *yaml.Node) error {
	if routes == nil {
		return nil
	}
	for i := 0; i < len(routes.Content); i += 2 {
		at, err := c.at(append(slices.Clone(virtualHosts), routes.Content[i].Value, "routes")...)
		if err != nil {
			return err
		}
		at.Content = slices.Insert(at.Content, 0, detached(routes.Content[i+1]).Content...)
	}
	return nil
}

// addVirtualHosts adds virtual hosts, which may be missing.
func (c *Config) addVirtualHosts(list *yaml.Node) error {
	if list == nil {
		return nil
	}
	at, err := c.at(virtualHosts...)
	if err != nil {
		return err
	}
	for _, host := range list.Content {
		host = detached(host)
		if like := lookup(host, "like"); like != nil {
			model := lookup(at, like.Value)
			if model == nil {
				return fmt.Errorf("%s has no virtual host %s", c.file, like.Value)
			}
			host = likeModel(host, detached(model))
		}
		at.Content = append(at.Content, host)
	}
	return nil
}

// likeModel returns the model with the fields of the mapping in place of its own.
func likeModel(host, model *yaml.Node) *yaml.Node {
	for i := 0; i < len(host.Content); i += 2 {
		name, value := host.Content[i], host.Content[i+1]
		switch old := lookup(model, name.Value); {
		case name.Value == "like":
		case old != nil:
			*old = *value
		default:
			model.Content = append(model.Content, name, value)
		}
	}
	return model
}

// detached copies a node. Aliases are replaced by the nodes that they stand for, and anchors are
// removed: a second anchor of the same name would change the meaning of later aliases.
func detached(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return detached(node.Alias)
	}
	alone := *node
	alone.Anchor, alone.Content = "", nil
	for _, child := range node.Content {
		alone.Content = append(alone.Content, detached(child))
	}
	return &alone
}

// insert inserts the elements of a list, which may be missing, into the list at path, before its
// last elements; last is their number.
func (c *Config) insert(list *yaml.Node, last int, path ...string) error {
	if list == nil {
		return nil
	}
	at, err := c.at(path...)
	if err != nil {
		return err
	}
	at.Content = slices.Insert(at.Content, len(at.Content)-last, detached(list).Content...)
	return nil
}
