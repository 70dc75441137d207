package plan

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Origins are the four origin fields of one layer.
type Origins struct {
	// Any reports that "*" is among allowOrigins, Null allowNullOrigin.
	Any, Null bool
	Entries   []string // allowOrigins as written
	// Patterns are the valid entries but "*".
	Patterns []OriginPattern
	Regexes  []OriginRegex
	Sets     []UsedSet

	layer   *layer
	ofMatch bool // they are match.origins and match.originSets of a rule
}

// Parent returns the place of the cors, or of the match, that has the fields.
func (o *Origins) Parent() spec.Place {
	if o.ofMatch {
		return o.layer.place().At("match")
	}
	return o.layer.place().At("cors")
}

// Place returns the place of one of the four origin fields, by its name in cors. Those of a match
// have names of their own.
func (o *Origins) Place(field string) spec.Place {
	switch {
	case o.ofMatch && field == "allowOriginSets":
		field = "originSets"
	case o.ofMatch:
		field = "origins"
	}
	return o.Parent().At(field)
}

// Layer is the layer that has the origin fields.
func (o *Origins) Layer() Layer { return o.layer.kind }

// OriginPattern is an entry of allowOrigins, or of the origins of a set.
type OriginPattern struct {
	origin.Pattern
	Text  string // as written
	Index int    // in its list
}

// OriginRegex is an entry of allowOriginRegexes.
type OriginRegex struct {
	Regexp *regexp.Regexp // for the whole of a canonical origin
	Text   string
	Index  int
}

// UsedSet is an entry of allowOriginSets.
type UsedSet struct {
	*OriginSet
	Index int
}

// OriginSet is one OriginSet document.
type OriginSet struct {
	Index    int // in [Plan.Sets]
	Name     string
	Entries  []string        // origins as written
	Patterns []OriginPattern // the valid ones
	Tenants  []int           // the indices in Patterns of those that name a tenant
	Expires  time.Time       // zero if it never expires, or if no time is known
	Expired  bool
	Used     bool // by a layer
}

// Place returns the place of a field of the set's document.
func (s *OriginSet) Place(fields ...string) spec.Place {
	return spec.In(spec.KindOriginSet, s.Index).At(fields...)
}

// resolveOrigins resolves the origin fields of a layer, nil if it sets none of them.
func (r *resolver) resolveOrigins(l *layer) *Origins {
	cors := l.cors
	if cors == nil || cors.AllowOrigins == nil && cors.AllowOriginRegexes == nil && cors.AllowOriginSets == nil &&
		cors.AllowNullOrigin == nil {
		return nil
	}
	o := &Origins{Null: cors.AllowNullOrigin != nil && *cors.AllowNullOrigin, Entries: cors.AllowOrigins, layer: l}
	for i, text := range cors.AllowOrigins {
		if text == origin.Any {
			o.Any = true
		} else if p, ok := r.resolvePattern(text, o.Place("allowOrigins").Item(i)); ok {
			o.Patterns = append(o.Patterns, OriginPattern{p, text, i})
		}
	}
	for i, text := range cors.AllowOriginRegexes {
		if re := r.resolveRegex(text, o.Place("allowOriginRegexes").Item(i)); re != nil {
			o.Regexes = append(o.Regexes, OriginRegex{re, text, i})
		}
	}
	for i, name := range cors.AllowOriginSets {
		if set := r.resolveSetName(l, name, o.Place("allowOriginSets").Item(i)); set != nil {
			o.Sets = append(o.Sets, UsedSet{set, i})
		}
	}
	if o.Any && len(cors.AllowOrigins)+len(cors.AllowOriginRegexes)+len(cors.AllowOriginSets) > 1 {
		place := o.Place("allowOrigins").Item(slices.Index(cors.AllowOrigins, origin.Any))
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeOriginAnyMixed, Location: at(place), Value: origin.Any,
			Message: "allows every origin, so what stands beside it has no meaning",
			Hint: `either "*" alone or the list without it; ` +
				"a rule with match.origins has other terms for some of them",
		})
	}
	return o
}

