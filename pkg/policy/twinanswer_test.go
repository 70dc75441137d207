package policy_test

import (
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// This file is the part of the twin that writes answers: what the client gets, header by header, as the contract has it.

// twinLines are the header lines of a response that are about CORS.
type twinLines map[string][]string

func (l twinLines) set(name, value string) {
	if value != "" {
		l[name] = []string{value}
	}
}

// list gives the lines as exchange.headers does.
func (l twinLines) list() []string {
	var lines []string
	for name, values := range l {
		for _, value := range values {
			lines = append(lines, name+": "+value)
		}
	}
	return sorted(lines)
}

func isTwinName(name string) bool {
	return strings.HasPrefix(name, "access-control-") || slices.Contains([]string{"vary", "timing-allow-origin", "cross-origin-resource-policy"}, name)
}

// answer gives the status and the lines that the client gets.
func (w *twin) answer(r *request, d *twinDecision) (status int, lines twinLines) {
	lines = twinLines{}
	if d.action == "respond" {
		return w.respond(r, d, lines), lines
	}
	for _, f := range r.upstream {
		if isTwinName(f.Name) {
			lines[f.Name] = append(lines[f.Name], string(f.Value))
		}
	}
	if d.action == "pass" || r.status >= 100 && r.status <= 199 {
		return r.status, lines
	}
	if d.settings.upstream != spec.UpstreamPreserve || lines["access-control-allow-origin"] == nil {
		w.edit(r, d, lines)
	}
	d.vary(lines)
	return r.status, lines
}

// respond gives the answer in upstream's place.
func (w *twin) respond(r *request, d *twinDecision, lines twinLines) (status int) {
	explained := slices.Contains([]string{"method_case", "method_not_allowed", "authorization_not_listed", "header_not_allowed"}, d.reason)
	switch {
	case d.class == "preflight" && d.reason == "allowed":
		status = d.settings.success
		w.grant(r, d, lines)
		w.grantPreflight(r, d, lines)
		lines.set("access-control-expose-headers", strings.Join(d.exposed(nil), ", "))
	case d.class == "preflight" && explained && d.settings.detail == spec.DetailFull:
		status = d.settings.success
		w.grant(r, d, lines)
		w.grantLists(r, d, lines)
	case d.class == "preflight":
		status = d.settings.denyStatus
	default:
		status = 403
		d.setResource(lines)
	}
	d.vary(lines)
	return status
}

// grant sets who may read.
func (w *twin) grant(r *request, d *twinDecision, lines twinLines) {
	if d.star() {
		lines.set("access-control-allow-origin", "*")
	} else {
		lines.set("access-control-allow-origin", r.Origin[0])
	}
	if isTrue(d.cors.AllowCredentials) {
		lines.set("access-control-allow-credentials", "true")
	}
}

func (w *twin) grantLists(r *request, d *twinDecision, lines twinLines) {
	lines.set("access-control-allow-methods", strings.Join(w.methods(r, d), ", "))
	lines.set("access-control-allow-headers", strings.Join(d.headers(r), ", "))
}

func (w *twin) grantPreflight(r *request, d *twinDecision, lines twinLines) {
	w.grantLists(r, d, lines)
	switch {
	case d.depends:
		lines.set("access-control-max-age", "0")
	case d.cors.MaxAge != nil:
		lines.set("access-control-max-age", strconv.FormatInt(int64(*d.cors.MaxAge), 10))
	}
	if isTrue(d.cors.AllowPrivateNetwork) && slices.Equal(r.RequestPrivateNetwork, []string{"true"}) {
		lines.set("access-control-allow-private-network", "true")
	}
}

// methods lists what is allowed, without those that lead to another rule.
func (w *twin) methods(r *request, d *twinDecision) (methods []string) {
	if slices.Contains(d.cors.AllowMethods, "*") {
		if twinMethod(r.RequestMethod, d.cors.AllowMethods) == "" {
			return r.RequestMethod
		}
		return nil
	}
	for _, name := range d.cors.AllowMethods {
		name = twinNormalized(name)
		as := *r
		as.RequestMethod = []string{name}
		other := w.decide(&as.Request)
		if sameRule := other.policy == d.policy && other.rule == d.rule; sameRule && !slices.Contains(methods, name) {
			methods = append(methods, name)
		}
	}
	return methods
}

// headers lists what is allowed. In place of a family, or of "*", there are the requested names.
func (d *twinDecision) headers(r *request) (headers []string) {
	listed := d.cors.AllowHeaders
	asked := slices.DeleteFunc(twinNames(r.RequestHeaders), func(name string) bool { return !twinTakesHeader(name, listed) })
	if reason := twinHeaders(r.RequestHeaders, listed); reason == "headers_malformed" || reason == "headers_too_large" {
		asked = nil // it was not read: the method was refused before
	}
	if slices.Contains(listed, "*") {
		return distinct(asked)
	}
	for _, name := range listed {
		family := twinFamily(name)
		if family == "" {
			headers = append(headers, name)
			continue
		}
		for _, name := range asked {
			if strings.HasPrefix(strings.ToLower(name), family) && !lists(listed, name) {
				headers = append(headers, name)
			}
		}
	}
	return distinct(headers)
}

// lists reports whether a list has a name, and not by a family.
func lists(list []string, name string) bool {
	return slices.ContainsFunc(list, func(entry string) bool { return twinFamily(entry) == "" && strings.EqualFold(entry, name) })
}

// distinct leaves out repeats, in any case.
func distinct(names []string) (once []string) {
	for _, name := range names {
		if !slices.ContainsFunc(once, func(known string) bool { return strings.EqualFold(known, name) }) {
			once = append(once, name)
		}
	}
	return once
}

// granted reports whether the response lets someone read.
func (d *twinDecision) granted() bool {
	return d.verdict == "allow" || d.class == "not_cors" && d.taken != nil && d.public()
}

// edit replaces upstream's headers by ours.
func (w *twin) edit(r *request, d *twinDecision, lines twinLines) {
	exposed := d.exposed(r.upstream)
	timing := isTrue(d.cors.TimingAllowOrigin) && d.class != "preflight"
	for name := range lines {
		if strings.HasPrefix(name, "access-control-") || timing && name == "timing-allow-origin" {
			delete(lines, name)
		}
	}
	families := slices.ContainsFunc(d.cors.ExposeHeaders, func(name string) bool { return twinFamily(name) != "" })
	mixes := d.byOrigin && d.class == "actual" && (r.status == 304 || r.status == 0)
	if d.granted() {
		w.grant(r, d, lines)
		if d.class == "preflight" {
			w.grantPreflight(r, d, lines)
		}
		if r.status != 304 || !families || mixes {
			lines.set("access-control-expose-headers", strings.Join(exposed, ", "))
		}
	}
	if mixes {
		for name, value := range map[string]string{"origin": "none", "credentials": "false"} {
			if name = "access-control-allow-" + name; lines[name] == nil {
				lines.set(name, value)
			}
		}
		if lines["access-control-expose-headers"] == nil {
			lines.set("access-control-expose-headers", "Content-Type")
		}
	}
	if reader := lines["access-control-allow-origin"]; timing && reader != nil {
		lines.set("timing-allow-origin", reader[0])
	}
	d.setResource(lines)
}

func (d *twinDecision) setResource(lines twinLines) {
	if d.class == "actual" || d.class == "not_cors" {
		lines.set("cross-origin-resource-policy", string(d.settings.resource))
	}
}

// expands reports whether the response's own names stand in place of "*".
func (d *twinDecision) expands() bool {
	return slices.Contains(d.cors.ExposeHeaders, "*") && isTrue(d.cors.ExpandExposeHeaders) && isTrue(d.cors.AllowCredentials)
}

// exposed lists the exposed headers of a granted response.
func (d *twinDecision) exposed(upstream []policy.Field) (names []string) {
	var own []string
	safelisted := []string{"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma", "set-cookie", "set-cookie2"}
	for _, f := range upstream {
		if d.class != "preflight" && !slices.Contains(safelisted, f.Name) && !strings.HasPrefix(f.Name, "x-envoy-") && !strings.HasPrefix(f.Name, "access-control-") {
			own = append(own, f.Name)
		}
	}
	for _, name := range d.cors.ExposeHeaders {
		switch family := twinFamily(name); {
		case d.expands() && d.class == "preflight":
		case d.expands() && name == "*":
			names = append(names, own...)
		case family != "":
			for _, name := range own {
				if strings.HasPrefix(name, family) && !lists(d.cors.ExposeHeaders, name) {
					names = append(names, name)
				}
			}
		default:
			names = append(names, name)
		}
	}
	for _, f := range upstream {
		if d.settings.upstream == spec.UpstreamMerge && f.Name == "access-control-expose-headers" {
			names = append(names, slices.DeleteFunc(twinNames([]string{string(f.Value)}), func(name string) bool { return !twinToken(name) })...)
		}
	}
	return distinct(names)
}

// vary adds what the answer depends on to upstream's Vary.
func (d *twinDecision) vary(lines twinLines) {
	var needed []string
	preserves := d.action == "continue" && d.settings.upstream == spec.UpstreamPreserve
	if d.taken == nil || !d.star() || preserves || d.byOrigin {
		needed = append(needed, "Origin")
	}
	if d.class == "preflight" {
		needed = append(needed, "Access-Control-Request-Method", "Access-Control-Request-Headers")
		if isTrue(d.cors.AllowPrivateNetwork) {
			needed = append(needed, "Access-Control-Request-Private-Network")
		}
	}
	have := twinNames(lines["vary"])
	all := distinct(append(have, needed...))
	if slices.Contains(have, "*") || len(all) == len(distinct(have)) {
		return
	}
	lines.set("vary", strings.Join(all, ", "))
}

// comparable is a list of lines without the order of what stands for the response's own names.
func (d *twinDecision) comparable(lines []string) []string {
	lines = slices.Clone(lines)
	for i, line := range lines {
		if list, found := strings.CutPrefix(line, "access-control-expose-headers: "); found && d.expands() {
			names := twinNames([]string{strings.ToLower(list)})
			slices.Sort(names)
			lines[i] = "access-control-expose-headers: " + strings.Join(names, ", ")
		}
	}
	return lines
}
