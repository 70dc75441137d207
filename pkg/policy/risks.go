package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// maxCanaries bounds how many matches of regular expressions against canaries
// one Compile tries: it grows with expressions times hosts. A host's undotted ones, a
// few at the most, are not counted.
const maxCanaries = 2_000_000

// riskCheck judges what the layers of one policy come to.
type riskCheck struct {
	*compiler
	policy *policyCompiler
	waived dangers

	// What expressions are tried on, made for the first of them.
	canaries, undotted []string
}

// dangers is a set of them.
type dangers [4]bool

func allDangers() []Danger {
	return []Danger{AnyOriginWithCredentials, NullOriginWithCredentials, PublicSuffixSubdomains, InsecureOrigins}
}

func (c *compiler) riskCheck(p *policyCompiler, spec *Spec) *riskCheck {
	check := &riskCheck{compiler: c, policy: p}
	all := allDangers()
	for i, danger := range spec.DangerouslyAllow {
		checkEnum(c, p.place().item("dangerouslyAllow", i), &danger, all...)
		if known := slices.Index(all, danger); known >= 0 {
			check.waived[known] = true
		}
	}
	return check
}

// canariesOf gives origins that no expression can mean. The ones made of the
// policy's hosts are taken by expressions that lack a backslash or a dot.
func canariesOf(hosts []compiledHost) []string {
	canaries := []string{"https://evil.example", "http://evil.example", "null", "*"}
	for _, h := range hosts {
		if base := h.pattern.base(); base != "" {
			canaries = append(canaries, "https://"+base+".evil.example", "https://evil"+base)
			if strings.Contains(base, ".") {
				canaries = append(canaries, "https://"+strings.ReplaceAll(base, ".", "x"))
			}
		}
	}
	return canaries
}

// undottedOf gives the hosts' names with another byte for one dot of several, as an
// expression takes them that lacks one backslash: for api.shop.com apixshop.com. Names
// below the host's own domain stay out: axb.shop.com may well be meant.
func undottedOf(hosts []compiledHost) (undotted []string) {
	for _, h := range hosts {
		base := h.pattern.base()
		if strings.Count(base, ".") < 2 {
			continue // canariesOf has it
		}
		own := registrable(base)
		for i := range len(base) {
			if base[i] != '.' {
				continue
			}
			if name := base[:i] + "x" + base[i+1:]; registrable(name) != own {
				undotted = append(undotted, "https://"+name)
			}
		}
	}
	return undotted
}

// settings judges the settings of a rule, or of the policy itself.
func (c *riskCheck) settings(s resolved, ls layers) {
	c.exposed(s, ls)
	c.authorization(s, ls)
	c.webSocket(s, ls)
	o := s.origins
	if o == nil {
		return
	}
	// One rule after another, and one policy after another, inherits the same.
	if o.judgedFor != c.policy {
		o.judgedFor = c.policy
		c.regexRisks(o)
		c.tenants(o)
	}
	if s.credentials && !slices.Contains(o.judgedWith, c.waived) {
		o.judgedWith = append(o.judgedWith, c.waived)
		c.originRisks(s, ls)
	}
}

// originRisks judges each entry, and of each set the first one of a kind.
func (c *riskCheck) originRisks(s resolved, ls layers) {
	o := s.origins
	place := o.layer.place().at("cors")
	with := "with credentials"
	if s.from.credentials != o.layer.kind {
		with += ", which " + s.from.credentials.String() + " " + layerOf(ls, s.from.credentials).place().at("cors.allowCredentials").written().Path + " allows"
	}
	for _, r := range o.risks {
		c.risk(r.kind, place.item("allowOrigins", int(r.index)), o.entries()[r.index], "", with)
	}
	for i, set := range o.sets {
		for kind, first := range set.first {
			if first > 0 {
				entry := c.engine.origins.entry(set.entries, set.risks[first-1].index)
				c.risk(riskKind(kind), o.setPlace(set, i), set.name, "of the set's origins "+entry+" ", with)
			}
		}
	}
	if o.null {
		c.refuse(place.at("allowNullOrigin"), "true", CodeNullOriginWithCredentials, NullOriginWithCredentials,
			"lets sandboxed frames of any site in "+with, "allowNullOrigin: false")
	}
}

