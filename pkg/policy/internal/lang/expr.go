package lang

import (
	"regexp/syntax"
	"slices"
)

// Expr is a regular expression that is matched against a whole text, as
// regexp.MustCompile(`\A(?:` + text + `)\z`) matches it. It is not safe for concurrent use.
type Expr struct {
	prog     *syntax.Prog
	closures [][]uint32 // by state and the kind of the symbol after it; nil if not known
	products map[*Universe]*product
	states   int // that questions have looked at
}

// Parse parses an expression. Greedy and lazy make no difference to a match of a whole text.
func Parse(text string) (*Expr, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	return &Expr{
		prog:     prog,
		closures: make([][]uint32, len(prog.Inst)*int(numKinds*numKinds)),
		products: map[*Universe]*product{},
	}, nil
}

// States returns how many states questions to the expression have looked at so far.
func (e *Expr) States() int { return e.states }

// kind is the property of a symbol that an empty-width assertion can see.
type kind uint8

const (
	kindEdge    kind = iota // beginning or end of the text
	kindNewline             // \n
	kindWord                // [0-9A-Za-z_]
	kindOther
	numKinds
)

func kindOf(r rune) kind {
	switch {
	case r == '\n':
		return kindNewline
	case syntax.IsWordChar(r):
		return kindWord
	}
	return kindOther
}

// sample returns a rune of the kind, for syntax.EmptyOpContext.
func (k kind) sample() rune { return [numKinds]rune{-1, '\n', 'a', '-'}[k] }

// state is a state of an expression: an instruction before its empty-width assertions are
// resolved, and the kind of the symbol before. They can be resolved once the symbol after is
// known.
type state uint32

func newState(pc uint32, before kind) state { return state(pc)<<2 | state(before) }

func (s state) pc() uint32   { return uint32(s) >> 2 }
func (s state) before() kind { return kind(s & 3) }

func (e *Expr) start() state { return newState(uint32(e.prog.Start), kindEdge) }

// step appends the states that follow s on a symbol.
func (e *Expr) step(dst []state, s state, r rune) []state {
	after := kindOf(r)
	for _, pc := range e.closure(s, after) {
		if i := &e.prog.Inst[pc]; i.Op != syntax.InstMatch && i.MatchRune(r) {
			dst = append(dst, newState(i.Out, after))
		}
	}
	return dst
}

// accepts reports whether the expression has matched if the text ends here.
func (e *Expr) accepts(s state) bool {
	for _, pc := range e.closure(s, kindEdge) {
		if e.prog.Inst[pc].Op == syntax.InstMatch {
			return true
		}
	}
	return false
}

// closure returns the instructions that read a symbol, or match, and can be reached from s
// without reading one.
func (e *Expr) closure(s state, after kind) []uint32 {
	list := &e.closures[uint32(s)*uint32(numKinds)+uint32(after)]
	if *list == nil {
		flags := syntax.EmptyOpContext(s.before().sample(), after.sample())
		*list = e.walk([]uint32{}, s.pc(), flags, map[uint32]bool{})
	}
	return *list
}

func (e *Expr) walk(list []uint32, pc uint32, flags syntax.EmptyOp, seen map[uint32]bool) []uint32 {
	if seen[pc] {
		return list
	}
	seen[pc] = true
	switch i := &e.prog.Inst[pc]; i.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		return e.walk(e.walk(list, i.Out, flags, seen), i.Arg, flags, seen)
	case syntax.InstCapture, syntax.InstNop:
		return e.walk(list, i.Out, flags, seen)
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(i.Arg)&^flags == 0 {
			return e.walk(list, i.Out, flags, seen)
		}
		return list
	case syntax.InstFail:
		return list
	}
	return append(list, pc)
}

// Match reports whether the expression accepts a text.
func (e *Expr) Match(text string) bool {
	states := []state{e.start()}
	for _, r := range text {
		var next []state
		for _, s := range states {
			next = e.step(next, s, r)
		}
		slices.Sort(next)
		states = slices.Compact(next)
	}
	return slices.ContainsFunc(states, e.accepts)
}
