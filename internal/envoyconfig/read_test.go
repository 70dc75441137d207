package envoyconfig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/internal/envoyconfig"
)

// read reads a text as a file of that name.
func read(t testing.TB, name, text string) (*envoyconfig.Config, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, fault := envoyconfig.Read(file)
	if fault != nil {
		fault.Position.File = name
		return nil, fault.String()
	}
	return c, ""
}

// outline returns what a configuration has, in short.
func outline(c *envoyconfig.Config) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, m := range c.Managers {
		var parts []string
		for _, f := range m.Filters {
			parts = append(parts, fmt.Sprintf("%s(%d)", f.Name, len(f.Calls)))
		}
		for _, t := range m.Tables {
			for _, h := range t.Hosts {
				parts = append(parts, t.Name+"/"+h.Name)
			}
		}
		for _, name := range m.Unknown {
			parts = append(parts, "unknown "+name.Value)
		}
		add("manager %s:%d %s", m.Listener, m.Position.Line, strings.Join(parts, " "))
	}
	for _, t := range c.Tables {
		add("table %s:%d, %d virtual hosts", t.Name, t.Position.Line, len(t.Hosts))
	}
	for _, c := range c.Clusters {
		add("cluster %s:%d max_requests %s", c.Name, c.Position.Line, c.MaxRequests.Value)
	}
	return lines
}

const (
	manager = `{"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, `
	extProc = `{"@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor, stat_prefix: corsd}`
	routes  = `{name: local, virtual_hosts: [{name: shop, domains: [api.example]}]}`
)

func listener(name, fields string) string {
	return "{name: " + name + ", filter_chains: [{filters: [{name: hcm, typed_config: " + manager + fields + "}}]}]}"
}

