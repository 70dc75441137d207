package envoypolicy

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/internal/envoyconfig"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// table judges the virtual hosts of a route table for whose requests Envoy calls corsd. There are several
// filters if they are for some routes each, as those of Envoy Gateway's policies are.
func (k *checker) table(t *envoyconfig.Table, callers ...*caller) {
	k.tables++
	all := k.policies.served(domainsOfTable(t), len(t.Hosts))
	for i, c := range callers {
		outer := (&effects{failsOpen: c.failsOpen(), disabled: c.off}).within(&t.Scope, c)
		k.scope(&t.Scope, c)
		for j, s := range all {
			enabled := func(c *caller) bool { return c.enabledIn(t, t.Hosts[j]) }
			if enabled(c) || i == 0 && !slices.ContainsFunc(callers, enabled) {
				k.virtualHost(t.Hosts[j], &s, outer, c)
			}
		}
	}
	for i, s := range all {
		if k.governs(&s) {
			k.leftOut(t, t.Hosts[i], callers)
		}
	}
}

// leftOut warns of routes that enable none of the filters, if other routes of the virtual host do.
func (k *checker) leftOut(t *envoyconfig.Table, h *envoyconfig.VirtualHost, callers []*caller) {
	everywhere := func(c *caller) bool { return !c.off || t.Enables(c.filter) || h.Enables(c.filter) }
	some := func(c *caller) bool { return h.RouteEnables(c.filter) }
	if slices.ContainsFunc(callers, everywhere) || !slices.ContainsFunc(callers, some) {
		return
	}
	for _, r := range h.Routes {
		if !r.Answers && !slices.ContainsFunc(callers, func(c *caller) bool { return r.Enables(c.filter) }) {
			k.warn(r.Position, codeFilterDisabled, enabled, "corsd is not called for %s, whose host policies govern",
				routeName(r, "virtual host "+h.Name))
		}
	}
}

func routeName(r *envoyconfig.Route, host string) string {
	if r.Name == "" {
		return "a route of " + host
	}
	return "route " + r.Name + " of " + host
}

// enabledIn reports whether Envoy may call the filter for a request of a virtual host.
func (c *caller) enabledIn(t *envoyconfig.Table, h *envoyconfig.VirtualHost) bool {
	return !c.off || t.Enables(c.filter) || h.Enables(c.filter) || h.RouteEnables(c.filter)
}

// place is a virtual host or a route to judge.
type place struct {
	position spec.Position
	name     string // "virtual host shop"
	*effects
	needs    *needs
	stray    string // a host that no policy names, "" if there is none
	governed bool   // corsd is called, and a policy applies
	outer    *place // the virtual host of a route: equal effects are not judged again

	// nothingLeft reports that upstream's CORS headers do not come this far: each route of the virtual host removes
	// them, or Envoy answers the route itself.
	nothingLeft bool
}

// differs reports whether the place differs from that around it.
func (v *place) differs(in func(*place) bool) bool {
	return v.outer == nil || v.governed != v.outer.governed || v.needs != v.outer.needs || in(v) != in(v.outer)
}

func (k *checker) virtualHost(h *envoyconfig.VirtualHost, s *served, outer *effects, c *caller) {
	for _, host := range s.governed {
		k.served[host] = true
	}
	v := &place{
		position: h.Position, name: "virtual host " + h.Name, effects: outer.within(&h.Scope, c), needs: k.needsOf(s),
		stray: k.untouched(s),
	}
	k.scope(&h.Scope, c)
	governed := k.governs(s)
	if n := k.selected(v.selector); n != nil {
		v.needs, v.stray, governed = n, "", true
	}
	if governed && v.disabled && !h.RouteEnables(c.filter) {
		k.fault(v.offAt(), codeFilterDisabled, enabled,
			"corsd is not called for %s, whose hosts policies govern", v.name)
	}
	v.governed = governed && !v.disabled
	v.nothingLeft = v.eachStrips(h.Routes, c)
	k.place(v, c)
	for _, r := range h.Routes {
		k.route(r, v, c, governed)
	}
}

// eachStrips reports whether there are routes to upstream, and each of them strips. So Istio does it by a
// VirtualService, and Envoy Gateway by an HTTPRoute.
func (v *place) eachStrips(routes []*envoyconfig.Route, c *caller) bool {
	strips := false
	for _, r := range routes {
		if r.Answers {
			continue
		}
		if strips = v.within(&r.Scope, c).strips(); !strips {
			return false
		}
	}
	return strips
}

