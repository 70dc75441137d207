package lang

import "regexp"

// Foreign returns an origin that the expression accepts and that convinces its author that it
// accepts what is not meant: that of an attacker if there is one. suffix is a public suffix below
// which the expression accepts too much, "" for every one.
func (e *Expr) Foreign(suffix string) (string, error) {
	below, other := `\.`+regexp.QuoteMeta(suffix), ""
	if suffix == "" {
		below, other = `\.[a-z]+`, `|[a-z0-9.-]+\.evil\.net`
	}
	for _, host := range []string{
		`evil\.net`,
		`evil` + below,
		`evil[a-z0-9-]*` + below + other,
		`evil[a-z0-9.-]*` + below,
		`[a-z][a-z0-9.-]*` + below,
	} {
		for _, scheme := range []string{`https`, `http`} {
			example, err := e.Example(Domains.like(scheme + `://(` + host + `)(:[0-9]+)?`))
			if example != "" || err != nil {
				return example, err
			}
		}
	}
	return e.Example(Domains)
}

// like returns the part of a universe that an expression of this package accepts.
func (u *Universe) like(template string) *Universe {
	return newUniverse(func() *dfa { return intersect(u.get(), regular(template)) })
}