// resolvePattern reads one entry but "*".
func (r *resolver) resolvePattern(text string, place spec.Place) (p origin.Pattern, ok bool) {
	p, notes, fault := origin.ParsePattern(text)
	if fault != nil {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeOriginInvalid, Location: at(place), Value: text, Message: fault.Message, Hint: fault.Hint,
		})
		return p, false
	}
	if notes.UpperCase {
		r.report.Warn(spec.Diagnostic{
			Code: spec.CodeOriginUpperCase, Location: at(place), Value: text,
			Message: "has upper case, which browsers never send; it is read in lower case", Hint: p.String(),
		})
	}
	if notes.DefaultPort {
		r.report.Warn(spec.Diagnostic{
			Code: spec.CodeDefaultPort, Location: at(place), Value: text,
			Message: "names the default port, which browsers never send; it is left out", Hint: p.String(),
		})
	}
	return p, true
}

// resolveSetName finds the set that a layer names: one of its own namespace, or
// NAMESPACE/NAME.
func (r *resolver) resolveSetName(l *layer, name string, place spec.Place) *OriginSet {
	set := r.sets[spec.ID{Namespace: l.namespace, Name: name}.String()]
	if set == nil {
		set = r.sets[name]
	}
	if set == nil {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeUnknownReference, Location: at(place), Value: name,
			Message: "is not the name of an OriginSet",
			Hint:    cmp.Or(r.nearestSet(name), "an OriginSet document of this name"),
		})
		return nil
	}
	set.Used = true
	return set
}

// resolveSets resolves the OriginSet documents.
func (r *resolver) resolveSets() {
	for i := range r.cfg.OriginSets {
		doc := &r.cfg.OriginSets[i]
		set := &OriginSet{
			Index: i, Name: doc.ID().String(), Entries: doc.Spec.Origins,
			Patterns: make([]OriginPattern, 0, len(doc.Spec.Origins)),
		}
		r.plan.Sets = append(r.plan.Sets, set)
		r.sets[set.Name] = set
		for j, text := range doc.Spec.Origins {
			place := set.Place("spec", "origins").Item(j)
			if text == origin.Any {
				r.report.Fault(spec.Diagnostic{
					Code: spec.CodeOriginInvalid, Location: at(place), Value: text,
					Message: "allows every origin, which no set may do",
					Hint:    `allowOrigins: ["*"] in the policy, alone and without credentials`,
				})
			} else if p, ok := r.resolvePattern(text, place); ok {
				if p.Kind == origin.TenantHost {
					set.Tenants = append(set.Tenants, len(set.Patterns))
				}
				set.Patterns = append(set.Patterns, OriginPattern{p, text, j})
			}
		}
		r.resolveExpiry(set, doc.Spec.Expires)
	}
}

// expiresSoon is the time before an expiry in which it is warned of.
const expiresSoon = 30 * 24 * time.Hour

func (r *resolver) resolveExpiry(set *OriginSet, text *string) {
	if text == nil {
		return
	}
	place := at(set.Place("spec", "expires"))
	date, err := time.Parse(time.DateOnly, *text)
	switch {
	case err != nil:
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeValueInvalid, Location: place, Value: *text, Message: "is not a date",
			Hint: "a date such as 2027-01-31",
		})
		return
	case r.now.IsZero():
		return
	}
	set.Expires = date
	if set.Expired = !date.After(r.now); set.Expired {
		r.report.Warn(spec.Diagnostic{
			Code: spec.CodeOriginSetExpired, Location: place, Value: *text,
			Message: fmt.Sprintf("is past: OriginSet %q grants nothing", set.Name),
			Hint:    "a later date, or remove the set",
		})
	} else if left := date.Sub(r.now); left <= expiresSoon {
		r.report.Warn(spec.Diagnostic{
			Code: spec.CodeOriginSetExpiresSoon, Location: place, Value: *text,
			Message: fmt.Sprintf("is within %d days: OriginSet %q grants nothing from then on",
				1+int(left/(24*time.Hour)), set.Name),
			Hint: "a later date, if the owner agrees",
		})
	}
}

// maxSetHints bounds the hints at sets, since finding a similar name takes time.
const maxSetHints = 50

func (r *resolver) nearestSet(name string) string {
	if r.setHints++; r.setHints > maxSetHints {
		return ""
	}
	if r.setNames == nil {
		for _, set := range r.plan.Sets {
			r.setNames = append(r.setNames, set.Name)
		}
	}
	return suggest.Nearest(name, r.setNames)
}
