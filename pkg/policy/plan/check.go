package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/internal/suggest"
	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/spec"
)

const maxName = 253

// checkLimits counts before anything is resolved.
func (r *resolver) checkLimits() bool {
	var all Size
	for d := range r.cfg.Documents() {
		all.Add(SizeOf(d))
	}
	r.checkLimit(all.Rules, spec.MaxRules, "rules")
	r.checkLimit(all.Origins, spec.MaxOrigins, "origins")
	return !r.report.HasFaults()
}

// Size is what documents have of what is bounded for all of them together, by [spec.MaxRules] and [spec.MaxOrigins].
type Size struct{ Rules, Origins int }

// Add adds the size of further documents.
func (s *Size) Add(other Size) {
	s.Rules += other.Rules
	s.Origins += other.Origins
}

// Exceeds reports whether there is more of anything than in another size.
func (s Size) Exceeds(limit Size) bool { return s.Rules > limit.Rules || s.Origins > limit.Origins }

// SizeOf returns the size of a document.
func SizeOf(d spec.Document) (s Size) {
	count := func(c *spec.CORS) {
		if c != nil {
			s.Origins += len(c.AllowOrigins) + len(c.AllowOriginRegexes)
		}
	}
	switch doc := d.Spec.(type) {
	case *spec.PolicySpec:
		s.Rules = len(doc.Rules)
		count(doc.CORS)
		for i := range doc.Rules {
			count(doc.Rules[i].CORS)
			if m := doc.Rules[i].Match; m != nil {
				s.Origins += len(m.Origins)
			}
		}
	case *spec.DefaultsSpec:
		count(doc.CORS)
	case *spec.OriginSetSpec:
		s.Origins = len(doc.Origins)
	}
	return s
}

func (r *resolver) checkLimit(n, limit int, what string) {
	if n > limit {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeLimitExceeded, Message: fmt.Sprintf("there are %d %s, more than %d", n, what, limit),
		})
	}
}

// checkNames judges the names of the documents.
func (r *resolver) checkNames() {
	policies := map[spec.ID]int{}
	for i := range r.cfg.Policies {
		r.checkName(spec.In(spec.KindPolicy, i), r.cfg.Policies[i].ID(), policies)
	}
	sets := map[spec.ID]int{}
	for i := range r.cfg.OriginSets {
		r.checkName(spec.In(spec.KindOriginSet, i), r.cfg.OriginSets[i].ID(), sets)
	}
	for i := range r.cfg.Defaults {
		place := spec.In(spec.KindDefaults, i)
		r.checkName(place, r.cfg.Defaults[i].ID(), map[spec.ID]int{})
		if i > 0 {
			r.report.Fault(spec.Diagnostic{
				Code: spec.CodeDuplicateName, Location: at(place), Value: r.cfg.Defaults[i].ID().String(),
				Related: related(spec.In(spec.KindDefaults, 0)),
				Message: "is a second CORSDefaults, and there may be one",
				Hint:    "one document with the settings of both",
			})
		}
	}
}

// checkName judges the name of a document. first has the documents of its kind by name.
func (r *resolver) checkName(doc spec.Place, name spec.ID, first map[spec.ID]int) {
	place := doc.At("metadata", "name")
	if name.Namespace != "" && !isName(name.Namespace) {
		r.badName(doc.At("metadata", "namespace"), name.Namespace)
	}
	switch other, known := first[name]; {
	case name.Name == "":
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeMissingField, Location: at(place), Message: "is missing", Hint: "a name for the document",
		})
	case !isName(name.Name):
		r.badName(place, name.Name)
	case known:
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeDuplicateName, Location: at(place), Value: name.String(),
			Related: related(spec.In(doc.Kind, other).At("metadata", "name")),
			Message: fmt.Sprintf("is the name of another %s", doc.Kind), Hint: "a name of its own",
		})
	default:
		first[name] = doc.Index
	}
}

func (r *resolver) badName(place spec.Place, value string) {
	r.report.Fault(spec.Diagnostic{
		Code: spec.CodeValueInvalid, Location: at(place), Value: value,
		Message: fmt.Sprintf(`is not 1 to %d visible ASCII characters without "/" and "#"`, maxName),
		Hint:    "letters, digits and -",
	})
}

// isName reports whether a document can have the name: a selector is NAMESPACE/NAME#RULE.
func isName(s string) bool { return isVisibleASCII(s) && !strings.ContainsAny(s, "/#") }

func isVisibleASCII(s string) bool {
	return s != "" && len(s) <= maxName && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) < 0
}

func ruleName(doc *spec.Rule, index int) string {
	if doc.Name != "" {
		return doc.Name
	}
	return fmt.Sprintf("rules[%d]", index)
}

