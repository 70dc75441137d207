package lint

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/urlpath"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Bounds of the questions about paths of one configuration. What is not answered within them is
// not warned of.
const (
	maxPathStates = 20_000    // of automata
	maxPathWork   = 5_000_000 // comparisons of the beginnings of the paths of two slots
	matchWork     = 30        // a path that is matched against an expression, in such comparisons
	maxBefore     = 200       // slots before one
)

// reach finds which entries some request can reach on some host. Hosts without expressions are
// not searched: Exact paths and longer prefixes never match all paths of a prefix.
type reach struct {
	*linter
	entries map[*plan.Entry]bool          // that some request can reach
	maxAge  map[*plan.Entry]bool          // whose max-age some preflight can be answered with
	takers  map[*plan.Entry][]*plan.Entry // of those that none can reach: the ones that come before

	states, work int
	shapes       map[shapeKey]*lang.PathShape
	exprs        map[string]*lang.Expr // by their texts
	literals     map[string]string
	answers      map[answerKey]string
	lost         map[*plan.Entry]spec.Diagnostic // the warnings of those that lose paths
	wider        map[widerKey]string
}

// shapeKey identifies the paths of a host.
type shapeKey struct {
	urlpath.Escapes
	plan.Paths
}

// answerKey identifies a question about paths.
type answerKey struct {
	shape *lang.PathShape
	texts string
}

func newReach(l *linter) *reach {
	return &reach{
		linter: l, entries: map[*plan.Entry]bool{}, maxAge: map[*plan.Entry]bool{},
		takers: map[*plan.Entry][]*plan.Entry{}, shapes: map[shapeKey]*lang.PathShape{},
		exprs: map[string]*lang.Expr{}, literals: map[string]string{}, answers: map[answerKey]string{},
		lost: map[*plan.Entry]spec.Diagnostic{}, wider: map[widerKey]string{},
	}
}

// pick returns the entry of a slot that is chosen for a method, "" for one that no rule names. A
// rule that matches some origins only is not chosen for all requests of the method, so it must not
// be returned here.
func pick(s *plan.Slot, method string) *plan.Entry {
	for i := range s.ByMethod {
		if s.ByMethod[i].Matches(method) {
			return s.ByMethod[i].Entry
		}
	}
	return s.Every
}

// hostPaths are the paths of one table.
type hostPaths struct {
	*reach
	*plan.Table
	shape    *lang.PathShape
	literals []string // by slot: what its paths begin with
	exprs    []int    // slots with expressions
	exact    map[string]bool
	fresh    string // a segment that no path has
}

func (r *reach) table(t *plan.Table) {
	// The automata do not know paths that are equal but for a final slash.
	if t.Paths.IgnoreTrailingSlash || !slices.ContainsFunc(t.Slots, isExpression) {
		for _, s := range t.Slots {
			r.reachAll(s)
		}
		return
	}
	h := r.pathsOf(t)
	for i := range t.Slots {
		h.slot(i)
	}
	h.partlyShadowed()
}

func isExpression(s *plan.Slot) bool { return s.Path.Type == spec.PathRegularExpression }

// reachAll marks the entries of a slot that no other slot comes before.
func (r *reach) reachAll(s *plan.Slot) {
	for _, e := range s.ByOrigin {
		r.entries[e], r.maxAge[e] = true, e.Methods == nil
	}
	for _, e := range s.ByMethod {
		r.entries[e.Entry] = true
	}
	if s.Every != nil {
		r.entries[s.Every] = true
		r.maxAge[s.Every] = r.maxAge[s.Every] || len(s.ByMethod) == 0
	}
}

func (r *reach) pathsOf(t *plan.Table) *hostPaths {
	shape := r.shapes[shapeKey{t.Escapes, t.Paths}]
	if shape == nil {
		// Of letters that applications may fold, the escaped ones are left in: they are two escapes.
		shape = lang.NewPathShape(func(path string) bool {
			return t.Escapes.IsAmbiguous(path) || t.Paths.IgnoreCase && urlpath.HasFoldedLetter(path)
		})
		r.shapes[shapeKey{t.Escapes, t.Paths}] = shape
	}
	h := &hostPaths{reach: r, Table: t, shape: shape, exact: map[string]bool{}}
	var all strings.Builder
	for i, s := range t.Slots {
		all.WriteString(s.Path.Value)
		h.literals = append(h.literals, r.literal(&s.Path))
		switch s.Path.Type {
		case spec.PathExact:
			h.exact[s.Path.Key().Value] = true
		case spec.PathRegularExpression:
			h.exprs = append(h.exprs, i)
		}
	}
	for n := 0; h.fresh == "" || strings.Contains(all.String(), h.fresh); n++ {
		h.fresh = "~" + strconv.Itoa(n)
	}
	return h
}

