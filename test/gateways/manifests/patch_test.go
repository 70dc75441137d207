package manifests

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"
)

// patch is an element of configPatches of an EnvoyFilter.
type patch struct {
	applyTo, context string
	match, value     object
}

// envoyFilter returns the patches of the EnvoyFilter corsd of a folder of deploy/istio.
func envoyFilter(t *testing.T, folder string) []patch {
	t.Helper()
	for _, r := range rendered(t, filepath.Join(parts.Root, "deploy/istio", folder)) {
		if r.object["kind"] == "EnvoyFilter" {
			return patches(t, r)
		}
	}
	t.Fatalf("deploy/istio/%s has no EnvoyFilter", folder)
	return nil
}

func patches(t *testing.T, filter resource) []patch {
	t.Helper()
	var all []patch
	for _, p := range at(t, filter.object, "spec", "configPatches").([]any) {
		p := p.(object)
		match := p["match"].(object)
		all = append(all, patch{
			applyTo: p["applyTo"].(string), context: match["context"].(string), match: match,
			value: at(t, p, "patch", "value").(object),
		})
	}
	return all
}

// patched returns testdata/istio.yaml with the patches of EnvoyFilters and with the breakers of DestinationRules.
func patched(t *testing.T, resources []resource) []byte {
	t.Helper()
	var config object
	if err := yaml.Load(read(t, "test/gateways/manifests/testdata/istio.yaml"), &config); err != nil {
		t.Fatal(err)
	}
	context := ""
	for _, r := range resources {
		switch r.object["kind"] {
		case "DestinationRule":
			setBreakers(t, config, r.object)
		case "EnvoyFilter":
			for _, p := range patches(t, r) {
				// The first filter chooses the context; patches for another kind of proxy have no effect.
				if p.applyTo == "HTTP_FILTER" {
					context = p.context
				}
				if p.applyTo == "CLUSTER" || p.context == context {
					apply(t, config, p)
				}
			}
		}
	}
	return []byte(dump(t, config))
}

// apply does with a patch what Istio does (1.31, pilot/pkg/networking/core/envoyfilter).
func apply(t *testing.T, config object, p patch) {
	t.Helper()
	manager := at(t, config, "static_resources", "listeners", 0, "filter_chains", 0, "filters", 0, "typed_config").(object)
	applied := false
	switch p.applyTo {
	case "HTTP_FILTER": // INSERT_FIRST
		manager["http_filters"] = slices.Insert(manager["http_filters"].([]any), 0, any(p.value))
		applied = true
	case "NETWORK_FILTER":
		merge(manager, p.value["typed_config"].(object))
		applied = true
	case "CLUSTER":
		name := fmt.Sprintf("outbound|%v||%v", at(t, p.match, "cluster", "portNumber"), at(t, p.match, "cluster", "service"))
		for _, c := range at(t, config, "static_resources", "clusters").([]any) {
			applied = mergeNamed(c.(object), name, p.value) || applied
		}
	case "VIRTUAL_HOST", "HTTP_ROUTE":
		vhost := at(t, p.match, "routeConfiguration", "vhost").(object)
		for _, h := range at(t, manager, "route_config", "virtual_hosts").([]any) {
			if p.applyTo == "VIRTUAL_HOST" {
				applied = mergeNamed(h.(object), vhost["name"], p.value) || applied
			} else if h.(object)["name"] == vhost["name"] {
				for _, r := range h.(object)["routes"].([]any) {
					applied = mergeNamed(r.(object), at(t, vhost, "route", "name"), p.value) || applied
				}
			}
		}
	}
	if !applied {
		t.Errorf("a patch of %s matches nothing: %v", p.applyTo, p.match)
	}
}

func mergeNamed(into object, name any, value object) bool {
	if into["name"] != name {
		return false
	}
	merge(into, value)
	return true
}

// merge merges as protobuf does: lists are appended to, and entries of maps are replaced.
func merge(into, value object) {
	for key, v := range value {
		old, _ := into[key].(object)
		switch v := v.(type) {
		case object:
			if old == nil {
				old = object{}
			}
			if key == "typed_per_filter_config" || key == "typed_extension_protocol_options" {
				for k, entry := range v {
					old[k] = entry
				}
			} else {
				merge(old, v)
			}
			into[key] = old
		case []any:
			list, _ := into[key].([]any)
			into[key] = append(list, v...)
		default:
			into[key] = v
		}
	}
}

// setBreakers sets the thresholds that Istio makes of a DestinationRule.
func setBreakers(t *testing.T, config, rule object) {
	t.Helper()
	name := fmt.Sprintf("outbound|9002||%v", at(t, rule, "spec", "host"))
	limits := at(t, rule, "spec", "trafficPolicy", "connectionPool", "http").(object)
	for _, c := range at(t, config, "static_resources", "clusters").([]any) {
		if c.(object)["name"] != name {
			continue
		}
		threshold := at(t, c, "circuit_breakers", "thresholds", 0).(object)
		threshold["max_requests"] = limits["http2MaxRequests"]
		threshold["max_pending_requests"] = limits["http1MaxPendingRequests"]
		threshold["max_retries"] = limits["maxRetries"]
		return
	}
	t.Errorf("no cluster %s", name)
}

// at returns the value at a path of names and indexes.
func at(t *testing.T, value any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			value = value.(object)[step]
		case int:
			value = value.([]any)[step]
		}
		if value == nil {
			t.Fatalf("there is no %v in %v", step, path)
		}
	}
	return value
}
