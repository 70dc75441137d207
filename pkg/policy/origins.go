package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/internal/suggest"
)

// origins is who is allowed: the four origin fields of one layer.
type origins struct {
	any      bool
	null     bool
	patterns origin.Set
	sets     []*originSet
	regexes  []*regexp.Regexp

	entries     []string // allowOrigins
	expressions []string // allowOriginRegexes
	risks       []risk

	layer *layer // while compiling
}

// originSet is one compiled OriginSet document.
type originSet struct {
	name     string
	expires  time.Time   // zero: never
	expired  atomic.Bool // goes from false to true, see [Engine.Expire]
	used     bool
	patterns origin.Set
	entries  []string
	risks    []risk
	first    [numRisks]int // 1 + the place of the first risk of a kind, 0 where there is none
}

// judge is the part of a decision that depends on the origin alone.
func (o *origins) judge(lines []string, public bool, tenant origin.Tenant) Reason {
	if public {
		return ReasonAllowed
	}
	if len(lines) == 1 && lines[0] == origin.Null {
		if o != nil && o.null {
			return ReasonAllowed
		}
		return ReasonOriginNull
	}
	if len(lines) != 1 {
		return ReasonOriginMalformed
	}
	parsed, ok := origin.Parse(lines[0])
	switch {
	case !ok:
		return ReasonOriginMalformed
	case o.takes(parsed, tenant):
		return ReasonAllowed
	}
	return ReasonOriginNotAllowed
}

func (o *origins) takes(parsed origin.Origin, tenant origin.Tenant) bool {
	if o == nil {
		return false
	}
	if o.any || o.patterns.Takes(parsed, tenant) {
		return true
	}
	for _, set := range o.sets {
		if !set.expired.Load() && set.patterns.Takes(parsed, tenant) {
			return true
		}
	}
	for _, re := range o.regexes {
		if re.MatchString(parsed.Canonical) {
			return true
		}
	}
	return false
}

// riskKind is a way in which an origin is dangerous where credentials are allowed.
type riskKind uint8

const (
	riskAny riskKind = iota
	riskPublicSuffix
	riskInsecure
	riskSubdomains
	// riskTenant is no danger: the pattern needs a host that binds its tenant.
	riskTenant
	numRisks
)

// risk is that one entry of a list is dangerous.
type risk struct {
	kind  riskKind
	index int32
}

// risksOf gives the risks of a pattern at index of its list.
func risksOf(p origin.Pattern, index int) []risk {
	var risks []risk
	add := func(is bool, kind riskKind) {
		if is {
			risks = append(risks, risk{kind, int32(index)})
		}
	}
	add(p.Kind == origin.AnyHost, riskAny)
	// A tenant's label too: where {tenant}.shop.example is a wildcard in DNS, whoever
	// registers evil.com asks evil.shop.example.
	add((p.Kind == origin.Subdomains || p.Kind == origin.TenantHost) && isPublicSuffix(p.Host), riskPublicSuffix)
	add(p.Kind == origin.Subdomains, riskSubdomains)
	add(p.Scheme == "http" && !p.IsLoopback(), riskInsecure)
	add(p.Kind == origin.TenantHost, riskTenant)
	return risks
}

// isPublicSuffix reports whether anyone can get a name below host, by the public
// suffix list without its default rule: a name that the list does not know is a
// private network's. A rule such as *.ck makes every name below host public.
func isPublicSuffix(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return isListedSuffix(host) || isListedSuffix("x."+host)
}

func isListedSuffix(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	managed := icann
	for i := range len(suffix) {
		managed = managed || suffix[i] == '.' // the default rule gives one label
	}
	return managed && suffix == name
}

// compileOrigins compiles the origin fields of a layer that sets any of them.
func (c *compiler) compileOrigins(l *layer) *origins {
	cors := l.cors
	if cors == nil || cors.AllowOrigins == nil && cors.AllowOriginRegexes == nil && cors.AllowOriginSets == nil && cors.AllowNullOrigin == nil {
		return nil
	}
	o := &origins{
		layer: l, null: cors.AllowNullOrigin != nil && *cors.AllowNullOrigin,
		entries: slices.Clone(cors.AllowOrigins), expressions: slices.Clone(cors.AllowOriginRegexes),
	}
	place := l.place.at("cors")
	for i, text := range cors.AllowOrigins {
		if text == origin.Any {
			o.any = true
			o.risks = append(o.risks, risk{riskAny, int32(i)})
			continue
		}
		o.risks = append(o.risks, c.addPattern(&o.patterns, text, place, "allowOrigins", i)...)
	}
	for i, text := range cors.AllowOriginRegexes {
		if re := c.regexes.compile(c, text, place, "allowOriginRegexes", i); re != nil {
			o.regexes = append(o.regexes, re)
		}
	}
	for i, name := range cors.AllowOriginSets {
		c.addSet(o, name, place, i)
	}
	if o.any && len(cors.AllowOrigins)+len(cors.AllowOriginRegexes)+len(cors.AllowOriginSets) > 1 {
		c.fault(Diagnostic{
			Code: CodeOriginAnyMixed, Place: place.item("allowOrigins", slices.Index(cors.AllowOrigins, origin.Any)), Value: origin.Any,
			Message: "takes every origin, so what stands beside it means nothing",
			Hint:    `either "*" alone or the list without it`,
		})
	}
	return o
}

