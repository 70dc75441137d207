package envoypolicy

import (
	"bytes"
	_ "embed" // the frame of the configuration
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/corsd/corsd/pkg/policy/plan"
)

//go:embed gateway.yaml
var gateway string

// marker is the line of the frame that the virtual hosts replace.
const marker = "# VIRTUAL HOSTS\n"

// Options change how [Write] writes.
type Options struct {
	// Lean is the profile in which virtual hosts set the headers of a grant.
	Lean bool
	// Cluster is the address of corsd, HOST:PORT or unix:PATH. Default corsd:9002.
	Cluster string
}

// AddressError is an address that [Options.Cluster] cannot be.
type AddressError string

func (e AddressError) Error() string {
	return fmt.Sprintf("%q is not an address: write HOST:PORT or unix:PATH", string(e))
}

// clusterType and clusterAddress are the lines of the frame that [Options.Cluster] replaces.
const (
	clusterType    = "  - name: corsd\n    type: STRICT_DNS\n"
	clusterAddress = "{ socket_address: { address: corsd, port_value: 9002 } }"
)

// withCluster replaces the address of corsd in the frame.
func withCluster(frame, address string) (string, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok && path != "" {
		frame = strings.Replace(frame, clusterType, strings.Replace(clusterType, "STRICT_DNS", "STATIC", 1), 1)
		return strings.Replace(frame, clusterAddress, fmt.Sprintf("{ pipe: { path: %q } }", path), 1), nil
	}
	host, port, err := net.SplitHostPort(address)
	number, failed := strconv.ParseUint(port, 10, 16)
	if err != nil || failed != nil || host == "" || number == 0 {
		return "", AddressError(address)
	}
	socket := fmt.Sprintf("{ socket_address: { address: %s, port_value: %d } }", scalar(host), number)
	return strings.Replace(frame, clusterAddress, socket, 1), nil
}

// Write writes an Envoy configuration for the policies of a plan without faults. Equal policies have equal
// configurations, whatever the order of their documents.
func Write(w io.Writer, p *plan.Plan, o Options) error {
	frame := gateway
	if o.Cluster != "" {
		var err error
		if frame, err = withCluster(frame, o.Cluster); err != nil {
			return err
		}
	}
	head, tail, _ := strings.Cut(frame, marker)
	var b bytes.Buffer
	b.WriteString(head)
	for i, h := range virtualHosts(newPolicies(p)) {
		if i > 0 {
			b.WriteByte('\n')
		}
		h.write(&b, o)
	}
	b.WriteString(tail)
	_, err := w.Write(b.Bytes())
	return err
}

// corsHeaders are the response headers of CORS, as browsers have them.
var corsHeaders = []string{
	"access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-methods",
	"access-control-allow-headers", "access-control-allow-private-network", "access-control-expose-headers",
	"access-control-max-age",
}

// Headers that policies can set beside those of CORS.
const (
	timingAllowOrigin = "timing-allow-origin"
	resourcePolicy    = "cross-origin-resource-policy"
)

// stripped returns the headers that a virtual host with these needs removes.
func (n *needs) stripped() []string {
	if n.timing == nil {
		return corsHeaders
	}
	return append(slices.Clip(corsHeaders), timingAllowOrigin)
}

// virtualHost is a virtual host to write.
type virtualHost struct {
	name    string
	domains []string
	needs   *needs
	stray   string // a host that no policy names, "" if there is none
}

// virtualHosts returns one for the hosts of the same policies, by name.
func virtualHosts(p *policies) []*virtualHost {
	names := domainsOf(p)
	d := newDomains()
	for i, name := range names {
		d.add(name, i)
	}
	byKey := map[string]*virtualHost{}
	var list []*virtualHost
	for i, s := range p.served(d, len(names)) {
		h := &virtualHost{name: nameOf(&s), needs: p.needsOf(&s), stray: p.untouched(&s)}
		key := fmt.Sprint(h.name, tablesOf(&s), h.stray != "", s.stray != "")
		if same := byKey[key]; same != nil {
			h = same
		} else {
			byKey[key] = h
			list = append(list, h)
		}
		h.domains = append(h.domains, names[i])
	}
	slices.SortStableFunc(list, func(a, b *virtualHost) int { return strings.Compare(a.name, b.name) })
	used := map[string]bool{} // Envoy refuses two of one name
	for _, h := range list {
		base := h.name
		for n := 2; used[h.name]; n++ {
			h.name = base + "-" + strconv.Itoa(n)
		}
		used[h.name] = true
	}
	return list
}

