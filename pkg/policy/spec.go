package policy

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Spec is what one CORS policy says: which hosts it governs and what it grants
// there. It is the spec of a CORSPolicy document, whatever the document came from.
//
// In every type below a nil field is unset and inherited; a set field replaces,
// and an empty, non-nil list means none.
type Spec struct {
	// Hosts names the hosts that the policy governs: an exact name
	// (api.shop.example), a wildcard for one or more labels (*.shop.example), a
	// capture of exactly one label ({tenant}.shop.example), or * for every host.
	// Names are compared without case, port and one trailing dot. Required.
	Hosts []string `json:"hosts,omitzero"`

	// CORS is what applies to every path of the hosts that no rule takes. A
	// policy without it governs only the paths of its rules.
	CORS *CORS `json:"cors,omitzero"`

	// Enforcement says how much of a decision reaches the wire. Default Enforce.
	Enforcement *Enforcement `json:"enforcement,omitzero"`

	// UpstreamHeaders says what becomes of the CORS headers that the application
	// itself sends. Default Override.
	UpstreamHeaders *UpstreamHeaders `json:"upstreamHeaders,omitzero"`

	// Preflight says how preflights are answered.
	Preflight *Preflight `json:"preflight,omitzero"`

	// WebSocket says whether the origin of WebSocket handshakes is checked.
	WebSocket *WebSocket `json:"webSocket,omitzero"`

	// Rules are exceptions for some paths and methods. Their order means nothing:
	// an Exact path comes before a RegularExpression, that before the longest
	// PathPrefix, that before the policy's own cors.
	Rules []Rule `json:"rules,omitzero"`

	// DangerouslyAllow names the refusals of unsafe policies that this policy
	// waives, for itself and all its rules.
	DangerouslyAllow []Danger `json:"dangerouslyAllow,omitzero"`
}

// CORS is what pages of other origins may do. The field names are those of the
// Gateway API's HTTPCORSFilter.
type CORS struct {
	// AllowOrigins lists who may read: scheme://host[:port] as browsers write it,
	// https://*.shop.example for one or more labels, https://* for every host,
	// http://localhost:* for every port, https://{tenant}.app.example for the
	// label that the policy's host captured, or * alone for everyone. The four
	// origin fields are inherited as one: a layer that sets any of them inherits
	// none of them.
	AllowOrigins []string `json:"allowOrigins,omitzero"`

	// AllowOriginRegexes lists RE2 expressions. Each is matched against the whole
	// origin, without its default port.
	AllowOriginRegexes []string `json:"allowOriginRegexes,omitzero"`

	// AllowOriginSets names OriginSet documents whose origins may read.
	AllowOriginSets []string `json:"allowOriginSets,omitzero"`

	// AllowNullOrigin grants the origin null, which sandboxed frames, data: URLs
	// and some redirects send, an attacker's among them. Default false.
	AllowNullOrigin *bool `json:"allowNullOrigin,omitzero"`

	// AllowMethods lists the methods that a preflight is granted, or "*" for all.
	// GET, HEAD and POST always pass, as the Fetch standard says.
	AllowMethods []string `json:"allowMethods,omitzero"`

	// AllowHeaders lists the request headers that a preflight is granted, or "*"
	// for all but Authorization, which passes only when it is named.
	AllowHeaders []string `json:"allowHeaders,omitzero"`

	// ExposeHeaders lists the response headers that a page may read besides the
	// safelisted ones, or "*" for all.
	ExposeHeaders []string `json:"exposeHeaders,omitzero"`

	// AllowCredentials lets requests carry cookies, client certificates and HTTP
	// authentication, and pages read the answers. Default false.
	AllowCredentials *bool `json:"allowCredentials,omitzero"`

	// MaxAge is how long a browser may remember a preflight: whole seconds
	// (600) or a duration ("10m"), 0 to 86400 s. Unset: the header is not sent
	// and browsers remember for 5 s. 0 is sent, and forbids remembering.
	MaxAge *Seconds `json:"maxAge,omitzero"`

	// AllowPrivateNetwork answers the preflights of the withdrawn Private Network
	// Access proposal. Default false.
	AllowPrivateNetwork *bool `json:"allowPrivateNetwork,omitzero"`

	// Presets adds the methods, request headers and exposed headers that a
	// protocol needs to the lists above.
	Presets []Preset `json:"presets,omitzero"`

	// ExpandExposeHeaders sends the response's own header names in place of the
	// "*" of exposeHeaders, which browsers read literally when credentials are
	// allowed. Default false.
	ExpandExposeHeaders *bool `json:"expandExposeHeaders,omitzero"`
}

