package lint

import (
	"regexp"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// maxEntries is how many entries of allowOrigins are better than one expression.
const maxEntries = 8

// entriesFor returns entries of allowOrigins that together accept exactly what an expression
// accepts, nil if none are found. Both directions are proved: each entry is included in the
// expression, and nothing that the expression accepts is missing from all of them.
func entriesFor(e *lang.Expr) []string {
	var texts []string
	var exprs []*lang.Expr
	tooWide := map[string]bool{}
	for {
		missing, err := e.Missing(lang.Parsed, exprs...)
		if err != nil {
			return nil
		}
		if missing == "" {
			return texts
		}
		p, found := widest(e, missing, tooWide)
		if !found || len(texts) == maxEntries {
			return nil
		}
		texts, exprs = append(texts, p.String()), append(exprs, patternExpr(p))
	}
}

// widest returns the widest entry that accepts an origin, and nothing that the expression does
// not accept. It remembers those that accept more.
func widest(e *lang.Expr, text string, tooWide map[string]bool) (origin.Pattern, bool) {
	o, ok := origin.Parse(text)
	if !ok {
		return origin.Pattern{}, false
	}
	var list []origin.Pattern
	if origin.DefaultPort(o.Scheme) != "" {
		list = append(list, origin.Pattern{Kind: origin.AnyHost})
		for i := len(o.Host) - 1; i > 0; i-- {
			if o.Host[i] == '.' {
				list = append(list, origin.Pattern{Kind: origin.Subdomains, Host: o.Host[i+1:]})
			}
		}
	}
	list = append(list, origin.Pattern{Host: o.Host})
	for _, p := range list {
		for _, port := range []string{origin.AnyPort, o.Port} {
			p.Scheme, p.Port = o.Scheme, port
			entry := p.String()
			if _, _, fault := origin.ParsePattern(entry); fault != nil || tooWide[entry] {
				continue
			}
			missing, err := patternExpr(p).Missing(lang.Parsed, e)
			if err != nil {
				return origin.Pattern{}, false
			}
			if missing == "" {
				return p, true
			}
			tooWide[entry] = true
		}
	}
	return origin.Pattern{}, false
}

// patternExpr returns an expression that accepts the canonical origins that a pattern accepts. It
// has no tenant.
func patternExpr(p origin.Pattern) *lang.Expr {
	host := regexp.QuoteMeta(p.Host)
	switch p.Kind {
	case origin.Subdomains:
		host = `[^:\[]*\.` + host
	case origin.AnyHost:
		host = `([^:\[]*|\[.*\])`
	}
	port := ""
	switch p.Port {
	case "":
	case origin.AnyPort:
		port = `(:[0-9]+)?`
	default:
		port = ":" + p.Port
	}
	return mustParse(regexp.QuoteMeta(p.Scheme) + "://" + host + port)
}

// change is a change of an expression's text that mends a common mistake. Its result is judged
// before anyone sees it.
type change struct {
	why  string // the mistake
	text func(string) string
}

// replacing returns a change of everything that matches.
func replacing(why, from, to string) change {
	re := regexp.MustCompile(from)
	return change{why, func(text string) string { return re.ReplaceAllString(text, to) }}
}

// literal is an expression as JavaScript writes it.
var literal = regexp.MustCompile(`^/(.*)/[a-z]*$`)

// revivals mend expressions that accept nothing.
var revivals = []change{
	{"has the slashes of a JavaScript literal", func(text string) string {
		return strings.ReplaceAll(literal.ReplaceAllString(text, `$1`), `\/`, `/`)
	}},
	replacing(`has \* for any text, which is .*`, `\\\*`, `.*`),
	replacing(`has * for any text, which is .*`, `://\*`, `://.*`),
	{"has upper case, which browsers never send", lowerLetters},
	replacing("has a default port, which browsers leave out", `:(443|80)\b`, ``),
	replacing("has a path or a trailing slash, and an origin has none", `([^:/\\])\\?/[^/]*$`, `$1`),
	{"has no scheme, and is matched against the whole origin", withScheme},
}

// narrowings mend expressions that accept too much.
var narrowings = []change{
	replacing(`has a dot that stands for any character`, `([a-z0-9)\]])\.([a-z0-9(\[])`, `$1\.$2`),
	replacing(`likewise, in a.b.c`, `([a-z0-9)\]])\.([a-z0-9(\[])`, `$1\.$2`),
	replacing(`has no dot before the name`, `([.\])][*+])([a-z0-9])`, `$1\.$2`),
	replacing(`goes on behind the name`, `([a-z0-9]{2})\.\*\$?$`, `$1(:[0-9]+)?`),
	replacing(`accepts http: too`, `^\^?https\?://`, `https://`),
}

// mend makes one change after another until the result is safe. It returns the
// result, "" if none helps, and the purpose of the first change. The result accepts nothing that
// within does not accept, unless that is nil.
func mend(text string, changes []change, within *lang.Expr) (mended, why string) {
	start := text
	for _, c := range changes {
		changed := c.text(text)
		if changed == text {
			continue
		}
		text = changed
		if why == "" {
			why = c.why
		}
		if isSafe(text, within) {
			return text, why
		}
	}
	if isLiteral := literal.MatchString(start); isLiteral || !strings.Contains(start, "://") {
		return "", why
	}
	return "", ""
}

// withScheme writes the scheme before a text that has none.
func withScheme(text string) string {
	name := strings.TrimPrefix(text, "^")
	switch {
	case name == "", strings.Contains(text, "://"):
		return text
	case strings.HasPrefix(name, "localhost"):
		return "http://" + name
	case strings.HasPrefix(name, `\.`):
		return "https://.*" + name
	}
	return "https://" + name
}

// lowerLetters writes letters in lower case that are not the name of a class or an assertion.
func lowerLetters(text string) string {
	escaped := false
	return strings.Map(func(r rune) rune {
		keep := escaped
		escaped = r == '\\' && !escaped
		if !keep && 'A' <= r && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, text)
}

// isSafe reports whether an expression is taken, with credentials too.
func isSafe(text string, within *lang.Expr) bool {
	e, err := lang.Parse(text)
	if err != nil {
		return false
	}
	var v verdict
	if v.judge(e) != nil || v.dead || v.foreign+v.platform+v.insecure != "" {
		return false
	}
	if within == nil {
		return true
	}
	missing, err := e.Missing(lang.Parsed, within)
	return missing == "" && err == nil
}
