package lint

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/lang"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// exampleRegex is the hint if there is no better one.
const exampleRegex = `an expression that ends with the names that are yours: https://pr-[0-9]+\.shop\.example`

const (
	// maxRegexStates bounds the states that the judgement of all expressions of a configuration
	// looks at: a few seconds.
	maxRegexStates = 1_000_000
	// maxAdvised is for how many expressions of a configuration better ones, or entries that
	// accept the same, are looked for.
	maxAdvised = 200
)

// verdict has the properties of an expression on which the judgement of a policy depends. An origin
// is "" if the expression accepts none of its kind.
type verdict struct {
	undecided bool // the rest is not known
	dead      bool // accepts no origin that a browser can send
	foreign   string
	anyHost   bool   // accepts every host of a scheme, on some port
	platform  string // an origin that a customer of a hosting platform can get
	insecure  string // an origin that is read over a network in plain text
	scheme    string // an origin of a scheme of web views or extensions of which every host is accepted
	file      bool   // accepts the origin of files
	long      bool   // accepts only origins that are longer than any that is accepted
	many      bool   // accepts no open suffix, but origins of too many domains
	entries   []string
	expr      *lang.Expr

	mended   [2]*mended // without and with credentials
	branched bool       // branches is known
	branches []deadBranch
}

// mended is an expression that mends a faulty one.
type mended struct {
	text string // "" if none is known
	why  string // the mistake
}

// isDangerous reports whether the expression is refused if credentials are allowed.
func (v *verdict) isDangerous() bool {
	return v.anyHost || v.scheme != "" || v.file || v.platform != "" || v.insecure != ""
}

// verdict judges an expression, each text once.
func (l *linter) verdict(text string) *verdict {
	if l.verdicts == nil {
		l.verdicts = map[string]*verdict{}
	}
	v, known := l.verdicts[text]
	if !known {
		v = l.judge(text)
		l.verdicts[text] = v
	}
	return v
}

// judge judges an expression that compiles.
func (l *linter) judge(text string) *verdict {
	if l.regexStates > maxRegexStates {
		return &verdict{undecided: true} // see regexes
	}
	v := &verdict{}
	e, err := lang.Parse(text)
	if err == nil {
		err = v.judge(e, text)
		defer func() { l.regexStates += e.States() }()
	}
	if err != nil {
		return &verdict{undecided: true}
	}
	v.expr = e
	if !v.dead && v.foreign == "" && v.platform == "" && v.insecure == "" && !v.file && v.scheme == "" && !l.isSpent() {
		v.entries = entriesFor(e)
		l.advised++
	}
	return v
}

// mend returns an expression that mends a faulty one.
func (l *linter) mend(text string, v *verdict, credentials bool) *mended {
	known := &v.mended[0]
	if credentials {
		known = &v.mended[1]
	}
	if *known == nil {
		*known = &mended{}
		if !l.isSpent() {
			l.advised++
			(*known).text, (*known).why = l.mendRegex(text, credentials)
		}
	}
	return *known
}

func (v *verdict) judge(e *lang.Expr, text string) error {
	example, err := e.Example(lang.Sent)
	v.long = len(example) > origin.MaxLength
	if v.dead = err == nil && (example == "" || v.long); v.dead || err != nil {
		return err
	}
	owners, err := e.Owners()
	if err != nil {
		return err
	}
	if v.foreign, err = foreign(e, owners); err != nil {
		return err
	}
	v.many = owners.Unbounded() && !slices.ContainsFunc(owners.Suffixes, isRegistry)
	file, err := e.Example(lang.Files)
	if err != nil {
		return err
	}
	v.file = file != ""
	if name := owners.Hosting(); name != "" {
		if v.platform, err = e.Foreign(name); err != nil {
			return err
		}
	}
	if v.insecure, err = e.Example(lang.Insecure); err != nil {
		return err
	}
	if v.anyHost, err = takesAnyHost(e, v.foreign); err != nil {
		return err
	}
	if !hasWebScheme(text) {
		v.scheme, err = wholeScheme(e)
	}
	return err
}

// foreign returns an origin of someone else's if the expression is unbounded.
func foreign(e *lang.Expr, owners *lang.Owners) (string, error) {
	if !owners.Unbounded() {
		return publicAddress(e)
	}
	if i := slices.IndexFunc(owners.Suffixes, isRegistry); i >= 0 {
		return e.Foreign(owners.Suffixes[i].Name)
	}
	return e.Foreign("")
}

func isRegistry(s lang.Suffix) bool { return s.Kind == lang.Registry }

// publicAddress returns an address outside private networks if the expression accepts more of
// them than its author can know.
func publicAddress(e *lang.Expr) (string, error) {
	var known []*lang.Expr
	first := ""
	for range lang.MaxDomains + 1 {
		example, err := e.Missing(lang.PublicAddresses, known...)
		if example == "" || err != nil {
			return "", err
		}
		if first == "" {
			first = example
		}
		o, _ := origin.Parse(example)
		known = append(known, mustParse(`https?://`+regexp.QuoteMeta(o.Host)+`(:.*)?`))
	}
	return first, nil
}

