package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxSamples bounds how many matches of expressions against samples one [Check] tries: the
// number grows with expressions times hosts. A host's undotted samples, a few at most, are not
// counted.
const maxSamples = 2_000_000

// samples are origins that no expression of a policy can mean, made when they are needed first.
type samples struct{ foreign, undotted []string }

// regexes tries the samples, with or without credentials.
func (l *linter) regexes(p *plan.Policy, o *plan.Origins, s *samples) {
	if p.Waives(spec.AnyOriginWithCredentials) || len(o.Regexes) == 0 {
		return
	}
	if s.foreign == nil {
		s.foreign, s.undotted = foreign(p.Hosts), undotted(p.Hosts)
	}
	for _, re := range o.Regexes {
		place := at(o.Place("allowOriginRegexes").Item(re.Index))
		if l.samples += len(s.foreign); l.samples > maxSamples {
			l.Fault(spec.Diagnostic{
				Code: spec.CodeLimitExceeded, Location: place, Value: re.Text,
				Message: fmt.Sprintf("makes expressions times hosts more than %d", maxSamples/3),
				Hint:    "fewer expressions, or allowOrigins",
			})
			return
		}
		if matched := s.matched(re.Regexp); matched != "" {
			l.refuse(p, spec.AnyOriginWithCredentials, spec.Diagnostic{
				Code: spec.CodeRegexUnsafe, Location: place, Value: re.Text,
				Message: "matches " + matched + ", which you cannot mean", Hint: regexHint(matched),
			})
		}
	}
}

// matched returns the first sample that an expression matches, if any.
func (s *samples) matched(re *regexp.Regexp) string {
	for _, list := range [][]string{s.foreign, s.undotted} {
		if i := slices.IndexFunc(list, re.MatchString); i >= 0 {
			return list[i]
		}
	}
	return ""
}

// foreign returns origins of others. Those made of the policy's hosts are matched by expressions
// that lack a backslash or a dot.
func foreign(hosts []plan.PolicyHost) []string {
	list := []string{"https://evil.example", "http://evil.example", "null", "*"}
	for _, h := range hosts {
		if name := h.Pattern.Name; name != "" {
			list = append(list, "https://"+name+".evil.example", "https://evil"+name)
			if strings.Contains(name, ".") {
				list = append(list, "https://"+strings.ReplaceAll(name, ".", "x"))
			}
		}
	}
	return list
}

// undotted returns the hosts' names with another byte for one dot of several, as an expression
// matches them that lacks one backslash: for api.shop.com apixshop.com. Names below the host's
// own domain are left out: axb.shop.com may well be meant.
func undotted(hosts []plan.PolicyHost) (list []string) {
	for _, h := range hosts {
		name := h.Pattern.Name
		if strings.Count(name, ".") < 2 {
			continue // foreign has it
		}
		own := registrable(name)
		for i := range len(name) {
			if name[i] != '.' {
				continue
			}
			if other := name[:i] + "x" + name[i+1:]; registrable(other) != own {
				list = append(list, "https://"+other)
			}
		}
	}
	return list
}

// registrable returns the domain of a name that someone has registered, the name itself if it is
// a public suffix.
func registrable(name string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return name
	}
	return domain
}

func regexHint(matched string) string {
	switch {
	case strings.Contains(matched, "evil.example"), matched == origin.Null, matched == origin.Any:
		return `an expression that ends with the names that are yours: https://pr-[0-9]+\.shop\.example`
	case strings.HasPrefix(matched, "https://evil"):
		return `"\." before the name, a narrower expression (https://pr-[0-9]+\.shop\.example), ` +
			`or for all names below one allowOrigins: ["https://*.shop.example"]`
	}
	return `"\." for each dot: https://pr-[0-9]+\.shop\.example`
}
