package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
)

// HostPattern is the entry of hosts that took the request, "" where none did or a
// selector was given. A captured label reads {tenant}, whatever its name is.
func (d *Decision) HostPattern() string {
	if d.governed == nil {
		return ""
	}
	return d.engine.hosts.pattern(d.governed)
}

// Match says which paths and methods the rule takes that took the request, such
// as "PathPrefix /catalogue, GET". It is "" where no rule did.
func (d *Decision) Match() string {
	e := d.engine
	path := e.text.At(d.rule.path)
	if path == "" {
		return ""
	}
	parts := []string{d.rule.pathType.String() + " " + path}
	for _, ref := range part(e.paths.methods, d.rule.methods) {
		parts = append(parts, e.text.At(ref))
	}
	return strings.Join(parts, ", ")
}

// MethodDependent reports whether another method at this path might have been
// taken by another rule. Browsers are then told not to remember preflights.
func (d *Decision) MethodDependent() bool { return d.depends }

// Missing names what a preflight asks for and is not granted: its method, or the
// headers that are to be added to allowHeaders. It is nil where the reason is
// another one.
func (d *Decision) Missing() []string {
	switch d.Reason {
	case ReasonMethodCase, ReasonMethodNotAllowed, ReasonMethodForbidden:
		return d.request.RequestMethod
	case ReasonAuthorizationNotListed, ReasonHeaderNotAllowed:
		var names []string
		for _, line := range d.request.RequestHeaders {
			for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
				if !d.effects.headers.takesHeader(name) && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		return names
	}
	return nil
}

// Setting is one effective setting of a decision.
type Setting struct {
	Name  string // the field's name in a document
	Value string
	From  Layer
	// Of names the policy or rule that the value is of, such as "rule admin of policy
	// shop". It is "" if the decision itself names the policy or rule.
	Of string
}

// Settings gives the effective settings of the rule that applies, and where each
// was inherited from. Fields of cors are left out where no rule took the request.
func (d *Decision) Settings() []Setting {
	s := d.effects
	list := []Setting{
		d.setting("enforcement", s.from.enforcement, func(s *common) string { return string(s.enforcement) }),
		d.setting("upstreamHeaders", s.from.upstreamHeaders, func(s *common) string { return string(s.upstreamHeaders) }),
		d.setting("preflight.mode", s.from.mode, func(s *common) string { return string(s.preflight.mode) }),
		d.setting("preflight.successStatus", s.from.successStatus, func(s *common) string { return strconv.Itoa(s.preflight.successStatus) }),
		d.setting("preflight.denyStatus", s.from.denyStatus, func(s *common) string { return strconv.Itoa(s.preflight.denyStatus) }),
		d.setting("preflight.detail", s.from.detail, func(s *common) string { return string(s.preflight.detail) }),
		d.setting("webSocket.originCheck", s.from.originCheck, func(s *common) string { return string(s.originCheck) }),
	}
	if s.methods == nil {
		return list
	}
	return append([]Setting{
		{Name: "allowOrigins", Value: d.describeOrigins(), From: s.from.origins},
		{Name: "allowMethods", Value: s.methods.describe(), From: s.from.methods},
		{Name: "allowHeaders", Value: s.headers.describe(), From: s.from.headers},
		{Name: "exposeHeaders", Value: s.expose.describe(), From: s.from.expose},
		{Name: "allowCredentials", Value: strconv.FormatBool(s.credentials), From: s.from.credentials},
		{Name: "maxAge", Value: cmp.Or(s.maxAge, "unset"), From: s.from.maxAge},
		{Name: "allowPrivateNetwork", Value: strconv.FormatBool(s.privateNetwork), From: s.from.privateNetwork},
		{Name: "presets", Value: none(s.from.presetNames), From: s.from.presets},
		{Name: "expandExposeHeaders", Value: strconv.FormatBool(s.expandExpose), From: s.from.expandExpose},
	}, list...)
}

// setting describes one setting that also holds if no rule was chosen.
func (d *Decision) setting(name string, from Layer, get func(*common) string) Setting {
	value := get(&d.effects.common)
	return Setting{name, value, from, d.contributor(func(s *common) bool { return get(s) == value })}
}

func none(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (l *nameList) describe() string {
	names := l.names
	if l.any && !slices.Contains(names, "*") {
		names = append([]string{"*"}, names...)
	}
	return none(strings.Join(names, ", "))
}

// describeOrigins gives all that the four origin fields say.
func (d *Decision) describeOrigins() string {
	o, x := d.origins(), &d.engine.origins
	if o == nil {
		return none("")
	}
	var parts []string
	for _, ref := range part(x.entries, o.entries) {
		parts = append(parts, x.text.At(ref))
	}
	for _, e := range part(x.expressions, o.expressions) {
		parts = append(parts, "regex "+e.text)
	}
	for _, i := range part(x.uses, o.sets) {
		text := "set " + x.named[i].name
		if x.named[i].expired.Load() {
			text += " (expired)"
		}
		parts = append(parts, text)
	}
	if o.null {
		parts = append(parts, origin.Null)
	}
	return none(strings.Join(parts, ", "))
}

// OriginEntry gives the entry that takes the request's origin, such as
// https://*.shop.example or "https://partner.example of set partners". It is ""
// where none does, or where the origin is not looked at.
func (d *Decision) OriginEntry() string {
	o, x := d.origins(), &d.engine.origins
	if o == nil || len(d.request.Origin) != 1 || d.effects.public {
		return ""
	}
	if o.null && d.request.Origin[0] == origin.Null {
		return "allowNullOrigin"
	}
	parsed, ok := origin.Parse(d.request.Origin[0])
	if !ok {
		return ""
	}
	if o.any {
		return origin.Any
	}
	tenant := d.tenant(nil)
	if text := x.entryTaking(o.entries, parsed, tenant); text != "" {
		return text
	}
	for _, i := range part(x.uses, o.sets) {
		set := x.named[i]
		if text := x.entryTaking(set.entries, parsed, tenant); text != "" && !set.expired.Load() {
			return fmt.Sprintf("%s of set %s", text, set.name)
		}
	}
	for _, e := range part(x.expressions, o.expressions) {
		if e.re.MatchString(parsed.Canonical) {
			return "regex " + e.text
		}
	}
	return ""
}

// NearestOrigin gives the entry that the origin of the request misses by little, and
// by what. Both are "" where there is none, or the reason is another one.
func (d *Decision) NearestOrigin() (entry, difference string) {
	o, x := d.origins(), &d.engine.origins
	if d.Reason != ReasonOriginNotAllowed || o == nil {
		return "", ""
	}
	parsed, _ := origin.Parse(d.request.Origin[0])
	tenant := d.tenant(nil)
	if entry, difference = x.nearestEntry(o.entries, parsed, tenant); entry != "" {
		return entry, difference
	}
	for _, i := range part(x.uses, o.sets) {
		set := x.named[i]
		if set.expired.Load() && x.patterns.Takes(set.patterns, parsed, tenant) {
			return "set " + set.name, "it has expired"
		}
		if entry, difference = x.nearestEntry(set.entries, parsed, tenant); entry != "" {
			return entry + " of set " + set.name, difference
		}
	}
	return "", ""
}

func (x *originIndex) nearestEntry(entries span, o origin.Origin, tenant origin.Tenant) (entry, difference string) {
	for _, ref := range part(x.entries, entries) {
		text := x.text.At(ref)
		if p, _, fault := origin.ParsePattern(text); fault == nil {
			if difference = p.Misses(o, tenant); difference != "" {
				return text, difference
			}
		}
	}
	return "", ""
}

func (x *originIndex) entryTaking(entries span, o origin.Origin, tenant origin.Tenant) string {
	for _, ref := range part(x.entries, entries) {
		text := x.text.At(ref)
		if p, _, fault := origin.ParsePattern(text); fault == nil && p.Takes(o, tenant) {
			return text
		}
	}
	return ""
}

// Summary counts what the engine was compiled from, in words.
func (e *Engine) Summary() string {
	hosts, rules := uint32(0), 0
	for i := range e.policies.list {
		hosts += e.policies.list[i].hosts
	}
	for i := range e.settings {
		if e.text.At(e.settings[i].rule) != "" {
			rules++
		}
	}
	return fmt.Sprintf("policies: %d, hosts: %d, rules: %d, origin sets: %d", len(e.policies.list), hosts, rules, len(e.origins.named))
}
