package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/internal/match"
	"github.com/corsd/corsd/pkg/policy/internal/origin"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Explanation is a [Decision] and its grounds, for people. Making one takes time.
type Explanation struct {
	Decision

	// Host is the entry of hosts that matched, "" if none did or a selector was given. A captured
	// label reads {tenant}, whatever its name is.
	Host string
	// Chosen reports whether a rule, or a policy's own cors, was chosen.
	Chosen bool
	// Match has the paths, methods and origins that the rule matches, such as "PathPrefix
	// /catalogue, GET, from https://shop.example". It is "" if no rule was chosen.
	Match string
	// MethodDependent reports that another method at this path might lead to another rule.
	// Browsers then may not remember preflights.
	MethodDependent bool

	// Origin is the entry that allows the origin, such as https://*.shop.example or
	// "https://partner.example of set partners". It is "" if none does, or if the origin makes no
	// difference.
	Origin string
	// Nearest is the entry that is almost the origin, and Difference how they differ. Both are ""
	// if there is none, or if the origin is not why the request was refused.
	Nearest, Difference string
	// Missing lists the parts of a preflight that are refused: its method, or the headers that are not
	// in allowHeaders. It is nil if the reason is another one.
	Missing []string

	// Places has where the documents decide. The zero Place is of nothing.
	Places Places

	// Settings are the effective settings. The fields of cors are left out if no entry was
	// chosen.
	Settings []Setting
}

// Setting is one effective setting of a decision.
type Setting struct {
	Name  string // the field's name in a document
	Value string
	From  string // the layer: "built-in default", "CORSDefaults", "policy" or "rule"
	// Of names the policy or rule that the value is of, such as "rule admin of policy shop", if
	// no entry was chosen and the settings of several might apply. Otherwise it is "".
	Of string
	// Place is where the layer sets it. It is the zero Place for a built-in default.
	Place spec.Place
}

// Explain decides as [Engine.Decide] does, and explains the decision.
func (e *Engine) Explain(r *Request) Explanation {
	x := Explanation{Decision: e.Decide(r)}
	d := &x.Decision
	x.MethodDependent = d.methodDependent
	if x.Chosen = d.entry != match.None; x.Chosen {
		x.Match = d.describeMatch(&d.index.Entries[d.entry])
	}
	if d.host != nil {
		x.Host = d.host.Pattern.String()
	}
	x.Origin, x.Places.Origin = d.originEntry()
	x.Nearest, x.Difference = d.nearestOrigin()
	x.Missing = d.missing()
	d.tightenSettings()
	x.Settings = d.describeSettings()
	d.addPlaces(&x)
	return x
}

// Public reports whether every origin is allowed without credentials: the answer is "*" for all.
func (x *Explanation) Public() bool { return x.Chosen && x.isPublic() }

func (d *Decision) describeMatch(e *match.Entry) string {
	if e.Path.Type == "" {
		return ""
	}
	parts := append([]string{string(e.Path.Type) + " " + e.Path.Value}, e.Methods...)
	if from := d.index.From(d.entry); from != nil {
		parts = append(parts, "from "+strings.Join(from.Describe(), " or "))
	}
	return strings.Join(parts, ", ")
}

// others returns the rules at the path that match other origins, if no entry was chosen.
func (d *Decision) others() []match.EntryID {
	if d.entry != match.None || d.host == nil || d.Reason == ReasonPathAmbiguous {
		return nil
	}
	return d.index.Others(d.host, d.key(d.request.effectiveMethod(d.Class)))
}

// tightenSettings makes the settings those that apply: if no entry was chosen, the rules that match
// other origins count too.
func (d *Decision) tightenSettings() {
	all := []*plan.Settings{d.settings}
	for _, id := range d.others() {
		all = append(all, d.index.Settings[d.index.Entries[id].Settings])
	}
	if len(all) > 1 {
		strictest := plan.Strictest(all)
		d.settings = &strictest
	}
}

