package envoy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const gateway = `
static_resources:
  listeners:
  - name: ingress
    address: { socket_address: { address: 0.0.0.0, port_value: 10000 } }
    filter_chains:
    - filters:
      - typed_config:
          normalize_path: true   # a comment
          route_config:
            virtual_hosts:
            - name: shop
              response_headers_to_remove: &cors [a, b]
              routes: [{ match: { prefix: / } }]
            - name: weather
              response_headers_to_remove: *cors
              routes: []
          access_log: [{ name: stdout }]
          http_filters: [{ name: corsd }, { name: router }]
  clusters:
  - name: corsd
    type: STRICT_DNS
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: corsd, port_value: 9002 } } } }] }] }
  - name: app
    type: STRICT_DNS
    load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: app, port_value: 8080 } } } }] }] }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 9901 } } }
`

const likeWeather = `virtual_hosts: [{ like: weather, name: lab, domains: [lab.example], routes: [{ name: one }] }]`

func load(t *testing.T) *Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(path, []byte(gateway), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfig(t *testing.T) {
	addresses := map[string]string{"corsd:9002": "unix:/run/corsd.sock", "app:8080": "127.0.0.1:4711"}
	for _, tt := range []struct {
		name   string
		change func(*Config) error
		at     []string // a place of the tree ...
		want   string   // ... and its value afterwards, in YAML
	}{
		{
			"the listener moves", func(c *Config) error { return c.SetListener("ingress", "127.0.0.1:0") },
			[]string{"static_resources", "listeners", "ingress", "address", "socket_address", "port_value"},
			"0",
		},
		{
			"the admin interface moves", func(c *Config) error { return c.SetAdmin("unix:/run/admin") },
			[]string{"admin", "address", "pipe"},
			"{path: /run/admin}",
		},
		{
			"an endpoint is resolved to a port", func(c *Config) error { return c.Resolve(addresses) },
			[]string{"static_resources", "clusters", "app", "load_assignment", "endpoints", "0", "lb_endpoints", "0", "endpoint", "address", "socket_address"},
			"{address: 127.0.0.1, port_value: 4711}",
		},
		{
			"its cluster stays as it is", func(c *Config) error { return c.Resolve(addresses) },
			[]string{"static_resources", "clusters", "app", "type"},
			"STRICT_DNS",
		},
		{
			"an endpoint is resolved to a socket", func(c *Config) error { return c.Resolve(addresses) },
			[]string{"static_resources", "clusters", "corsd", "load_assignment", "endpoints", "0", "lb_endpoints", "0", "endpoint", "address", "pipe"},
			"{path: /run/corsd.sock}",
		},
		{
			"its cluster asks no DNS", func(c *Config) error { return c.Resolve(addresses) },
			[]string{"static_resources", "clusters", "corsd", "type"},
			"STATIC",
		},
		{
			"a cluster has one more endpoint", func(c *Config) error { return c.AddEndpoint("corsd", "unix:/run/two.sock") },
			[]string{"static_resources", "clusters", "corsd", "load_assignment", "endpoints", "0", "lb_endpoints", "1", "endpoint", "address", "pipe"},
			"{path: /run/two.sock}",
		},
		{
			"a field that is there is set", func(c *Config) error { return c.SetManager("normalize_path", "false") },
			append(manager, "normalize_path"), "false",
		},
		{
			"a field that is not there is set", func(c *Config) error { return c.SetManager("a", "{ b: 1 }") },
			append(manager, "a", "b"), "1",
		},
		{
			"a filter takes the place of another one", func(c *Config) error { return c.SetFilter("router", "{ name: rbac }") },
			append(manager, "http_filters", "rbac", "name"), "rbac",
		},
		{
			"routes come first", func(c *Config) error { return c.Add([]byte("routes: { shop: [{ name: one }, { name: two }] }")) },
			append(manager, "route_config", "virtual_hosts", "shop", "routes", "1", "name"), "two",
		},
		{
			"filters come before the router", func(c *Config) error { return c.Add([]byte("filters: [{ name: rbac }]")) },
			append(manager, "http_filters", "1", "name"), "rbac",
		},
		{
			"a log comes beside that which is there", func(c *Config) error { return c.Add([]byte("access_log: [{ name: grpc }]")) },
			append(manager, "access_log", "1", "name"), "grpc",
		},
		{
			"a virtual host is like another one", func(c *Config) error { return c.Add([]byte(likeWeather)) },
			append(manager, "route_config", "virtual_hosts", "lab", "response_headers_to_remove"), "[a, b]",
		},
		{
			"but for what it says itself", func(c *Config) error { return c.Add([]byte(likeWeather)) },
			append(manager, "route_config", "virtual_hosts", "lab", "routes"), "[{name: one}]",
		},
		{
			"and has what only it says", func(c *Config) error { return c.Add([]byte(likeWeather)) },
			append(manager, "route_config", "virtual_hosts", "lab", "domains"), "[lab.example]",
		},
		{
			"the model stays as it is", func(c *Config) error { return c.Add([]byte(likeWeather)) },
			append(manager, "route_config", "virtual_hosts", "weather", "routes"), "[]",
		},
		{
			"a virtual host may be like no other", func(c *Config) error { return c.Add([]byte("virtual_hosts: [{ name: lab, routes: [] }]")) },
			append(manager, "route_config", "virtual_hosts", "lab"), "{name: lab, routes: []}",
		},
		{
			"the listener speaks TLS", func(c *Config) error { return c.SetTLS("a certificate", "a key", "h2", "http/1.1") },
			[]string{"static_resources", "listeners", "ingress", "filter_chains", "0", "transport_socket", "typed_config", "common_tls_context", "alpn_protocols"},
			"- h2\n- http/1.1",
		},
		{
			"clusters come last", func(c *Config) error { return c.Add([]byte("clusters: [{ name: nobody }]")) },
			[]string{"static_resources", "clusters", "2", "name"},
			"nobody",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := load(t)
			if err := tt.change(c); err != nil {
				t.Fatal(err)
			}
			if got := reread(t, c, tt.at); got != tt.want {
				t.Errorf("%s is %s, want %s", strings.Join(tt.at, "."), got, tt.want)
			}
		})
	}
}

