package policy

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/corsd/corsd/pkg/policy/internal/index"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/internal/suggest"
)

// originIndex is who is allowed by each layer, without pointers where there are many.
type originIndex struct {
	text        *index.Text
	patterns    *origin.Sets
	lists       []origins
	entries     []index.Ref // as written, for explain
	expressions []expression
	uses        []uint32 // of named
	named       []*originSet
}

// origins is the four origin fields of one layer.
type origins struct {
	any, null   bool
	patterns    origin.Set
	entries     span
	expressions span
	sets        span // of uses
}

type expression struct {
	text string
	re   *regexp.Regexp
}

// originSet is one OriginSet document.
type originSet struct {
	name     string
	expires  time.Time   // zero: never
	expired  atomic.Bool // goes from false to true, see [Engine.Expire]
	patterns origin.Set
	entries  span

	// What only compiling needs.
	used  bool
	risks []risk
	first [numRisks]int // 1 + the place of the first risk of a kind, 0 where there is none
}

// takesText finds an origin that is listed as it is: what is listed is well-formed.
func (x *originIndex) takesText(o *origins, text string) bool {
	if x.patterns.TakesText(o.patterns, text) {
		return true
	}
	for _, i := range part(x.uses, o.sets) {
		if set := x.named[i]; !set.expired.Load() && x.patterns.TakesText(set.patterns, text) {
			return true
		}
	}
	return false
}

