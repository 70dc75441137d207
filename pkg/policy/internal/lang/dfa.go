package lang

import (
	"errors"
	"slices"
)

// ErrBudget reports that an answer needs more states than its budget has. The answer is
// undecided: neither yes nor no.
var ErrBudget = errors.New("undecided: the expression needs too many states")

// dead is the state from which nothing is accepted.
const dead = -1

// dfa is a deterministic automaton over an alphabet of symbols. State 0 is the start.
type dfa struct {
	alphabet []rune
	next     [][]int32 // by state and symbol; dead
	accept   []bool
}

// determinise makes a deterministic automaton that accepts what an expression of this package
// accepts. It has no budget: those are small.
func determinise(alphabet []rune, e *Expr) *dfa {
	sets := newSubsets(alphabet, []*Expr{e})
	d := &dfa{alphabet: alphabet}
	for id := 0; id < len(sets.sets); id++ {
		row := make([]int32, len(alphabet))
		for symbol := range row {
			if row[symbol] = sets.step(int32(id), symbol); len(sets.sets[row[symbol]]) == 0 {
				row[symbol] = dead
			}
		}
		d.next = append(d.next, row)
		d.accept = append(d.accept, sets.accepts(int32(id)))
	}
	return d
}

// combine makes the product of two automata over one alphabet, which accepts what keep returns for
// whether each of them accepts. A text that both reject must not be kept.
func combine(a, b *dfa, keep func(a, b bool) bool) *dfa {
	d := &dfa{alphabet: a.alphabet}
	type pair struct{ a, b int32 }
	ids := map[pair]int32{}
	var pairs []pair
	add := func(p pair) int32 {
		id, known := ids[p]
		if !known {
			id = int32(len(pairs))
			ids[p] = id
			pairs = append(pairs, p)
		}
		return id
	}
	add(pair{0, 0})
	for i := 0; i < len(pairs); i++ {
		p := pairs[i]
		row := make([]int32, len(d.alphabet))
		for s := range row {
			to := pair{a.to(p.a, s), b.to(p.b, s)}
			row[s] = dead
			if to != (pair{dead, dead}) {
				row[s] = add(to)
			}
		}
		d.next = append(d.next, row)
		d.accept = append(d.accept, keep(a.accepts(p.a), b.accepts(p.b)))
	}
	return d
}

func (d *dfa) to(state int32, symbol int) int32 {
	if state == dead {
		return dead
	}
	return d.next[state][symbol]
}

func (d *dfa) accepts(state int32) bool { return state != dead && d.accept[state] }

// minimise merges the states from which the same texts are accepted, and removes those from
// which none is (Moore's algorithm).
func (d *dfa) minimise() *dfa {
	live := d.live()
	class := make([]int32, len(d.next))
	classes := int32(0)
	for round := 0; ; round++ {
		ids := map[string]int32{}
		next := make([]int32, len(d.next))
		for s := range d.next {
			if !live[s] {
				next[s] = dead
				continue
			}
			key := []byte{0}
			if d.accept[s] {
				key[0] = 1
			}
			if round > 0 {
				key = appendInt(key, class[s])
				for _, to := range d.next[s] {
					to = classOf(class, live, to)
					key = appendInt(key, to)
				}
			}
			id, known := ids[string(key)]
			if !known {
				id = int32(len(ids))
				ids[string(key)] = id
			}
			next[s] = id
		}
		class = next
		if n := int32(len(ids)); n == classes && round > 0 {
			break
		} else {
			classes = n
		}
	}
	return d.merged(class, live)
}

func classOf(class []int32, live []bool, s int32) int32 {
	if s == dead || !live[s] {
		return dead
	}
	return class[s]
}

func appendInt(dst []byte, n int32) []byte {
	return append(dst, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
}

// merged makes one state of each class, the start's first.
func (d *dfa) merged(class []int32, live []bool) *dfa {
	m := &dfa{alphabet: d.alphabet}
	ids := map[int32]int32{}
	var order []int32 // a state of each class
	add := func(s int32) int32 {
		if s == dead || !live[s] {
			return dead
		}
		id, known := ids[class[s]]
		if !known {
			id = int32(len(order))
			ids[class[s]] = id
			order = append(order, s)
		}
		return id
	}
	if add(0) == dead {
		nothing := slices.Repeat([]int32{dead}, len(d.alphabet))
		return &dfa{alphabet: d.alphabet, next: [][]int32{nothing}, accept: []bool{false}}
	}
	for i := 0; i < len(order); i++ {
		s := order[i]
		row := make([]int32, len(d.alphabet))
		for symbol, to := range d.next[s] {
			row[symbol] = add(to)
		}
		m.next = append(m.next, row)
		m.accept = append(m.accept, d.accept[s])
	}
	return m
}

// live reports of each state whether anything is accepted from it.
func (d *dfa) live() []bool {
	before := make([][]int32, len(d.next))
	for s, row := range d.next {
		for _, to := range row {
			if to != dead {
				before[to] = append(before[to], int32(s))
			}
		}
	}
	live := make([]bool, len(d.next))
	var queue []int32
	for s, accept := range d.accept {
		if accept {
			live[s] = true
			queue = append(queue, int32(s))
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for _, from := range before[s] {
			if !live[from] {
				live[from] = true
				queue = append(queue, from)
			}
		}
	}
	return live
}
