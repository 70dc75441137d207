package lint

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxBranches is how many branches of one expression are judged.
const maxBranches = 32

// span is a part of an expression's text.
type span struct{ from, to int }

// alternation is the inside of a group of an expression, or all of it.
type alternation struct {
	span
	branches []branch
	repeated bool // by *, + or {}, so that several branches may match together
}

// branch is one of the alternatives between "|".
type branch struct {
	span
	groups []*alternation
}

// deadBranch is a branch of an alternation through which no origin is matched.
type deadBranch struct {
	span
	whole bool // of the expression, and not of a group in it
}

// deadBranches returns the branches of an expression that match nothing that a browser can send,
// although the expression as a whole does.
func (l *linter) deadBranches(text string) []deadBranch {
	top := alternationsOf(text)
	if top == nil || l.isSpent() {
		return nil
	}
	l.advised++
	j := branchJudge{linter: l, text: text}
	j.judge(top, text[:top.from], "")
	return j.dead
}

type branchJudge struct {
	*linter
	text   string
	judged int
	dead   []deadBranch
}

// judge judges the branches of an alternation, each between the text before and after it without
// any other branch.
func (j *branchJudge) judge(a *alternation, before, after string) {
	if a.repeated {
		return
	}
	for _, b := range a.branches {
		if len(a.branches) > 1 && j.isDead(before+j.text[b.from:b.to]+after) {
			j.dead = append(j.dead, deadBranch{b.span, a.from == len(before) && after == ""})
			continue
		}
		for _, g := range b.groups {
			j.judge(g, before+j.text[b.from:g.from], j.text[g.to:b.to]+after)
		}
	}
}

func (j *branchJudge) isDead(text string) bool {
	if j.judged++; j.judged > maxBranches {
		return false
	}
	e, err := lang.Parse(text)
	if err != nil {
		return false
	}
	example, err := e.Example(lang.Sent)
	j.regexStates += e.States()
	return example == "" && err == nil
}

// alternationsOf reads the groups of an expression that compiles, nil if it has no alternation or
// flags that hold from within a branch.
func alternationsOf(text string) *alternation {
	if !strings.Contains(text, "|") {
		return nil
	}
	start := len(leadingFlags.FindString(text))
	r := groupReader{text: text, open: []*alternation{newAlternation(start)}}
	for i := start; i < len(text); i++ {
		if i = r.read(i); i < 0 {
			return nil
		}
	}
	top := r.open[0]
	top.end(len(text))
	return top
}

// groupReader reads the groups of an expression.
type groupReader struct {
	text string
	open []*alternation // the groups that are not closed, the outermost first
}

func newAlternation(from int) *alternation {
	return &alternation{span: span{from: from}, branches: []branch{{span: span{from: from}}}}
}

func (a *alternation) last() *branch { return &a.branches[len(a.branches)-1] }

func (a *alternation) end(to int) {
	a.to, a.last().to = to, to
}

// read reads what begins at i and returns its last index, -1 if it is not understood.
func (r *groupReader) read(i int) int {
	group := r.open[len(r.open)-1]
	switch r.text[i] {
	case '\\':
		if strings.HasPrefix(r.text[i:], `\Q`) {
			return -1
		}
		return i + 1
	case '[':
		return i + len(classForm.FindString(r.text[i:])) - 1
	case '(':
		form := groupForm.FindString(r.text[i:])
		if strings.HasSuffix(form, ")") {
			return -1 // flags
		}
		inner := newAlternation(i + len(form))
		group.last().groups = append(group.last().groups, inner)
		r.open = append(r.open, inner)
		return i + len(form) - 1
	case ')':
		group.end(i)
		group.repeated = i+1 < len(r.text) && strings.IndexByte("*+{", r.text[i+1]) >= 0
		r.open = r.open[:len(r.open)-1]
	case '|':
		group.last().to = i
		group.branches = append(group.branches, branch{span: span{from: i + 1}})
	}
	return i
}

// warnOfBranches warns of the dead branches of an expression.
func (l *linter) warnOfBranches(d spec.Diagnostic, v *verdict) {
	if !v.branched {
		v.branched, v.branches = true, l.deadBranches(d.Value)
	}
	if len(v.branches) > 0 {
		b := v.branches[0] // a report has one warning of a code for each value
		text := d.Value[b.from:b.to]
		d.Code = spec.CodeRegexBranchDead
		d.Message = "has the branch " + strconv.Quote(text) + ", which matches no origin that a browser can send"
		d.Hint = ""
		if nullText.MatchString(text) {
			d.Message += ": null is allowed by allowNullOrigin"
		} else if b.whole {
			credentials := l.usesAt(d.Place).credentials
			mended, why := l.mendRegex(text, credentials)
			if why != "" {
				d.Message += ": it " + why
			}
			if whole := d.Value[:b.from] + mended + d.Value[b.to:]; mended != "" && isSafe(whole, credentials) {
				d.Hint = whole
			}
		}
		if d.Hint == "" {
			d.Hint = without(d.Value, b.span)
		}
		l.Warn(d)
	}
}

// without removes a branch and the bar beside it.
func without(text string, b span) string {
	if b.to < len(text) && text[b.to] == '|' {
		return text[:b.from] + text[b.to+1:]
	}
	return text[:b.from-1] + text[b.to:]
}

var (
	leadingFlags = regexp.MustCompile(`^\(\?[imsU-]+\)`)
	classForm    = regexp.MustCompile(`^\[\^?\]?(\\.|\[:\^?[a-z]+:\]|[^\]\\])*\]`)
	groupForm    = regexp.MustCompile(`^\((\?P?<[^>]*>|\?[imsU-]*[:)])?`)
)
