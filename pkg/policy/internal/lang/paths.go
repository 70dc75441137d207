package lang

import (
	"regexp/syntax"
	"slices"
	"unicode"
)

// PathShape has the paths of requests that a host reads in one way only.
type PathShape struct {
	isAmbiguous func(path string) bool
	escapes     [len(hexDigits)][len(hexDigits)]bool // by the digits of %XX: it may stand in a path
}

// hexDigits are those of an escape.
const hexDigits = "0123456789abcdefABCDEF"

// NewPathShape returns the shape of the paths that are not ambiguous. isAmbiguous judges a path, as
// the engine does.
func NewPathShape(isAmbiguous func(path string) bool) *PathShape {
	s := &PathShape{isAmbiguous: isAmbiguous}
	for i, high := range []byte(hexDigits) {
		for j, low := range []byte(hexDigits) {
			s.escapes[i][j] = !isAmbiguous("/a%" + string([]byte{high, low}))
		}
	}
	return s
}

// The states of the automaton of paths. One for each first digit of an escape follows them.
const (
	pathStart  int32 = iota
	inSlash          // after a slash
	inDot            // in a segment that is "." so far
	inDots           // in a segment that is ".." so far
	inSegment        // in any other
	inPercent        // after "%"
	inEncoded        // after "%25"
	inEncodedX       // after "%25" and a hex digit
	firstDigit
)

// to returns the state after a rune.
func (s *PathShape) to(state int32, r rune) int32 {
	digit := slices.Index([]rune(hexDigits), r)
	switch {
	case state == pathStart:
		return ifSo(r == '/', inSlash)
	case state == inPercent:
		return ifSo(digit >= 0, firstDigit+int32(digit))
	case state >= firstDigit:
		return s.afterEscape(int(state-firstDigit), digit)
	case state == inEncoded && digit >= 0:
		return inEncodedX
	case state == inEncodedX && digit >= 0:
		return dead // an escape that is encoded once more
	}
	return s.inText(state, r)
}

// ifSo returns a state, or dead.
func ifSo(so bool, state int32) int32 {
	if so {
		return state
	}
	return dead
}

// inText returns the state after a rune that does not belong to an escape.
func (s *PathShape) inText(state int32, r rune) int32 {
	switch {
	case r == '%':
		return inPercent
	case r == '/' && (state == inSlash || state == inDot || state == inDots):
		return dead
	case r == '/':
		return inSlash
	case r == '.' && state == inSlash:
		return inDot
	case r == '.' && state == inDot:
		return inDots
	case s.isAmbiguous("/a" + string(r) + "a"):
		return dead
	}
	return inSegment
}

func (s *PathShape) afterEscape(high, low int) int32 {
	switch {
	case low < 0, !s.escapes[high][low]:
		return dead
	case hexDigits[high] == '2' && hexDigits[low] == '5':
		return inEncoded
	}
	return inSegment
}

// universe returns the paths of the shape over an alphabet of one symbol for each class of runes
// that the expressions and the shape can distinguish.
func (s *PathShape) universe(exprs []*Expr) *Universe {
	const states = int(firstDigit) + len(hexDigits)
	u := &Universe{build: func() *dfa { panic("is built") }}
	d := &dfa{next: make([][]int32, states), accept: make([]bool, states)}
	for _, state := range []int32{inSlash, inSegment, inEncoded, inEncodedX} {
		d.accept[state] = true
	}
	known := map[string]bool{}
	for _, r := range runesOf(exprs) {
		column := make([]int32, states)
		var key []byte
		live := false
		for state := range column {
			column[state] = s.to(int32(state), r)
			live = live || column[state] != dead
			key = appendInt(key, column[state])
		}
		if key = appendMatches(append(key, byte(kindOf(r))), exprs, r); !live || known[string(key)] {
			continue
		}
		known[string(key)] = true
		d.alphabet = append(d.alphabet, r)
		for state := range column {
			d.next[state] = append(d.next[state], column[state])
		}
	}
	u.dfa = d
	u.once.Do(func() {})
	return u
}

// appendMatches appends which instructions of the expressions read a rune.
func appendMatches(key []byte, exprs []*Expr, r rune) []byte {
	for _, e := range exprs {
		for i := range e.prog.Inst {
			if inst := &e.prog.Inst[i]; readsRune(inst) && inst.MatchRune(r) {
				key = appendInt(key, int32(i))
			}
		}
		key = append(key, 0xff)
	}
	return key
}

func readsRune(i *syntax.Inst) bool {
	switch i.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	}
	return false
}

// runesOf returns a rune of each class that expressions can distinguish in a path, those first that
// examples are to have.
func runesOf(exprs []*Expr) []rune {
	runes := []rune(symbols)
	for r := '!'; r <= '~'; r++ {
		runes = append(runes, r)
	}
	const replacement = '\uFFFD' // for bytes that are not UTF-8
	runes = append(runes, 'é', replacement)
	add := func(r rune) {
		if r > unicode.MaxASCII && r <= unicode.MaxRune && (r < 0xD800 || r > 0xDFFF) {
			runes = append(runes, r)
		}
	}
	for _, e := range exprs {
		for i := range e.prog.Inst {
			inst := &e.prog.Inst[i]
			if !readsRune(inst) {
				continue
			}
			for _, r := range inst.Rune {
				add(r - 1)
				add(r)
				add(r + 1)
				for folded := unicode.SimpleFold(r); folded != r; folded = unicode.SimpleFold(folded) {
					add(folded)
				}
			}
		}
	}
	return runes
}

// PathQuestion is the search for a path that all of some expressions match, and none of others.
type PathQuestion struct {
	All, None []*Expr
}

// Answer returns a shortest path of the shape, "" if there is none. States is how many states were
// looked at.
func (q *PathQuestion) Answer(s *PathShape) (path string, states int, err error) {
	u := s.universe(slices.Concat(q.All, q.None))
	first := q.All[0]
	before := first.states
	p := &product{expr: first, universe: u, ids: map[node]int32{}}
	p.add(node{first.start(), 0})
	path, err = p.search(q.All[1:], q.None)
	return path, first.states - before, err
}

// Literal returns the text with which everything begins that the expression matches, as far as it
// is known.
func Literal(text string) string {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return ""
	}
	tree = tree.Simplify()
	for tree.Op == syntax.OpConcat && len(tree.Sub) > 1 && isEdge(tree.Sub[0].Op) {
		tree.Sub = tree.Sub[1:]
	}
	prog, err := syntax.Compile(tree)
	if err != nil {
		return ""
	}
	prefix, _ := prog.Prefix()
	return prefix
}

func isEdge(op syntax.Op) bool { return op == syntax.OpBeginText || op == syntax.OpBeginLine }