func (r *reach) literal(m *plan.PathMatch) string {
	if m.Type != spec.PathRegularExpression {
		return m.Key().Value
	}
	text := pathText(m)
	known, ok := r.literals[text]
	if !ok {
		known = lang.Literal(text)
		r.literals[text] = known
	}
	return known
}

// slot marks the entries of a slot that can be reached.
func (h *hostPaths) slot(i int) {
	s := h.Slots[i]
	for _, e := range s.ByOrigin {
		h.byOrigin(e, i)
	}
	for _, e := range s.ByMethod {
		methods := e.Methods
		if e.Head {
			methods = append(slices.Clip(methods), "HEAD")
		}
		for _, method := range methods {
			if h.reaches(e.Entry, i, func(other *plan.Slot) bool { return pick(other, method) != nil }, method) {
				break
			}
		}
	}
	// Fewest other rules match a method that no rule names.
	if s.Every == nil || !h.reaches(s.Every, i, func(other *plan.Slot) bool { return other.Every != nil }, "") {
		return
	}
	// A browser remembers a preflight for the URL and not for the rule, so none may be remembered
	// if the rule depends on the method.
	if len(s.ByMethod) == 0 && !h.maxAge[s.Every] {
		covering, _ := h.covering(i, func(*plan.Slot) bool { return true })
		h.maxAge[s.Every] = !covering
	}
}

// byOrigin marks a rule with origins if it can be reached. Rules with origins before it do not count: they
// may match others.
func (h *hostPaths) byOrigin(e *plan.Entry, i int) {
	h.maxAge[e] = e.Methods == nil
	methods := e.Methods
	if methods == nil {
		methods = []string{""} // a method that no rule names
	}
	for _, method := range methods {
		if h.reaches(e, i, func(other *plan.Slot) bool { return pick(other, method) != nil }, method) {
			return
		}
	}
}

// reaches marks an entry of slot i if it can be reached with the method, whose requests the slots
// before that take match.
func (h *hostPaths) reaches(e *plan.Entry, i int, take func(*plan.Slot) bool, method string) bool {
	if h.entries[e] && (e.Methods != nil || h.maxAge[e]) {
		return true // on another host
	}
	covered, by := h.covering(i, take)
	if !covered {
		h.entries[e] = true
		return true
	}
	h.takers[e] = nil
	for _, j := range by {
		h.takers[e] = append(h.takers[e], pick(h.Slots[j], method))
	}
	return false
}

// covering reports whether slots before slot i match all of its paths, and which: one that does
// alone, or several.
func (h *hostPaths) covering(i int, take func(*plan.Slot) bool) (covered bool, by []int) {
	s := h.Slots[i]
	if s.Path.Type == spec.PathExact {
		return false, nil
	}
	before := h.overlapping(i, take)
	if len(before) == 0 && s.Path.Type == spec.PathPrefix || h.work > maxPathWork || h.hasWitness(s, before) {
		return false, nil
	}
	if s.Path.Type == spec.PathPrefix {
		before = append(before, h.below(i, take)...)
	}
	if len(before) > maxBefore {
		return false, nil
	}
	if path, ok := h.ask([]int{i}, before); path != "" || !ok {
		return false, nil
	}
	for _, j := range before {
		if path, ok := h.ask([]int{i}, []int{j}); path == "" && ok {
			return true, []int{j}
		}
	}
	return true, before
}

// overlapping returns the slots before slot i that take and may match one of its paths, for a
// PathPrefix those with expressions alone.
func (h *hostPaths) overlapping(i int, take func(*plan.Slot) bool) []int {
	var list []int
	if isExpression(h.Slots[i]) {
		for j := 0; j < i && h.Slots[j].Path.Type == spec.PathExact && h.work <= maxPathWork; j++ {
			if take(h.Slots[j]) && h.matches(i, h.Slots[j].Path.Value) {
				list = append(list, j)
			}
		}
	}
	for _, j := range h.exprs {
		if j >= i || h.work > maxPathWork {
			break
		}
		h.work++
		if h.mayMeet(i, j) && take(h.Slots[j]) {
			list = append(list, j)
		}
	}
	return list
}

