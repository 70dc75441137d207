package kube

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// routing has the requests that Gateways send to each route. It never changes.
type routing struct {
	objects   map[key]*object // Gateways and routes
	labels    map[string]labels.Set
	grants    grants
	ofRoute   map[key][]attachment
	ofGateway map[spec.ID][]attachment
	byHost    map[plan.HostPattern]*hostRoutes // those that [routing.receives] requests
}

// hostRoutes are the matches of routes at a host: all of them, and by what they select.
type hostRoutes struct {
	all   []*routed
	byKey map[matchKey][]*routed
}

// attachment is a route at a listener, with the hosts whose requests the route can receive there.
type attachment struct {
	route    *object
	gateway  spec.ID
	listener string
	hosts    []plan.HostPattern
}

// routed is a match of a route.
type routed struct {
	requestMatch

	key         matchKey
	route       *object
	rule, match int
}

// routeRuleKey identifies a rule of a route.
type routeRuleKey struct {
	route key
	rule  int
}

func (r *routed) ruleKey() routeRuleKey { return routeRuleKey{r.route.key, r.rule} }

// newRouting returns the routing of Gateways and routes. labels has the labels of namespaces, as far as they are known.
func newRouting(objects []*object, labels map[string]labels.Set, g grants) *routing {
	t := &routing{
		objects: make(map[key]*object, len(objects)), labels: labels, grants: g,
		ofRoute: map[key][]attachment{}, ofGateway: map[spec.ID][]attachment{},
		byHost: map[plan.HostPattern]*hostRoutes{},
	}
	objects = slices.SortedFunc(slices.Values(objects), compareAge)
	for _, o := range objects {
		t.objects[o.key] = o
	}
	for _, o := range objects {
		if o.kind != gatewayKind {
			t.addRoute(o)
		}
	}
	return t
}

func (t *routing) addRoute(o *object) {
	hosts := map[plan.HostPattern]bool{}
	for i := range o.route.ParentRefs {
		for _, a := range t.attach(o, &o.route.ParentRefs[i]) {
			t.ofRoute[o.key] = append(t.ofRoute[o.key], a)
			t.ofGateway[a.gateway] = append(t.ofGateway[a.gateway], a)
			for _, host := range a.hosts {
				if t.receives(&a, host) {
					hosts[host] = true
				}
			}
		}
	}
	if len(hosts) == 0 {
		return
	}
	for i := range o.route.Rules {
		for j, m := range o.route.Rules[i].requests(o.kind) {
			r := &routed{m, m.key(), o, i, j}
			for host := range hosts {
				t.addMatch(host, r)
			}
		}
	}
}

func (t *routing) addMatch(host plan.HostPattern, r *routed) {
	at := t.byHost[host]
	if at == nil {
		at = &hostRoutes{byKey: map[matchKey][]*routed{}}
		t.byHost[host] = at
	}
	at.all = append(at.all, r)
	at.byKey[r.key] = append(at.byKey[r.key], r)
}

// receives reports whether the requests to a host are known to reach a route at a listener: the namespace of the
// Gateway, or that of the route, is granted the host. Otherwise whoever may create a Gateway could attach a route to it
// for a host of others, and so have a part of that host ungoverned, or refused.
func (t *routing) receives(a *attachment, host plan.HostPattern) bool {
	return t.grants.allow(a.gateway.Namespace, host) || t.grants.allow(a.route.id.Namespace, host)
}

// attach returns the listeners that a route is attached to by one of its parents.
func (t *routing) attach(o *object, parent *parentRef) (all []attachment) {
	id := spec.ID{Namespace: o.id.Namespace, Name: parent.Name}
	if parent.Namespace != nil {
		id.Namespace = *parent.Namespace
	}
	g := t.objects[key{gatewayKind, id}]
	if !parent.isGateway() || g == nil {
		return nil
	}
	for i := range g.gateway.Listeners {
		l := &g.gateway.Listeners[i]
		if parent.SectionName != "" && parent.SectionName != l.Name || parent.Port != nil && *parent.Port != l.Port ||
			!t.permits(l, g, o) {
			continue
		}
		if hosts := g.gateway.hostsAt(l, o.route.Hostnames); len(hosts) > 0 {
			all = append(all, attachment{o, id, l.Name, hosts})
		}
	}
	return all
}

// permits reports whether a listener lets a route attach, apart from hosts.
func (t *routing) permits(l *listener, g, o *object) bool {
	if !l.isHTTP() {
		return false
	}
	kinds := l.AllowedRoutes.Kinds
	permitted := len(kinds) == 0
	for _, k := range kinds {
		permitted = permitted || k.Kind == o.kind.name && (k.Group == nil || *k.Group == v1alpha1.GatewayGroup)
	}
	if !permitted {
		return false
	}
	switch n := &l.AllowedRoutes.Namespaces; n.From {
	case "", "Same":
		return g.id.Namespace == o.id.Namespace
	case "All":
		return true
	case "Selector":
		set, known := t.labels[o.id.Namespace]
		selector, err := metav1.LabelSelectorAsSelector(n.Selector)
		return known && err == nil && selector.Matches(set)
	}
	return false
}

func (l *listener) isHTTP() bool { return l.Protocol == "HTTP" || l.Protocol == "HTTPS" }

// host returns the pattern of the listener's hostname.
func (l *listener) host() (plan.HostPattern, bool) { return hostOf(l.Hostname) }

func hostOf(name string) (plan.HostPattern, bool) {
	if name == "" {
		name = "*"
	}
	p, err := plan.ParseHost(name)
	return p, err == nil
}

// hostsAt returns the hosts whose requests a route with these hostnames receives at a listener of the Gateway. A host
// that is also one of a listener with a more specific hostname belongs to that one (Gateway API, listener isolation).
// The ports of listeners make no difference, since corsd does not see them.
func (g *gateway) hostsAt(l *listener, names []string) (hosts []plan.HostPattern) {
	own, ok := l.host()
	if !ok {
		return nil
	}
	if len(names) == 0 {
		return []plan.HostPattern{own}
	}
	for _, name := range names {
		host, ok := hostOf(name)
		if !ok {
			continue
		}
		switch {
		case own.Contains(host):
		case host.Contains(own):
			host = own
		default:
			continue
		}
		if !slices.Contains(hosts, host) && !g.isolates(own, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// isolates reports whether another listener than those with the hostname own has a host.
func (g *gateway) isolates(own, host plan.HostPattern) bool {
	return slices.ContainsFunc(g.Listeners, func(l listener) bool {
		other, ok := l.host()
		return ok && l.isHTTP() && other != own && own.Contains(other) && other.Contains(host)
	})
}
