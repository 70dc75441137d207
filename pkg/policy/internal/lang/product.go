package lang

import (
	"encoding/binary"
	"slices"
)

// Budget is how many states one question may look at.
const Budget = 20_000

// node is a state of the product of an expression and a universe.
type node struct {
	state
	in int32 // state of the universe
}

// product is the part of an expression that is within a universe. Node 0 is the start; every node
// is reached from it. Nodes are followed when they are asked for.
type product struct {
	expr     *Expr
	universe *Universe
	ids      map[node]int32
	nodes    []node
	edges    [][]edge // by node, nil if it has not been followed
}

type edge struct {
	symbol int
	to     int32
}

// in returns the product of an expression and a universe.
func (e *Expr) in(u *Universe) *product {
	p := e.products[u]
	if p == nil {
		u.get()
		p = &product{expr: e, universe: u, ids: map[node]int32{}}
		p.add(node{e.start(), 0})
		e.products[u] = p
	}
	return p
}

func (p *product) add(n node) int32 {
	id, known := p.ids[n]
	if !known {
		id = int32(len(p.nodes))
		p.ids[n] = id
		p.nodes = append(p.nodes, n)
		p.edges = append(p.edges, nil)
		p.expr.states++
	}
	return id
}

// follow returns what a node leads to.
func (p *product) follow(id int32) ([]edge, error) {
	if p.edges[id] != nil {
		return p.edges[id], nil
	}
	if len(p.nodes) > Budget {
		return nil, ErrBudget
	}
	n := p.nodes[id]
	edges := []edge{}
	var states []state
	for symbol, to := range p.universe.next[n.in] {
		if to == dead {
			continue
		}
		states = p.expr.step(states[:0], n.state, p.universe.alphabet[symbol])
		for _, s := range states {
			edges = append(edges, edge{symbol, p.add(node{s, to})})
		}
	}
	p.edges[id] = edges
	return edges, nil
}

func (p *product) accepts(id int32) bool {
	n := p.nodes[id]
	return p.universe.accept[n.in] && p.expr.accepts(n.state)
}

// followAll follows every node.
func (p *product) followAll() error {
	for id := 0; id < len(p.nodes); id++ {
		if _, err := p.follow(int32(id)); err != nil {
			return err
		}
	}
	return nil
}

// Example returns a shortest origin of the universe that the expression accepts, "" if there is
// none.
func (e *Expr) Example(u *Universe) (string, error) { return e.Missing(u) }

// Missing returns a shortest origin of the universe that the expression accepts and none of the
// others does, "" if there is none: then the expression is included in their union.
func (e *Expr) Missing(u *Universe, others ...*Expr) (string, error) {
	return e.in(u).missing(others)
}

// subsets are sets of states of several expressions: their union, made deterministic as far as it
// is needed.
type subsets struct {
	exprs    []*Expr
	items    int // of all sets
	alphabet []rune
	ids      map[string]int32
	sets     [][]item
	next     [][]int32 // by set and symbol; unknown
}

// unknown is a step that has not been taken yet.
const unknown = -2

// item is a state of one of several expressions.
type item uint64

func newItem(expr int, s state) item { return item(expr)<<32 | item(s) }

func (i item) of(s *subsets) (*Expr, state) { return s.exprs[i>>32], state(i) }

func newSubsets(alphabet []rune, exprs []*Expr) *subsets {
	s := &subsets{exprs: exprs, alphabet: alphabet, ids: map[string]int32{}}
	var first []item
	for i, e := range exprs {
		first = append(first, newItem(i, e.start()))
	}
	s.add(first)
	return s
}

func (s *subsets) add(set []item) int32 {
	slices.Sort(set)
	set = slices.Compact(set)
	key := make([]byte, 0, 8*len(set))
	for _, i := range set {
		key = binary.LittleEndian.AppendUint64(key, uint64(i))
	}
	if id, known := s.ids[string(key)]; known {
		return id
	}
	id := int32(len(s.sets))
	s.ids[string(key)] = id
	s.sets = append(s.sets, slices.Clone(set))
	s.items += len(set)
	s.next = append(s.next, slices.Repeat([]int32{unknown}, len(s.alphabet)))
	return id
}

