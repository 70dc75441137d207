package envoyconfig

import "strings"

func table(v value) *Table {
	v, _ = v.message()
	t := &Table{Name: v.get("name").text(), Scope: scope(v)}
	for _, h := range v.get("virtual_hosts").items() {
		host := &VirtualHost{Name: h.get("name").text(), Scope: scope(h)}
		for _, d := range h.get("domains").items() {
			host.Domains = append(host.Domains, Text{Value: d.text(), Set: true, Position: d.position()})
		}
		for _, item := range h.get("routes").items() {
			host.Routes = append(host.Routes, route(item))
		}
		t.Hosts = append(t.Hosts, host)
	}
	return t
}

func route(v value) *Route {
	r := &Route{
		Name: v.get("name").text(), Scope: scope(v),
		Answers: v.get("redirect").exists() || v.get("direct_response").exists(),
	}
	if native := v.get("route", "cors"); native.exists() {
		r.NativeCORS = Text{Set: true, Position: native.position()}
	}
	return r
}

func scope(v value) Scope {
	s := Scope{Position: v.position()}
	for _, name := range v.get("response_headers_to_remove").items() {
		s.Removes = append(s.Removes, Text{Value: strings.ToLower(name.text()), Set: true, Position: name.position()})
	}
	for _, add := range v.get("response_headers_to_add").items() {
		h := add.get("header")
		header := Header{h.scalar("key"), h.scalar("value")}
		header.Key.Value = strings.ToLower(header.Key.Value)
		s.Adds = append(s.Adds, header)
	}
	for _, p := range v.get("typed_per_filter_config").pairs() {
		s.PerFilter = append(s.PerFilter, perFilter(p))
	}
	if native := v.get("cors"); native.exists() {
		s.NativeCORS = Text{Set: true, Position: native.position()}
	}
	return s
}

func perFilter(p pair) *PerFilter {
	config := &PerFilter{Position: p.key.position(), Filter: p.key.text()}
	m, kind := p.value.message()
	for strings.HasSuffix(kind, "route.v3.FilterConfig") { // a wrapper with more fields
		config.Disabled = config.Disabled || m.get("disabled").isTrue()
		m, kind = m.get("config").message()
	}
	config.Type = kind
	config.Disabled = config.Disabled || m.get("disabled").isTrue()
	overrides := m.get("overrides")
	config.FailureModeAllow = overrides.scalar("failure_mode_allow")
	config.Authority = overrides.get("grpc_service", "envoy_grpc").scalar("authority")
	config.Metadata = append(headers(overrides.get("grpc_initial_metadata")),
		headers(overrides.get("grpc_service", "initial_metadata"))...)
	if strings.HasSuffix(kind, ".DynamicModuleFilterPerRoute") {
		config.Metadata = moduleMetadata(m)
	}
	for _, e := range m.get("check_settings", "context_extensions").pairs() {
		config.Metadata = append(config.Metadata, Header{
			Text{e.key.text(), true, e.key.position()}, Text{e.value.text(), true, e.value.position()},
		})
	}
	return config
}

// moduleMetadata returns the selector of corsd's module as the metadata by which ext_proc passes it.
func moduleMetadata(v value) []Header {
	var config struct{ Policy string }
	if moduleConfig(v, &config); config.Policy == "" {
		return nil
	}
	position := v.get("filter_config").position()
	return []Header{{
		Key:   Text{Value: "corsd-policy", Set: true, Position: position},
		Value: Text{Value: config.Policy, Set: true, Position: position},
	}}
}
