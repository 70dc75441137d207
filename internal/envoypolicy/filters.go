package envoypolicy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/corsd/corsd/internal/envoyconfig"
	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy/spec"
)

func isNativeCORS(f *envoyconfig.Filter) bool {
	return strings.HasSuffix(f.Type, ".http.cors.v3.Cors") || f.Type == "" && f.Name == "envoy.filters.http.cors"
}

// refusing are the packages of filters that answer requests in the application's place: those of preflights too,
// which have no credentials.
var refusing = []string{
	"jwt_authn", "ext_authz", "cors", "csrf", "rbac", "oauth2", "basic_auth", "api_key_auth", "local_ratelimit",
	"ratelimit", "rate_limit_quota", "fault", "gcp_authn",
}

// passing are the packages of filters that answer nothing, or that have to come first.
var passing = []string{
	"health_check", "custom_response", "header_to_metadata", "set_metadata", "set_filter_state", "grpc_stats",
	"stat_prefix", "alpn", "on_demand", "original_src", "original_dst", "tap", "metadata_exchange", "peer_metadata",
	"stats", "router", "stateful_session", "proto_message_extraction",
}

// before judges a filter that comes before corsd.
func (k *checker) before(corsd, other *envoyconfig.Filter) {
	kind := other.Type
	if kind == "" {
		kind = other.Name
	}
	is := func(name string) bool { return strings.Contains("."+kind+".", "."+name+".") }
	const hint = "corsd as the first HTTP filter"
	switch {
	case slices.ContainsFunc(refusing, is):
		k.fault(corsd.Position, codeFilterOrder, hint,
			"%s comes before corsd and refuses preflights, which have no credentials; pages cannot read its answers",
			other.Name)
	case !slices.ContainsFunc(passing, is):
		k.warn(corsd.Position, codeFilterOrder, hint,
			"%s comes before corsd: if it answers requests, pages cannot read its answers", other.Name)
	}
}

// The bounds of a useful timeout.
const (
	longTimeout = 5 * time.Second
	shipped     = "0.5s"
)

// call judges the configuration of ext_proc or ext_authz itself.
func (k *checker) call(c *envoyconfig.Call) {
	k.headers(c)
	if !c.Authz {
		k.modes(c)
	}
	field := "message_timeout"
	if c.Authz {
		field = "timeout of grpc_service"
	}
	switch d, err := time.ParseDuration(c.Timeout.Value); {
	case !c.Timeout.Set:
		k.warn(c.Timeout.Position, codeTimeout, shipped,
			"there is no %s, and the default of 0.2 s fires in bursts on a busy machine", field)
	case err == nil && d > longTimeout:
		k.warn(c.Timeout.Position, codeTimeout, shipped,
			"the %s of %s is how long every request waits while corsd hangs", field, c.Timeout.Value)
	}
	if words := staticOf(c.Authority, c.Metadata); words.Value != "" {
		k.fault(words.Position, codeStaticInFilter, "corsd-static on those virtual hosts that strip",
			"the filter reports %s for every virtual host, also for those that do not; refused origins can then read "+
				"upstream's own headers", words.Value)
	}
	k.keys(c.Metadata)
	k.cluster(c.Cluster)
}

// The headers that corsd reads, and sets.
var (
	readRequest = []string{
		":method", ":scheme", ":authority", ":path", "origin", "sec-fetch-site", "upgrade",
		"access-control-request-method", "access-control-request-headers",
	}
	readResponse = []string{"access-control-allow-origin", "vary"}
)

// headers judges which headers corsd gets, and which it may set.
func (k *checker) headers(c *envoyconfig.Call) {
	timing, resource := k.usesOther()
	var read []string
	if c.Authz || c.RequestMode.Value == "SEND" {
		read = readRequest
	}
	if !c.Authz {
		read = slices.Concat(read, readResponse)
		set := slices.Concat(corsHeaders, []string{"vary"}, timing, resource)
		const allowed = "(access-control-.*|timing-allow-origin|cross-origin-resource-policy|vary)"
		k.rules(&c.Mutations, set, codeMutationRules, "mutation_rules that allow "+allowed,
			"mutation_rules do not let corsd set %s")
		read = append(read, timing...)
	}
	k.rules(&c.Forwards, read, codeForwardRules, "the list of headers of deploy/envoy.yaml", "corsd does not get %s")
}

