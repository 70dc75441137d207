package envoyconfig

import (
	"regexp"
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Rules are the headers that a filter sends, or that it lets a server change.
type Rules struct {
	Position spec.Position
	allow    []func(name string) bool
	disallow []func(name string) bool
	// others reports that names are allowed which no rule matches.
	others bool
}

// Allows reports whether the rules allow a header, whose name is in lower case.
func (r *Rules) Allows(name string) bool {
	for _, matches := range r.disallow {
		if matches(name) {
			return false
		}
	}
	for _, matches := range r.allow {
		if matches(name) {
			return true
		}
	}
	return r.others
}

// forwardRules reads forward_rules of ext_proc, or the equal fields of ext_authz.
func forwardRules(v value) Rules {
	allowed := v.get("allowed_headers")
	r := Rules{Position: v.position(), others: !allowed.exists()}
	for _, p := range allowed.get("patterns").items() {
		r.allow = append(r.allow, stringMatcher(p))
	}
	for _, p := range v.get("disallowed_headers", "patterns").items() {
		r.disallow = append(r.disallow, stringMatcher(p))
	}
	return r
}

// mutationRules reads mutation_rules. Without them Envoy allows the headers that corsd sets.
func mutationRules(v value) Rules {
	r := Rules{Position: v.position(), others: !v.get("disallow_all").isTrue()}
	if text := v.get("allow_expression", "regex").text(); text != "" {
		r.allow = append(r.allow, expression(text))
	}
	if text := v.get("disallow_expression", "regex").text(); text != "" {
		r.disallow = append(r.disallow, expression(text))
	}
	return r
}

func stringMatcher(v value) func(string) bool {
	matches := func(name string, with func(s, part string) bool) func(string) bool {
		part := strings.ToLower(v.get(name).text())
		return func(s string) bool { return with(s, part) }
	}
	switch {
	case v.get("exact").exists():
		return matches("exact", func(s, part string) bool { return s == part })
	case v.get("prefix").exists():
		return matches("prefix", strings.HasPrefix)
	case v.get("suffix").exists():
		return matches("suffix", strings.HasSuffix)
	case v.get("contains").exists():
		return matches("contains", strings.Contains)
	}
	return expression(v.get("safe_regex", "regex").text())
}

// expression matches whole names. An expression that Go cannot read matches all, since its meaning is not known.
func expression(text string) func(string) bool {
	re, err := regexp.Compile("^(?:" + text + ")$")
	if text == "" || err != nil {
		return func(string) bool { return true }
	}
	return re.MatchString
}
