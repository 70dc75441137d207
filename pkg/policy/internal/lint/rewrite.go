package lint

import (
	"regexp"

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
