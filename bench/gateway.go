package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/test/harness/envoy"
)

// variant is one way to do CORS in Envoy.
type variant struct {
	name   string
	server string                // floor, deployed, or "" for none
	from   string                // the configuration of deploy/ whose first filter it is
	filter func(o object) object // changes that filter; nil: it stays as it is
	host   object                // the virtual host without its routes; nil: the one of the configuration
	module bool                  // corsd is in Envoy
}

type object = map[string]any

const (
	varNone     = "no filter"
	varNative   = "native cors"
	varLua      = "Lua"
	varFloorAll = "no-op, request-response for every request"
	varFloor    = "no-op, default profile"
	varAll      = "corsd, request-response for every request"
	varDefault  = "corsd, default profile"
	varLean     = "corsd, lean"
	varAuthz    = "corsd, ext_authz"
	varModule   = "corsd, module"
	varForgets  = "corsd, module that remembers nothing"
)

func variants() []variant {
	return []variant{
		{name: varNone, host: object{}},
		{name: varNative, filter: func(object) object { return nativeFilter() }, host: nativeHost()},
		{name: varLua, filter: func(object) object { return luaFilter() }, host: object{}},
		{name: varFloorAll, server: floor, from: "envoy.yaml", filter: everyRequest},
		{name: varFloor, server: floor, from: "envoy.yaml"},
		{name: varAll, server: deployed, from: "envoy.yaml", filter: everyRequest},
		{name: varDefault, server: deployed, from: "envoy.yaml"},
		{name: varLean, server: deployed, from: "envoy-lean.yaml"},
		{name: varAuthz, server: deployed, from: "envoy-ext-authz.yaml"},
		{name: varModule, from: "envoy-module.yaml", module: true},
		{name: varForgets, from: "envoy-module.yaml", module: true},
	}
}

// gateway is a running variant.
type gateway struct {
	variant
	envoy  *envoy.Envoy
	server *server // nil if it has none
}

