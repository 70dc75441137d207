package spec

// +kubebuilder:validation:Enum=Disabled;Shadow;Enforce;Block

// Enforcement sets how much of a decision reaches the wire.
type Enforcement string

// The values of [Enforcement].
const (
	// EnforcementDisabled leaves every request and response untouched.
	EnforcementDisabled Enforcement = "Disabled"
	// EnforcementShadow decides, counts and logs, and changes nothing.
	EnforcementShadow Enforcement = "Shadow"
	// EnforcementEnforce answers preflights and sets the CORS headers of
	// responses. A refused request still reaches the application, as everywhere
	// in CORS: the browser keeps the answer from the page.
	EnforcementEnforce Enforcement = "Enforce"
	// EnforcementBlock answers refused requests with 403 in the application's place.
	EnforcementBlock Enforcement = "Block"
)

// +kubebuilder:validation:Enum=Override;Preserve;Merge

// UpstreamHeaders sets what happens to the CORS headers that the application sends.
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

// +kubebuilder:validation:Enum=Answer;Forward

// PreflightMode sets who answers a granted preflight.
type PreflightMode string

// The values of [PreflightMode].
const (
	// PreflightAnswer answers at the edge.
	PreflightAnswer PreflightMode = "Answer"
	// PreflightForward lets the application answer, and sets the CORS headers of
	// its answer.
	PreflightForward PreflightMode = "Forward"
)

// +kubebuilder:validation:Enum=Full;Minimal

// PreflightDetail sets how much an allowed origin learns about why its preflight was refused.
type PreflightDetail string

// The values of [PreflightDetail].
const (
	// DetailFull answers with what is allowed, so that the browser's console
	// names what is missing.
	DetailFull PreflightDetail = "Full"
	// DetailMinimal answers as to an origin that is not allowed.
	DetailMinimal PreflightDetail = "Minimal"
)

// +kubebuilder:validation:Enum=Disabled;Enforce

// OriginCheck sets whether the origin of WebSocket handshakes is checked.
type OriginCheck string

// The values of [OriginCheck].
const (
	// OriginCheckDisabled lets every handshake pass.
	OriginCheckDisabled OriginCheck = "Disabled"
	// OriginCheckEnforce answers 403 to origins that are not allowed.
	OriginCheckEnforce OriginCheck = "Enforce"
)

// +kubebuilder:validation:Enum=Exact;RegularExpression;PathPrefix

// PathMatchType sets how the value of a [PathMatch] is compared with a path.
type PathMatchType string

// The values of [PathMatchType], in their order of precedence.
const (
	// PathExact matches the path that is equal, byte for byte.
	PathExact PathMatchType = "Exact"
	// PathRegularExpression matches the paths that the whole expression matches.
	PathRegularExpression PathMatchType = "RegularExpression"
	// PathPrefix matches the path itself and all below it.
	PathPrefix PathMatchType = "PathPrefix"
)

// +kubebuilder:validation:Enum=same-origin;same-site;cross-origin

// ResourcePolicy is a value of the header Cross-Origin-Resource-Policy (Fetch standard, section 3.8).
type ResourcePolicy string

// The values of [ResourcePolicy].
const (
	// ResourceSameOrigin lets only pages of the same origin embed the response.
	ResourceSameOrigin ResourcePolicy = "same-origin"
	// ResourceSameSite lets pages of the same site embed it.
	ResourceSameSite ResourcePolicy = "same-site"
	// ResourceCrossOrigin lets every page embed it.
	ResourceCrossOrigin ResourcePolicy = "cross-origin"
)

// +kubebuilder:validation:Enum=PassThrough;Deny

// UnmatchedHosts sets what happens to requests to hosts that no policy names.
type UnmatchedHosts string

// The values of [UnmatchedHosts].
const (
	// UnmatchedPassThrough leaves them untouched, preflights included.
	UnmatchedPassThrough UnmatchedHosts = "PassThrough"
	// UnmatchedDeny treats them as a policy that allows nobody would.
	UnmatchedDeny UnmatchedHosts = "Deny"
)

// +kubebuilder:validation:Enum=AnyOriginWithCredentials;NullOriginWithCredentials;PublicSuffixSubdomains;InsecureOrigins;UnboundedRegexes

// Danger names a refusal of unsafe policies that a policy may waive.
type Danger string

// The values of [Danger].
const (
	// AnyOriginWithCredentials permits "*" and https://* with credentials, and WebSocket checks
	// that let everyone in.
	AnyOriginWithCredentials Danger = "AnyOriginWithCredentials"
	// NullOriginWithCredentials permits the origin null with credentials.
	NullOriginWithCredentials Danger = "NullOriginWithCredentials"
	// PublicSuffixSubdomains permits https://*.com and the like with credentials.
	PublicSuffixSubdomains Danger = "PublicSuffixSubdomains"
	// InsecureOrigins permits http: origins with credentials.
	InsecureOrigins Danger = "InsecureOrigins"
	// UnboundedRegexes permits regular expressions that accept origins below registered domains
	// that are not finitely many, or more than 8, and those that are too large to be judged.
	UnboundedRegexes Danger = "UnboundedRegexes"
)

// Dangers lists every danger.
func Dangers() []Danger {
	return []Danger{
		AnyOriginWithCredentials, NullOriginWithCredentials, PublicSuffixSubdomains, InsecureOrigins, UnboundedRegexes,
	}
}