// Rule is an exception from a policy's own settings for some paths and methods.
type Rule struct {
	// Name is how decisions, logs and selectors call the rule. Unique in its
	// policy. Default rules[N], N being the rule's place, from 0.
	Name string `json:"name,omitzero"`

	// Match says which requests the rule takes. Default: all of them.
	Match *Match `json:"match,omitzero"`

	// CORS replaces, field by field, what the policy's own cors says.
	CORS *CORS `json:"cors,omitzero"`

	// Enforcement replaces the policy's.
	Enforcement *Enforcement `json:"enforcement,omitzero"`

	// UpstreamHeaders replaces the policy's.
	UpstreamHeaders *UpstreamHeaders `json:"upstreamHeaders,omitzero"`

	// Preflight replaces the policy's, field by field.
	Preflight *Preflight `json:"preflight,omitzero"`

	// WebSocket replaces the policy's.
	WebSocket *WebSocket `json:"webSocket,omitzero"`
}

// Match says which requests a rule takes.
type Match struct {
	// Path is compared with the request's path without its query and without
	// decoding it. Default PathPrefix /.
	Path *PathMatch `json:"path,omitzero"`

	// Methods are the methods that the rule takes; for a preflight that is the
	// method it asks for. GET takes HEAD too, unless a rule at that path names
	// HEAD. Default: every method.
	Methods []string `json:"methods,omitzero"`
}

// PathMatch is a set of paths.
type PathMatch struct {
	// Type says how the value is compared. Default PathPrefix.
	Type *PathMatchType `json:"type,omitzero"`

	// Value is a path that begins with "/", or an RE2 expression that is matched
	// against the whole path. A PathPrefix is compared element by element: /api
	// takes /api and /api/x, never /apix. Required.
	Value string `json:"value,omitzero"`
}

// Preflight says how preflights are answered.
type Preflight struct {
	// Mode says who answers a granted preflight. Default Answer.
	Mode *PreflightMode `json:"mode,omitzero"`

	// SuccessStatus is the status of a granted preflight, 200 to 299. Default 204.
	SuccessStatus *int `json:"successStatus,omitzero"`

	// DenyStatus is the status of a refused preflight, 200 to 299 or 400 to 499.
	// Default 403.
	DenyStatus *int `json:"denyStatus,omitzero"`

	// Detail says how much an allowed origin learns of why its preflight was
	// refused. Default Full.
	Detail *PreflightDetail `json:"detail,omitzero"`
}

// WebSocket says whether the origin of WebSocket handshakes is checked. Browsers
// send cookies with every handshake and apply no CORS check to it.
type WebSocket struct {
	// OriginCheck is Off or Enforce. With Enforce a handshake from an origin that
	// is not allowed is answered 403. Default Off.
	OriginCheck *OriginCheck `json:"originCheck,omitzero"`
}

// OriginSetSpec is a list of origins with a name, for many policies to refer to.
type OriginSetSpec struct {
	// Origins lists origins and patterns as in allowOrigins, except "*".
	Origins []string `json:"origins,omitzero"`

	// Owner says whom to ask about the set. It has no effect.
	Owner string `json:"owner,omitzero"`

	// Expires is the date (UTC, YYYY-MM-DD) from which on the set grants nothing.
	// Unset: it never expires.
	Expires *string `json:"expires,omitzero"`
}

// DefaultsSpec is what every policy inherits from.
type DefaultsSpec struct {
	// UnmatchedHosts says what becomes of requests to hosts that no policy names.
	// Default PassThrough.
	UnmatchedHosts *UnmatchedHosts `json:"unmatchedHosts,omitzero"`

	// CORS is inherited, field by field, by every policy and rule. It takes no
	// requests by itself.
	CORS *CORS `json:"cors,omitzero"`

	// Enforcement is inherited by every policy. Default Enforce.
	Enforcement *Enforcement `json:"enforcement,omitzero"`

	// UpstreamHeaders is inherited by every policy. Default Override.
	UpstreamHeaders *UpstreamHeaders `json:"upstreamHeaders,omitzero"`

	// Preflight is inherited, field by field, by every policy.
	Preflight *Preflight `json:"preflight,omitzero"`

	// WebSocket is inherited by every policy.
	WebSocket *WebSocket `json:"webSocket,omitzero"`
}

// Enforcement says how much of a decision reaches the wire.
type Enforcement string

// The values of [Enforcement].
const (
	// EnforcementOff leaves every request and response untouched.
	EnforcementOff Enforcement = "Off"
	// EnforcementShadow decides, counts and logs, and changes nothing.
	EnforcementShadow Enforcement = "Shadow"
	// EnforcementEnforce answers preflights and sets the CORS headers of
	// responses. A refused request still reaches the application, as everywhere
	// in CORS: the browser keeps the answer from the page.
	EnforcementEnforce Enforcement = "Enforce"
	// EnforcementBlock answers refused requests with 403 in the application's place.
	EnforcementBlock Enforcement = "Block"
)

