package envoypolicy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy/plan"
)

// domains finds the virtual host that serves a host, in Envoy's order: the exact domain, the longest
// suffix "*.x", the longest prefix "x.*", "*".
type domains struct {
	exact, suffixes, prefixes map[string]int // to the number of the virtual host
	lengths                   []int          // of suffixes, the longest first
	any                       int            // -1 if there is none
}

func newDomains() *domains {
	return &domains{exact: map[string]int{}, suffixes: map[string]int{}, prefixes: map[string]int{}, any: -1}
}

// add adds a domain. A port is left out: corsd's policies hold for every port of a host.
func (d *domains) add(domain string, host int) {
	domain = withoutPort(strings.ToLower(domain))
	switch {
	case domain == "*":
		d.any = host
	case strings.HasPrefix(domain, "*"):
		d.suffixes[domain[1:]] = host
		if i, known := slices.BinarySearchFunc(d.lengths, len(domain)-1, func(a, b int) int { return b - a }); !known {
			d.lengths = slices.Insert(d.lengths, i, len(domain)-1)
		}
	case strings.HasSuffix(domain, "*"):
		d.prefixes[domain[:len(domain)-1]] = host
	default:
		d.exact[domain] = host
	}
}

// withoutPort cuts ":443", or ":*" as Istio writes it, off a domain.
func withoutPort(domain string) string {
	i := strings.LastIndexByte(domain, ':')
	if i <= 0 || strings.IndexByte(domain[i:], ']') >= 0 {
		return domain
	}
	if port := domain[i+1:]; port == "*" || port != "" && strings.Trim(port, "0123456789") == "" {
		return domain[:i]
	}
	return domain
}

// find returns the number of the virtual host that serves a host, -1 if none does.
func (d *domains) find(host string) int {
	if found, ok := d.exact[host]; ok {
		return found
	}
	for _, n := range d.lengths { // the wildcard matches one byte or more
		if n < len(host) {
			if found, ok := d.suffixes[host[len(host)-n:]]; ok {
				return found
			}
		}
	}
	for i := len(host) - 1; i > 0; i-- {
		if found, ok := d.prefixes[host[:i]]; ok {
			return found
		}
	}
	return d.any
}

// hosts finds the pattern of the policies that governs a host, as match.Index does.
type hosts map[plan.HostPattern]*plan.Host

func newHosts(p *plan.Plan) hosts {
	h := make(hosts, len(p.Hosts))
	for i := range p.Hosts {
		h[p.Hosts[i].Pattern] = &p.Hosts[i]
	}
	return h
}

// find returns nil if no policy names the host.
func (h hosts) find(host string) *plan.Host {
	if found := h[plan.HostPattern{Kind: plan.HostExact, Name: host}]; found != nil {
		return found
	}
	first := true
	for _, rest, more := strings.Cut(host, "."); more; _, rest, more = strings.Cut(rest, ".") {
		if found := h[plan.HostPattern{Kind: plan.HostCapture, Name: rest}]; found != nil && first {
			return found
		}
		if found := h[plan.HostPattern{Kind: plan.HostWildcard, Name: rest}]; found != nil {
			return found
		}
		first = false
	}
	return h[plan.HostPattern{Kind: plan.HostAny}]
}

// examples returns hosts that stand for all that there are: two hosts with the same example are served by
// the same virtual host and governed by the same pattern. Patterns and domains distinguish hosts only by
// how they end and begin, by whole names, and by one label or more before a suffix.
func examples(p *plan.Plan, d *domains) []string {
	label := unusedLabel(p, d)
	var list, suffixes []string
	for i := range p.Hosts {
		switch pattern := p.Hosts[i].Pattern; pattern.Kind {
		case plan.HostExact:
			list = append(list, pattern.Name)
		case plan.HostAny:
		default:
			suffixes = append(suffixes, "."+pattern.Name)
		}
	}
	for prefix := range d.prefixes {
		list = append(list, prefix+label)
		for _, suffix := range suffixes {
			list = append(list, prefix+label+suffix)
		}
	}
	for suffix := range d.suffixes {
		suffixes = append(suffixes, suffix)
	}
	for name := range d.exact {
		list = append(list, name)
	}
	for _, suffix := range suffixes {
		list = append(list, label+suffix, label+"."+label+suffix)
	}
	list = append(list, label)
	slices.Sort(list) // maps have no order
	return slices.Compact(list)
}

// unusedLabel returns a label that no pattern and no domain has, and that no domain ends or begins.
func unusedLabel(p *plan.Plan, d *domains) string {
	label := "any"
	for n := 2; n < 1000 && isUsed(label, p, d); n++ {
		label = "any" + strconv.Itoa(n)
	}
	return label
}

func isUsed(label string, p *plan.Plan, d *domains) bool {
	for i := range p.Hosts {
		if strings.Contains(p.Hosts[i].Pattern.Name, label) {
			return true
		}
	}
	for name := range d.exact {
		if strings.Contains(name, label) {
			return true
		}
	}
	for suffix := range d.suffixes { // "*-x.example"
		end, _, _ := strings.Cut(suffix, ".")
		if strings.Contains(suffix, label) || end != "" && strings.HasSuffix(label, end) {
			return true
		}
	}
	for prefix := range d.prefixes { // "x.b*"
		begin := prefix[strings.LastIndexByte(prefix, '.')+1:]
		if strings.Contains(prefix, label) || begin != "" && strings.HasPrefix(label, begin) {
			return true
		}
	}
	return false
}