func (x *originIndex) takes(o *origins, parsed origin.Origin, tenant origin.Tenant) bool {
	if o.any || x.patterns.Takes(o.patterns, parsed, tenant) {
		return true
	}
	for _, i := range part(x.uses, o.sets) {
		if set := x.named[i]; !set.expired.Load() && x.patterns.Takes(set.patterns, parsed, tenant) {
			return true
		}
	}
	for _, e := range part(x.expressions, o.expressions) {
		if e.re.MatchString(parsed.Canonical) {
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

// registrable gives the domain of a name that someone has registered; the name itself
// where it is a public suffix, of which by the default rule every last label is one.
func registrable(name string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return name
	}
	return domain
}

// entry gives an entry as it was written.
func (x *originIndex) entry(of span, i int32) string { return x.text.At(part(x.entries, of)[i]) }

// originFields is the origin fields of a layer while the engine is compiled.
type originFields struct {
	id        uint32 // in originIndex.lists
	any, null bool
	layer     *layer
	sets      []*originSet
	risks     []risk

	judgedFor  *policyCompiler // the last one whose rules use it
	judgedWith []dangers       // waived where credentials are allowed
}

func (o *originFields) entries() []string     { return o.layer.cors.AllowOrigins }
func (o *originFields) expressions() []string { return o.layer.cors.AllowOriginRegexes }

// compileOrigins compiles the origin fields of a layer that sets any of them.
func (c *compiler) compileOrigins(l *layer) *originFields {
	cors := l.cors
	if cors == nil || cors.AllowOrigins == nil && cors.AllowOriginRegexes == nil && cors.AllowOriginSets == nil && cors.AllowNullOrigin == nil {
		return nil
	}
	x := &c.engine.origins
	o := &originFields{layer: l, id: uint32(len(x.lists)), null: cors.AllowNullOrigin != nil && *cors.AllowNullOrigin}
	place := l.place().at("cors")
	patterns := x.patterns.New()
	for i, text := range cors.AllowOrigins {
		if text == origin.Any {
			o.any = true
			o.risks = append(o.risks, risk{riskAny, int32(i)})
			continue
		}
		o.risks = append(o.risks, c.addPattern(patterns, text, place, "allowOrigins", i)...)
	}
	expressions := len(x.expressions)
	for i, text := range cors.AllowOriginRegexes {
		if re := c.regexes.compile(c, text, place.item("allowOriginRegexes", i)); re != nil {
			x.expressions = append(x.expressions, expression{text, re})
		}
	}
	uses := len(x.uses)
	for i, name := range cors.AllowOriginSets {
		c.addSet(o, name, place, i)
	}
	x.lists = append(x.lists, origins{
		any: o.any, null: o.null, patterns: patterns, entries: c.keepEntries(cors.AllowOrigins),
		expressions: partFrom(x.expressions, expressions), sets: partFrom(x.uses, uses),
	})
	if o.any && len(cors.AllowOrigins)+len(cors.AllowOriginRegexes)+len(cors.AllowOriginSets) > 1 {
		c.fault(Diagnostic{
			Code: CodeOriginAnyMixed, Place: place.item("allowOrigins", slices.Index(cors.AllowOrigins, origin.Any)).written(), Value: origin.Any,
			Message: "takes every origin, so what stands beside it means nothing",
			Hint:    `either "*" alone or the list without it`,
		})
	}
	return o
}

// keepEntries keeps entries as they are written.
func (c *compiler) keepEntries(texts []string) span {
	x := &c.engine.origins
	first := len(x.entries)
	for _, text := range texts {
		c.pause()
		x.entries = append(x.entries, c.engine.text.Add(text))
	}
	return partFrom(x.entries, first)
}

// addPattern adds one entry to a set and gives its risks.
func (c *compiler) addPattern(set origin.Set, text string, place locator, field string, index int) []risk {
	c.pause()
	p, notes, fault := origin.ParsePattern(text)
	if fault != nil {
		c.fault(Diagnostic{
			Code: CodeOriginInvalid, Place: place.item(field, index).written(), Value: text,
			Message: fault.Message, Hint: fault.Hint,
		})
		return nil
	}
	if notes.UpperCase {
		c.warn(Diagnostic{
			Code: CodeOriginUpperCase, Place: place.item(field, index).written(), Value: text,
			Message: "has upper case, which browsers never send; it is read in lower case", Hint: p.String(),
		})
	}
	if notes.DefaultPort {
		c.warn(Diagnostic{
			Code: CodeDefaultPort, Place: place.item(field, index).written(), Value: text,
			Message: "names the default port, which browsers never send; it is left out", Hint: p.String(),
		})
	}
	c.engine.origins.patterns.Add(set, p)
	return risksOf(p, index)
}

func (c *compiler) addSet(o *originFields, name string, place locator, index int) {
	x := &c.engine.origins
	i, known := c.sets[name]
	if !known {
		c.fault(Diagnostic{
			Code: CodeUnknownReference, Place: place.item("allowOriginSets", index).written(), Value: name,
			Message: "is no OriginSet", Hint: cmp.Or(c.nearestSet(name), "an OriginSet document of this name"),
		})
		return
	}
	x.named[i].used = true
	o.sets = append(o.sets, x.named[i])
	x.uses = append(x.uses, i)
}

// compileSets compiles the OriginSet documents, by name.
func (c *compiler) compileSets() {
	x := &c.engine.origins
	c.sets = map[string]uint32{}
	for i, doc := range c.documents.AllOriginSets() {
		set := &originSet{name: doc.Name, patterns: x.patterns.New(), entries: c.keepEntries(doc.Spec.Origins)}
		c.sets[doc.Name] = uint32(i)
		x.named = append(x.named, set)
		place := documentAt(KindOriginSet, i).at("spec")
		for j, text := range doc.Spec.Origins {
			if text == origin.Any {
				c.fault(Diagnostic{
					Code: CodeOriginInvalid, Place: place.item("origins", j).written(), Value: text,
					Message: "takes every origin, which no set may", Hint: `allowOrigins: ["*"] in the policy`,
				})
				continue
			}
			set.risks = append(set.risks, c.addPattern(set.patterns, text, place, "origins", j)...)
		}
		for j, r := range set.risks {
			if set.first[r.kind] == 0 {
				set.first[r.kind] = j + 1
			}
		}
		c.setExpiry(set, doc.Spec.Expires, place.at("expires"))
	}
}

func (c *compiler) setExpiry(set *originSet, text *string, place locator) {
	if text == nil {
		return
	}
	expires := *text
	date, err := time.Parse(time.DateOnly, expires)
	if err != nil {
		c.fault(Diagnostic{
			Code: CodeValueInvalid, Place: place.written(), Value: expires,
			Message: "is no date", Hint: "a date such as 2027-01-31",
		})
		return
	}
	if c.today.IsZero() {
		return
	}
	if set.expires = date; set.expireAt(c.today) {
		c.warn(Diagnostic{
			Code: CodeOriginSetExpired, Place: place.written(), Value: expires,
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
	for _, set := range e.origins.named {
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
	for _, set := range e.origins.named {
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
		for _, set := range c.engine.origins.named {
			c.setNames = append(c.setNames, set.name)
		}
	}
	return suggest.Nearest(name, c.setNames)
}

func (c *compiler) warnUnusedSets() {
	for i, set := range c.engine.origins.named {
		// Of two sets with one name, which is a fault, the last stands for both.
		if !c.engine.origins.named[c.sets[set.name]].used {
			c.warn(Diagnostic{
				Code: CodeOriginSetUnused, Place: Place{KindOriginSet, i, "metadata.name"}, Value: set.name,
				Message: "is named by no policy", Hint: "allowOriginSets: [" + set.name + "] in a policy, or remove the set",
			})
		}
	}
}
