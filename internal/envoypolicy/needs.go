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

// needs are what the requests of a virtual host need. A field is nil if nothing needs it, else the first
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
	if s.OriginCheck == spec.OriginCheckEnforce {
		set(&n.blocks, "webSocket.originCheck", string(s.OriginCheck))
	}
	if s.Grants && s.ExpandExposeHeaders && s.Credentials && s.Expose.Any {
		set(&n.expands, "expandExposeHeaders", "true")
	}
	if s.Preflight.Mode == spec.PreflightForward {
		set(&n.forwards, "preflight.mode", string(s.Preflight.Mode))
	}
}

// merge adds what other needs.
func (n *needs) merge(other *needs) {
	n.leaves = cmp.Or(n.leaves, other.leaves)
	n.keeps = cmp.Or(n.keeps, other.keeps)
	n.blocks = cmp.Or(n.blocks, other.blocks)
	n.expands = cmp.Or(n.expands, other.expands)
	n.forwards = cmp.Or(n.forwards, other.forwards)
}

func (n *needs) addEntry(e *plan.Entry) {
	of := "policy " + e.Policy.Name
	if e.Rule >= 0 {
		of = fmt.Sprintf("rule %s of %s", e.Name, of)
	}
	n.add(of, e.Settings)
}

// needsOf returns what the requests of the hosts of a table need. The settings for ambiguous paths are not
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

// selected returns what the requests need for which the configuration names a policy or rule. It is nil if
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