// checkRuleName judges the name of a rule, which must be unique in its policy. names has the
// rules before it by name.
func (r *resolver) checkRuleName(e *Entry, doc *spec.Rule, names map[string]int) {
	place := e.Place("name")
	if doc.Name != "" && !isVisibleASCII(doc.Name) {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeValueInvalid, Location: at(place), Value: doc.Name,
			Message: fmt.Sprintf("is not 1 to %d visible ASCII characters", maxName), Hint: "letters, digits and -",
		})
	}
	if other, known := names[e.Name]; known {
		r.report.Fault(spec.Diagnostic{
			Code: spec.CodeDuplicateName, Location: at(place), Value: e.Name,
			Related: related(e.Policy.Place("rules").Item(other)),
			Message: "is the name of another rule of this policy", Hint: "a name of its own",
		})
		return
	}
	names[e.Name] = e.Rule
}

// checkLayer judges what a document or rule sets, and resolves its origins.
func (r *resolver) checkLayer(l *layer) {
	place := l.place()
	checkEnum(r, place.At("enforcement"), l.enforcement,
		spec.EnforcementDisabled, spec.EnforcementShadow, spec.EnforcementEnforce, spec.EnforcementBlock)
	checkEnum(r, place.At("upstreamHeaders"), l.upstreamHeaders,
		spec.UpstreamOverride, spec.UpstreamPreserve, spec.UpstreamMerge)
	if p := l.preflight; p != nil {
		place := place.At("preflight")
		checkEnum(r, place.At("mode"), p.Mode, spec.PreflightAnswer, spec.PreflightForward)
		checkEnum(r, place.At("detail"), p.Detail, spec.DetailFull, spec.DetailMinimal)
		r.checkStatus(place.At("successStatus"), p.SuccessStatus, false)
		r.checkStatus(place.At("denyStatus"), p.DenyStatus, true)
	}
	if w := l.webSocket; w != nil {
		checkEnum(r, place.At("webSocket", "originCheck"), w.OriginCheck,
			spec.OriginCheckDisabled, spec.OriginCheckEnforce)
	}
	l.origins = r.resolveOrigins(l)
	if l.cors != nil {
		r.checkLists(place.At("cors"), l.cors)
	}
}

// checkEnum reports whether a value is unset or one of the values of its field.
func checkEnum[T ~string](r *resolver, place spec.Place, value *T, values ...T) bool {
	if value == nil || slices.Contains(values, *value) {
		return true
	}
	hint := ""
	if !r.report.Full() {
		hint = oneOf(*value, values...)
	}
	r.report.Fault(spec.Diagnostic{
		Code: spec.CodeValueInvalid, Location: at(place), Value: string(*value),
		Message: "is not a value of this field", Hint: hint,
	})
	return false
}

// oneOf returns a hint for a value of a closed set.
func oneOf[T ~string](value T, values ...T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	// Off was the word for it. YAML 1.1, which kubectl reads, has it for false.
	if strings.EqualFold(string(value), "off") && slices.Contains(names, "Disabled") {
		return "Disabled"
	}
	if near := cmp.Or(suggest.Nearest(string(value), names), suggest.Containing(string(value), names)); near != "" {
		return near
	}
	return "one of " + strings.Join(names, ", ")
}

func (r *resolver) checkUnmatchedHosts(s *spec.DefaultsSpec) (passThrough bool) {
	checkEnum(r, r.defaults.place().At("unmatchedHosts"), s.UnmatchedHosts,
		spec.UnmatchedPassThrough, spec.UnmatchedDeny)
	return s.UnmatchedHosts == nil || *s.UnmatchedHosts == spec.UnmatchedPassThrough
}

// checkWaived returns the known dangers of dangerouslyAllow.
func (r *resolver) checkWaived(p *Policy, list []spec.Danger) []spec.Danger {
	var known []spec.Danger
	for i, d := range list {
		if checkEnum(r, p.Place("dangerouslyAllow").Item(i), &d, spec.Dangers()...) {
			known = append(known, d)
		}
	}
	return known
}

// acknowledge silences the warnings that the policy names.
func (r *resolver) acknowledge(p *Policy, codes []spec.Code) {
	for i, code := range codes {
		if checkEnum(r, p.Place("acknowledge").Item(i), &code, spec.WarningCodes()...) {
			r.report.acknowledge(p.Index, code)
		}
	}
}

// checkStatus judges the status of a preflight's answer. Browsers read it as a grant if it is
// 200 to 299 (Fetch standard, CORS-preflight fetch, step 7), and never follow a redirect.
func (r *resolver) checkStatus(place spec.Place, status *int, deny bool) {
	if status == nil || *status >= 200 && *status <= 299 || deny && *status >= 400 && *status <= 499 {
		return
	}
	message, hint := "is not 200 to 299", "204"
	if deny {
		message, hint = "is not 200 to 299 or 400 to 499", "403"
	}
	r.report.Fault(spec.Diagnostic{
		Code: spec.CodeValueInvalid, Location: at(place), Value: strconv.Itoa(*status), Message: message, Hint: hint,
	})
}