// matches reports whether the expression of a slot matches a path.
func (h *hostPaths) matches(i int, path string) bool {
	h.work += matchWork
	return h.Slots[i].Path.Regexp.MatchString(path)
}

// mayMeet reports whether two slots may match one path: it compares the beginnings of their paths.
func (h *hostPaths) mayMeet(i, j int) bool {
	a, b := h.literals[i], h.literals[j]
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// below returns the slots before a PathPrefix that match some of its paths and have no expression.
func (h *hostPaths) below(i int, take func(*plan.Slot) bool) []int {
	var list []int
	for j := range i {
		if !isExpression(h.Slots[j]) && strings.HasPrefix(h.literals[j], h.literals[i]) && take(h.Slots[j]) {
			list = append(list, j)
		}
	}
	return list
}

// hasWitness reports whether a path that is easily found is matched by a slot, and by none of those
// before it. If it is not, there may be another path.
func (h *hostPaths) hasWitness(s *plan.Slot, before []int) bool {
	isWitness := func(path string) bool {
		if h.Paths.IgnoreCase {
			path = strings.ToLower(path)
		}
		return !h.exact[path] && !h.Escapes.IsAmbiguous(path) && !slices.ContainsFunc(before, func(j int) bool {
			return isExpression(h.Slots[j]) && h.matches(j, path)
		})
	}
	if isExpression(s) {
		tree, err := syntax.Parse(s.Path.Value, syntax.Perl)
		if err != nil {
			return false
		}
		path := string(sample(nil, tree.Simplify()))
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		return s.Path.Regexp.MatchString(path) && isWitness(path)
	}
	prefix := s.Path.Key().Value
	return isWitness(prefix+"/"+h.fresh) || isWitness(prefix+"/") || prefix != "" && isWitness(prefix)
}

// sample appends a short text that an expression matches, unless it has assertions.
func sample(text []rune, re *syntax.Regexp) []rune {
	switch re.Op {
	case syntax.OpLiteral:
		return append(text, re.Rune...)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1] && r <= '~'; r++ {
				if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
					return append(text, r)
				}
			}
		}
		return append(text, re.Rune[0])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return append(text, 'x')
	case syntax.OpPlus, syntax.OpCapture, syntax.OpAlternate:
		return sample(text, re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			text = sample(text, sub)
		}
	}
	return text
}

// ask returns a path that all of some slots match and none of others, "" if there is none. ok is
// false if the answer would cost too much.
func (h *hostPaths) ask(all, none []int) (path string, ok bool) {
	if h.states > maxPathStates {
		return "", false
	}
	var q lang.PathQuestion
	key := answerKey{shape: h.shape}
	for _, i := range all {
		q.All = append(q.All, h.expr(&h.Slots[i].Path))
		key.texts += strconv.Quote(pathText(&h.Slots[i].Path)) + "&"
	}
	for _, i := range none {
		q.None = append(q.None, h.expr(&h.Slots[i].Path))
		key.texts += strconv.Quote(pathText(&h.Slots[i].Path)) + "-"
	}
	if path, known := h.answers[key]; known {
		return path, true
	}
	path, states, err := q.Answer(h.shape)
	h.states += states
	if err != nil {
		return "", false
	}
	h.answers[key] = path
	return path, true
}

// expr returns the paths that a match matches as an expression.
func (r *reach) expr(m *plan.PathMatch) *lang.Expr {
	text := pathText(m)
	e := r.exprs[text]
	if e == nil {
		e = mustParse(text)
		r.exprs[text] = e
	}
	return e
}

// pathText returns an expression that matches the paths that a match matches.
func pathText(m *plan.PathMatch) string {
	key := m.Key()
	text := key.Value
	switch key.Type {
	case spec.PathExact:
		text = regexp.QuoteMeta(key.Value)
	case spec.PathPrefix:
		text = regexp.QuoteMeta(key.Value) + `(/.*)?`
	}
	if m.Paths.IgnoreCase {
		return `(?i)` + text
	}
	return text
}
