package spec

// PolicySpec is the spec of a CORSPolicy document: the hosts that it governs, and its grants
// there.
//
// In every type below a nil field is unset and inherited. A field that is set replaces the
// inherited value. An empty list that is not nil means none.
type PolicySpec struct {
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=320
	// +kubebuilder:validation:items:XValidation:rule=`self == '*' || self.matches('^([*]|[{][A-Za-z][A-Za-z0-9_-]*[}])?[.]?([A-Za-z0-9_.-]+|[[][0-9A-Fa-f:.]+[]])$')`,message=`is not a host: write api.shop.example, *.shop.example, {tenant}.shop.example or "*", without scheme, port and path`
	// +optional

	// Hosts names the hosts that the policy governs: an exact name
	// (api.shop.example), a wildcard for one or more labels (*.shop.example), a
	// capture of exactly one label ({tenant}.shop.example), or * for every host.
	// Names are compared without case, port and one trailing dot. Required.
	Hosts []string `json:"hosts,omitzero"`

	// CORS applies to every path of the hosts that no rule matches. A policy without it
	// governs only the paths of its rules.
	CORS *CORS `json:"cors,omitzero"`

	// Enforcement sets how much of a decision reaches the wire. Default Enforce.
	Enforcement *Enforcement `json:"enforcement,omitzero"`

	// UpstreamHeaders sets what happens to the CORS headers that the application
	// itself sends. Default Override.
	UpstreamHeaders *UpstreamHeaders `json:"upstreamHeaders,omitzero"`

	// Preflight sets how preflights are answered.
	Preflight *Preflight `json:"preflight,omitzero"`

	// WebSocket sets whether the origin of WebSocket handshakes is checked.
	WebSocket *WebSocket `json:"webSocket,omitzero"`

	// Paths sets which paths the application treats as equal. Policies that name the
	// same host must agree.
	Paths *Paths `json:"paths,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256

	// Rules are exceptions for some paths, methods and origins. Their order means
	// nothing: an Exact path comes before a RegularExpression, that before the longest
	// PathPrefix, that before the policy's own cors.
	Rules []Rule `json:"rules,omitzero"`

	// +listType=set
	// +kubebuilder:validation:MaxItems=16

	// DangerouslyAllow names the refusals of unsafe policies that this policy
	// waives, for itself and all its rules.
	DangerouslyAllow []Danger `json:"dangerouslyAllow,omitzero"`

	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:Enum=default_port;origin_upper_case;max_age_capped;max_age_unused;rule_unreachable;own_cors_shadowed;origin_set_expired;origin_set_unused;authorization_not_covered;subdomain_takeover;redundant_regex;header_never_sent;method_never_sent;method_lower_case;grants_nobody;rule_never_refuses;resource_policy_static;origin_set_expires_soon;directory_ignored;regex_branch_dead;rule_partly_shadowed

	// Acknowledge names the codes of warnings that are known and accepted in this
	// policy. They are neither shown nor counted by --strict.
	Acknowledge []Code `json:"acknowledge,omitzero"`
}

// +kubebuilder:validation:XValidation:rule=`!has(self.allowOrigins) || !('*' in self.allowOrigins) || size(self.allowOrigins) + (has(self.allowOriginRegexes) ? size(self.allowOriginRegexes) : 0) + (has(self.allowOriginSets) ? size(self.allowOriginSets) : 0) == 1`,message=`"*" allows every origin, so what stands beside it has no meaning: write "*" alone, or the list without it`,fieldPath=`.allowOrigins`

// CORS lists what pages of other origins may do. The field names are those of the
// Gateway API's HTTPCORSFilter.
type CORS struct {
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MaxLength=330
	// +kubebuilder:validation:items:Pattern=`^([*]|[^:/]+://.*)$`

	// AllowOrigins lists who may read: scheme://host[:port] as browsers write it,
	// https://*.shop.example for one or more labels, https://* for every host,
	// http://localhost:* for every port, https://{tenant}.app.example for the
	// label that the policy's host captured, or * alone for everyone. The four
	// origin fields are inherited as one: a layer that sets any of them inherits
	// none of them.
	AllowOrigins []string `json:"allowOrigins,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024

	// AllowOriginRegexes lists RE2 expressions. Each is matched against the whole
	// origin, without its default port.
	AllowOriginRegexes []string `json:"allowOriginRegexes,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=507

	// AllowOriginSets names OriginSet documents whose origins may read.
	AllowOriginSets []string `json:"allowOriginSets,omitzero"`

	// AllowNullOrigin grants the origin null, which sandboxed frames, data: URLs
	// and some redirects send, an attacker's among them. Default false.
	AllowNullOrigin *bool `json:"allowNullOrigin,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches('^[^ ,]+$')`,message=`is not one method: write one entry of the list for each method`

	// AllowMethods lists the methods that a preflight is granted, or "*" for all.
	// GET, HEAD and POST always pass, by the Fetch standard.
	AllowMethods []string `json:"allowMethods,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches('^[^ ,]+$')`,message=`is not one header name: write one entry of the list for each name`

	// AllowHeaders lists the request headers that a preflight is granted: names,
	// families such as X-Amz-* for every name that begins so, or "*" for all.
	// Authorization passes only when it is named.
	AllowHeaders []string `json:"allowHeaders,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches('^[^ ,]+$')`,message=`is not one header name: write one entry of the list for each name`

	// ExposeHeaders lists the response headers that a page may read besides the
	// safelisted ones: names, families such as X-Amz-* for the response's own names
	// that begin so, or "*" for all.
	ExposeHeaders []string `json:"exposeHeaders,omitzero"`

	// AllowCredentials lets requests carry cookies, client certificates and HTTP
	// authentication, and pages read the answers. Default false.
	AllowCredentials *bool `json:"allowCredentials,omitzero"`

	// MaxAge is how long a browser may remember a preflight: whole seconds
	// (600) or a duration ("10m"), 0 or more. Unset: the header is not sent
	// and browsers remember for 5 s. 0 is sent, and forbids remembering.
	MaxAge *Seconds `json:"maxAge,omitzero"`

	// AllowPrivateNetwork answers the preflights of the withdrawn Private Network
	// Access proposal. Default false.
	AllowPrivateNetwork *bool `json:"allowPrivateNetwork,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16

	// Presets adds the methods, request headers and exposed headers that a
	// protocol needs to the lists above.
	Presets []Preset `json:"presets,omitzero"`

	// ExpandExposeHeaders sends the response's own header names in place of the
	// "*" of exposeHeaders, which browsers read literally when credentials are
	// allowed. Default false.
	ExpandExposeHeaders *bool `json:"expandExposeHeaders,omitzero"`

	// TimingAllowOrigin lets the granted origins read the detailed timing of the
	// response, by Timing-Allow-Origin. Upstream's header of that name is removed,
	// unless it preserves its CORS headers. Default false.
	TimingAllowOrigin *bool `json:"timingAllowOrigin,omitzero"`

	// CrossOriginResourcePolicy is sent as the response header of that name, in
	// place of upstream's: which sites may embed the response without CORS, as an
	// image or script. Unset: upstream's is not changed.
	CrossOriginResourcePolicy *ResourcePolicy `json:"crossOriginResourcePolicy,omitzero"`
}

// Paths sets which paths the application treats as equal, so that a page cannot get around a
// rule by writing its path in another way.
type Paths struct {
	// IgnoreCase treats ASCII letters as equal in any case. Default false.
	IgnoreCase *bool `json:"ignoreCase,omitzero"`

	// IgnoreTrailingSlash treats a path as equal to the one with a final "/".
	// Default false.
	IgnoreTrailingSlash *bool `json:"ignoreTrailingSlash,omitzero"`
}

// Rule is an exception from a policy's own settings for some paths, methods and origins.
type Rule struct {
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches('^[!-~]*$')`,message=`is not made of visible ASCII characters: write letters, digits and -`

	// Name is the name of the rule in decisions, logs and selectors. Unique in its
	// policy. Default rules[N], N being the rule's place, from 0.
	Name string `json:"name,omitzero"`

	// Match selects the requests that the rule applies to. Default: all of them.
	Match *Match `json:"match,omitzero"`

	// CORS replaces, field by field, the policy's own cors.
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

// +kubebuilder:validation:XValidation:rule=`!has(self.origins) && !has(self.originSets) || has(self.origins) && size(self.origins) > 0 || has(self.originSets) && size(self.originSets) > 0`,message=`a rule that matches no origin matches nothing: leave origins and originSets out to match every origin`

// Match selects the requests that a rule applies to.
type Match struct {
	// Path is compared with the request's path without its query and without
	// decoding it. Default PathPrefix /.
	Path *PathMatch `json:"path,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:XValidation:rule=`self.matches('^[^ ,]+$') && self != '*'`,message=`is not one method: write one entry of the list for each method, or leave methods out to match every method`

	// Methods are the methods that the rule matches; for a preflight that is the
	// requested method. GET matches HEAD too, unless a rule at that path names
	// HEAD. Default: every method.
	Methods []string `json:"methods,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=1000
	// +kubebuilder:validation:items:MaxLength=330
	// +kubebuilder:validation:items:Pattern=`^[^:/]+://.*$`

	// Origins lists the origins that the rule matches, as in allowOrigins, except
	// "*". With it or originSets the rule matches only requests that have one of them.
	// If the rule sets no origin field, it allows exactly those. Default:
	// every origin, and requests without one.
	Origins []string `json:"origins,omitzero"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=507

	// OriginSets names OriginSet documents whose origins the rule matches, also
	// after they have expired.
	OriginSets []string `json:"originSets,omitzero"`
}

// +kubebuilder:validation:XValidation:rule=`self.value.startsWith('/') || has(self.type) && self.type == 'RegularExpression'`,message=`does not begin with "/": write a path such as /api, or type: RegularExpression`,fieldPath=`.value`

// PathMatch is a set of paths.
type PathMatch struct {
	// Type sets how the value is compared. Default PathPrefix.
	Type *PathMatchType `json:"type,omitzero"`

	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +required

	// Value is a path that begins with "/", or an RE2 expression that is matched
	// against the whole path. A PathPrefix is compared element by element: /api
	// matches /api and /api/x, never /apix. Required.
	Value string `json:"value,omitzero"`
}

// Preflight sets how preflights are answered.
type Preflight struct {
	// Mode sets who answers a granted preflight. Default Answer.
	Mode *PreflightMode `json:"mode,omitzero"`

	// +kubebuilder:validation:Minimum=200
	// +kubebuilder:validation:Maximum=299

	// SuccessStatus is the status of a granted preflight, 200 to 299. Default 204.
	SuccessStatus *int `json:"successStatus,omitzero"`

	// +kubebuilder:validation:Minimum=200
	// +kubebuilder:validation:Maximum=499
	// +kubebuilder:validation:XValidation:rule=`self < 300 || self >= 400`,message=`is not 200 to 299 or 400 to 499: write 403`

	// DenyStatus is the status of a refused preflight, 200 to 299 or 400 to 499.
	// Default 403.
	DenyStatus *int `json:"denyStatus,omitzero"`

	// Detail sets how much an allowed origin learns about why its preflight was
	// refused. Default Full.
	Detail *PreflightDetail `json:"detail,omitzero"`
}

// WebSocket sets whether the origin of WebSocket handshakes is checked. Browsers
// send cookies with every handshake and apply no CORS check to it.
type WebSocket struct {
	// OriginCheck is Disabled or Enforce. With Enforce a handshake from an origin that
	// is not allowed is answered 403. Default Disabled.
	OriginCheck *OriginCheck `json:"originCheck,omitzero"`
}

// OriginSetSpec is a list of origins with a name, for many policies to refer to.
type OriginSetSpec struct {
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10000
	// +kubebuilder:validation:items:MaxLength=330
	// +kubebuilder:validation:items:XValidation:rule=`self.contains('://')`,message=`is not an origin: write scheme://host[:port], such as https://www.shop.example`

	// Origins lists origins and patterns as in allowOrigins, except "*".
	Origins []string `json:"origins,omitzero"`

	// +kubebuilder:validation:MaxLength=1024

	// Owner names a contact for the set. It has no effect.
	Owner string `json:"owner,omitzero"`

	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule=`self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}$')`,message=`is not a date: write one such as 2027-01-31`

	// Expires is the date (UTC, YYYY-MM-DD) from which on the set grants nothing.
	// Unset: it never expires.
	Expires *string `json:"expires,omitzero"`
}

// DefaultsSpec has the settings that every policy inherits.
type DefaultsSpec struct {
	// UnmatchedHosts sets what happens to requests to hosts that no policy names.
	// Default PassThrough.
	UnmatchedHosts *UnmatchedHosts `json:"unmatchedHosts,omitzero"`

	// CORS is inherited, field by field, by every policy and rule. It matches no
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

	// Paths is inherited, field by field, by every policy.
	Paths *Paths `json:"paths,omitzero"`
}