// setPlace gives the place where a layer names a set.
func (o *originFields) setPlace(set *originSet, guess int) locator {
	names := o.layer.cors.AllowOriginSets
	for i := guess; i < len(names); i++ {
		if names[i] == set.name {
			guess = i
			break
		}
	}
	return o.layer.place().at("cors").item("allowOriginSets", guess)
}

// risk judges one entry. subject begins the message where value is not the entry.
func (c *riskCheck) risk(kind riskKind, at locator, value, subject, with string) {
	switch kind {
	case riskAny:
		c.refuse(at, value, CodeAnyOriginWithCredentials, AnyOriginWithCredentials, subject+"lets every site read "+with,
			"the origins that may, or allowCredentials: false")
	case riskPublicSuffix:
		c.refuse(at, value, CodePublicSuffix, PublicSuffixSubdomains,
			subject+"takes names that anyone can register, "+with, "the names that are yours")
	case riskInsecure:
		c.refuse(at, value, CodeInsecureOrigin, InsecureOrigins,
			subject+"lets whoever is on the network read "+with, secureForm(value))
	case riskSubdomains:
		c.warn(Diagnostic{
			Code: CodeSubdomainTakeover, Place: at.written(), Value: value,
			Message: subject + "lets every subdomain read " + with + ", also one that someone else takes over",
			Hint:    "the names that need it",
		})
	}
}

// secureForm gives an origin with https, where value is one and not the name of a set.
func secureForm(value string) string {
	if scheme, rest, found := strings.Cut(value, "://"); found && strings.EqualFold(scheme, "http") {
		return "https://" + rest
	}
	return "https: origins"
}

func (c *riskCheck) refuse(at locator, value string, code Code, danger Danger, message, hint string) {
	if c.waives(danger) {
		return
	}
	c.fault(Diagnostic{Code: code, Place: at.written(), Value: value, Message: message, Hint: hint + "; " + c.waiver(danger)})
}

func (c *riskCheck) waives(danger Danger) bool { return c.waived[slices.Index(allDangers(), danger)] }

func (c *riskCheck) waiver(danger Danger) string {
	return "dangerouslyAllow: [" + string(danger) + "] if you must"
}

// tenants judges whether the policy's hosts bind what the origins name.
func (c *riskCheck) tenants(o *originFields) {
	for _, r := range o.risks {
		if r.kind == riskTenant {
			c.tenant(o.layer.place().at("cors").item("allowOrigins", int(r.index)), o.entries()[r.index], o.entries()[r.index], "")
		}
	}
	for i, set := range o.sets {
		for _, r := range set.risks {
			if r.kind == riskTenant {
				entry := c.engine.origins.entry(set.entries, r.index)
				c.tenant(o.setPlace(set, i), set.name, entry, "of the set's origins "+entry+" ")
			}
		}
	}
}

func (c *riskCheck) tenant(at locator, value, entry, subject string) {
	_, name, _ := strings.Cut(entry, "{")
	name, _, _ = strings.Cut(name, "}")
	if slices.ContainsFunc(c.policy.hosts, func(h compiledHost) bool { return h.tenant == name }) {
		return
	}
	hint := "hosts: [\"{" + name + "}.shop.example\"]"
	if bound := c.boundNames(); len(bound) == 1 {
		hint = "{" + bound[0] + "}, which the policy's hosts bind"
	}
	c.fault(Diagnostic{
		Code: CodeTenantUnbound, Place: at.written(), Value: value,
		Message: fmt.Sprintf("%shas {%s}, which no host of policy %s binds", subject, name, c.policy.name), Hint: hint,
	})
}

// boundNames gives each name that the policy's hosts bind.
func (c *riskCheck) boundNames() []string {
	var names []string
	for _, h := range c.policy.hosts {
		if h.tenant != "" && !slices.Contains(names, h.tenant) {
			names = append(names, h.tenant)
		}
	}
	return names
}

