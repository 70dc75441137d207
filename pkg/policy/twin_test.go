package policy_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// This file is the engine's slow and obvious twin: it goes through every policy
// and every rule for every request, and shares nothing with the engine but the
// types of a configuration.

// twin is a configuration that is interpreted, not compiled.
type twin struct {
	cfg spec.Config
	now time.Time // zero: no set has expired
}

// twinDecision is what the twin comes to.
type twinDecision struct {
	class, verdict, reason, policy, rule, action string
	// depends says that the choice of the rule depended on the method, byOrigin that a rule with
	// origins stood at or before its path.
	depends, byOrigin bool
	taken             *twinRule // nil if no rule was chosen
	cors              spec.CORS // merged; empty if no rule was chosen
	settings          layered   // that hold
}

func (d twinDecision) said() string {
	return fmt.Sprintf("%s %s %s %s/%s %s", d.class, d.verdict, d.reason, d.policy, d.rule, d.action)
}

func twinSaid(d *policy.Decision) string {
	return fmt.Sprintf("%s %s %s %s/%s %s", d.Class, d.Verdict, d.Reason, d.Policy(), d.Rule(), d.Action())
}

// twinRule is a rule, or the own cors of a policy where rule is nil.
type twinRule struct {
	policy *spec.Policy
	rule   *spec.Rule
	kind   spec.PathMatchType
	path   string // as it is compared, of a prefix without its final slash
	text   string
	names  []string   // methods, nil for every one
	from   *spec.CORS // origins and sets that it matches, nil for every request
	fold   bool       // paths.ignoreCase
	slash  bool       // paths.ignoreTrailingSlash
}

// layered is what the layers of a rule come to.
type layered struct {
	cors        spec.CORS
	enforcement spec.Enforcement
	upstream    spec.UpstreamHeaders
	mode        spec.PreflightMode
	detail      spec.PreflightDetail
	check       spec.OriginCheck
	resource    spec.ResourcePolicy // "" if unset
	success     int
	denyStatus  int
}

func (w *twin) decide(r *policy.Request) twinDecision {
	d := twinDecision{class: twinClass(r)}
	taken, owners, refused, tenants, reason := w.choose(r, &d)
	var settings layered
	switch {
	case taken != nil:
		settings = w.merge(taken.policy, taken)
	case len(owners) == 0:
		settings = w.merge(nil, nil)
	default:
		settings = w.strictest(owners, refused, reason)
	}
	d.reason, d.settings = reason, settings
	if len(owners) == 1 {
		d.policy = owners[0].Name
	}
	if taken != nil {
		d.policy, d.cors, d.taken = taken.policy.Name, settings.cors, taken
		if taken.rule != nil {
			d.rule = taken.rule.Name
		}
	}
	own := twinSameOrigin(r)
	if settings.enforcement == spec.EnforcementDisabled && reason != "no_policy" && reason != "selector_unknown" {
		d.reason = "disabled"
	} else if d.reason == "" {
		d.reason = w.judge(r, d, tenants, own)
	}
	d.verdict = w.verdict(d, settings)
	d.action = w.action(d, settings, own)
	return d
}

func (w *twin) passesThrough(reason string) bool {
	deny := len(w.cfg.Defaults) > 0 && w.cfg.Defaults[0].Spec.UnmatchedHosts != nil && *w.cfg.Defaults[0].Spec.UnmatchedHosts == spec.UnmatchedDeny
	return reason == "no_policy" && !deny
}

func (w *twin) verdict(d twinDecision, s layered) string {
	unchecked := d.class == "websocket" && (s.check != spec.OriginCheckEnforce || d.reason == "no_policy")
	switch {
	case d.class == "not_cors", unchecked, d.reason == "disabled", d.reason == "same_origin", w.passesThrough(d.reason):
		return "none"
	case d.reason == "allowed":
		return "allow"
	}
	return "deny"
}

func (w *twin) action(d twinDecision, s layered, own bool) string {
	switch {
	case s.enforcement == spec.EnforcementDisabled, s.enforcement == spec.EnforcementShadow, w.passesThrough(d.reason):
		return "pass"
	case d.class == "preflight" && d.verdict == "allow" && s.mode == spec.PreflightForward:
		return "continue"
	case d.class == "preflight":
		return "respond"
	case d.class == "websocket" && d.verdict == "deny" && !own:
		return "respond"
	case d.class == "websocket":
		return "pass"
	case d.class == "actual" && s.enforcement == spec.EnforcementBlock && d.verdict == "deny" && !own:
		return "respond"
	}
	return "continue"
}