// addPattern adds one entry to a set and gives its risks.
func (c *compiler) addPattern(set *origin.Set, text string, place Place, field string, index int) []risk {
	p, notes, fault := origin.ParsePattern(text)
	if fault != nil {
		c.fault(Diagnostic{
			Code: CodeOriginInvalid, Place: place.item(field, index), Value: text,
			Message: fault.Message, Hint: fault.Hint,
		})
		return nil
	}
	if notes.UpperCase {
		c.warn(Diagnostic{
			Code: CodeOriginUpperCase, Place: place.item(field, index), Value: text,
			Message: "has upper case, which browsers never send; it is read in lower case", Hint: p.String(),
		})
	}
	if notes.DefaultPort {
		c.warn(Diagnostic{
			Code: CodeDefaultPort, Place: place.item(field, index), Value: text,
			Message: "names the default port, which browsers never send; it is left out", Hint: p.String(),
		})
	}
	set.Add(p)
	return risksOf(p, index)
}

func (c *compiler) addSet(o *origins, name string, place Place, index int) {
	set := c.sets[name]
	if set == nil {
		c.fault(Diagnostic{
			Code: CodeUnknownReference, Place: place.item("allowOriginSets", index), Value: name,
			Message: "is no OriginSet", Hint: c.nearestSet(name),
		})
		return
	}
	set.used = true
	o.sets = append(o.sets, set)
}

// compileSets compiles the OriginSet documents, by name.
func (c *compiler) compileSets() {
	c.sets = make(map[string]*originSet, len(c.cfg.OriginSets))
	for i := range c.cfg.OriginSets {
		doc := &c.cfg.OriginSets[i]
		set := &originSet{name: doc.Name, entries: slices.Clone(doc.Spec.Origins)}
		c.sets[doc.Name] = set
		c.engine.sets = append(c.engine.sets, set)
		place := Place{KindOriginSet, i, "spec"}
		for j, text := range doc.Spec.Origins {
			if text == origin.Any {
				c.fault(Diagnostic{
					Code: CodeOriginInvalid, Place: place.item("origins", j), Value: text,
					Message: "takes every origin, which no set may", Hint: `allowOrigins: ["*"] in the policy`,
				})
				continue
			}
			set.risks = append(set.risks, c.addPattern(&set.patterns, text, place, "origins", j)...)
		}
		for j, r := range set.risks {
			if set.first[r.kind] == 0 {
				set.first[r.kind] = j + 1
			}
		}
		c.setExpiry(set, doc.Spec.Expires, place.at("expires"))
	}
}

func (c *compiler) setExpiry(set *originSet, text *string, place Place) {
	if text == nil {
		return
	}
	expires := *text
	date, err := time.Parse(time.DateOnly, expires)
	if err != nil {
		c.fault(Diagnostic{
			Code: CodeValueInvalid, Place: place, Value: expires,
			Message: "is no date", Hint: "a date such as 2027-01-31",
		})
		return
	}
	if c.today.IsZero() {
		return
	}
	if set.expires = date; set.expireAt(c.today) {
		c.warn(Diagnostic{
			Code: CodeOriginSetExpired, Place: place, Value: expires,
			Message: fmt.Sprintf("is past: OriginSet %q grants nothing", set.name), Hint: "a later date, or remove the set",
		})
	}
}

// expireAt lets the set expire if it is time, and reports whether it has.
func (s *originSet) expireAt(now time.Time) bool {
	if !s.expires.IsZero() && !s.expires.After(now) {
		s.expired.Store(true)
	}
	return s.expired.Load()
}

// NextExpiry is the next date at which an origin set expires, and the engine is
// to be compiled again, or told by [Engine.Expire]. It is the zero Time where there
// is none.
func (e *Engine) NextExpiry() time.Time {
	var next time.Time
	for _, set := range e.sets {
		if !set.expires.IsZero() && !set.expired.Load() && (next.IsZero() || set.expires.Before(next)) {
			next = set.expires
		}
	}
	return next
}

// Expire lets the origin sets grant nothing any more whose date has come. It is
// what is left to do where the documents can no longer be compiled, and the one
// thing about an engine that changes.
func (e *Engine) Expire(now time.Time) {
	for _, set := range e.sets {
		set.expireAt(now)
	}
}

// maxSetHints bounds the hints at sets: finding a name that is near takes its time.
const maxSetHints = 50

func (c *compiler) nearestSet(name string) string {
	if c.setHints++; c.setHints > maxSetHints {
		return ""
	}
	if c.setNames == nil {
		for i := range c.cfg.OriginSets {
			c.setNames = append(c.setNames, c.cfg.OriginSets[i].Name)
		}
	}
	return suggest.Nearest(name, c.setNames)
}

func (c *compiler) warnUnusedSets() {
	for i, doc := range c.cfg.OriginSets {
		if set := c.sets[doc.Name]; set != nil && !set.used {
			c.warn(Diagnostic{
				Code: CodeOriginSetUnused, Place: Place{KindOriginSet, i, "metadata.name"}, Value: doc.Name,
				Message: "is named by no policy", Hint: "allowOriginSets: [" + doc.Name + "] in a policy, or remove the set",
			})
		}
	}
}