// takesAnyHost reports whether the expression accepts every host with the scheme and the port of
// an origin.
func takesAnyHost(e *lang.Expr, text string) (bool, error) {
	o, ok := origin.Parse(text)
	if !ok {
		return false, nil
	}
	all := origin.Pattern{Scheme: o.Scheme, Kind: origin.AnyHost, Port: o.Port}
	missing, err := patternExpr(all).Missing(lang.Sent, e)
	return missing == "", err
}

// hasWebScheme reports whether an expression begins with http: or https:, as most do. It then matches no
// custom scheme.
func hasWebScheme(text string) bool {
	begin := lang.Literal(text)
	return strings.HasPrefix(begin, "http:") || strings.HasPrefix(begin, "https:")
}

// wholeScheme returns an origin of a scheme of web views or extensions if the expression accepts
// every host of that scheme that exists.
func wholeScheme(e *lang.Expr) (string, error) {
	if example, err := e.WholeScheme(); example != "" || err != nil {
		return example, err
	}
	if !e.Match("chrome-extension://" + strings.Repeat("a", 32)) {
		return "", nil
	}
	chrome := mustParse(chromeExtension)
	if missing, err := chrome.Missing(lang.Parsed, e); missing != "" || err != nil {
		return "", err
	}
	return chrome.Example(lang.Parsed)
}

// regexes judges expressions, with or without credentials.
func (l *linter) regexes(p *plan.Policy, o *plan.Origins) {
	for _, re := range o.Regexes {
		v := l.verdict(re.Text)
		d := spec.Diagnostic{
			Location: at(o.Place("allowOriginRegexes").Item(re.Index)), Value: re.Text, Hint: exampleRegex,
		}
		switch {
		case l.regexStates > maxRegexStates:
			d.Code = spec.CodeLimitExceeded
			d.Message = "makes it too expensive to judge which origins all expressions accept"
			d.Hint = "allowOrigins, or fewer and shorter expressions"
			l.Fault(d)
			return
		case v.undecided:
			d.Code, d.Message = spec.CodeRegexUnbounded, "is too large to judge which origins it accepts"
			d.Hint = "shorter repetitions, several expressions, or allowOrigins"
			l.refuse(p, spec.UnboundedRegexes, d)
		case v.dead:
			d.Code, d.Message = spec.CodeRegexDead, "matches no origin that a browser can send"
			if v.long {
				d.Message = fmt.Sprintf("matches only origins of more than %d bytes", origin.MaxLength)
			}
			l.advise(&d, v)
			l.Fault(d)
		case v.foreign != "":
			d.Code, d.Message = spec.CodeRegexUnbounded, "accepts "+v.foreign+" and other origins that you cannot mean"
			l.advise(&d, v)
			if v.many && d.Hint == exampleRegex {
				d.Message = fmt.Sprintf("accepts origins of more than %d registered domains, %s among them",
					lang.MaxDomains, v.foreign)
				d.Hint = "an expression for each of the domains that are yours, or allowOrigins"
			}
			l.refuse(p, spec.UnboundedRegexes, d)
		default:
			l.warnOfBranches(d, v)
		}
		if v.entries != nil && len(v.branches) == 0 {
			d.Code, d.Message = spec.CodeRedundantRegex, "accepts just what entries of allowOrigins accept"
			d.Hint = allowing(v.entries)
			l.Warn(d)
		}
	}
}

// advise adds the mistake in an expression, and a better text, if they are known.
func (l *linter) advise(d *spec.Diagnostic, v *verdict) {
	u := l.usesAt(d.Place)
	switch {
	case everything.MatchString(d.Value):
		d.Hint = cmp.Or(u.anyHint(), wordsForAny)
		return
	case d.Value == "":
		d.Message += ": it is empty"
		d.Hint = "remove it, or the origins that may"
		return
	case nullText.MatchString(d.Value):
		if d.Hint = "allowNullOrigin: true"; u.credentials {
			d.Hint = wordsForNull
		}
		return
	}
	if looksLikeGlob(d.Value) && !l.isSpent() {
		l.advised++
		if hint := l.hintForGlob(d.Value, u, v.expr); hint != "" {
			d.Message += ": it is written with wildcards, and is an expression here"
			d.Hint = hint
			return
		}
	}
	m := l.mend(d.Value, v, u.credentials)
	if m.why != "" {
		d.Message += ": it " + m.why
	}
	if m.text != "" {
		d.Hint = m.text
	}
}

// regexRisks returns the risks of expressions, judged as entries that accept the same.
func (l *linter) regexRisks(o *plan.Origins) []risk {
	var list []risk
	for _, re := range o.Regexes {
		v := l.verdict(re.Text)
		add := func(kind riskKind, example string) {
			list = append(list, risk{
				kind: kind, list: "allowOriginRegexes", index: re.Index, text: re.Text, example: example,
			})
		}
		if v.undecided { // it may accept anything
			add(riskAny, "")
			add(riskPublicSuffix, "")
			add(riskInsecure, "")
		}
		if v.anyHost {
			add(riskAny, v.foreign)
		}
		if v.scheme != "" {
			add(riskScheme, v.scheme)
		}
		if v.file {
			add(riskNull, "file://")
		}
		if v.platform != "" {
			add(riskPublicSuffix, v.platform)
		}
		if v.insecure != "" {
			add(riskInsecure, v.insecure)
		}
	}
	return list
}

func mustParse(text string) *lang.Expr {
	e, err := lang.Parse(text)
	if err != nil {
		panic(err) // an error of this package
	}
	return e
}