// checkLists judges the fields of cors but the origins.
func (r *resolver) checkLists(place spec.Place, cors *spec.CORS) {
	for i, method := range cors.AllowMethods {
		r.checkMethod(method, place.At("allowMethods").Item(i), false)
	}
	for i, name := range cors.AllowHeaders {
		r.checkRequestHeader(name, place.At("allowHeaders").Item(i))
	}
	for i, name := range cors.ExposeHeaders {
		r.checkExposedHeader(name, place.At("exposeHeaders").Item(i))
	}
	for i, p := range cors.Presets {
		checkEnum(r, place.At("presets").Item(i), &p, spec.PresetGRPCWeb, spec.PresetConnect, spec.PresetTus,
			spec.PresetMCP, spec.PresetTrace, spec.PresetOTLP)
	}
	checkEnum(r, place.At("crossOriginResourcePolicy"), cors.CrossOriginResourcePolicy,
		spec.ResourceSameOrigin, spec.ResourceSameSite, spec.ResourceCrossOrigin)
	if cors.MaxAge != nil {
		r.checkMaxAge(place.At("maxAge"), *cors.MaxAge)
	}
}

// checkMethod judges a method of allowMethods, or of match.methods, which has no "*".
func (r *resolver) checkMethod(method string, place spec.Place, ofMatch bool) bool {
	d := spec.Diagnostic{Code: spec.CodeMethodInvalid, Location: at(place), Value: method}
	switch {
	case method == "*" && ofMatch:
		d.Message, d.Hint = "is not a method", "leave methods out to match every method"
	case !header.IsToken(method):
		d.Message, d.Hint = "is not one method", "one entry of the list for each method"
	default:
		r.warnMethod(method, place)
		return true
	}
	r.report.Fault(d)
	return false
}

// warnMethod warns of a method that no page can use, or that is not the one that is meant.
func (r *resolver) warnMethod(method string, place spec.Place) {
	d := spec.Diagnostic{Location: at(place), Value: method}
	switch upper := strings.ToUpper(method); {
	case header.IsForbiddenMethod(method):
		d.Code, d.Message, d.Hint = spec.CodeMethodNeverSent, "is a method that no page can use", "remove it"
	case header.NormalizeMethod(method) != upper && method != upper:
		d.Code, d.Hint = spec.CodeMethodLowerCase, upper
		d.Message = "is not " + upper + ": browsers send methods as the page writes them, but for DELETE, GET, HEAD, " +
			"OPTIONS, POST and PUT"
	default:
		return
	}
	r.report.Warn(d)
}

// checkRequestHeader judges a name of allowHeaders.
func (r *resolver) checkRequestHeader(name string, place spec.Place) {
	if !r.checkHeader(name, place) || !header.IsForbiddenRequestHeader(name) {
		return
	}
	r.report.Warn(spec.Diagnostic{
		Code: spec.CodeHeaderNeverSent, Location: at(place), Value: name,
		Message: "is a header that no page can set", Hint: "remove it",
	})
}

// checkExposedHeader judges a name of exposeHeaders.
func (r *resolver) checkExposedHeader(name string, place spec.Place) {
	if !r.checkHeader(name, place) || !header.IsForbiddenResponseHeader(name) {
		return
	}
	r.report.Fault(spec.Diagnostic{
		Code: spec.CodeHeaderInvalid, Location: at(place), Value: name,
		Message: "is a header that no page can read", Hint: "remove it",
	})
}

// checkHeader reports whether a name is a header name, a family of them, or "*".
func (r *resolver) checkHeader(name string, place spec.Place) bool {
	d := spec.Diagnostic{Code: spec.CodeHeaderInvalid, Location: at(place), Value: name}
	_, isFamily := FamilyPrefix(name)
	switch {
	case !header.IsToken(name):
		d.Message, d.Hint = "is not one header name", "one entry of the list for each name"
	case len(name) > maxHeaderName:
		d.Code, d.Message = spec.CodeLimitExceeded, fmt.Sprintf("is longer than %d bytes", maxHeaderName)
	case name != "*" && !isFamily && strings.Contains(name, "*"):
		d.Message = `has a "*" that is not the end of a family such as X-Amz-*`
		d.Hint = "the names"
		if prefix, _, _ := strings.Cut(name, "*"); prefix != "" {
			d.Hint = "the names, or the family " + prefix + "*"
		}
	default:
		return true
	}
	r.report.Fault(d)
	return false
}

// The longest time for which browsers remember a preflight, in seconds.
const (
	maxAgeFirefox  = 86400
	maxAgeChromium = 7200
	maxAgeWebKit   = 600
)

func (r *resolver) checkMaxAge(place spec.Place, age spec.Seconds) {
	d := spec.Diagnostic{
		Code: spec.CodeMaxAgeCapped, Location: at(place), Value: strconv.FormatInt(int64(age), 10), Hint: "600",
	}
	var shorter []string
	for _, b := range []struct {
		name    string
		longest spec.Seconds
	}{{"Firefox", maxAgeFirefox}, {"Chromium", maxAgeChromium}, {"WebKit", maxAgeWebKit}} {
		if age > b.longest {
			shorter = append(shorter, fmt.Sprintf("%s for %d s", b.name, b.longest))
		}
	}
	switch {
	case age < 0:
		d.Code, d.Message = spec.CodeMaxAgeOutOfRange, "is below 0"
		d.Hint = "600, which every browser honours"
		r.report.Fault(d)
	case len(shorter) > 0:
		d.Message = "is longer than some browsers remember: " + strings.Join(shorter, ", ") + " at most"
		r.report.Warn(d)
	}
}