// regexRisks tries the canaries, with or without credentials.
func (c *riskCheck) regexRisks(o *originFields) {
	if c.waives(AnyOriginWithCredentials) || len(o.expressions()) == 0 {
		return
	}
	if c.canaries == nil {
		c.canaries, c.undotted = canariesOf(c.policy.hosts), undottedOf(c.policy.hosts)
	}
	place := o.layer.place().at("cors")
	for i, text := range o.expressions() {
		re := c.regexes.compiled[text]
		if re == nil {
			continue
		}
		if c.compiler.canaries += len(c.canaries); c.compiler.canaries > maxCanaries {
			c.fault(Diagnostic{
				Code: CodeLimitExceeded, Place: place.item("allowOriginRegexes", i).written(), Value: text,
				Message: fmt.Sprintf("makes expressions times hosts more than %d", maxCanaries/3), Hint: "fewer expressions, or allowOrigins",
			})
			return
		}
		if canary := c.taken(re); canary != "" {
			c.fault(Diagnostic{
				Code: CodeRegexUnsafe, Place: place.item("allowOriginRegexes", i).written(), Value: text,
				Message: "takes " + canary + ", which you cannot mean",
				Hint:    regexHint(canary) + "; " + c.waiver(AnyOriginWithCredentials),
			})
		}
	}
}

// taken gives the first canary that an expression takes, if any.
func (c *riskCheck) taken(re *regexp.Regexp) string {
	for _, list := range [][]string{c.canaries, c.undotted} {
		if i := slices.IndexFunc(list, re.MatchString); i >= 0 {
			return list[i]
		}
	}
	return ""
}

func regexHint(canary string) string {
	switch {
	case strings.Contains(canary, "evil.example"), canary == origin.Null, canary == origin.Any:
		return `an expression that ends with the names that are yours: https://pr-[0-9]+\.shop\.example`
	case strings.HasPrefix(canary, "https://evil"):
		return `"\." before the name, a narrower expression (https://pr-[0-9]+\.shop\.example), or for all names below one allowOrigins: ["https://*.shop.example"]`
	}
	return `"\." for each dot: https://pr-[0-9]+\.shop\.example`
}

func (c *riskCheck) exposed(s resolved, ls layers) {
	if !s.credentials || !s.expose.any || s.expandExpose {
		return
	}
	l := layerOf(ls, s.from.expose)
	c.fault(Diagnostic{
		Code: CodeExposeAnyWithCredentials, Place: l.place().at("cors").item("exposeHeaders", slices.Index(l.cors.ExposeHeaders, "*")).written(), Value: "*",
		Message: "exposes nothing where credentials are allowed: browsers read it as a header named *",
		Hint:    "the names, or expandExposeHeaders: true",
	})
}

func (c *riskCheck) authorization(s resolved, ls layers) {
	if !s.credentials || !s.headers.any || s.headers.lists("authorization") {
		return
	}
	l := layerOf(ls, s.from.headers)
	c.warn(Diagnostic{
		Code: CodeAuthorizationNotCovered, Place: l.place().at("cors").item("allowHeaders", slices.Index(l.cors.AllowHeaders, "*")).written(), Value: "*",
		Message: "does not cover Authorization, which passes only when it is named", Hint: `["*", Authorization]`,
	})
}

func layerOf(ls layers, kind Layer) *layer {
	for _, l := range ls {
		if l.kind == kind {
			return l
		}
	}
	return ls[len(ls)-1]
}

// takesAny reports whether an entry, of a set too, takes every host.
func (o *originFields) takesAny() bool {
	takesAny := func(risks []risk) bool {
		return slices.ContainsFunc(risks, func(r risk) bool { return r.kind == riskAny })
	}
	return takesAny(o.risks) || slices.ContainsFunc(o.sets, func(set *originSet) bool { return takesAny(set.risks) })
}

// webSocket: a check that lets everyone in protects nobody, and a handshake
// always carries cookies.
func (c *riskCheck) webSocket(s resolved, ls layers) {
	if s.originCheck != OriginCheckEnforce || s.origins == nil || c.waives(AnyOriginWithCredentials) || !s.origins.takesAny() {
		return
	}
	where := "here"
	if name := c.engine.text.At(s.rule); name != "" {
		where = "by rule " + name
	}
	c.fault(Diagnostic{
		Code: CodeWebSocketAnyOrigin, Place: layerOf(ls, s.from.originCheck).place().at("webSocket.originCheck").written(), Value: string(s.originCheck),
		Message: "checks nothing, because every origin is allowed " + where,
		Hint:    "the origins that may connect; " + c.waiver(AnyOriginWithCredentials),
	})
}