func (s *subsets) step(id int32, symbol int) int32 {
	if to := s.next[id][symbol]; to != unknown {
		return to
	}
	var set []item
	var states []state
	for _, i := range s.sets[id] {
		e, from := i.of(s)
		states = e.step(states[:0], from, s.alphabet[symbol])
		for _, to := range states {
			set = append(set, i>>32<<32|item(to))
		}
	}
	to := s.add(set)
	s.next[id][symbol] = to
	return to
}

func (s *subsets) accepts(id int32) bool {
	return slices.ContainsFunc(s.sets[id], func(i item) bool {
		e, at := i.of(s)
		return e.accepts(at)
	})
}

// missing returns a shortest text of the product that none of the others accepts.
func (p *product) missing(others []*Expr) (string, error) { return p.search(nil, others) }

// search walks the product together with other expressions, and returns a shortest text that each
// of all and none of none accepts. Of texts of one length the first in the order of the alphabet
// is found: they are visited in their order, so that the first text that leads to a node is enough.
func (p *product) search(all, none []*Expr) (string, error) {
	w := walk{product: p, none: newSubsets(p.universe.alphabet, none)}
	for _, e := range all {
		w.all = append(w.all, newSubsets(p.universe.alphabet, []*Expr{e}))
	}
	return w.run()
}

// walk is the state of one search.
type walk struct {
	*product
	all    []*subsets
	none   *subsets
	visits []visit
	known  map[string]bool
}

// visit is a node, the sets of the other expressions, and how they were reached.
type visit struct {
	node         int32
	sets         []int32 // of all, then of none
	from, symbol int
}

func (w *walk) add(v visit) {
	key := appendInt(nil, v.node)
	for _, set := range v.sets {
		key = appendInt(key, set)
	}
	if !w.known[string(key)] {
		w.known[string(key)] = true
		w.visits = append(w.visits, v)
	}
}

func (w *walk) accepts(v *visit) bool {
	for i, s := range w.all {
		if !s.accepts(v.sets[i]) {
			return false
		}
	}
	return w.product.accepts(v.node) && !w.none.accepts(v.sets[len(w.all)])
}

func (w *walk) run() (string, error) {
	w.known = map[string]bool{}
	w.add(visit{sets: make([]int32, len(w.all)+1), from: -1})
	for i := 0; i < len(w.visits); i++ {
		v := w.visits[i]
		if w.accepts(&v) {
			return w.text(v), nil
		}
		edges, err := w.follow(v.node)
		if err != nil || w.size() > Budget {
			return "", ErrBudget
		}
		w.expr.states++
		for _, e := range edges {
			if sets, ok := w.step(v.sets, e.symbol); ok {
				w.add(visit{e.to, sets, i, e.symbol})
			}
		}
	}
	return "", nil
}

// step returns the sets after a symbol; ok is false if one of all accepts nothing any more.
func (w *walk) step(sets []int32, symbol int) (next []int32, ok bool) {
	next = make([]int32, len(sets))
	for i, s := range w.all {
		if next[i] = s.step(sets[i], symbol); len(s.sets[next[i]]) == 0 {
			return nil, false
		}
	}
	next[len(w.all)] = w.none.step(sets[len(w.all)], symbol)
	return next, true
}

func (w *walk) size() int {
	size := len(w.visits) + w.none.items
	for _, s := range w.all {
		size += s.items
	}
	return size
}

func (w *walk) text(v visit) string {
	var text []rune
	for ; v.from >= 0; v = w.visits[v.from] {
		text = append(text, w.universe.alphabet[v.symbol])
	}
	slices.Reverse(text)
	return string(text)
}