func twinClass(r *policy.Request) string {
	upgrade := strings.FieldsFunc(strings.ToLower(strings.Join(r.Upgrade, ",")), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
	switch {
	case len(r.Origin) == 0:
		return "not_cors"
	case r.Method == "OPTIONS" && strings.Join(r.Origin, "") != "" && strings.Join(r.RequestMethod, "") != "":
		return "preflight"
	case r.Method == "GET" && slices.Contains(upgrade, "websocket"), r.Method == "CONNECT" && r.Protocol == "websocket":
		return "websocket"
	}
	return "actual"
}

func twinSameOrigin(r *policy.Request) bool {
	if len(r.FetchSite) == 1 && (r.FetchSite[0] == "same-origin" || r.FetchSite[0] == "none") {
		return true
	}
	return len(r.Origin) == 1 && strings.Contains(r.Origin[0], "://") &&
		withoutDefaultPort(r.Origin[0]) == withoutDefaultPort(strings.ToLower(r.Scheme+"://"+r.Authority))
}

func withoutDefaultPort(o string) string {
	if strings.HasPrefix(o, "https://") {
		return strings.TrimSuffix(o, ":443")
	}
	if strings.HasPrefix(o, "http://") {
		return strings.TrimSuffix(o, ":80")
	}
	return o
}

// choose finds the rule that matches the request, and the policies that it might
// belong to if none does. refused are the rules at its path that match other origins.
func (w *twin) choose(r *policy.Request, d *twinDecision) (taken *twinRule, owners []*spec.Policy, refused []*twinRule, tenants map[string]string, reason string) {
	if r.Selector != "" {
		taken, owners, tenants, reason = w.selected(r)
		d.byOrigin = taken != nil && taken.from != nil
		return taken, owners, nil, tenants, reason
	}
	pattern := w.pattern(r.Authority)
	if pattern == "" {
		return nil, nil, nil, nil, "no_policy"
	}
	var policies []*spec.Policy
	for i := range w.cfg.Policies {
		if slices.ContainsFunc(w.cfg.Policies[i].Spec.Hosts, func(h string) bool { return twinPattern(h) == pattern }) {
			policies = append(policies, &w.cfg.Policies[i])
		}
	}
	rules, own := w.table(policies)
	path, _, _ := strings.Cut(r.Path, "?")
	if path == "" {
		path = "/"
	}
	fold, _ := w.paths(policies[0]) // and so of all others
	if !takesEverything(rules, own) && (twinAmbiguous(path, rules) || fold && twinFoldsBeyondASCII(path)) {
		d.byOrigin = slices.ContainsFunc(rules, func(r *twinRule) bool { return r.from != nil })
		return nil, policies, nil, nil, "path_ambiguous"
	}
	search := twinSearch{method: twinEffectiveMethod(r, d.class), fits: func(rule *twinRule) bool {
		return w.fits(rule, r.Origin, bound(rule.policy, pattern, r.Authority))
	}}
	taken = search.find(rules, own, path)
	d.depends, d.byOrigin = search.depends, search.byOrigin
	if taken == nil {
		return nil, policies, search.refused, nil, "no_rule"
	}
	return taken, policies, nil, bound(taken.policy, pattern, r.Authority), ""
}

func twinEffectiveMethod(r *policy.Request, class string) string {
	switch {
	case class == "websocket", r.Method == "CONNECT" && r.Protocol == "websocket":
		return "GET"
	case class == "preflight" && (len(r.RequestMethod) != 1 || !twinToken(r.RequestMethod[0])):
		return ""
	case class == "preflight":
		return r.RequestMethod[0]
	}
	return r.Method
}

// fits reports whether a rule matches the origin of a request. A set that has expired counts.
func (w *twin) fits(rule *twinRule, lines []string, tenants map[string]string) bool {
	return len(lines) == 1 && lines[0] != "null" && twinWellFormed(lines[0]) && w.listed(lines[0], *rule.from, tenants, true)
}

func (w *twin) selected(r *policy.Request) (taken *twinRule, owners []*spec.Policy, tenants map[string]string, reason string) {
	var owner *spec.Policy
	for i := range w.cfg.Policies {
		p := &w.cfg.Policies[i]
		if r.Selector == p.Name {
			owner, reason = p, "no_rule"
			if p.Spec.CORS != nil {
				taken, reason = &twinRule{policy: p}, ""
			}
		}
		for j := range p.Spec.Rules {
			if r.Selector == p.Name+"#"+p.Spec.Rules[j].Name {
				owner, taken, reason = p, w.readRule(p, &p.Spec.Rules[j]), ""
			}
		}
	}
	if owner == nil {
		return nil, nil, nil, "selector_unknown"
	}
	tenants = map[string]string{}
	for _, h := range owner.Spec.Hosts {
		if strings.HasPrefix(h, "{") && twinTakesHost(h, r.Authority) {
			tenants = bound(owner, twinPattern(h), r.Authority)
		}
	}
	return taken, []*spec.Policy{owner}, tenants, reason
}

// bound gives what a policy calls the label that a pattern captures.
func bound(p *spec.Policy, pattern, authority string) map[string]string {
	tenants := map[string]string{}
	for _, h := range p.Spec.Hosts {
		if name, _, found := strings.Cut(h, "}."); found && twinPattern(h) == pattern {
			label, _, _ := strings.Cut(strings.ToLower(authority), ".")
			tenants[name[1:]] = label
		}
	}
	return tenants
}

// twinAuthority takes in labels what browsers let stand in a host, but for a comma.
var twinAuthority = regexp.MustCompile(`^(?i)((?:[a-z0-9!"$&'()*+;=_\x60{}~-]+\.)*[a-z0-9!"$&'()*+;=_\x60{}~-]+)\.?(?::[0-9]{1,5})?$`)

// twinHost gives the host of an authority, "" for what is none. It knows no IPv6.
func twinHost(authority string) string {
	m := twinAuthority.FindStringSubmatch(authority)
	if m == nil || len(m[1]) > 255 {
		return ""
	}
	return strings.ToLower(m[1])
}

// twinPattern makes equal what is one pattern.
func twinPattern(h string) string {
	if _, rest, found := strings.Cut(h, "}."); found {
		h = "{}." + rest
	}
	return strings.ToLower(strings.TrimSuffix(h, "."))
}

func twinTakesHost(h, authority string) bool {
	name, pattern := twinHost(authority), twinPattern(h)
	switch {
	case pattern == "*":
		return true
	case name == "":
		return false
	case strings.HasPrefix(pattern, "*."):
		return strings.HasSuffix(name, pattern[1:])
	case strings.HasPrefix(pattern, "{}."):
		_, rest, _ := strings.Cut(name, ".")
		return rest == pattern[3:]
	}
	return name == pattern
}

// pattern gives the most specific pattern that takes the authority, "" for none.
func (w *twin) pattern(authority string) string {
	rank := func(p string) string { // the higher, the more specific
		switch {
		case p == "*":
			return "0"
		case strings.HasPrefix(p, "*."):
			return fmt.Sprintf("1 %04d 0", len(p)-len("*."))
		case strings.HasPrefix(p, "{}."):
			return fmt.Sprintf("1 %04d 1", len(p)-len("{}."))
		}
		return "2"
	}
	best := ""
	for _, p := range w.cfg.Policies {
		for _, h := range p.Spec.Hosts {
			if twinTakesHost(h, authority) && (best == "" || rank(twinPattern(h)) > rank(best)) {
				best = twinPattern(h)
			}
		}
	}
	return best
}

// table gives the rules of policies in the order of their paths, and the own cors that takes the
// rest.
func (w *twin) table(policies []*spec.Policy) (rules []*twinRule, own *twinRule) {
	for _, p := range policies {
		for i := range p.Spec.Rules {
			rules = append(rules, w.readRule(p, &p.Spec.Rules[i]))
		}
	}
	for _, p := range policies {
		if p.Spec.CORS != nil && !slices.ContainsFunc(rules, (*twinRule).takesAll) {
			own = &twinRule{policy: p}
		}
	}
	kinds := []spec.PathMatchType{spec.PathExact, spec.PathRegularExpression, spec.PathPrefix}
	slices.SortStableFunc(rules, func(a, b *twinRule) int {
		if a.kind != b.kind {
			return slices.Index(kinds, a.kind) - slices.Index(kinds, b.kind)
		}
		if len(a.path) != len(b.path) {
			return len(b.path) - len(a.path)
		}
		return strings.Compare(a.path, b.path)
	})
	return rules, own
}

// paths are those of a policy, field by field.
func (w *twin) paths(p *spec.Policy) (fold, slash bool) {
	var all []*spec.Paths
	for i := range w.cfg.Defaults {
		all = append(all, w.cfg.Defaults[i].Spec.Paths)
	}
	for _, from := range append(all, p.Spec.Paths) {
		if from != nil {
			set(&fold, from.IgnoreCase)
			set(&slash, from.IgnoreTrailingSlash)
		}
	}
	return fold, slash
}

func (w *twin) readRule(p *spec.Policy, rule *spec.Rule) *twinRule {
	r := &twinRule{policy: p, rule: rule, kind: spec.PathPrefix, text: "/"}
	r.fold, r.slash = w.paths(p)
	if m := rule.Match; m != nil {
		for _, name := range m.Methods {
			r.names = append(r.names, twinNormalized(name))
		}
		if m.Path != nil {
			r.text = m.Path.Value
			if m.Path.Type != nil {
				r.kind = *m.Path.Type
			}
		}
		if len(m.Origins)+len(m.OriginSets) > 0 {
			r.from = &spec.CORS{AllowOrigins: m.Origins, AllowOriginSets: m.OriginSets}
		}
	}
	switch r.path = r.text; {
	case r.kind == spec.PathPrefix:
		r.path = strings.TrimSuffix(r.folded(r.text), "/")
	case r.kind == spec.PathExact:
		r.path = r.trimmed(r.folded(r.text))
	}
	return r
}

func (r *twinRule) folded(path string) string {
	if r.fold {
		return strings.ToLower(path)
	}
	return path
}

// trimmed leaves out one final slash, if that is ignored.
func (r *twinRule) trimmed(path string) string {
	if r.slash && path != "/" {
		return strings.TrimSuffix(path, "/")
	}
	return path
}

// takesAll reports whether the rule matches every request.
func (r *twinRule) takesAll() bool {
	return r.kind == spec.PathPrefix && r.path == "" && r.names == nil && r.from == nil
}

func takesEverything(rules []*twinRule, own *twinRule) bool {
	if len(rules) == 0 {
		return own != nil
	}
	return len(rules) == 1 && rules[0].takesAll()
}

func (r *twinRule) takesPath(path string) bool {
	switch r.kind {
	case spec.PathExact:
		return r.trimmed(r.folded(path)) == r.path
	case spec.PathRegularExpression:
		flags := ""
		if r.fold {
			flags = "(?i)"
		}
		re := regexp.MustCompile(`\A(?:` + flags + r.text + `)\z`)
		other := r.trimmed(path) // the same path, spelled otherwise
		if r.slash && other == path && path != "/" {
			other += "/"
		}
		return re.MatchString(path) || re.MatchString(other)
	}
	path = r.folded(path)
	return r.path == "" || path == r.path || strings.HasPrefix(path, r.path+"/")
}

// twinSearch goes through rules, path by path.
type twinSearch struct {
	method string
	fits   func(*twinRule) bool // by the origin of the request

	depends, byOrigin bool
	refused           []*twinRule // that match other origins
}

func (s *twinSearch) find(rules []*twinRule, own *twinRule, path string) *twinRule {
	for len(rules) > 0 {
		n := 1
		for n < len(rules) && rules[n].kind == rules[0].kind && rules[n].path == rules[0].path {
			n++
		}
		if rules[0].takesPath(path) {
			if taken := s.atPath(rules[:n]); taken != nil {
				return taken
			}
		}
		rules = rules[n:]
	}
	return own
}

// atPath tries the rules of one path: those with origins come first.
func (s *twinSearch) atPath(rules []*twinRule) *twinRule {
	var byOrigin, rest []*twinRule
	for _, r := range rules {
		switch {
		case r.from == nil:
			rest = append(rest, r)
			continue
		case s.fits(r):
			byOrigin = append(byOrigin, r)
		default:
			s.refused = append(s.refused, r)
		}
		s.byOrigin = true
	}
	if taken := s.byMethod(byOrigin); taken != nil {
		return taken
	}
	return s.byMethod(rest)
}

// byMethod tries rules of one path and rank: those with methods come first.
func (s *twinSearch) byMethod(rules []*twinRule) *twinRule {
	names := func(method string) func(*twinRule) bool {
		return func(r *twinRule) bool { return slices.Contains(r.names, method) }
	}
	every := func(r *twinRule) bool { return r.names == nil }
	s.depends = s.depends || slices.ContainsFunc(rules, func(r *twinRule) bool { return r.names != nil })
	method := s.method
	if method == "HEAD" && !slices.ContainsFunc(rules, names("HEAD")) {
		method = "GET"
	}
	for _, matches := range []func(*twinRule) bool{names(method), every} {
		var found []*twinRule
		for _, r := range rules {
			if matches(r) {
				found = append(found, r)
			}
		}
		if len(found) > 1 {
			panic(fmt.Sprintf("two rules match one request: %s and %s", found[0].rule.Name, found[1].rule.Name))
		}
		if len(found) == 1 {
			return found[0]
		}
	}
	return nil
}

const unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

// twinAmbiguous is the list of 3.1.4, and what rules spell with a percent sign.
func twinAmbiguous(path string, rules []*twinRule) bool {
	if strings.ContainsAny(path, `\;`) || strings.Contains(path, "//") {
		return true
	}
	values, spelled := "", ""
	for _, r := range rules {
		if r.kind == spec.PathRegularExpression && len(path) > 8192 {
			return true
		}
		values += r.text
		if r.kind != spec.PathRegularExpression {
			spelled += r.text
		}
	}
	for _, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	for i := range len(path) {
		c := path[i]
		if c < 0x20 || c == 0x7f || c >= 0x80 && strings.Contains(strings.ToLower(spelled), fmt.Sprintf("%%%02x", c)) {
			return true
		}
		if c == '%' && ambiguousEscape(path[i:], values, spelled) {
			return true
		}
	}
	return false
}

// twinFoldsBeyondASCII reports letters that have an ASCII letter as their other case.
func twinFoldsBeyondASCII(path string) bool {
	decoded := regexp.MustCompile(`%[0-9a-fA-F]{2}`).ReplaceAllStringFunc(path, func(escape string) string {
		n, _ := strconv.ParseUint(escape[1:], 16, 8)
		return string([]byte{byte(n)})
	})
	return slices.ContainsFunc([]string{"\u0130", "\u0131", "\u017f", "\u212a"}, func(letter string) bool { return strings.Contains(decoded, letter) })
}

func ambiguousEscape(rest, values, spelled string) bool {
	if len(rest) < 3 {
		return true
	}
	n, err := strconv.ParseUint(rest[1:3], 16, 8)
	if err != nil {
		return true
	}
	c := string([]byte{byte(n)})
	if strings.Contains("/\\;\x00"+unreserved, c) || strings.Contains(values, c) {
		return true
	}
	if n == '%' && len(rest) >= 5 {
		if _, err := strconv.ParseUint(rest[3:5], 16, 8); err == nil {
			return true
		}
	}
	return strings.Contains(strings.ToLower(spelled), strings.ToLower(rest[:3])) && !strings.Contains(spelled, rest[:3])
}

// merge lays defaults, policy and rule over each other.
func (w *twin) merge(owner *spec.Policy, taken *twinRule) layered {
	s := layered{
		enforcement: spec.EnforcementEnforce, upstream: spec.UpstreamOverride, mode: spec.PreflightAnswer, detail: spec.DetailFull,
		check: spec.OriginCheckDisabled, success: 204, denyStatus: 403,
	}
	if len(w.cfg.Defaults) > 0 {
		d := w.cfg.Defaults[0].Spec
		s.lay(d.CORS, d.Enforcement, d.UpstreamHeaders, d.Preflight, d.WebSocket)
	}
	if owner != nil {
		s.lay(owner.Spec.CORS, owner.Spec.Enforcement, owner.Spec.UpstreamHeaders, owner.Spec.Preflight, owner.Spec.WebSocket)
	}
	if taken != nil && taken.rule != nil {
		s.lay(taken.rule.CORS, taken.rule.Enforcement, taken.rule.UpstreamHeaders, taken.rule.Preflight, taken.rule.WebSocket)
		if taken.from != nil && (taken.rule.CORS == nil || !setsOrigins(taken.rule.CORS)) {
			s.layOrigins(taken.from)
		}
	}
	set(&s.resource, s.cors.CrossOriginResourcePolicy)
	s.addPresets()
	return s
}

// strictest merges every policy, for an ambiguous path every rule, and otherwise the rules that match other
// origins, and keeps of each setting the strictest value.
func (w *twin) strictest(owners []*spec.Policy, refused []*twinRule, reason string) layered {
	var all []layered
	for _, p := range owners {
		all = append(all, w.merge(p, nil))
		for i := range p.Spec.Rules {
			if reason == "path_ambiguous" {
				all = append(all, w.merge(p, &twinRule{policy: p, rule: &p.Spec.Rules[i]}))
			}
		}
	}
	for _, r := range refused {
		all = append(all, w.merge(r.policy, r))
	}
	values := func(get func(layered) string, fromStrict ...string) string {
		for _, value := range fromStrict {
			if slices.ContainsFunc(all, func(s layered) bool { return get(s) == value }) {
				return value
			}
		}
		panic("no value is in the order")
	}
	return layered{
		enforcement: spec.Enforcement(values(func(s layered) string { return string(s.enforcement) }, "Block", "Enforce", "Shadow", "Disabled")),
		upstream:    spec.UpstreamHeaders(values(func(s layered) string { return string(s.upstream) }, "Override", "Merge", "Preserve")),
		mode:        spec.PreflightMode(values(func(s layered) string { return string(s.mode) }, "Answer", "Forward")),
		detail:      spec.PreflightDetail(values(func(s layered) string { return string(s.detail) }, "Minimal", "Full")),
		check:       spec.OriginCheck(values(func(s layered) string { return string(s.check) }, "Enforce", "Disabled")),
		resource:    spec.ResourcePolicy(values(func(s layered) string { return string(s.resource) }, "same-origin", "same-site", "", "cross-origin")),
		denyStatus:  slices.MaxFunc(all, func(a, b layered) int { return a.denyStatus - b.denyStatus }).denyStatus,
	}
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func setList[T any](to *[]T, from []T) {
	if from != nil {
		*to = from
	}
}

func setPointer[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

func (s *layered) lay(c *spec.CORS, e *spec.Enforcement, u *spec.UpstreamHeaders, p *spec.Preflight, ws *spec.WebSocket) {
	set(&s.enforcement, e)
	set(&s.upstream, u)
	if p != nil {
		set(&s.mode, p.Mode)
		set(&s.detail, p.Detail)
		set(&s.success, p.SuccessStatus)
		set(&s.denyStatus, p.DenyStatus)
	}
	if ws != nil {
		set(&s.check, ws.OriginCheck)
	}
	if c == nil {
		return
	}
	if setsOrigins(c) {
		s.layOrigins(c)
	}
	setList(&s.cors.AllowMethods, c.AllowMethods)
	setList(&s.cors.AllowHeaders, c.AllowHeaders)
	setList(&s.cors.ExposeHeaders, c.ExposeHeaders)
	setPointer(&s.cors.AllowCredentials, c.AllowCredentials)
	setPointer(&s.cors.MaxAge, c.MaxAge)
	setPointer(&s.cors.AllowPrivateNetwork, c.AllowPrivateNetwork)
	setPointer(&s.cors.ExpandExposeHeaders, c.ExpandExposeHeaders)
	setPointer(&s.cors.TimingAllowOrigin, c.TimingAllowOrigin)
	setPointer(&s.cors.CrossOriginResourcePolicy, c.CrossOriginResourcePolicy)
	setList(&s.cors.Presets, c.Presets)
}

func setsOrigins(c *spec.CORS) bool {
	return c.AllowOrigins != nil || c.AllowOriginRegexes != nil || c.AllowOriginSets != nil || c.AllowNullOrigin != nil
}

func (s *layered) layOrigins(c *spec.CORS) {
	s.cors.AllowOrigins, s.cors.AllowOriginRegexes = c.AllowOrigins, c.AllowOriginRegexes
	s.cors.AllowOriginSets, s.cors.AllowNullOrigin = c.AllowOriginSets, c.AllowNullOrigin
}

// twinPresets is the table of section 6: methods, headers, exposed headers.
var twinPresets = map[spec.Preset][3]string{
	"grpc-web": {"POST", "Content-Type X-Grpc-Web X-User-Agent Grpc-Timeout", "Grpc-Status Grpc-Message Grpc-Status-Details-Bin"},
	"connect": {
		"GET POST", "Content-Type Connect-Protocol-Version Connect-Timeout-Ms Grpc-Timeout X-Grpc-Web X-User-Agent",
		"Grpc-Status Grpc-Message Grpc-Status-Details-Bin",
	},
	"tus": {
		"POST HEAD PATCH DELETE",
		"Content-Type Tus-Resumable Upload-Length Upload-Offset Upload-Metadata Upload-Defer-Length Upload-Concat Upload-Checksum " +
			"Upload-Complete Upload-Draft-Interop-Version X-Request-ID X-HTTP-Method-Override",
		"Location Tus-Resumable Tus-Version Tus-Extension Tus-Max-Size Tus-Checksum-Algorithm Upload-Offset Upload-Length " +
			"Upload-Metadata Upload-Defer-Length Upload-Concat Upload-Expires",
	},
	"mcp": {
		"GET POST DELETE", "Content-Type Mcp-Session-Id Mcp-Protocol-Version Mcp-Method Mcp-Name Mcp-Param-* Last-Event-ID",
		"Mcp-Session-Id WWW-Authenticate",
	},
	"trace": {"", "Traceparent Tracestate Baggage", ""},
	"otlp":  {"POST", "Content-Type Content-Encoding", ""},
}

func (s *layered) addPresets() {
	for i, list := range []*[]string{&s.cors.AllowMethods, &s.cors.AllowHeaders, &s.cors.ExposeHeaders} {
		if slices.Contains(*list, "*") {
			continue
		}
		for _, p := range s.cors.Presets {
			*list = append(slices.Clone(*list), strings.Fields(twinPresets[p][i])...)
		}
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

// judge goes through the reasons in their order.
func (w *twin) judge(r *policy.Request, d twinDecision, tenants map[string]string, own bool) string {
	if d.class == "not_cors" {
		return "not_cors"
	}
	if !d.public() {
		if reason := w.judgeOrigin(r.Origin, d, tenants); reason != "" {
			if d.class != "preflight" && reason != "origin_malformed" && own {
				return "same_origin"
			}
			return reason
		}
	}
	if d.class != "preflight" {
		return "allowed"
	}
	if reason := twinMethod(r.RequestMethod, d.cors.AllowMethods); reason != "" {
		return reason
	}
	return twinHeaders(r.RequestHeaders, d.cors.AllowHeaders)
}

// public reports whether everyone is granted the same: "*" without credentials, but for a rule
// that matches some origins only.
func (d *twinDecision) public() bool {
	return d.star() && d.taken.from == nil
}

// star reports whether "*" is sent.
func (d *twinDecision) star() bool {
	return slices.Contains(d.cors.AllowOrigins, "*") && !isTrue(d.cors.AllowCredentials)
}

func (w *twin) judgeOrigin(lines []string, d twinDecision, tenants map[string]string) string {
	from := d.taken.from
	switch {
	case len(lines) == 1 && lines[0] == "null" && isTrue(d.cors.AllowNullOrigin) && from == nil:
		return ""
	case len(lines) == 1 && lines[0] == "null":
		return "origin_null"
	case len(lines) != 1 || !twinWellFormed(lines[0]):
		return "origin_malformed"
	case (from == nil || w.fits(d.taken, lines, tenants)) && w.listed(lines[0], d.cors, tenants, false):
		return ""
	}
	return "origin_not_allowed"
}

// listed goes through every entry of every list.
func (w *twin) listed(o string, c spec.CORS, tenants map[string]string, alsoExpired bool) bool {
	o = withoutDefaultPort(o)
	entries := slices.Clone(c.AllowOrigins)
	for _, set := range w.cfg.OriginSets {
		if slices.Contains(c.AllowOriginSets, set.Name) && (alsoExpired || !w.expired(set)) {
			entries = append(entries, set.Spec.Origins...)
		}
	}
	for _, entry := range entries {
		if twinTakesOrigin(entry, o, tenants) {
			return true
		}
	}
	return slices.ContainsFunc(c.AllowOriginRegexes, func(text string) bool {
		return regexp.MustCompile(`\A(?:` + text + `)\z`).MatchString(o)
	})
}

func (w *twin) expired(set spec.OriginSet) bool {
	return set.Spec.Expires != nil && !w.now.IsZero() && *set.Spec.Expires <= w.now.UTC().Format(time.DateOnly)
}

// twinTakesOrigin compares an entry with an origin that has no default port.
func twinTakesOrigin(entry, o string, tenants map[string]string) bool {
	if entry == "*" {
		return true
	}
	if before, name, found := strings.Cut(entry, "{"); found {
		name, after, _ := strings.Cut(name, "}")
		label, known := tenants[name]
		return known && twinTakesOrigin(before+label+after, o, nil)
	}
	entry = withoutDefaultPort(strings.ToLower(entry))
	if anyPort, found := strings.CutSuffix(entry, ":*"); found {
		if i := strings.LastIndex(o, ":"); i > strings.LastIndex(o, "]") && i > strings.Index(o, "://") {
			o = o[:i]
		}
		entry = anyPort
	}
	scheme, host, _ := strings.Cut(entry, "://")
	theirs, name, _ := strings.Cut(o, "://")
	switch {
	case scheme != theirs:
		return false
	case host == "*":
		return !strings.Contains(name[strings.LastIndex(name, "]")+1:], ":")
	case strings.HasPrefix(host, "*."):
		return strings.HasSuffix(name, host[1:])
	}
	return name == host
}

var (
	originForm  = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://(?:(?:[a-z0-9_-]+\.)*[a-z0-9_-]+\.?|\[([0-9a-f:]+)\])(?::([1-9][0-9]{0,4}))?$`)
	webViewForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://\.?$`)
	tokenForm   = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
)

func twinToken(s string) bool { return tokenForm.MatchString(s) && !strings.HasSuffix(s, "\n") }

// twinWellFormed is the grammar of 4.1.
func twinWellFormed(o string) bool {
	if webViewForm.MatchString(o) && len(o) <= 326 && !strings.HasPrefix(o, "http://") && !strings.HasPrefix(o, "https://") {
		return !strings.HasSuffix(o, "\n")
	}
	m := originForm.FindStringSubmatch(o)
	if m == nil || len(o) > 326 || strings.HasSuffix(o, "\n") {
		return false
	}
	if port, _ := strconv.Atoi(m[2]); port > 65535 {
		return false
	}
	return m[1] == "" || m[1] == twinIPv6(m[1])
}

// twinIPv6 writes an address as the URL standard does, "" where it is none.
func twinIPv6(text string) string {
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is6() {
		return ""
	}
	pieces := make([]string, 8)
	for i := range pieces {
		b := addr.As16()
		pieces[i] = strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16)
	}
	whole := strings.Join(pieces, ":")
	for n := 8; n >= 2; n-- { // the longest run first, and of equals the first
		zeros := strings.TrimSuffix(strings.Repeat("0:", n), ":")
		for i := 0; i+n <= 8; i++ {
			if strings.Join(pieces[i:i+n], ":") == zeros {
				return strings.Join(pieces[:i], ":") + "::" + strings.Join(pieces[i+n:], ":")
			}
		}
	}
	return whole
}

func twinNormalized(method string) string {
	for _, known := range []string{"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"} {
		if strings.EqualFold(method, known) {
			return known
		}
	}
	return method
}

// twinMethod gives a reason against the requested method, "" where there is none.
func twinMethod(lines, allowed []string) string {
	if len(lines) != 1 || !twinToken(lines[0]) {
		return "method_malformed"
	}
	method := lines[0]
	all := []string{"GET", "HEAD", "POST"}
	for _, name := range allowed {
		all = append(all, twinNormalized(name))
	}
	switch {
	case slices.Contains([]string{"CONNECT", "TRACE", "TRACK"}, strings.ToUpper(method)):
		return "method_forbidden"
	case method != "*" && slices.Contains(append(all, allowed...), "*"), method != "*" && slices.Contains(all, method):
		return ""
	case slices.ContainsFunc(all, func(name string) bool { return name != "*" && strings.EqualFold(name, method) }):
		return "method_case"
	}
	return "method_not_allowed"
}

func twinNames(lines []string) []string {
	var names []string
	for _, line := range lines {
		for _, name := range strings.Split(line, ",") {
			if name = strings.Trim(name, " \t"); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// twinHeaders gives a reason against the requested headers, or "allowed".
func twinHeaders(lines, allowed []string) string {
	names := twinNames(lines)
	switch {
	case len(strings.Join(lines, "")) > 8192, len(names) > 128:
		return "headers_too_large"
	case slices.ContainsFunc(names, func(name string) bool { return !twinToken(name) }):
		return "headers_malformed"
	}
	refused := "allowed"
	for _, name := range names {
		if twinTakesHeader(name, allowed) {
			continue
		}
		if strings.EqualFold(name, "authorization") {
			return "authorization_not_listed"
		}
		refused = "header_not_allowed"
	}
	return refused
}

// twinFamily gives what the names of a family begin with, in lower case, "" if the entry is none.
func twinFamily(entry string) string {
	prefix, found := strings.CutSuffix(strings.ToLower(entry), "*")
	if !found {
		return ""
	}
	return prefix
}

func twinTakesHeader(name string, allowed []string) bool {
	lower := strings.ToLower(name)
	for _, entry := range allowed {
		family := twinFamily(entry)
		if entry != "*" && family == "" && strings.ToLower(entry) == lower || family != "" && strings.HasPrefix(lower, family) && lower != "authorization" {
			return true
		}
	}
	forbidden := strings.Split("accept-charset accept-encoding access-control-request-headers access-control-request-method connection content-length cookie cookie2 date dnt expect host keep-alive origin referer set-cookie te trailer transfer-encoding upgrade via", " ")
	return slices.Contains(allowed, "*") && lower != "authorization" && lower != "*" && !slices.Contains(forbidden, lower) &&
		!strings.HasPrefix(lower, "proxy-") && !strings.HasPrefix(lower, "sec-")
}