// route judges a route that has settings of its own.
func (k *checker) route(r *envoyconfig.Route, of *place, c *caller, governed bool) {
	if len(r.Removes)+len(r.Adds)+len(r.PerFilter) == 0 && !r.NativeCORS.Set {
		return
	}
	v := &place{
		position: r.Position, name: routeName(r, of.name), effects: of.within(&r.Scope, c),
		needs: of.needs, stray: of.stray, outer: of,
		nothingLeft: r.Answers,
	}
	k.scope(&r.Scope, c)
	if n := k.selected(v.selector); n != nil && v.selector != of.selector {
		v.needs, v.stray, governed = n, "", true
	}
	if governed && v.disabled && !of.disabled {
		k.warn(v.offAt(), codeFilterDisabled, enabled, "corsd is not called for %s, whose host policies govern", v.name)
	}
	v.governed = governed && !v.disabled
	k.place(v, c)
}

const enabled = "typed_per_filter_config that enables the filter"

// offAt returns where the filter is disabled: the place itself, if the filter is.
func (v *place) offAt() spec.Position {
	if v.disabledAt == (spec.Position{}) {
		return v.position
	}
	return v.disabledAt
}

// selected returns the needs of the entry that a selector names, nil if it names none, or one that is not known.
func (k *checker) selected(selector envoyconfig.Text) *needs {
	if !selector.Set || strings.Contains(selector.Value, "%") { // which Envoy replaces
		return nil
	}
	name, rule, namesRule := strings.Cut(selector.Value, "#")
	n := selected(k.Plan, name, rule, namesRule)
	if n == nil {
		k.faultOf(selector, codeSelectorUnknown, k.nearestSelector(name),
			"is not a policy or rule, so every request is refused")
	}
	return n
}

// scope judges names and keys.
func (k *checker) scope(s *envoyconfig.Scope, c *caller) {
	for _, p := range s.PerFilter {
		switch {
		case p.Filter == c.filter:
			k.keys(p.Metadata)
		case len(c.names) > 0 && len(corsdKeys(p)) > 0 && !slices.Contains(c.names, p.Filter):
			k.faultOf(envoyconfig.Text{Value: p.Filter, Position: p.Position}, codeFilterName, c.filter,
				"is not the name of an HTTP filter, so this has no effect")
		}
	}
}

// place judges the effects of a virtual host or route.
func (k *checker) place(v *place, c *caller) {
	if v.static.Value != "" && !c.authz() && v.differs(func(p *place) bool { return p.static != v.static }) {
		k.reported(v)
	}
	if v.differs((*place).stripped) {
		if v.stripped() {
			k.strip(v, c)
		} else if v.governed && !v.nothingLeft {
			k.noStrip(v, c)
		}
	}
	if !v.governed {
		return
	}
	k.other(v, c)
	k.resource(v, c)
	if v.differs(func(*place) bool { return true }) {
		k.unsupported(v, c)
	}
	if v.needs.blocks != nil && v.failsOpen && c.tooLate() == nil &&
		v.differs(func(p *place) bool { return p.failsOpen }) {
		k.open(v, c)
	}
}

// open warns of a place that fails open.
func (k *checker) open(v *place, c *caller) {
	pos, hint := v.failsOpenAt, "overrides: { failure_mode_allow: false } for this virtual host"
	if pos == (spec.Position{}) { // that of the filter
		pos = v.position
	}
	if c.authz() {
		hint = "failure_mode_allow: false"
	}
	k.warn(pos, codeFailsOpen, hint, "%s fails open: %s, which has no effect while corsd is down", v.name,
		v.needs.blocks)
}

// reported compares corsd-static with the effects.
func (k *checker) reported(v *place) {
	for _, word := range []struct {
		reported, done bool
		word, effect   string
	}{
		{
			v.static.words.Strip, v.strips(), "strip",
			"it does not remove access-control-allow-origin; refused origins can read upstream's own headers",
		},
		{
			v.static.words.Vary, v.varies(), "vary",
			"it does not add Vary: Origin; a cache can answer one origin with the response of another",
		},
		{
			v.static.words.Set, v.sets(), "set",
			"it does not set all of access-control-allow-origin, -allow-credentials and -expose-headers from the " +
				"metadata of corsd; allowed origins lack them",
		},
	} {
		if word.reported && !word.done {
			k.faultOf(v.static.Text, codeStaticFalse, "the same in the virtual host, or no "+word.word,
				"reports %s of %s, but %s", word.word, v.name, word.effect)
		}
	}
}

// stripped reports whether upstream's CORS headers are removed, or corsd believes it.
func (v *place) stripped() bool { return v.strips() || v.static.words.Strip }