// rules reports the headers that the rules do not allow.
func (k *checker) rules(r *envoyconfig.Rules, names []string, code spec.Code, hint, format string) {
	var missing []string
	for _, name := range names {
		if !r.Allows(name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		k.fault(r.Position, code, hint, format, strings.Join(missing, ", "))
	}
}

// usesOther returns the headers beside those of CORS that policies set.
func (k *checker) usesOther() (timing, resource []string) {
	all := &needs{}
	for _, t := range k.Tables {
		all.merge(k.tableNeeds(t))
	}
	if all.timing != nil {
		timing = []string{timingAllowOrigin}
	}
	if all.resource.of != nil {
		resource = []string{resourcePolicy}
	}
	return timing, resource
}

// modes judges the phases in which ext_proc calls corsd.
func (k *checker) modes(c *envoyconfig.Call) {
	switch {
	case c.ResponseMode.Value == "SEND" && c.RequestMode.Value == "SEND":
		k.warn(c.ResponseMode.Position, codeResponseMode, "response_header_mode: SKIP, with allow_mode_override",
			"response_header_mode is SEND: the client gets an empty response in place of Envoy's 400 and 431")
	case c.ResponseMode.Value == "SEND":
	case c.AllowModeOverride.Value != "true":
		k.fault(c.AllowModeOverride.Position, codeModeOverride, "allow_mode_override: true",
			"Envoy ignores that corsd requests the response, so responses get no CORS headers")
	case !c.OverridesToResponse:
		k.fault(c.Position, codeModeOverride, "allowed_override_modes: [{ response_header_mode: SEND }]",
			"allowed_override_modes does not allow corsd to request the response, so responses get no CORS headers")
	}
}

// defaultRequests is Envoy's limit if a cluster has none.
const defaultRequests = 1024

func (k *checker) cluster(name envoyconfig.Text) {
	if !name.Set || len(k.clusters) == 0 {
		return
	}
	c := k.clusters[name.Value]
	if c == nil {
		k.warn(name.Position, codeIncomplete, wholeDump,
			"the cluster %q is not in this file, so its circuit breakers were not judged", name.Value)
		return
	}
	limit := c.MaxRequests
	if !limit.Set {
		limit.Value = "1024"
	}
	if n, err := strconv.ParseUint(limit.Value, 10, 32); err == nil && n <= defaultRequests {
		k.warn(limit.Position, codeBreakers, "circuit_breakers with max_requests: 4500 (docs/operations.md, Sizing)",
			"cluster %s has a max_requests of %d; a request counts until the application has answered, and corsd is "+
				"not called for further ones", c.Name, n)
	}
}

// The keys of metadata that corsd reads, and those of streams that begin with the response.
const (
	keyPolicy = "corsd-policy"
	keyStatic = "corsd-static"
)

var knownKeys = []string{
	keyPolicy, keyStatic, "corsd-request", "corsd-method", "corsd-scheme", "corsd-host", "corsd-path", "corsd-origin",
	"corsd-fetch-site", "corsd-upgrade",
}

// keys judges the keys of metadata.
func (k *checker) keys(list []envoyconfig.Header) {
	for _, h := range list {
		key := strings.ToLower(h.Key.Value)
		near := suggest.Nearest(key, knownKeys)
		if !slices.Contains(knownKeys, key) && (near != "" || strings.HasPrefix(key, "corsd")) {
			k.faultOf(h.Key, codeMetadataUnknown, cmp.Or(near, "corsd-policy or corsd-static"),
				"is not a key that corsd reads, so it has no effect")
		}
	}
}
