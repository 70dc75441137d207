package lang_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

var words = flag.Int("words", randomWords, "how many random words each comparison tries")

const wordsPerExpr = 50

// random makes expressions and texts that have much to do with each other.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 17))} }

func (r random) one(list ...string) string { return list[r.IntN(len(list))] }

// expr returns an expression of origins, or of nothing in particular.
func (r random) expr() string {
	if r.IntN(3) == 0 {
		return r.one("", "(?i)", "(?s)", "(?m)", "(?U)") + r.part(4)
	}
	text := r.one("https", "https?", "http", "[a-z]+", ".*", "(?:http|app)") + r.one("://", "://", ":.{2}", "://(www\\.)?")
	for range 1 + r.IntN(3) {
		text += r.part(2) + r.one(`\.`, `\.`, `.`, "")
	}
	return text + r.one("com", "co\\.uk", "github\\.io", "[a-z]{2,3}", r.part(2)) + r.one("", "", "$", `\z`, `(:\d+)?`, ":443", `:[0-9]{4}`, ".*", "/", `\b`)
}

func (r random) part(depth int) string {
	if depth == 0 || r.IntN(3) == 0 {
		return r.one("a", "b", "x", "-", "_", "7", "A", `\.`, ".", "[a-z]", "[^.]", "[a-z0-9-]", `\d`, `\w`, `\W`, `\pL`, "[^/:]", "foo", "evil", "::", `\[`, `\]`,
			"^", "$", `\b`, `\B`, `\A`, `\z`, "(?i:k)", "(?i:É)", "")
	}
	inner := r.part(depth - 1)
	switch r.IntN(6) {
	case 0:
		return inner + r.part(depth-1)
	case 1:
		return "(" + inner + "|" + r.part(depth-1) + ")"
	case 2:
		return "(?:" + inner + ")" + r.one("*", "+", "?", "*?", "+?", "??")
	case 3:
		return "(?:" + inner + ")" + r.one("{2}", "{1,3}", "{0,2}", "{2,}")
	case 4:
		return "(" + inner + ")" + r.part(depth-1)
	}
	return inner
}

// text returns an origin, or what is nearly one.
func (r random) text() string {
	label := func() string {
		return r.one("a", "b", "x", "foo", "evil", "www", "7", "0", "a-b", "_", "aa", "bx", "", "0x7", "255", "256", "A")
	}
	host := label()
	for range r.IntN(4) {
		host += "." + label()
	}
	switch r.IntN(8) {
	case 0:
		host += r.one(".com", ".co.uk", ".github.io")
	case 1:
		host = r.one("127.0.0.1", "10.0.0.1", "1.2.3.4", "1.2.3", "01.2.3.4", "localhost")
	case 2:
		host = "[" + r.ipv6() + "]"
	}
	if r.IntN(10) == 0 {
		host = r.one("", ".", "..")
	}
	text := r.one("https", "http", "app", "file", "a1+", "1a") + "://" + host + r.one("", "", "", ":80", ":443", ":1", ":0", ":65535", ":65536", ":08", ":", ".", "/", "\n")
	if r.IntN(4) == 0 {
		at := r.IntN(len(text))
		text = text[:at] + r.one("", "a", ".", ":", "0", "-", "\n", "É") + text[min(len(text), at+r.IntN(3)):]
	}
	return text
}

func (r random) ipv6() string {
	var pieces []string
	for range 8 {
		pieces = append(pieces, r.one("0", "0", "0", "1", "a1", "ffff", "fe80"))
	}
	text := strings.Join(pieces, ":")
	if r.IntN(2) == 0 {
		from := r.IntN(8)
		to := from + r.IntN(8-from) + 1
		text = strings.Join(pieces[:from], ":") + "::" + strings.Join(pieces[to:], ":")
	}
	return text
}

// compile returns a random expression, as this package and as regexp reads it.
func (r random) compile(t *testing.T) (*lang.Expr, *regexp.Regexp) {
	for {
		text := r.expr()
		re, err := regexp.Compile(`\A(?:` + text + `)\z`)
		if err != nil {
			continue
		}
		return parse(t, text), re
	}
}

// TestAgainstRegexp compares the automaton of an expression with package regexp.
func TestAgainstRegexp(t *testing.T) {
	t.Parallel()
	r := newRandom(1)
	matches := 0
	for range *words / wordsPerExpr {
		e, re := r.compile(t)
		for range wordsPerExpr {
			text := r.text()
			if r.IntN(3) > 0 {
				text = r.like(re.String())
			}
			want := re.MatchString(text)
			if want {
				matches++
			}
			if got := e.Match(text); got != want {
				t.Fatalf("%s, %q: %t, regexp %t", re, text, got, want)
			}
		}
	}
	if matches < *words/100 {
		t.Errorf("only %d of %d words match", matches, *words)
	}
}

