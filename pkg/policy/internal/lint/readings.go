package lint

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// maxExpanded bounds the entries that one text with a list in it stands for.
const maxExpanded = 16

// everything has the texts that people write for any origin.
var everything = regexp.MustCompile(`^/?\^?\(?(\*+|\*\.\*|\*:\*|\*://\*(:\*|/\*)?|\\\*(\.\*)?|\.[*+])\)?\$?/?$`)

// around has the characters that surround an origin copied from a list or from code.
const around = " \t\r\n\"'`<>,;"

// parts returns the texts in a list of origins that was written as one text. What stands between
// brackets is not separated.
func parts(text string) []string {
	text = strings.Trim(strings.ReplaceAll(text, ";//", "://"), around)
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") && strings.Contains(text, "://") {
		text = text[1 : len(text)-1]
	}
	separators := ", ;\t\r\n"
	if !strings.Contains(text, `\`) && strings.Count(text, "|") == strings.Count(text, "://")-1 {
		separators += "|"
	}
	var list []string
	depth, start := 0, 0
	for i, r := range text {
		switch {
		case strings.ContainsRune("([{", r):
			depth++
		case strings.ContainsRune(")]}", r):
			depth--
		case depth == 0 && strings.ContainsRune(separators, r):
			list = append(list, text[start:i])
			start = i + 1
		}
	}
	list = append(list, text[start:])
	for i := range list {
		list[i] = strings.Trim(list[i], around)
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// lists are ways to write several texts as one. Each match is one of the alternatives, which
// split separates.
var lists = []struct {
	form  *regexp.Regexp
	split func(match []string) []string
}{
	{regexp.MustCompile(`^\^?http(?:\(s\)\??|\[s\]\??|\{,?s\}|s\?)://|^\*://`), func([]string) []string {
		return []string{"https://", "http://"}
	}},
	{regexp.MustCompile(`:[\[{(]([0-9, |]+)[\])}]`), func(m []string) []string { return prefixed(":", m[1]) }},
	{regexp.MustCompile(`:\[?([0-9]+)-([0-9]+)\]?$`), portRange},
	{regexp.MustCompile(`:(?:\[\*\]|\*\*|\(\*\))`), func([]string) []string { return []string{":*"} }},
	{regexp.MustCompile(`\{([^{}]*,[^{}]*)\}`), func(m []string) []string { return strings.Split(m[1], ",") }},
}

// portRange returns the ports of a range, more than are expanded if it is too long.
func portRange(m []string) []string {
	from, _ := strconv.Atoi(m[1])
	to, _ := strconv.Atoi(m[2])
	var list []string
	for port := from; port <= to && len(list) <= maxExpanded; port++ {
		list = append(list, ":"+strconv.Itoa(port))
	}
	return list
}

func prefixed(prefix, list string) []string {
	texts := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '|' || r == ' ' })
	for i := range texts {
		texts[i] = prefix + texts[i]
	}
	return texts
}

// expand returns the texts that a text with lists in it stands for, nil if they are too many.
func expand(text string) []string {
	for _, l := range lists {
		at := l.form.FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		var all []string
		for _, alternative := range l.split(l.form.FindStringSubmatch(text)) {
			more := expand(text[:at[0]] + strings.TrimSpace(alternative) + text[at[1]:])
			if all = append(all, more...); more == nil || len(all) > maxExpanded {
				return nil
			}
		}
		return all
	}
	return []string{text}
}

// glob is a text with wildcards, apart from those that an entry can have.
type glob struct {
	scheme, host, port string
}

// globOf reads a text as an origin with wildcards.
func globOf(text string) (g glob, ok bool) {
	text = strings.ReplaceAll(strings.ToLower(text), `\/`, `/`)
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "https", strings.TrimLeft(text, ":/")
	}
	if end := strings.IndexAny(rest, `/?#`); end >= 0 {
		rest = rest[:end]
	}
	g.scheme, g.host = scheme, rest
	if colon := strings.LastIndexByte(rest, ':'); colon >= 0 {
		g.host, g.port = rest[:colon], rest[colon+1:]
	}
	g.host = repeated.ReplaceAllString(g.host, "*")
	g.host = strings.TrimPrefix(g.host, ".")
	return g, globForm.MatchString(g.scheme + "://" + g.host + ":" + g.port)
}

