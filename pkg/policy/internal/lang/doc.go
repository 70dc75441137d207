// Package lang answers questions about sets of origins and paths exactly, by automata: is a
// regular expression empty, does it accept only what an entry accepts, below which registered
// domains does it accept origins, which text does it accept first. Nothing is answered by
// samples. Each question has a budget; an answer that needs more is [ErrBudget].
//
// An [Expr] is simulated state by state, as a product with an automaton of all origins or paths
// that can occur ([Universe]), so that classes such as \pL or .* cost nothing. Only what is
// compared with is determinised, as far as the comparison needs it.
//
// It knows no policy.
package lang
