package policy

import "iter"

// Policies returns the names of all policies.
func (e *Engine) Policies() iter.Seq[string] {
	return func(yield func(string) bool) {
		x := e.tables()
		for i := range x.Policies {
			if !yield(x.Policies[i].Name) {
				return
			}
		}
	}
}

// Hosts returns the patterns of all hosts that policies name, each once. A captured label reads
// {tenant}, as in [Explanation].
func (e *Engine) Hosts() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, pattern := range e.tables().Hosts() {
			if !yield(pattern.String()) {
				return
			}
		}
	}
}
