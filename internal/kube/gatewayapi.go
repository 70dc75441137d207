package kube

import (
	"encoding/json"
	"regexp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The resources of the Gateway API v1 (1.6) as far as they are read. The types of its own module are not used: they
// are a dependency for some twenty fields, and decode a route as a whole or not at all.

type gateway struct {
	Listeners []listener `json:"listeners"`
}

type listener struct {
	Name          string        `json:"name"`
	Hostname      string        `json:"hostname"`
	Port          int32         `json:"port"`
	Protocol      string        `json:"protocol"`
	AllowedRoutes allowedRoutes `json:"allowedRoutes"`
}

type allowedRoutes struct {
	Namespaces struct {
		From     string                `json:"from"`
		Selector *metav1.LabelSelector `json:"selector"`
	} `json:"namespaces"`
	Kinds []struct {
		Group *string `json:"group"`
		Kind  string  `json:"kind"`
	} `json:"kinds"`
}

// route is an HTTPRoute or a GRPCRoute.
type route struct {
	ParentRefs []parentRef `json:"parentRefs"`
	Hostnames  []string    `json:"hostnames"`
	Rules      []routeRule `json:"rules"`
}

type parentRef struct {
	Group       *string `json:"group"`
	Kind        *string `json:"kind"`
	Namespace   *string `json:"namespace"`
	Name        string  `json:"name"`
	SectionName string  `json:"sectionName"`
	Port        *int32  `json:"port"`
}

type routeRule struct {
	Name    string       `json:"name"`
	Matches []routeMatch `json:"matches"`
}

// routeMatch is a match of either kind. Headers and query parameters are not read: no preflight has them.
type routeMatch struct {
	Path   *pathMatch      `json:"path"`   // of an HTTPRoute
	Method json.RawMessage `json:"method"` // a text of an HTTPRoute, a grpcMethod of a GRPCRoute
}

type pathMatch struct {
	Type  spec.PathMatchType `json:"type"`
	Value string             `json:"value"`
}

type grpcMethod struct {
	Type    string `json:"type"`
	Service string `json:"service"`
	Method  string `json:"method"`
}

// requestMatch selects some of the requests to a host.
type requestMatch struct {
	path   pathMatch
	method string // "" for every method
}

// matchKey identifies the requests that a match selects: two with one key select the same.
type matchKey struct {
	path   plan.PathKey
	method string
}

func (m *requestMatch) key() matchKey {
	path := plan.PathMatch{Type: m.path.Type, Value: m.path.Value}
	return matchKey{path.Key(), m.method}
}

// decodeTarget reads the spec of a Gateway or route. The definitions of the Gateway API accept only valid ones.
func decodeTarget(k *kind, text json.RawMessage) (v version) {
	var err error
	if k == gatewayKind {
		v.gateway = &gateway{}
		err = json.Unmarshal(text, v.gateway)
	} else {
		v.route = &route{}
		err = json.Unmarshal(text, v.route)
	}
	if err != nil {
		return version{gateway: &gateway{}, route: &route{}} // nothing is known of it
	}
	return v
}

// requests returns the matches of a rule of a route of a kind. A rule without any selects everything.
func (r *routeRule) requests(k *kind) []requestMatch {
	if len(r.Matches) == 0 {
		return []requestMatch{{path: everyPath}}
	}
	all := make([]requestMatch, 0, len(r.Matches))
	for i := range r.Matches {
		if k == grpcRouteKind {
			all = append(all, r.Matches[i].grpc())
		} else {
			all = append(all, r.Matches[i].http())
		}
	}
	return all
}

var everyPath = pathMatch{spec.PathPrefix, "/"}

func (m *routeMatch) http() requestMatch {
	r := requestMatch{path: everyPath}
	if m.Path != nil {
		if m.Path.Type != "" {
			r.path.Type = m.Path.Type
		}
		if m.Path.Value != "" {
			r.path.Value = m.Path.Value
		}
	}
	_ = json.Unmarshal(m.Method, &r.method) // if it is missing, every method
	return r
}

// grpc returns the match of a gRPC method by its path, /SERVICE/METHOD.
func (m *routeMatch) grpc() requestMatch {
	var g grpcMethod
	_ = json.Unmarshal(m.Method, &g) // if it is missing, every method of every service
	const anyName = "[^/]+"
	expression := func(service, method string) requestMatch {
		return requestMatch{path: pathMatch{spec.PathRegularExpression, "/" + service + "/" + method}}
	}
	switch {
	case g.Service == "" && g.Method == "":
		return requestMatch{path: everyPath}
	case g.Type == "RegularExpression":
		service, method := anyName, anyName
		if g.Service != "" {
			service = "(?:" + g.Service + ")"
		}
		if g.Method != "" {
			method = "(?:" + g.Method + ")"
		}
		return expression(service, method)
	case g.Service == "":
		return expression(anyName, regexp.QuoteMeta(g.Method))
	case g.Method == "":
		return requestMatch{path: pathMatch{spec.PathPrefix, "/" + g.Service}}
	}
	return requestMatch{path: pathMatch{spec.PathExact, "/" + g.Service + "/" + g.Method}}
}

// isGateway reports whether the parent is a Gateway, and not a Service or ListenerSet.
func (p *parentRef) isGateway() bool {
	return (p.Group == nil || *p.Group == v1alpha1.GatewayGroup) && (p.Kind == nil || *p.Kind == gatewayKind.name)
}
