package lint

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// change is a change of an expression's text that mends a common mistake. Its result is judged
// before anyone sees it.
type change struct {
	why  string // the mistake, "" if it is the one before
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
	replacing("has quotes or white space around it", "^[\\s\"'`]+|[\\s\"'`,;]+$", ""),
	replacing("has a prefix that is not part of an expression",
		`^(regexp?|re|pattern|~\*?)[:= ]\s*|^~\*?(\^|http)`, "$2"),
	replacing("has the slashes of a JavaScript literal and no scheme",
		`^/([a-z0-9-]+\\?\.[a-z].*)/[a-z]*$`, `https://(.*\.)?$1`),
	{"has the slashes of a JavaScript literal", withoutSlashes},
	replacing(`has no "://" behind its scheme`, `^(\^?https?\??)(?:::?/?|//)([a-z0-9.(\[])`, `$1://$2`),
	{"has no scheme, and is matched against the whole origin", withScheme},
	replacing("has the scheme of a WebSocket, and the page that opens it has another",
		`^(\^?)ws(s?\??)://`, `${1}http${2}://`),
	replacing(`has \* for any text, which is .*`, `\\\*`, `.*`),
	replacing(`has * for any text, which is .*`, `://\*`, `://.*`),
	{"has upper case, which browsers never send", lowerLetters},
	{"is not ASCII, and browsers send the punycode form", toASCII},
	replacing("has a default port, which browsers leave out", `:(443|80)\b`, ``),
	replacing("has a path or a trailing slash, and an origin has none", `([^:/\\])\\?/[^/]*$`, `$1`),
}

// narrowings mend expressions that accept too much.
var narrowings = []change{
	replacing(`accepts every scheme`, `^\^?\.[*+]\.([a-z0-9])`, `https://.*\.$1`),
	replacing(`has a dot that stands for any character`, `([a-z0-9)\]*+?}])\.([a-z0-9(\[])`, `$1\.$2`),
	replacing(``, `([a-z0-9)\]*+?}])\.([a-z0-9(\[])`, `$1\.$2`),
	replacing(`has no dot before the name`, `([.\])][*+]\)?[?*+]?|\\[wWSD][*+])([a-z0-9])`, `$1\.$2`),
	replacing(`goes on behind the name`,
		`([a-z0-9]{2})(\.\*|\(\.\*\)|\(\.[*+]\)\?|\[\^[^\]]*\]\*)\$?$`, `$1(:[0-9]+)?`),
	replacing(`accepts every scheme`, `^\^?\(?\.[*+]\)?\??(\\?\.|://)`, `https://.*$1`),
	replacing(``, `^https://\.\*://`, `https://`),
	{`accepts http: too`, secureForm},
}

// mendRegex mends an expression that accepts nothing, or too much.
func (l *linter) mendRegex(text string, credentials bool) (mended, why string) {
	if e, err := lang.Parse(text); err == nil {
		if isSafe(text, credentials) {
			return text, ""
		}
		if example, err := e.Example(lang.Sent); example != "" && err == nil {
			mended, why, _ = mend(text, narrowings, credentials, e)
			return mended, why
		}
	}
	mended, why, last := mend(text, revivals, credentials, nil)
	within, err := lang.Parse(last)
	if mended != "" || err != nil {
		return mended, why
	}
	// What was meant is judged, so that it may be narrowed once it accepts anything.
	mended, also, _ := mend(last, narrowings, credentials, within)
	return mended, cmp.Or(why, also)
}

// mend makes one change after another until the result is safe. It returns the result, "" if none
// helps, the mistakes, and the text after all changes. The result accepts nothing that within does
// not accept, unless that is nil.
func mend(text string, changes []change, credentials bool, within *lang.Expr) (mended, why, last string) {
	var mistakes []string
	start := text
	for _, c := range changes {
		changed := c.text(text)
		if changed == text {
			continue
		}
		text = changed
		if c.why != "" {
			mistakes = append(mistakes, c.why)
		}
		if isSafe(text, credentials, bounds(within)...) {
			return text, strings.Join(mistakes, " and "), text
		}
	}
	if len(mistakes) > 0 && (literal.MatchString(start) || !strings.Contains(start, "://")) && within == nil {
		return "", mistakes[0], text
	}
	return "", "", text
}

func bounds(within *lang.Expr) []*lang.Expr {
	if within == nil {
		return nil
	}
	return []*lang.Expr{within}
}

// withoutSlashes removes the slashes of a JavaScript literal.
func withoutSlashes(text string) string {
	m := literal.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	return strings.ReplaceAll(m[1], `\/`, `/`)
}

// withScheme writes the scheme before a text that has none.
func withScheme(text string) string {
	name := strings.TrimLeft(strings.TrimPrefix(text, "^"), "/")
	switch {
	case name == "", nullText.MatchString(text), strings.Contains(text, "://"), everything.MatchString(text):
		return text
	case loopbackName.MatchString(name):
		return "http://" + name
	case strings.HasPrefix(name, `\.`):
		return "https://.*" + name
	}
	return "https://" + name
}

// nullText is an expression for the origin that allowNullOrigin is about.
var nullText = regexp.MustCompile(`^\^?null\$?$`)

var loopbackName = regexp.MustCompile(`^\(?(localhost|127\\?\.|\\\[::1)`)

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

var notASCII = regexp.MustCompile(`[\pL\pN-]*[^\x00-\x7F][\pL\pN\pM-]*`)

// toASCII writes labels that are not ASCII in their punycode form.
func toASCII(text string) string {
	return notASCII.ReplaceAllStringFunc(text, func(label string) string {
		if ascii := origin.Punycode(label); ascii != "" {
			return ascii
		}
		return label
	})
}

var (
	plainScheme = regexp.MustCompile(`^\^?(http|https\?|http\(s\)\??|http\[s\]\??|http\(s\|\)|` +
		`\(https?\|https?\)|\(https\?\)):(//|\\/\\/)`)
	anyScheme = regexp.MustCompile(`^\^?\.[*+](\\\.)`)
)

// secureForm returns an entry or an expression with https.
func secureForm(text string) string {
	text = plainScheme.ReplaceAllString(text, "https://")
	return anyScheme.ReplaceAllString(text, `https://.*$1`)
}

// isSafe reports whether an expression is accepted, and is included in the union of within, unless
// that is empty.
func isSafe(text string, credentials bool, within ...*lang.Expr) bool {
	e, err := lang.Parse(text)
	if err != nil {
		return false
	}
	var v verdict
	if v.judge(e, text) != nil || v.dead || v.foreign != "" || credentials && v.isDangerous() {
		return false
	}
	if len(within) == 0 {
		return true
	}
	missing, err := e.Missing(lang.Parsed, slices.Clip(within)...)
	return missing == "" && err == nil
}