// startGateway starts an Envoy with a variant, and the variant's server if it has one.
func (b *bench) startGateway(ctx context.Context, binary envoy.Binary, v variant, app, policy string) error {
	dir := filepath.Join(b.dir, fmt.Sprintf("gateway-%d", b.started))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	g := &gateway{variant: v}
	addresses := map[string]string{"app:8080": app}
	if v.server != "" {
		var err error
		if g.server, err = b.start(ctx, v.server, policy); err != nil {
			return err
		}
		addresses["corsd:9002"] = g.server.listen
	}
	b.started++
	text, err := v.config(filepath.Join(b.root, "deploy"))
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "variant.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	config, err := envoy.LoadConfig(file)
	if err != nil {
		return err
	}
	if err := config.Resolve(addresses); err != nil {
		return err
	}
	if v.module {
		filter := fmt.Sprintf(`{"policy": [%q], "remember": %t}`, policy, v.name == varModule)
		if err := config.SetModule(b.library, filter); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if g.envoy, err = binary.Start(ctx, config, dir); err != nil {
		return err
	}
	b.gateways = append(b.gateways, g)
	return nil
}

// config returns the configuration of deploy/ without the parts that are not measured. It has
// one virtual host, no authentication and no access log.
func (v variant) config(deploy string) ([]byte, error) {
	from := v.from
	if from == "" {
		from = "envoy.yaml"
	}
	text, err := os.ReadFile(filepath.Join(deploy, from))
	if err != nil {
		return nil, err
	}
	var c object
	if err := yaml.Load(text, &c); err != nil {
		return nil, err
	}
	static := c["static_resources"].(object)
	chain := static["listeners"].([]any)[0].(object)["filter_chains"].([]any)[0].(object)
	manager := chain["filters"].([]any)[0].(object)["typed_config"].(object)
	delete(manager, "access_log")
	filters := manager["http_filters"].([]any)
	router := filters[len(filters)-1]
	manager["http_filters"] = []any{router}
	switch {
	case v.filter != nil:
		manager["http_filters"] = []any{v.filter(filters[0].(object)), router}
	case v.from != "":
		manager["http_filters"] = []any{filters[0], router}
	}
	host := v.host
	if host == nil {
		host = manager["route_config"].(object)["virtual_hosts"].([]any)[0].(object)
	}
	host["name"], host["domains"] = "shop", []any{"*"}
	host["routes"] = []any{object{"match": object{"prefix": "/"}, "route": object{"cluster": "app"}}}
	manager["route_config"] = object{"name": "local", "virtual_hosts": []any{host}}
	var clusters []any
	for _, cluster := range static["clusters"].([]any) {
		if name := cluster.(object)["name"]; name == "app" || name == "corsd" && v.server != "" {
			clusters = append(clusters, cluster)
		}
	}
	static["clusters"] = clusters
	return yaml.Dump(c)
}

// everyRequest returns the usual configuration of ext_proc: both phases, for every request.
func everyRequest(o object) object {
	matchers := o["typed_config"].(object)["xds_matcher"].(object)["matcher_list"].(object)["matchers"].([]any)
	action := matchers[0].(object)["on_match"].(object)["action"].(object)["typed_config"].(object)
	config := action["typed_config"].(object)["typed_config"].(object)
	config["processing_mode"] = object{"request_header_mode": "SEND", "response_header_mode": "SEND"}
	delete(config, "allow_mode_override")
	delete(config, "allowed_override_modes")
	return object{"name": "corsd", "typed_config": config}
}

func nativeFilter() object {
	return object{"name": "envoy.filters.http.cors", "typed_config": object{
		"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors",
	}}
}

func nativeHost() object {
	return object{"typed_per_filter_config": object{"envoy.filters.http.cors": object{
		"@type":                     "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
		"allow_origin_string_match": []any{object{"exact": page}},
		"allow_methods":             "GET,PUT,DELETE",
		"allow_headers":             "content-type",
		"expose_headers":            "etag",
		"max_age":                   "600",
		"allow_credentials":         true,
	}}}
}

// luaFilter returns the same policy as a script, as people write it.
func luaFilter() object {
	return object{"name": "envoy.filters.http.lua", "typed_config": object{
		"@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
		"default_source_code": object{"inline_string": `
function envoy_on_request(h)
  local origin = h:headers():get("origin")
  if origin ~= "` + page + `" then return end
  if h:headers():get(":method") == "OPTIONS" and h:headers():get("access-control-request-method") then
    h:respond({[":status"] = "204", ["access-control-allow-origin"] = origin,
      ["access-control-allow-credentials"] = "true", ["access-control-allow-methods"] = "GET, PUT, DELETE",
      ["access-control-allow-headers"] = "Content-Type", ["access-control-max-age"] = "600", ["vary"] = "Origin"})
    return
  end
  h:streamInfo():dynamicMetadata():set("cors", "origin", origin)
end
function envoy_on_response(h)
  local cors = h:streamInfo():dynamicMetadata():get("cors")
  if cors == nil then return end
  h:headers():replace("access-control-allow-origin", cors["origin"])
  h:headers():replace("access-control-allow-credentials", "true")
  h:headers():replace("access-control-expose-headers", "ETag")
  h:headers():add("vary", "Origin")
end
`},
	}}
}

// page is the only origin that the policy allows.
const page = "https://www.shop.example"

const gatewayPolicy = `apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: shop}
spec:
  hosts: [api.shop.example]
  cors:
    allowOrigins: [` + page + `]
    allowMethods: [GET, PUT, DELETE]
    allowHeaders: [Content-Type]
    exposeHeaders: [ETag]
    allowCredentials: true
    maxAge: 600
`

// application starts an application that answers Envoy's requests.
func application() (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	body := []byte(`{"cart": ["a book", "another"]}`)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", `"1"`)
		_, _ = w.Write(body) // fails only if the client is gone
	})
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: handler}
	go func() { _ = s.Serve(l) }() // until s is closed
	return l.Addr().String(), func() { _ = s.Close() }, nil
}

// errFilter is the error if a gateway answers in another way than its filter should.
var errFilter = errors.New("the filter does not work")
