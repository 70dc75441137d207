package policy

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/plan"
)

// methodList leaves out the methods that do not lead to this entry: a browser remembers a
// preflight for the URL, not for the rule.
func (d *Decision) methodList(a *Response) []byte {
	start := len(a.buf)
	switch allowed := d.settings.Methods; {
	case allowed.Any:
		if method := d.request.RequestMethod[0]; allowed.AllowsMethod(method) {
			a.buf = append(a.buf, method...)
		}
	case d.methodDependent:
		for _, method := range allowed.List {
			if d.leadsHere(method) {
				a.buf = header.AppendElement(a.buf, start, method)
			}
		}
	default:
		return allowed.Joined
	}
	return a.keep(start)
}

// headerList lists the headers that are allowed. It reflects the requested names that "*" or a
// family covers: browsers read a "*" as a name if credentials are allowed, and know no families.
func (d *Decision) headerList(a *Response) []byte {
	allowed := d.settings.Headers
	if !allowed.Any && len(allowed.Families) == 0 {
		return allowed.Joined
	}
	switch judgeHeaders(allowed, d.request.RequestHeaders) {
	case ReasonHeadersTooLarge, ReasonHeadersMalformed: // and refused for its method
		if allowed.Any {
			return nil
		}
		return allowed.Joined
	}
	start := len(a.buf)
	list := header.NewList(a.buf, start)
	if allowed.Any {
		d.addRequested(&list, allowed.AllowsHeader)
	} else {
		for _, name := range allowed.List {
			if prefix, isFamily := plan.FamilyPrefix(name); isFamily {
				d.addRequested(&list, func(name string) bool {
					return header.HasPrefixFold(name, prefix) && !allowed.Lists(name) && allowed.AllowsHeader(name)
				})
			} else {
				list.AddString(name)
			}
		}
	}
	a.buf = list.Bytes()
	return a.keep(start)
}

// addRequested adds the requested header names that are covered.
func (d *Decision) addRequested(list *header.List, covers func(name string) bool) {
	for _, line := range d.request.RequestHeaders {
		for name, rest := header.Next(line); name != ""; name, rest = header.Next(rest) {
			if covers(name) {
				list.AddString(name)
			}
		}
	}
}

// exposed returns the exposed headers: the policy's, the response's own in place of "*" and
// families, and upstream's if they are merged.
func (d *Decision) exposed(a *Response, upstream []Field) []byte {
	names := d.settings.Expose
	merges := d.conduct.UpstreamHeaders == plan.Merge && d.Outcome == Granted
	if !merges && !d.readsNames() {
		return names.Joined
	}
	start := len(a.buf)
	list := header.NewList(a.buf, start)
	own := names.List
	if d.settings.ExpandsExposed() {
		d.addOwn(&list, "", upstream)
		if d.Class == ClassPreflight {
			own = nil // nobody reads the headers of a preflight's answer
		}
	}
	for _, name := range own {
		if prefix, isFamily := plan.FamilyPrefix(name); isFamily {
			d.addOwn(&list, prefix, upstream)
		} else if name != "*" || !d.settings.ExpandsExposed() {
			list.AddString(name)
		}
	}
	if merges {
		a.lines = appendValues(a.lines[:0], upstream, exposeHeaders)
		list.AddTokens(a.lines)
	}
	a.buf = list.Bytes()
	return a.keep(start)
}

// addOwn adds the response's own names that begin with a prefix, but those that the policy names
// itself.
func (d *Decision) addOwn(list *header.List, prefix string, upstream []Field) {
	if d.Class == ClassPreflight {
		return
	}
	for i := range upstream {
		name := upstream[i].Name
		if header.HasPrefixFold(name, prefix) && isExpanded(name) && (prefix == "" || !d.settings.Expose.Lists(name)) {
			list.AddString(name)
		}
	}
}

// isExpanded leaves out the names that a page can read anyway, those that it never can, and the
// proxy's own.
func isExpanded(name string) bool {
	return header.IsToken(name) && !header.IsForbiddenResponseHeader(name) &&
		!header.IsSafelistedResponseHeader(name) &&
		!strings.HasPrefix(name, "x-envoy-") && !strings.HasPrefix(name, corsPrefix)
}

// variance is a set of request headers that a response depends on.
type variance uint8

const (
	onOrigin variance = 1 << iota
	onPreflight
	onPrivateNetwork
	numVariances
)

// varyNames has the names of each variance, varyValues these names as Vary has them.
var varyNames, varyValues = func() (names [numVariances][]string, values [numVariances][]byte) {
	for v := range numVariances {
		if v&onOrigin != 0 {
			names[v] = append(names[v], "Origin")
		}
		if v&onPreflight != 0 {
			names[v] = append(names[v], "Access-Control-Request-Method", "Access-Control-Request-Headers")
		}
		if v&onPrivateNetwork != 0 {
			names[v] = append(names[v], "Access-Control-Request-Private-Network")
		}
		values[v] = []byte(strings.Join(names[v], ", "))
	}
	return names, values
}()

// appendVary adds the request headers that the decision depends on to the Vary lines. It sets
// nothing if the lines have them already.
func (d *Decision) appendVary(a *Response, lines [][]byte) {
	v := d.varies()
	if len(lines) == 0 {
		a.set(vary, varyValues[v])
		return
	}
	start := len(a.buf)
	buf, changed := header.AppendVary(a.buf, lines, varyNames[v])
	if a.buf = buf; changed {
		a.set(vary, a.keep(start))
	}
}

// varies returns the request headers that the response depends on. Under Preserve upstream may echo
// the origin, so a public response depends on it too, and so does one that another rule would
// have made for another origin.
func (d *Decision) varies() variance {
	var v variance
	preserves := d.Outcome.Action() == ActionContinue && d.conduct.UpstreamHeaders == plan.Preserve
	if !d.settings.Public || preserves || d.originDependent {
		v |= onOrigin
	}
	if d.Class == ClassPreflight {
		v |= onPreflight
		if d.settings.PrivateNetwork {
			v |= onPrivateNetwork
		}
	}
	return v
}
