package policy

import "iter"

// Policies returns the names of all policies.
func (e *Engine) Policies() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range e.policies.list {
			if !yield(e.text.At(e.policies.list[i].name)) {
				return
			}
		}
	}
}

// Hosts returns the patterns of all hosts that policies name, each once. A captured label
// reads {tenant}, as in [Decision.HostPattern].
func (e *Engine) Hosts() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range e.hosts.list {
			if !yield(e.hosts.pattern(&e.hosts.list[i])) {
				return
			}
		}
	}
}
