package envoyconfig

import (
	"cmp"
	"encoding/json"
	"strings"
)

func (r *reader) manager(v value, listener string) {
	m := &Manager{Position: v.position(), Listener: cmp.Or(listener, v.get("stat_prefix").text())}
	for _, f := range v.get("http_filters").items() {
		m.Filters = append(m.Filters, r.filter(f))
	}
	if t := v.get("route_config"); t.exists() {
		m.Tables = append(m.Tables, table(t))
	}
	if rds := v.get("rds"); rds.exists() {
		m.names = append(m.names, rds.scalar("route_config_name"))
	}
	if scoped := v.get("scoped_routes"); scoped.exists() {
		m.names = append(m.names, scopedTables(scoped)...)
	}
	r.config.Managers = append(r.config.Managers, m)
}

// scopedTables returns the names of the tables of scoped routes.
func scopedTables(scoped value) (names []Text) {
	for _, s := range scoped.get("scoped_route_configurations_list", "scoped_route_configurations").items() {
		names = append(names, s.scalar("route_configuration_name"))
	}
	if len(names) == 0 { // they are discovered
		names = append(names, scoped.scalar("name"))
	}
	return names
}

func (r *reader) filter(v value) *Filter {
	f := &Filter{Position: v.position(), Name: v.get("name").text(), Disabled: v.get("disabled").isTrue()}
	config := v.get("typed_config")
	if discovery := v.get("config_discovery"); discovery.exists() {
		if config = r.discovered[f.Name].get("typed_config"); !config.exists() {
			config = discovery.get("default_config")
		}
	}
	_, f.Type = config.message()
	config.each(func(m value, kind string) {
		switch {
		case strings.HasSuffix(kind, ".ExternalProcessor"):
			f.Calls = append(f.Calls, extProc(m))
		case strings.HasSuffix(kind, ".ExtAuthz"):
			f.Calls = append(f.Calls, extAuthz(m))
		case strings.HasSuffix(kind, ".DynamicModuleFilter"):
			f.Calls = append(f.Calls, dynamicModule(m))
		}
	})
	return f
}

func extProc(v value) *Call {
	c := call(v)
	c.Timeout = v.scalar("message_timeout")
	c.Forwards, c.Mutations = forwardRules(v.get("forward_rules")), mutationRules(v.get("mutation_rules"))
	mode := v.get("processing_mode")
	c.RequestMode, c.ResponseMode = mode.scalar("request_header_mode"), mode.scalar("response_header_mode")
	for _, t := range []*Text{&c.RequestMode, &c.ResponseMode} {
		if t.Value == "" || t.Value == "DEFAULT" {
			t.Value = "SEND"
		}
		if !mode.exists() {
			t.Position = v.position()
		}
	}
	c.AllowModeOverride = v.scalar("allow_mode_override")
	allowed := v.get("allowed_override_modes").items()
	c.OverridesToResponse = len(allowed) == 0
	for _, mode := range allowed {
		c.OverridesToResponse = c.OverridesToResponse || mode.get("response_header_mode").text() == "SEND"
	}
	return c
}

func extAuthz(v value) *Call {
	c := call(v)
	c.Authz, c.Forwards = true, forwardRules(v)
	c.Timeout = Text{Position: v.position()}
	if service := v.get("grpc_service"); service.exists() {
		c.Timeout = service.scalar("timeout")
	}
	return c
}

func dynamicModule(v value) *Call {
	var config struct{ Requests string }
	moduleConfig(v, &config)
	return &Call{
		Position: v.position(), Module: true,
		FilterName: v.scalar("filter_name"), AllRequests: config.Requests == "All",
	}
}

// moduleConfig reads filter_config, which is JSON in a google.protobuf.StringValue. Whether it is right is for the
// module to judge, which refuses it.
func moduleConfig(v value, into any) {
	_ = json.Unmarshal([]byte(v.get("filter_config").get("value").text()), into)
}

// call reads the fields that ext_proc and ext_authz have.
func call(v value) *Call {
	service := v.get("grpc_service")
	return &Call{
		Position: v.position(), Cluster: service.get("envoy_grpc").scalar("cluster_name"),
		Authority: service.get("envoy_grpc").scalar("authority"), StatPrefix: v.scalar("stat_prefix"),
		Metadata: headers(service.get("initial_metadata")), FailureModeAllow: v.scalar("failure_mode_allow"),
	}
}

func headers(list value) (all []Header) {
	for _, item := range list.items() {
		all = append(all, Header{item.scalar("key"), item.scalar("value")})
	}
	return all
}
