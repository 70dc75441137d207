package policy

import (
	"slices"

	"github.com/corsd/corsd/pkg/policy/internal/match"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Places are the places of documents that decided.
type Places struct {
	// Hosts is the list of hosts of the policy that was chosen.
	Hosts spec.Place
	// Rule is the rule that was chosen, or the policy's own cors.
	Rule spec.Place
	// Origin is the entry that allows the origin.
	Origin spec.Place
	// Refusing is the setting for which the request is refused, and its place: the list that lacks
	// the origin, the method or a header. The place is zero if no document sets it.
	Refusing      string
	RefusingPlace spec.Place
}

// addPlaces adds the places of the decision. Those of the settings are there.
func (d *Decision) addPlaces(x *Explanation) {
	if d.policy != match.None && d.request.Selector == "" {
		x.Places.Hosts = spec.In(spec.KindPolicy, int(d.policy)).At("spec", "hosts")
	}
	if policy, rule := d.chosen(); x.Chosen {
		x.Places.Rule = layerPlace(plan.LayerRule, policy, rule)
		if rule < 0 {
			x.Places.Rule = layerPlace(plan.LayerPolicy, policy, rule, "cors")
		}
	}
	x.Places.Refusing = refusing(d.Reason)
	i := slices.IndexFunc(x.Settings, func(s Setting) bool { return s.Name == x.Places.Refusing })
	if i < 0 {
		x.Places.Refusing = ""
		return
	}
	x.Places.RefusingPlace = x.Settings[i].Place
}

// refusing returns the setting that a refusal for the reason is about, "" if it is not about one.
func refusing(r Reason) string {
	switch r {
	case ReasonDisabled:
		return "enforcement"
	case ReasonOriginNull, ReasonOriginNotAllowed:
		return "allowOrigins"
	case ReasonMethodCase, ReasonMethodNotAllowed:
		return "allowMethods"
	case ReasonAuthorizationNotListed, ReasonHeaderNotAllowed:
		return "allowHeaders"
	}
	return ""
}

// chosen returns the policy of the decision, and the index of its rule, -1 if no rule was chosen.
func (d *Decision) chosen() (policy match.PolicyID, rule int) {
	if d.entry == match.None {
		return d.policy, -1
	}
	return d.policy, int(d.index.Entries[d.entry].Rule)
}

// corsPlace returns the place of a field of cors in a layer of the chosen entry. The origin fields
// are one setting, so the place of allowOrigins is that of the first field that has an origin.
func (d *Decision) corsPlace(from plan.Layer, field string) spec.Place {
	policy, rule := d.chosen()
	if o := d.index.Origins(d.entry); field == "allowOrigins" && o != nil && len(o.Entries) == 0 {
		switch {
		case len(o.Regexes) > 0:
			field = "allowOriginRegexes"
		case len(o.Sets) > 0:
			field = "allowOriginSets"
		case o.Null:
			field = "allowNullOrigin"
		}
	}
	return layerPlace(from, policy, rule, "cors", field)
}

// layerPlace returns the place of a field in a layer, the zero Place if no document sets it. The
// engine has policies and rules in the order of the documents.
func layerPlace(from plan.Layer, policy match.PolicyID, rule int, fields ...string) spec.Place {
	switch {
	case from == plan.LayerDefaults:
		return spec.In(spec.KindDefaults, 0).At("spec").At(fields...)
	case from == plan.LayerBuiltIn, policy == match.None:
		return spec.Place{}
	case from == plan.LayerRule && rule >= 0:
		return spec.In(spec.KindPolicy, int(policy)).At("spec", "rules").Item(rule).At(fields...)
	}
	return spec.In(spec.KindPolicy, int(policy)).At("spec").At(fields...)
}
