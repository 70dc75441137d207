package lint

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// riskKind is a way in which an origin is dangerous with credentials.
type riskKind uint8

const (
	riskAny    riskKind = iota
	riskScheme          // every host of a scheme of web views or extensions
	riskNull
	riskPublicSuffix
	riskInsecure
	riskSubdomains
	numRisks
)

// risk is that an entry of a list is dangerous.
type risk struct {
	kind    riskKind
	list    string // allowOrigins or allowOriginRegexes, "" of a set
	index   int    // of the entry
	text    string
	example string // an origin that an expression accepts
}

// risksOf returns the risks of the entries of allowOrigins.
func (l *linter) risksOf(o *plan.Origins) []risk {
	if known, ok := l.risks[o]; ok {
		return known
	}
	var list []risk
	for i, text := range o.Entries {
		if text == origin.Any {
			list = append(list, risk{kind: riskAny, index: i, text: text})
		}
	}
	list = append(list, patternRisks(o.Patterns)...)
	for i := range list {
		list[i].list = "allowOrigins"
	}
	list = append(list, l.regexRisks(o)...)
	l.risks[o] = list
	return list
}

func (l *linter) risksOfSet(set *plan.OriginSet) []risk {
	if known, ok := l.setRisks[set]; ok {
		return known
	}
	if l.setRisks == nil {
		l.setRisks = map[*plan.OriginSet][]risk{}
	}
	list := patternRisks(set.Patterns)
	l.setRisks[set] = list
	return list
}

func patternRisks(patterns []plan.OriginPattern) []risk {
	var list []risk
	for i := range patterns {
		p := &patterns[i]
		add := func(is bool, kind riskKind) {
			if is {
				list = append(list, risk{kind: kind, index: p.Index, text: p.Text})
			}
		}
		add(p.Kind == origin.AnyHost, riskAny)
		add(p.IsFile(), riskNull)
		// A tenant's label too: if {tenant}.shop.example is a wildcard in DNS, whoever registers
		// evil.com requests evil.shop.example.
		add((p.Kind == origin.Subdomains || p.Kind == origin.TenantHost) && isPublicSuffix(p.Host), riskPublicSuffix)
		add(p.Kind == origin.Subdomains, riskSubdomains)
		add(p.Scheme == "http" && !p.IsLoopback(), riskInsecure)
	}
	return list
}

// isPublicSuffix reports whether anyone can get a name below host, by the public suffix list
// without its default rule: a name that the list does not have is one of a private network. A
// rule such as *.ck makes every name below the host public.
func isPublicSuffix(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return isListedSuffix(host) || isListedSuffix("x."+host)
}

func isListedSuffix(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	// The default rule returns one label.
	return suffix == name && (icann || strings.Contains(suffix, "."))
}

// originRisks judges each entry, and of each set the first one of a kind.
func (l *linter) originRisks(e *plan.Entry) {
	o := e.Origins
	with := "with credentials"
	if from := e.Settings.From.Credentials; from != o.Layer() {
		place := e.LayerPlace(from, "cors", "allowCredentials")
		with += ", which " + from.String() + " " + place.Path.String() + " allows"
	}
	for _, r := range l.risksOf(o) {
		l.risk(e.Policy, r, o.Place(r.list).Item(r.index), "", with)
	}
	for _, set := range o.Sets {
		var known [numRisks]bool
		for _, r := range l.risksOfSet(set.OriginSet) {
			if !known[r.kind] {
				known[r.kind] = true
				subject := "of the set's origins " + r.text + " "
				r.text = set.Name
				l.risk(e.Policy, r, o.Place("allowOriginSets").Item(set.Index), subject, with)
			}
		}
	}
	if o.Null {
		l.refuse(e.Policy, spec.NullOriginWithCredentials, spec.Diagnostic{
			Code: spec.CodeNullOriginWithCredentials, Location: at(o.Place("allowNullOrigin")), Value: "true",
			Message: "lets sandboxed frames of any site in " + with, Hint: "allowNullOrigin: false",
		})
	}
}

// risk reports the risk of one entry. If its text is not the entry's, subject begins the message.
func (l *linter) risk(p *plan.Policy, r risk, place spec.Place, subject, with string) {
	d := spec.Diagnostic{Location: at(place), Value: r.text}
	if r.example != "" {
		with += " (" + r.example + ")"
	}
	switch r.kind {
	case riskAny:
		d.Code, d.Message = spec.CodeAnyOriginWithCredentials, subject+"lets every site read "+with
		d.Hint = "the origins that may, or allowCredentials: false"
		l.refuse(p, spec.AnyOriginWithCredentials, d)
	case riskScheme:
		d.Code, d.Message = spec.CodeAnyOriginWithCredentials, subject+"lets every page of a scheme read "+with
		d.Hint = "the hosts that may, such as an extension's ID, or allowCredentials: false"
		l.refuse(p, spec.AnyOriginWithCredentials, d)
	case riskNull:
		d.Code, d.Message = spec.CodeNullOriginWithCredentials, subject+"lets pages from anybody's files in "+with
		d.Hint = "the origins that may, or allowCredentials: false"
		l.refuse(p, spec.NullOriginWithCredentials, d)
	case riskPublicSuffix:
		d.Code, d.Message = spec.CodePublicSuffix, subject+"matches names that anyone can register, "+with
		d.Hint = "the names that are yours"
		l.refuse(p, spec.PublicSuffixSubdomains, d)
	case riskInsecure:
		d.Code, d.Message = spec.CodeInsecureOrigin, subject+"lets whoever is on the network read "+with
		d.Hint = l.secureHint(r)
		l.refuse(p, spec.InsecureOrigins, d)
	case riskSubdomains:
		d.Code, d.Message = spec.CodeSubdomainTakeover,
			subject+"lets every subdomain read "+with+", also one that someone else takes over"
		d.Hint = "the names that need it"
		l.Warn(d)
	}
}

// secureHint returns the hint for a text that accepts origins of http.
func (l *linter) secureHint(r risk) string {
	secure := ""
	switch r.list {
	case "allowOrigins":
		if p, _, fault := origin.ParsePattern(r.text); fault == nil {
			if secure = secureForm(p.String()); !(use{credentials: true}).accepts(secure) {
				secure = ""
			}
		}
	case "allowOriginRegexes":
		if v := l.verdict(r.text); !v.undecided && v.foreign == "" && isSafe(secureForm(r.text), true) {
			secure = secureForm(r.text)
		} else if !v.undecided {
			secure = l.mend(r.text, v, true).text
		}
	}
	if secure == "" {
		return "https: origins"
	}
	return secure
}