// like returns a text of an expression's literal parts.
func (r random) like(expr string) string {
	var b strings.Builder
	for _, c := range expr {
		switch {
		case strings.ContainsRune(`\()?*+[]{}|^$`, c):
		case r.IntN(12) > 0:
			b.WriteRune(c)
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), "A:"), "z")
}

// TestUniverse compares the automaton of all origins with the parser.
func TestUniverse(t *testing.T) {
	t.Parallel()
	r := newRandom(2)
	origins := 0
	for range *words {
		text := r.text()
		o, ok := origin.Parse(text)
		want := ok && o.Canonical == text
		if want {
			origins++
		}
		if got := lang.Parsed.Has(text); got != want {
			t.Fatalf("%q: %t, parser %t", text, got, want)
		}
		sent := want && (o.Scheme != "http" && o.Scheme != "https" || origin.CheckHost(strings.TrimSuffix(o.Host, ".")) == nil &&
			(!strings.HasSuffix(o.Host, ".") || !origin.IsAddress(o.Host)))
		if got := lang.Sent.Has(text); got != sent {
			t.Fatalf("%q: sent %t, want %t", text, got, sent)
		}
	}
	if origins < *words/10 {
		t.Errorf("only %d of %d words are origins", origins, *words)
	}
}

// TestAnswers proves the answers about random expressions: examples match, what is called empty
// matches no word, domains are complete by subtraction.
func TestAnswers(t *testing.T) {
	t.Parallel()
	r := newRandom(3)
	var dead, bounded, unbounded int
	for range *words / wordsPerExpr {
		e, re := r.compile(t)
		example, err := e.Example(lang.Sent)
		switch {
		case errors.Is(err, lang.ErrBudget):
			continue
		case err != nil:
			t.Fatal(err)
		case example == "":
			dead++
			for range wordsPerExpr {
				if text := r.text(); re.MatchString(text) && lang.Sent.Has(text) {
					t.Fatalf("%s is called dead and matches %q", re, text)
				}
			}
			continue
		case !re.MatchString(example) || !lang.Sent.Has(example):
			t.Fatalf("%s: example %q", re, example)
		}
		owners, err := e.Owners()
		if errors.Is(err, lang.ErrBudget) {
			continue
		}
		if owners.Unbounded() {
			unbounded++
			continue
		}
		bounded++
		none := parse(t, `[^\x00-\x{10FFFF}]`)
		below := []*lang.Expr{none}
		for _, d := range owners.Domains {
			below = append(below, parse(t, `https?://([^:]*\.)?`+regexp.QuoteMeta(d)+`\.?(:.*)?`))
		}
		for _, s := range owners.Suffixes {
			below = append(below, parse(t, `https?://[^:]*\.`+regexp.QuoteMeta(s.Name)+`\.?(:.*)?`))
		}
		if missing, err := e.Missing(lang.Domains, below...); missing != "" || err != nil {
			t.Fatalf("%s is called bounded by %+v and accepts %q, %v", re, *owners, missing, err)
		}
	}
	t.Logf("%d dead, %d bounded, %d unbounded", dead, bounded, unbounded)
	if dead == 0 || bounded == 0 || unbounded == 0 {
		t.Error("one kind is missing")
	}
}

// TestMissingAgainstRegexp proves inclusions of random expressions.
func TestMissingAgainstRegexp(t *testing.T) {
	t.Parallel()
	r := newRandom(4)
	var included, not int
	for range *words / wordsPerExpr / 4 {
		a, reA := r.compile(t)
		b, reB := r.compile(t)
		if r.IntN(2) == 0 {
			wider := strings.NewReplacer("foo", ".*", "[a-z]", `[\w-]`, "evil", "[^:]+", "{2}", "+").Replace(strings.TrimSuffix(strings.TrimPrefix(reA.String(), `\A(?:`), `)\z`))
			b, reB = parse(t, wider), regexp.MustCompile(`\A(?:`+wider+`)\z`)
		}
		missing, err := a.Missing(lang.Parsed, b)
		switch {
		case err != nil:
			continue
		case missing != "":
			not++
			if !reA.MatchString(missing) || reB.MatchString(missing) || !lang.Parsed.Has(missing) {
				t.Fatalf("%s without %s: %q", reA, reB, missing)
			}
			continue
		}
		included++
		for range wordsPerExpr {
			if text := r.text(); reA.MatchString(text) && !reB.MatchString(text) && lang.Parsed.Has(text) {
				t.Fatalf("%s is called included in %s, and has %q", reA, reB, text)
			}
		}
	}
	if included == 0 || not == 0 {
		t.Errorf("%d included, %d not", included, not)
	}
}