// domainsOf returns the domains of all patterns.
func domainsOf(p *policies) []string {
	var names []string
	for i := range p.Hosts {
		switch pattern := p.Hosts[i].Pattern; pattern.Kind {
		case plan.HostAny:
			names = append(names, "*")
		case plan.HostExact:
			names = append(names, pattern.Name)
		default:
			names = append(names, "*."+pattern.Name)
		}
	}
	if !p.PassThrough {
		names = append(names, "*")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// tablesOf identifies the tables of the hosts.
func tablesOf(s *served) []string {
	var list []string
	for _, h := range s.governed {
		list = append(list, fmt.Sprintf("%p", h.Table))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// nameOf names a virtual host by its policies.
func nameOf(s *served) string {
	var names []string
	for _, h := range s.governed {
		for _, p := range h.Table.Policies {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	switch names = slices.Compact(names); {
	case len(names) == 0:
		return "unmatched-hosts"
	case len(names) > 3:
		return fmt.Sprintf("%s+%d", names[0], len(names)-1)
	}
	return strings.Join(names, "+")
}

// strips reports whether the virtual host can remove upstream's CORS headers.
func (h *virtualHost) strips() bool { return h.leaves() == "" && h.needs.keeps == nil }

// leaves returns why responses may not change, "" if they may.
func (h *virtualHost) leaves() string {
	switch {
	case h.needs.leaves != nil:
		return h.needs.leaves.String() + ", with which responses do not change"
	case h.stray != "":
		return fmt.Sprintf("it also serves hosts that no policy names, such as %s; a policy for %q would change that",
			h.stray, h.domains[0])
	}
	return ""
}

// write writes the virtual host as an element of the list, twelve spaces in.
func (h *virtualHost) write(b *bytes.Buffer, o Options) {
	line := func(format string, args ...any) { fmt.Fprintf(b, "            "+format+"\n", args...) }
	h.writeWhy(line)
	line("- name: %s", scalar(h.name))
	line("  domains:")
	for _, d := range h.domains {
		line("  - %s", scalar(d))
	}
	if h.strips() {
		line("  response_headers_to_remove:")
		for _, name := range h.needs.stripped() {
			line("  - %s", name)
		}
	}
	if h.leaves() == "" {
		h.writeAdds(line, o)
	}
	h.writeOverrides(line, o)
	line("  routes:")
	line("  - match: { prefix: / }")
	line("    route: { cluster: your-application }")
}

// writeWhy writes the reasons as comments.
func (h *virtualHost) writeWhy(line func(string, ...any)) {
	switch {
	case h.leaves() != "":
		line("# No strip: %s.", h.leaves())
	case h.needs.keeps != nil:
		line("# No strip: %s, which needs the application's CORS headers.", h.needs.keeps)
	default:
		line("# Strips: no policy leaves or keeps the application's CORS headers.")
	}
	if h.needs.blocks != nil {
		line("# Fails closed: %s.", h.needs.blocks)
	}
	if h.needs.resource.of != nil && (h.needs.static() == "" || h.leaves() != "") {
		line("# No %s without an Origin, since corsd is not called then: %s, but not all requests have that.",
			resourcePolicy, h.needs.resource.of)
	}
}

func (h *virtualHost) writeAdds(line func(string, ...any), o Options) {
	line("  response_headers_to_add:")
	line("  - header: { key: vary, value: Origin }")
	line("    append_action: APPEND_IF_EXISTS_OR_ADD")
	if value := h.needs.static(); value != "" {
		line("  - header: { key: %s, value: %s }", resourcePolicy, value)
		line("    append_action: OVERWRITE_IF_EXISTS_OR_ADD")
	}
	if !o.Lean || !h.strips() {
		return
	}
	for _, name := range []string{"allow-origin", "allow-credentials", "expose-headers"} {
		line(`  - header: { key: access-control-%s, value: "%%DYNAMIC_METADATA(corsd:%[1]s)%%" }`, name)
		line("    append_action: OVERWRITE_IF_EXISTS_OR_ADD")
	}
}

// writeOverrides writes corsd-static, and whether the virtual host fails closed.
func (h *virtualHost) writeOverrides(line func(string, ...any), o Options) {
	var static []string
	if h.strips() {
		static = append(static, "strip")
	}
	if h.leaves() == "" {
		static = append(static, "vary")
	}
	if h.strips() && o.Lean {
		static = append(static, "set")
	}
	if len(static) == 0 && h.needs.blocks == nil {
		return
	}
	line("  typed_per_filter_config:")
	line("    corsd:")
	line(`      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute`)
	line("      overrides:")
	if h.needs.blocks != nil {
		line("        failure_mode_allow: false")
	}
	switch {
	case len(static) == 0:
	case o.Lean:
		line("        grpc_service:")
		line("          envoy_grpc: { cluster_name: corsd, authority: %s.corsd-static, skip_envoy_headers: true }",
			strings.Join(static, "."))
	default:
		line("        grpc_initial_metadata:")
		line("        - { key: corsd-static, value: %q }", strings.Join(static, ","))
	}
}

// scalar writes a name or domain, in quotes unless YAML reads it as text in any case.
func scalar(s string) string {
	plain := s != "" && 'a' <= s[0] && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
	switch {
	case plain && (strings.ContainsAny(s, ".-") || len(s) > len("false")):
		return s
	case plain && !slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, s):
		return s
	}
	return strconv.Quote(s)
}
