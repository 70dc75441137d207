package lang

import "slices"

// customSchemes has the schemes whose hosts are not names of the web.
var customSchemes = newUniverse(func() *dfa {
	return subtract(regular(anyScheme), regular(`https?|wss?|ftp|file`))
})

// customHosts has the hosts that such a scheme can have, as far as "every host" needs them.
var customHosts = newUniverse(func() *dfa { return regular(`([a-z0-9-]+\.)*[a-z0-9-]+`) })

// WholeScheme returns an origin of a scheme other than http and https of which the expression
// accepts every host, "" if there is none.
func (e *Expr) WholeScheme() (string, error) {
	schemes := customSchemes.get()
	sets := newSubsets(schemes.alphabet, []*Expr{e})
	type visit struct {
		scheme, set int32
		text        string
	}
	type pair struct{ scheme, set int32 }
	known := map[pair]bool{{}: true}
	partial := map[int32]bool{} // sets after "://" from which some host is not accepted
	for queue := []visit{{}}; len(queue) > 0; queue = queue[1:] {
		v := queue[0]
		if len(known)+sets.items > Budget {
			return "", ErrBudget
		}
		e.states++
		if schemes.accept[v.scheme] {
			set := v.set
			for _, r := range "://" {
				set = sets.step(set, slices.Index(schemes.alphabet, r))
			}
			if !partial[set] {
				all, err := sets.acceptsAll(set, customHosts.get(), e)
				if err != nil {
					return "", err
				}
				if all {
					return v.text + "://x", nil
				}
				partial[set] = true
			}
		}
		for symbol, to := range schemes.next[v.scheme] {
			next := pair{to, sets.step(v.set, symbol)}
			if to == dead || len(sets.sets[next.set]) == 0 || known[next] {
				continue
			}
			known[next] = true
			queue = append(queue, visit{next.scheme, next.set, v.text + string(schemes.alphabet[symbol])})
		}
	}
	return "", nil
}

// acceptsAll reports whether every text of an automaton is accepted from a set.
func (s *subsets) acceptsAll(set int32, texts *dfa, e *Expr) (bool, error) {
	type pair struct{ text, set int32 }
	known := map[pair]bool{{0, set}: true}
	for queue := []pair{{0, set}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if texts.accept[p.text] && !s.accepts(p.set) {
			return false, nil
		}
		if len(known)+s.items > Budget {
			return false, ErrBudget
		}
		e.states++
		for symbol, to := range texts.next[p.text] {
			next := pair{to, s.step(p.set, symbol)}
			if to != dead && !known[next] {
				known[next] = true
				queue = append(queue, next)
			}
		}
	}
	return true, nil
}