func (d *Decision) missing() []string {
	switch d.Reason {
	case ReasonMethodCase, ReasonMethodNotAllowed, ReasonMethodForbidden:
		return d.request.RequestMethod
	case ReasonAuthorizationNotListed, ReasonHeaderNotAllowed:
		var names []string
		for _, line := range d.request.RequestHeaders {
			for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
				if !d.settings.Headers.AllowsHeader(name) && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
		return names
	}
	return nil
}

func (d *Decision) describeSettings() []Setting {
	s := d.settings
	list := []Setting{
		d.setting("enforcement", s.From.Enforcement, func(s *plan.Settings) string { return string(s.Enforcement) }),
		d.setting("upstreamHeaders", s.From.UpstreamHeaders,
			func(s *plan.Settings) string { return string(s.UpstreamHeaders) }),
		d.setting("preflight.mode", s.From.Mode, func(s *plan.Settings) string { return string(s.Preflight.Mode) }),
		d.setting("preflight.successStatus", s.From.SuccessStatus,
			func(s *plan.Settings) string { return strconv.Itoa(s.Preflight.SuccessStatus) }),
		d.setting("preflight.denyStatus", s.From.DenyStatus,
			func(s *plan.Settings) string { return strconv.Itoa(s.Preflight.DenyStatus) }),
		d.setting("preflight.detail", s.From.Detail,
			func(s *plan.Settings) string { return string(s.Preflight.Detail) }),
		d.setting("webSocket.originCheck", s.From.OriginCheck,
			func(s *plan.Settings) string { return string(s.OriginCheck) }),
		d.setting("crossOriginResourcePolicy", s.From.ResourcePolicy,
			func(s *plan.Settings) string { return cmp.Or(string(s.ResourcePolicy), "unset") }),
	}
	if !s.Grants {
		return list
	}
	cors := func(name, value string, from plan.Layer) Setting {
		return Setting{Name: name, Value: value, From: from.String(), Place: d.corsPlace(from, name)}
	}
	return append([]Setting{
		cors("allowOrigins", d.describeOrigins(), s.From.Origins),
		cors("allowMethods", s.Methods.String(), s.From.Methods),
		cors("allowHeaders", s.Headers.String(), s.From.Headers),
		cors("exposeHeaders", s.Expose.String(), s.From.Expose),
		cors("allowCredentials", strconv.FormatBool(s.Credentials), s.From.Credentials),
		cors("maxAge", cmp.Or(s.MaxAge, "unset"), s.From.MaxAge),
		cors("allowPrivateNetwork", strconv.FormatBool(s.PrivateNetwork), s.From.PrivateNetwork),
		cors("presets", cmp.Or(s.Presets, "none"), s.From.Presets),
		cors("expandExposeHeaders", strconv.FormatBool(s.ExpandExposeHeaders), s.From.ExpandExposeHeaders),
		cors("timingAllowOrigin", strconv.FormatBool(s.TimingAllowOrigin), s.From.TimingAllowOrigin),
	}, list...)
}

// setting describes one setting that also applies if no entry was chosen.
func (d *Decision) setting(name string, from plan.Layer, get func(*plan.Settings) string) Setting {
	s := Setting{Name: name, Value: get(d.settings), From: from.String()}
	policy, rule := d.chosen()
	if from >= plan.LayerPolicy {
		s.Of, policy, rule = d.contributor(func(other *plan.Settings) bool { return get(other) == s.Value })
	}
	s.Place = layerPlace(from, policy, rule, strings.Split(name, ".")...)
	return s
}

// contributor finds the policy or rule that a setting was taken from. It returns its name if no
// entry was chosen and there is a choice: the first, in the table's order, that has the value.
func (d *Decision) contributor(has func(*plan.Settings) bool) (name string, policy match.PolicyID, rule int) {
	x := d.index
	for _, id := range d.others() {
		if e := &x.Entries[id]; has(x.Settings[e.Settings]) {
			return fmt.Sprintf("rule %s of policy %s", e.Name, x.Policies[e.Policy].Name), e.Policy, int(e.Rule)
		}
	}
	policy, rule = d.chosen()
	if d.entry != match.None || d.host == nil || d.Reason == ReasonNoRule && d.policy != match.None {
		return "", policy, rule
	}
	for _, id := range x.PoliciesOf(d.host) {
		p := &x.Policies[id]
		if has(x.Settings[p.Unchosen]) {
			return "policy " + p.Name, id, -1
		}
		for _, e := range x.Rules(p) {
			if d.Reason != ReasonNoRule && has(x.Settings[e.Settings]) {
				return fmt.Sprintf("rule %s of policy %s", e.Name, p.Name), id, int(e.Rule)
			}
		}
	}
	return "", policy, rule
}

// describeOrigins lists what the four origin fields have.
func (d *Decision) describeOrigins() string {
	o := d.index.Origins(d.entry)
	if o == nil {
		return "none"
	}
	return cmp.Or(strings.Join(o.Describe(), ", "), "none")
}

// originEntry returns the entry that allows the request's origin, and its place.
func (d *Decision) originEntry() (string, spec.Place) {
	if d.entry == match.None || len(d.request.Origin) != 1 || d.settings.Public {
		return "", spec.Place{}
	}
	o := d.index.Origins(d.entry)
	if o == nil {
		return "", spec.Place{}
	}
	place := func(field string) spec.Place { return d.corsPlace(d.settings.From.Origins, field) }
	if o.Null && d.request.Origin[0] == origin.Null {
		return "allowNullOrigin", place("allowNullOrigin")
	}
	parsed, ok := origin.Parse(d.request.Origin[0])
	if !ok {
		return "", spec.Place{}
	}
	tenant := d.tenant(nil)
	if i := entryMatching(o.Entries, parsed, tenant); i >= 0 {
		return o.Entries[i], place("allowOrigins").Item(i)
	}
	for _, set := range o.Sets {
		if i := entryMatching(set.Entries, parsed, tenant); i >= 0 && !set.Expired() {
			return fmt.Sprintf("%s of set %s", set.Entries[i], set.Name),
				spec.In(spec.KindOriginSet, set.Index).At("spec", "origins").Item(i)
		}
	}
	for i, re := range o.Regexes {
		if re.MatchString(parsed.Canonical) {
			return "regex " + re.Text, place("allowOriginRegexes").Item(i)
		}
	}
	return "", spec.Place{}
}

// entryMatching returns the index of the entry that matches an origin, -1 if none does.
func entryMatching(entries []string, o origin.Origin, tenant origin.Tenant) int {
	return slices.IndexFunc(entries, func(text string) bool {
		if text == origin.Any {
			return true
		}
		p, _, fault := origin.ParsePattern(text)
		return fault == nil && p.Matches(o, tenant)
	})
}

// nearestOrigin returns the entry that the request's origin misses by little.
func (d *Decision) nearestOrigin() (entry, difference string) {
	if d.Reason != ReasonOriginNotAllowed || d.index.Origins(d.entry) == nil {
		return "", ""
	}
	o := d.index.Origins(d.entry)
	parsed, _ := origin.Parse(d.request.Origin[0])
	tenant := d.tenant(nil)
	if entry, difference = nearestEntry(o.Entries, parsed, tenant); entry != "" {
		return entry, difference
	}
	for _, set := range o.Sets {
		if set.Expired() && entryMatching(set.Entries, parsed, tenant) >= 0 {
			return "set " + set.Name, "it has expired"
		}
		if entry, difference = nearestEntry(set.Entries, parsed, tenant); entry != "" {
			return entry + " of set " + set.Name, difference
		}
	}
	return "", ""
}

func nearestEntry(entries []string, o origin.Origin, tenant origin.Tenant) (entry, difference string) {
	for _, text := range entries {
		if p, _, fault := origin.ParsePattern(text); fault == nil {
			if difference = p.Misses(o, tenant); difference != "" {
				return text, difference
			}
		}
	}
	return "", ""
}
