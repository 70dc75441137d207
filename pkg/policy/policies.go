package policy

import (
	"github.com/corsd/corsd/pkg/policy/internal/index"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// policyIndex finds policies and rules by name, for selectors.
type policyIndex struct {
	text   *index.Text
	names  *index.Index
	list   []compiledPolicy
	labels []index.Ref // names of captured labels
}

// compiledPolicy is one policy.
type compiledPolicy struct {
	name     index.Ref
	hosts    uint32 // how many
	settings span   // all of its, in Engine.settings
	own      uint32 // 1 + its place in Engine.settings, 0 without cors
	fallback uint32 // 1 + its place in Engine.settings
	captures bool   // some host captures a label
}

// What the names are of: owners of policyIndex.names.
const ofPolicies uint32 = 0

func ofRules(policy uint32) uint32    { return 1 + 2*policy } // in Engine.settings
func ofCaptures(policy uint32) uint32 { return 2 + 2*policy } // labels, by what follows them in a host

func (x *policyIndex) named(name string) (policy uint32, known bool) {
	return x.names.Get(ofPolicies, name)
}

// ruleNamed gives one more than the place of a rule in Engine.settings, 0 where there is
// none of that name.
func (x *policyIndex) ruleNamed(policy uint32, name string) uint32 {
	if rule, known := x.names.Get(ofRules(policy), name); known {
		return 1 + rule
	}
	return 0
}

// tenant binds the first label of the host by the policy's own hosts.
func (x *policyIndex) tenant(policy uint32, host []byte) origin.Tenant {
	if !x.list[policy].captures {
		return origin.Tenant{}
	}
	label, rest, _ := cutByte(host, '.')
	i, known := x.names.GetBytes(ofCaptures(policy), rest)
	if !known {
		return origin.Tenant{}
	}
	return origin.Tenant{Name: x.text.At(x.labels[i]), Label: label}
}

// add adds a policy, and the labels that its hosts capture. There is room for it.
func (x *policyIndex) add(name string, hosts []compiledHost) *compiledPolicy {
	id := uint32(len(x.list))
	x.list = append(x.list, compiledPolicy{name: x.text.Add(name), hosts: uint32(len(hosts))})
	p := &x.list[id]
	if _, known := x.named(name); !known { // else there is a fault, and no engine
		x.names.Add(ofPolicies, p.name, id)
	}
	for _, h := range hosts {
		if h.tenant != "" {
			p.captures = true
			x.names.Add(ofCaptures(id), x.text.Add(h.pattern.name), uint32(len(x.labels)))
			x.labels = append(x.labels, x.text.Add(h.tenant))
		}
	}
	return p
}