// UpstreamHeaders says what becomes of the CORS headers that the application sends.
type UpstreamHeaders string

// The values of [UpstreamHeaders].
const (
	// UpstreamOverride removes them all and sets the policy's.
	UpstreamOverride UpstreamHeaders = "Override"
	// UpstreamPreserve leaves a response alone that has an
	// Access-Control-Allow-Origin of its own.
	UpstreamPreserve UpstreamHeaders = "Preserve"
	// UpstreamMerge overrides, but keeps the names that the application exposes.
	UpstreamMerge UpstreamHeaders = "Merge"
)

// PreflightMode says who answers a granted preflight.
type PreflightMode string

// The values of [PreflightMode].
const (
	// PreflightAnswer answers at the edge.
	PreflightAnswer PreflightMode = "Answer"
	// PreflightForward lets the application answer, and sets the CORS headers of
	// its answer.
	PreflightForward PreflightMode = "Forward"
)

// PreflightDetail says how much an allowed origin learns of why its preflight was refused.
type PreflightDetail string

// The values of [PreflightDetail].
const (
	// DetailFull answers with what is allowed, so that the browser's console
	// names what is missing.
	DetailFull PreflightDetail = "Full"
	// DetailMinimal answers as to an origin that is not allowed.
	DetailMinimal PreflightDetail = "Minimal"
)

// OriginCheck says whether the origin of WebSocket handshakes is checked.
type OriginCheck string

// The values of [OriginCheck].
const (
	// OriginCheckOff lets every handshake pass.
	OriginCheckOff OriginCheck = "Off"
	// OriginCheckEnforce answers 403 to origins that are not allowed.
	OriginCheckEnforce OriginCheck = "Enforce"
)

// PathMatchType says how the value of a [PathMatch] is compared with a path.
type PathMatchType string

// The values of [PathMatchType], in their order of precedence.
const (
	// PathExact takes the path that is equal, byte for byte.
	PathExact PathMatchType = "Exact"
	// PathRegularExpression takes the paths that match as a whole.
	PathRegularExpression PathMatchType = "RegularExpression"
	// PathPrefix takes the path itself and all below it.
	PathPrefix PathMatchType = "PathPrefix"
)

// UnmatchedHosts says what becomes of requests to hosts that no policy names.
type UnmatchedHosts string

// The values of [UnmatchedHosts].
const (
	// UnmatchedPassThrough leaves them untouched, preflights included.
	UnmatchedPassThrough UnmatchedHosts = "PassThrough"
	// UnmatchedDeny treats them as a policy that allows nobody would.
	UnmatchedDeny UnmatchedHosts = "Deny"
)

// Danger names a refusal of unsafe policies that a policy may waive.
type Danger string

// The values of [Danger].
const (
	// AnyOriginWithCredentials permits "*" and https://* with credentials, regular
	// expressions that take any origin, and WebSocket checks that let everyone in.
	AnyOriginWithCredentials Danger = "AnyOriginWithCredentials"
	// NullOriginWithCredentials permits the origin null with credentials.
	NullOriginWithCredentials Danger = "NullOriginWithCredentials"
	// PublicSuffixSubdomains permits https://*.com and the like with credentials.
	PublicSuffixSubdomains Danger = "PublicSuffixSubdomains"
	// InsecureOrigins permits http: origins with credentials.
	InsecureOrigins Danger = "InsecureOrigins"
)

// Seconds is a whole number of seconds. Its JSON form is a number, or a string
// that [ParseSeconds] takes.
type Seconds int64

// ParseSeconds reads a duration such as "10m" or "1h30m" (see
// [time.ParseDuration]). It must be a whole number of seconds.
func ParseSeconds(s string) (Seconds, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		if _, numeric := strconv.ParseInt(s, 10, 64); numeric == nil {
			return 0, fmt.Errorf("a number of seconds is written without quotes: %s", s)
		}
		return 0, fmt.Errorf(`not a duration: write seconds (600) or a duration ("10m")`)
	}
	if d%time.Second != 0 {
		up := d.Truncate(time.Second)
		if d > 0 {
			up += time.Second
		}
		return 0, fmt.Errorf("not a whole number of seconds: %d", up/time.Second)
	}
	return Seconds(d / time.Second), nil
}

// UnmarshalJSON takes a whole number of seconds or a string that [ParseSeconds] takes.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return json.Unmarshal(b, (*int64)(s))
	}
	v, err := ParseSeconds(text)
	if err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	*s = v
	return nil
}