// Every form in which Envoy's configuration comes.
func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{
			"a bootstrap",
			"static_resources:\n  listeners:\n  - " + listener("in", "route_config: "+routes+", http_filters: [{name: corsd, typed_config: "+extProc+"}, {name: router}]") +
				"\n  clusters:\n  - {name: corsd, circuit_breakers: {thresholds: [{priority: HIGH, max_requests: 1}, {max_requests: 7}]}}",
			[]string{"manager in:3 corsd(1) router(0) local/shop", "cluster corsd:5 max_requests 7"},
		},
		{
			"a default filter chain, behind a document marker", "# gateway\n---\nname: in\ndefault_filter_chain: {filters: [{typed_config: " + manager + "http_filters: []}}]}\n",
			[]string{"manager in:4 "},
		},
		{
			"a file of resources, whose listener names its routes", "resources:\n- " + listener("in", "rds: {route_config_name: local}") + "\n- " + routes + "\n- {name: corsd, connect_timeout: 1s}\n",
			[]string{"manager in:2 local/shop", "table local:3, 1 virtual hosts", "cluster corsd:4 max_requests "},
		},
		{"a route configuration", routes, []string{"table local:1, 1 virtual hosts"}},
		{"a connection manager", "{stat_prefix: in, http_filters: [{name: corsd}]}", []string{"manager in:1 corsd(0)"}},
		{
			"a list in camelCase, as istioctl prints it", `[{"name": "in", "filterChains": [{"filters": [{"typedConfig": {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", "routeConfig": {"name": "local", "virtualHosts": [{"name": "shop"}]}, "httpFilters": [{"name": "a"}]}}]}]}]`,
			[]string{"manager in:1 a(0) local/shop"},
		},
		{
			"scoped routes", listener("in", "scoped_routes: {name: scopes, scoped_route_configurations_list: {scoped_route_configurations: [{route_configuration_name: local}, {route_configuration_name: other}]}}"),
			[]string{"manager in:1 unknown local unknown other"},
		},
		{"scoped routes that are discovered", listener("in", "scoped_routes: {name: scopes}"), []string{"manager in:1 unknown scopes"}},
		{
			"a filter in a TypedStruct", listener("in", `http_filters: [{name: corsd, typed_config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor, value: {stat_prefix: corsd}}}]`),
			[]string{"manager in:1 corsd(1)"},
		},
		{
			"a filter that is discovered", listener("in", `http_filters: [{name: corsd, config_discovery: {default_config: `+extProc+`}}, {name: other, config_discovery: {}}]`),
			[]string{"manager in:1 corsd(1) other(0)"},
		},
		{"values of other kinds", "{static_resources: {listeners: {a: 1}, clusters: [null, 7, [], text, {name: []}, {name: a, circuit_breakers: 7}]}}", []string{"cluster a:1 max_requests "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, fault := read(t, "envoy.yaml", tt.text)
			if fault != "" {
				t.Fatal(fault)
			}
			if diff := cmp.Diff(tt.want, outline(c)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A dump has the bootstrap's listeners twice, and its route tables too.
func TestReadDump(t *testing.T) {
	text, err := os.ReadFile("testdata/config_dump.json")
	if err != nil {
		t.Fatal(err)
	}
	c, fault := read(t, "dump.json", string(text))
	if fault != "" {
		t.Fatal(fault)
	}
	want := []string{
		"manager static:27 local/static",
		"manager dynamic:44 corsd(1) discovered/shop",
		"manager warming:54 unknown gone",
		"table discovered:68, 1 virtual hosts",
		"cluster app:14 max_requests ",
		"cluster corsd:17 max_requests 4294967295",
	}
	if diff := cmp.Diff(want, outline(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m := c.Managers[1]
	call := m.Filters[0].Calls[0]
	if !call.Authz || call.Cluster.Value != "corsd" || call.Timeout.Value != "0.500s" {
		t.Errorf("the filter that ECDS configures: %+v", call)
	}
	p := m.Tables[0].Hosts[0].PerFilter[0]
	if !p.Disabled || !p.IsOf("ExtAuthzPerRoute") || len(p.Metadata) != 1 || p.Metadata[0].Value.Value != "shop" {
		t.Errorf("the configuration in a FilterConfig: %+v", p)
	}
	bootstrap := text[:strings.Index(string(text), `"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump"`)]
	c, fault = read(t, "dump.json", strings.TrimRight(string(bootstrap), " \n{,")+"]}")
	if fault != "" {
		t.Fatal(fault)
	}
	if diff := cmp.Diff([]string{"manager static:7 "}, outline(c)); diff != "" {
		t.Errorf("the bootstrap alone (-want +got):\n%s", diff)
	}
}

// Files that are not an Envoy configuration, and hostile ones.
func TestRefused(t *testing.T) {
	bomb := "a0: &a0 [x]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("a%d: &a%[1]d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	const none = ": has no listener with an HTTP connection manager, no route configuration and no cluster (envoy_invalid); hint: a bootstrap, listener or route configuration of Envoy, or the output of /config_dump"
	for _, tt := range []struct{ name, file, text, want string }{
		{"nothing", "envoy.yaml", "", "envoy.yaml" + none},
		{"a number", "envoy.yaml", "7", "envoy.yaml" + none},
		{"a policy", "envoy.yaml", "apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nspec: {hosts: [a.example]}", "envoy.yaml" + none},
		{"a dump of nothing", "dump.json", `{"configs": [{"@type": "x"}, 7, null]}`, "dump.json" + none},
		{"truncated YAML", "envoy.yaml", "static_resources: {listeners: [{name: in", "(syntax)"},
		{"truncated JSON", "dump.json", `{"configs": [{"@type": "x"`, "dump.json:1:27: unexpected end of the JSON document (syntax); hint: close every {, [ and quote"},
		{"two documents", "envoy.yaml", routes + "\n---\n" + routes, "envoy.yaml:2:1: a second document begins (syntax); hint: one document"},
		{"not UTF-8", "envoy.yaml", "a: \xff", "envoy.yaml:1:4: byte 0xFF is not UTF-8 (syntax); hint: UTF-8 text"},
		{"a bomb of aliases", "envoy.yaml", bomb, "more than 2,000,000 keys and values in one document (limit_exceeded); hint: a part of it"},
		{"an alias within itself", "envoy.yaml", "static_resources: &a {listeners: [*a]}", "(syntax)"},
		{"100 deep", "dump.json", strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), "dump.json" + none},
		{"101 deep", "dump.json", strings.Repeat(`{"a":`, 101) + "1" + strings.Repeat("}", 101), "nested more than 100 deep (limit_exceeded)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, fault := read(t, tt.file, tt.text)
			if fault != tt.want && (strings.HasPrefix(tt.want, tt.file) || !strings.Contains(fault, tt.want)) {
				t.Errorf("%s\nwant %s", fault, tt.want)
			}
		})
	}
	for _, path := range []string{"testdata", "nosuch.yaml", os.DevNull} {
		if _, fault := envoyconfig.Read(path); fault == nil || fault.Code != "source_unreadable" {
			t.Errorf("%s: %v", path, fault)
		}
	}
}
