package cli

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy"
)

// adviceFor returns the advice on a decision. Some of it depends on the request.
func adviceFor(o *outcome, d *policy.Explanation) string {
	switch {
	case d.Reason == policy.ReasonMethodCase &&
		o.request.RequestMethod[0] == strings.ToUpper(o.request.RequestMethod[0]):
		return "methods are case-sensitive, and allowMethods contains this one in another case; " +
			"write it there in upper case."
	case d.Reason == policy.ReasonNoRule && o.request.Selector == "" && d.MethodDependent:
		return "the host has a policy, but its rules for this path match other methods; " +
			"add a rule for this one, or a cors to the policy."
	case d.Reason == policy.ReasonSelectorUnknown && strings.Contains(o.request.Selector, "/"):
		return advice(d.Reason) + " Select a rule as POLICY#RULE; the part before a / is a namespace."
	}
	return advice(d.Reason)
}

// advice returns one sentence on a reason and its fix. docs/reasons.md has more.
func advice(r policy.Reason) string {
	switch r {
	case policy.ReasonNoPolicy:
		return "no policy has this host; add it to the hosts of a policy."
	case policy.ReasonSelectorUnknown:
		return "Envoy's configuration selects a policy or rule that does not exist; " +
			"correct corsd-policy there, or add the policy."
	case policy.ReasonDisabled:
		return "enforcement is Disabled here; set it to Shadow or Enforce."
	case policy.ReasonPathAmbiguous:
		return "the path is ambiguous; send it in its plain form, and let Envoy normalise paths."
	case policy.ReasonNoRule:
		return "the host has a policy, but no rule matches this path; add a rule for it, or a cors to the policy."
	case policy.ReasonNotCORS:
		return "the request has no Origin header, so CORS does not apply."
	case policy.ReasonOriginMalformed:
		return "no browser sends such an Origin; write scheme://host[:port], in lower case, once."
	case policy.ReasonOriginNull:
		return "the page has no origin of its own (a sandboxed frame, a file, a redirect); " +
			"serve it from an origin, or set allowNullOrigin."
	case policy.ReasonOriginNotAllowed:
		return "the policy does not allow this origin; add it to allowOrigins."
	case policy.ReasonSameOrigin:
		return "the page has the same origin as the host, so it needs no grant."
	case policy.ReasonMethodMalformed:
		return "Access-Control-Request-Method is not a single method; a browser sends exactly one."
	case policy.ReasonMethodForbidden:
		return "pages must not use CONNECT, TRACE and TRACK; use another method."
	case policy.ReasonMethodCase:
		return "methods are case-sensitive, and this one is allowed in another case only; " +
			"write it in upper case in the page's fetch."
	case policy.ReasonMethodNotAllowed:
		return "the method is not in allowMethods; add it."
	case policy.ReasonHeadersTooLarge:
		return "the preflight requests more headers than corsd reads; send fewer."
	case policy.ReasonHeadersMalformed:
		return "Access-Control-Request-Headers is not a list of header names, as browsers send it."
	case policy.ReasonAuthorizationNotListed:
		return `"*" does not cover Authorization; add it to allowHeaders by name.`
	case policy.ReasonHeaderNotAllowed:
		return "a requested header is not in allowHeaders; add it."
	case policy.ReasonAllowed:
		return "the policy allows the request."
	}
	return ""
}