// strip judges a place that removes upstream's CORS headers.
func (k *checker) strip(v *place, c *caller) {
	pos := v.position
	if !v.strips() {
		pos = v.static.Position
	}
	const hint = "neither response_headers_to_remove nor strip here"
	switch {
	case v.governed && v.needs.leaves != nil:
		k.fault(pos, codeStripConflict, hint, "%s removes upstream's CORS headers, but %s, with which responses "+
			"do not change", v.name, v.needs.leaves)
	case v.governed && v.needs.keeps != nil && !c.authz():
		k.fault(pos, codeStripConflict, hint, "%s removes upstream's CORS headers, but %s, which needs them",
			v.name, v.needs.keeps)
	}
	if v.stray != "" {
		k.warn(pos, codeStripUngoverned, hint+", or a policy for these hosts",
			"%s removes upstream's CORS headers also for hosts that no policy governs, such as %s", v.name, v.stray)
	}
	if missing := v.missing(v.needs); v.governed && v.strips() && len(missing) > 0 {
		k.warn(pos, codeStripIncomplete, "all CORS response headers in response_headers_to_remove",
			"%s removes access-control-allow-origin, but not %s", v.name, strings.Join(missing, ", "))
	}
	k.varied(v, c)
}

// varied judges Vary under ext_authz, where only Envoy can add it.
func (k *checker) varied(v *place, c *caller) {
	if v.governed && c.authz() && !v.varies() && v.needs.leaves == nil {
		k.warn(v.position, codeVaryMissing, "response_headers_to_add with vary: Origin",
			"%s does not add Vary: Origin, which corsd cannot do with ext_authz; a cache can answer one origin with "+
				"the response of another", v.name)
	}
}

// noStrip judges a governed place that leaves upstream's CORS headers to corsd.
func (k *checker) noStrip(v *place, c *caller) {
	k.varied(v, c)
	if v.needs.leaves != nil || v.stray != "" || v.needs.keeps != nil && !c.authz() {
		return
	}
	const hint = "response_headers_to_remove with all CORS response headers (corsd envoy writes it)"
	switch {
	case c.authz():
		k.fault(v.position, codeStripMissing, hint, "%s does not remove upstream's CORS headers, which corsd cannot "+
			"do with ext_authz; refused origins can read them", v.name)
	case v.failsOpen:
		k.warn(v.position, codeStripMissing, hint,
			"%s does not remove upstream's CORS headers, and fails open: they reach browsers while corsd is down",
			v.name)
	}
}

// other judges CORS headers that Envoy sets beside corsd.
func (k *checker) other(v *place, c *caller) {
	if v.needs.leaves != nil {
		return
	}
	if c.native && v.native.Set && v.differs(func(p *place) bool { return p.native == v.native }) {
		k.fault(v.native.Position, codeNativeCORS, "no policy of the native cors filter here",
			"%s has a policy of the native cors filter, which sets CORS headers beside corsd", v.name)
	}
	h, found := v.ownCORS()
	if found && v.differs(func(p *place) bool { _, found := p.ownCORS(); return found }) {
		k.faultOf(h.Key, codeNativeCORS, "the policy of corsd alone", "is added by %s beside corsd", v.name)
	}
}

// resource compares Cross-Origin-Resource-Policy with the header that the virtual host sets. Requests without an
// Origin, for which corsd is not called, are those that it is for.
func (k *checker) resource(v *place, c *caller) {
	value := string(v.needs.static())
	wrong := func(p *place) bool {
		h, found := p.added(resourcePolicy)
		return !found || h.Value.Value != value
	}
	if value != "" && v.stray == "" && c.onlyOrigin && wrong(v) && v.differs(wrong) {
		k.fault(v.position, codeResourcePolicy, "response_headers_to_add with "+resourcePolicy+": "+value,
			"%s does not set it for requests without an Origin, for which corsd is not called: %s", v.name,
			v.needs.resource.of)
	}
}

// unsupported judges settings that the way in which Envoy calls corsd cannot carry out.
func (k *checker) unsupported(v *place, c *caller) {
	if late := c.tooLate(); late != nil && v.needs.blocks != nil {
		k.fault(late.Position, codeUnsupported, "request_header_mode: SEND, as deploy/envoy.yaml has it",
			"corsd is called with the response, and %s, which comes too late then", v.needs.blocks)
	}
	if !c.authz() {
		return
	}
	for _, need := range []struct {
		*reason
		effect string
	}{
		{v.needs.keeps, "which acts as Override"},
		{v.needs.expands, "which exposes none of the names"},
		{v.needs.forwards, "whose responses lack the two request headers in Vary"},
	} {
		if need.reason != nil {
			k.warn(v.position, codeUnsupported, "ext_proc",
				"ext_authz cannot carry out all settings of %s: %s, %s", v.name, need.reason, need.effect)
		}
	}
}