// reread returns a place of the tree, after the tree was written and read again.
func reread(t *testing.T, c *Config, at []string) string {
	t.Helper()
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "again.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	node, err := again.at(at...)
	if err != nil {
		t.Fatal(err)
	}
	said, err := (&Config{root: node}).YAML()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(said))
}

func TestConfigSaysWhatIsMissing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config) error
		want   string
	}{
		{"a listener", func(c *Config) error { return c.SetListener("egress", "127.0.0.1:0") }, "has no static_resources.listeners.egress"},
		{"an address", func(c *Config) error { return c.Resolve(map[string]string{"corsd:9002": "127.0.0.1:1"}) }, "cluster app: nothing stands for app:8080"},
		{"a port", func(c *Config) error { return c.SetAdmin("127.0.0.1") }, "missing port"},
		{"a cluster", func(c *Config) error { return c.AddEndpoint("nobody", "127.0.0.1:1") }, "has no static_resources.clusters.nobody"},
		{"a field", func(c *Config) error { return c.Delete("admin", "port") }, "has no admin.port"},
		{"a virtual host", func(c *Config) error { return c.Add([]byte("routes: { bank: [] }")) }, "virtual_hosts.bank"},
		{"a model", func(c *Config) error { return c.Add([]byte("virtual_hosts: [{ like: bank, name: lab }]")) }, "has no virtual host bank"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.change(load(t)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestADeletedFieldIsGone(t *testing.T) {
	c := load(t)
	if err := c.Delete("static_resources", "clusters", "app", "type"); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete("static_resources", "clusters", "app", "type"); err == nil {
		t.Error("the field is still there")
	}
	if got := reread(t, c, []string{"static_resources", "clusters", "corsd", "type"}); got != "STRICT_DNS" {
		t.Errorf("the same field of another cluster is %s", got)
	}
}
