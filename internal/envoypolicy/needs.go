package envoypolicy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// reason is a setting and the part of a policy that has it.
type reason struct {
	of      string // "rule cart of policy shop"
	setting string // "enforcement: Shadow"
}

func (r *reason) String() string { return r.of + " has " + r.setting }

// needs are the needs of the requests of a virtual host. A field is nil if nothing needs it, else the first
// setting that does.
type needs struct {
	// leaves is a setting with which responses do not change: Shadow or Disabled.
	leaves *reason
	// keeps is a setting that needs upstream's CORS headers: Preserve or Merge.
	keeps *reason
	// blocks is a setting that protects the application itself: Block, or the check of WebSockets.
	blocks *reason
	// expands and forwards are settings that ext_authz cannot carry out.
	expands, forwards *reason
	// timing is a setting with which Timing-Allow-Origin is the policy's.
	timing *reason
	// preserves is a setting with which a response may keep all headers that a policy could set.
	preserves *reason
	resource  resource
}

// resource is Cross-Origin-Resource-Policy of all requests of a virtual host. corsd is not called for requests
// without an Origin, so the virtual host has to set it.
type resource struct {
	of    *reason // the first setting that sets it, nil if none does
	value spec.ResourcePolicy
	seen  bool // there are settings
	mixed bool // they differ
}

func (r *resource) merge(other *resource) {
	if !other.seen {
		return
	}
	r.mixed = r.mixed || other.mixed || r.seen && r.value != other.value
	r.of, r.value, r.seen = cmp.Or(r.of, other.of), other.value, true
}

// static returns the value that the virtual host has to set, "" if there is none.
func (n *needs) static() spec.ResourcePolicy {
	if n.resource.mixed || n.leaves != nil || n.preserves != nil {
		return ""
	}
	return n.resource.value
}

func (n *needs) add(of string, s *plan.Settings) {
	set := func(to **reason, name, value string) {
		if *to == nil {
			*to = &reason{of, name + ": " + value}
		}
	}
	switch s.Enforcement {
	case spec.EnforcementShadow, spec.EnforcementDisabled:
		set(&n.leaves, "enforcement", string(s.Enforcement))
		return
	case spec.EnforcementBlock:
		set(&n.blocks, "enforcement", string(s.Enforcement))
	}
	if s.UpstreamHeaders != spec.UpstreamOverride {
		set(&n.keeps, "upstreamHeaders", string(s.UpstreamHeaders))
	}
	if s.UpstreamHeaders == spec.UpstreamPreserve {
		set(&n.preserves, "upstreamHeaders", string(s.UpstreamHeaders))
	}
	own := resource{value: s.ResourcePolicy, seen: true}
	if s.ResourcePolicy != "" {
		set(&own.of, "crossOriginResourcePolicy", string(s.ResourcePolicy))
	}
	n.resource.merge(&own)
	if s.OriginCheck == spec.OriginCheckEnforce {
		set(&n.blocks, "webSocket.originCheck", string(s.OriginCheck))
	}
	n.addGrants(s, set)
	if s.Preflight.Mode == spec.PreflightForward {
		set(&n.forwards, "preflight.mode", string(s.Preflight.Mode))
	}
}

// addGrants adds the settings that only an entry has.
func (n *needs) addGrants(s *plan.Settings, set func(to **reason, name, value string)) {
	if !s.Grants {
		return
	}
	if s.ExpandsExposed() {
		set(&n.expands, "expandExposeHeaders", "true")
	}
	if len(s.Expose.Families) > 0 {
		set(&n.expands, "exposeHeaders", "a family")
	}
	if s.TimingAllowOrigin {
		set(&n.timing, "timingAllowOrigin", "true")
	}
}

// merge adds the needs of other.
func (n *needs) merge(other *needs) {
	n.leaves = cmp.Or(n.leaves, other.leaves)
	n.keeps = cmp.Or(n.keeps, other.keeps)
	n.blocks = cmp.Or(n.blocks, other.blocks)
	n.expands = cmp.Or(n.expands, other.expands)
	n.forwards = cmp.Or(n.forwards, other.forwards)
	n.timing = cmp.Or(n.timing, other.timing)
	n.preserves = cmp.Or(n.preserves, other.preserves)
	n.resource.merge(&other.resource)
}

func (n *needs) addEntry(e *plan.Entry) {
	of := "policy " + e.Policy.Name
	if e.Rule >= 0 {
		of = fmt.Sprintf("rule %s of %s", e.Name, of)
	}
	n.add(of, e.Settings)
}

// needsOf returns the needs of the hosts of a table. The settings for ambiguous paths are not
// looked at: each is the strictest of those of the rules.
func needsOf(t *plan.Table) *needs {
	n := &needs{}
	for _, p := range t.Policies {
		for _, e := range p.Rules {
			n.addEntry(e)
		}
	}
	switch root := t.Root(); {
	case t.Own != nil:
		n.addEntry(t.Own)
	case root == nil || root.Every == nil:
		n.add("policy "+t.Policies[0].Name, t.NoRule)
	}
	return n
}

// selected returns the needs of requests for which the configuration names a policy or rule. It is nil if
// there is none of that name.
func selected(p *plan.Plan, name, rule string, namesRule bool) *needs {
	i := slices.IndexFunc(p.Policies, func(p *plan.Policy) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	n, policy := &needs{}, p.Policies[i]
	if !namesRule {
		if policy.Own != nil {
			n.addEntry(policy.Own)
		} else {
			n.add("policy "+policy.Name, policy.Unchosen)
		}
		return n
	}
	for _, e := range policy.Rules {
		if e.Name == rule {
			n.addEntry(e)
			return n
		}
	}
	return nil
}

// nearestSelector returns the policy that a misspelt name is nearest to, or how to write one.
func (p *policies) nearestSelector(name string) string {
	names := make([]string, len(p.Policies))
	for i, policy := range p.Policies {
		names[i] = policy.Name
	}
	return cmp.Or(suggest.Nearest(name, names), "[NAMESPACE/]POLICY, or [NAMESPACE/]POLICY#RULE")
}
