package match

import "strings"

// selectors finds policies and rules by name.
type selectors struct {
	policies map[string]PolicyID
	rules    map[ruleName]EntryID
}

type ruleName struct {
	policy PolicyID
	name   string
}

func (s *selectors) add(id PolicyID, p *Policy, entries []Entry) {
	if s.policies == nil {
		s.policies, s.rules = map[string]PolicyID{}, map[ruleName]EntryID{}
	}
	s.policies[p.Name] = id
	for i := range p.Entries.n {
		e := EntryID(p.Entries.first + i)
		s.rules[ruleName{id, entries[e].Name}] = e
	}
}

// Select finds what a selector [NAMESPACE/]NAME[#RULE] names: the rule, or the policy's own cors,
// which is None if it has none. known is false if there is no such policy or rule.
func (x *Index) Select(selector string) (policy PolicyID, entry EntryID, known bool) {
	name, rule, namesRule := strings.Cut(selector, "#")
	policy, known = x.selectors.policies[name]
	if !known {
		return None, None, false
	}
	if !namesRule {
		return policy, x.Policies[policy].Own, true
	}
	entry, known = x.selectors.rules[ruleName{policy, rule}]
	if !known {
		return policy, None, false
	}
	return policy, entry, true
}