var (
	addressGlob = regexp.MustCompile(`^[0-9]+(\.([0-9]+|\*)){3}$`)

	repeated = regexp.MustCompile(`\*\*+`)
	globForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[a-z0-9_*.-]*\*[a-z0-9_*.-]*:[0-9*]*$|` +
		`^[a-z][a-z0-9+.-]*://[a-z0-9_.-]+:[0-9]*\*[0-9*]*$`)
)

// meaning returns everything that the text can mean: a wildcard is any text.
func (g *glob) meaning() *lang.Expr {
	any := func(s string) string { return strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, `.*`) }
	text := regexp.QuoteMeta(g.scheme) + "://" + any(g.host)
	switch g.port {
	case "":
	case "*":
		text += `(:[0-9]+)?`
	default:
		text += ":" + any(g.port)
	}
	return mustParse(text)
}

// candidates returns readings of a glob, the simplest first. Whether they accept too much is not
// judged here.
func (g *glob) candidates() (entries [][]string, regex string) {
	port := ""
	if g.port != "" {
		port = ":" + g.port
	}
	before := g.scheme + "://"
	if g.host == "*" && origin.DefaultPort(g.scheme) != "" {
		return [][]string{{before + "*" + port}}, ""
	}
	if name, ok := strings.CutPrefix(g.host, "*"); ok && !strings.Contains(name, "*") {
		if below, ok := strings.CutPrefix(name, "."); ok {
			entries = append(entries, []string{before + "*." + below + port})
		} else if own, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil && own == name && name[0] != '-' {
			entries = append(entries, []string{before + "*." + name + port, before + name + port})
		}
	}
	// Below one wildcard label or more is simpler than below two.
	if i := strings.LastIndex(g.host, "*."); i > 0 && strings.Trim(g.host[:i+2], "*.") == "" {
		entries = append(entries, []string{before + g.host[i:] + port})
	}
	return entries, g.regex()
}

// chromeExtension has the origins of all extensions of Chromium.
const chromeExtension = `chrome-extension://[a-p]{32}`

// hostForms are the hosts of schemes whose pages have no names.
var hostForms = map[string]string{
	"chrome-extension": strings.TrimPrefix(chromeExtension, "chrome-extension://"),
	"moz-extension":    `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`,
}

// regex returns an expression in which a wildcard is part of a label.
func (g *glob) regex() string {
	label := `[a-z0-9-]+`
	if addressGlob.MatchString(g.host) {
		label = `[0-9]{1,3}`
	}
	host := strings.ReplaceAll(regexp.QuoteMeta(g.host), `\*`, label)
	if form := hostForms[g.scheme]; form != "" && g.host == "*" {
		host = form
	}
	port := ""
	switch g.port {
	case "":
	case "*":
		port = `(:[0-9]+)?`
	default:
		port = ":" + strings.ReplaceAll(g.port, "*", `[0-9]+`)
	}
	return regexp.QuoteMeta(g.scheme) + "://" + host + port
}

// looksLikeGlob reports whether an expression was written as a glob: it has a "*" that repeats
// what nobody wants to repeat.
func looksLikeGlob(text string) bool {
	text = strings.ReplaceAll(text, `\/`, `/`)
	return globLike.MatchString(text) && (strings.HasPrefix(text, "*") || strayStar.MatchString(text))
}

var (
	globLike  = regexp.MustCompile(`^[a-zA-Z0-9.:/*_-]+$`)
	strayStar = regexp.MustCompile(`[^.]\*`)
)

// entryIn returns the entry that a text without a list stands for, "" if it is not certain.
func entryIn(text string) string {
	p, _, fault := origin.ParsePattern(text)
	if fault == nil {
		return p.String()
	}
	if isWords(fault.Hint) {
		return ""
	}
	p, _, _ = origin.ParsePattern(fault.Hint)
	return p.String()
}

// isWords reports whether a hint is not a text to write instead.
func isWords(hint string) bool { return hint == "" || strings.Contains(hint, " ") }
