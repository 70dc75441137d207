package main

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy"
)

// adviceFor is the advice on a decision. Some of it depends on the request.
func adviceFor(o *outcome, d *policy.Explanation) string {
	switch {
	case d.Reason == policy.ReasonMethodCase && o.request.RequestMethod[0] == strings.ToUpper(o.request.RequestMethod[0]):
		return "methods are case-sensitive, and allowMethods has this one in another case; write it there in upper case."
	case d.Reason == policy.ReasonNoRule && o.request.Selector == "" && d.MethodDependent:
		return "policies name the host, and the rules at this path match other methods; add a rule for this one, or a cors to the policy."
	case d.Reason == policy.ReasonSelectorUnknown && strings.Contains(o.request.Selector, "/"):
		return advice(d.Reason) + " A rule is selected as POLICY#RULE; what is before a / is a namespace."
	}
	return advice(d.Reason)
}

// advice explains a reason in one sentence, and how to fix it. docs/reasons.md has more.
func advice(r policy.Reason) string {
	switch r {
	case policy.ReasonNoPolicy:
		return "no policy names this host; add it to the hosts of one."
	case policy.ReasonSelectorUnknown:
		return "Envoy's configuration selects a policy or rule that does not exist; correct corsd-policy there, or add the policy."
	case policy.ReasonDisabled:
		return "enforcement is Disabled here; set it to Shadow or Enforce."
	case policy.ReasonPathAmbiguous:
		return "the path can be read in more than one way; send it in its plain form, and let Envoy normalise paths."
	case policy.ReasonNoRule:
		return "policies name the host, and no rule matches this path; add a rule for it, or a cors to the policy."
	case policy.ReasonNotCORS:
		return "the request has no Origin header, so there is nothing to decide."
	case policy.ReasonOriginMalformed:
		return "no browser sends an Origin like this; write scheme://host[:port], in lower case, once."
	case policy.ReasonOriginNull:
		return "the page has no origin of its own (a sandboxed frame, a file, a redirect); serve it from one, or set allowNullOrigin."
	case policy.ReasonOriginNotAllowed:
		return "no entry of the policy allows this origin; add it to allowOrigins."
	case policy.ReasonSameOrigin:
		return "the page has the origin of the host itself, so it needs no grant."
	case policy.ReasonMethodMalformed:
		return "Access-Control-Request-Method is not one method; a browser sends exactly one."
	case policy.ReasonMethodForbidden:
		return "CONNECT, TRACE and TRACK are forbidden to pages; use another method."
	case policy.ReasonMethodCase:
		return "methods are case-sensitive, and this one is allowed in another case; write it in upper case in the page's fetch."
	case policy.ReasonMethodNotAllowed:
		return "the method is not in allowMethods; add it."
	case policy.ReasonHeadersTooLarge:
		return "the preflight requests more headers than corsd reads; send fewer."
	case policy.ReasonHeadersMalformed:
		return "Access-Control-Request-Headers is not a list of header names; a browser sends one."
	case policy.ReasonAuthorizationNotListed:
		return `Authorization passes only when it is named, "*" does not cover it; add it to allowHeaders.`
	case policy.ReasonHeaderNotAllowed:
		return "a header that the page wants to send is not in allowHeaders; add it."
	case policy.ReasonAllowed:
		return "the policy allows it."
	}
	return ""
}
