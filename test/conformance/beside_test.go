package conformance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/harness/mesh"
)

// other is another implementation of CORS that runs beside corsd.
type other struct {
	name  string // of its page in testdata/requests, and in host names
	title string

	// version is its name and version.
	version string

	configs []config
	reasons []reason

	// hosts returns Envoy's virtual hosts for a configuration, and filters are the filters that they need.
	hosts   func(c config) string
	filters string

	// cluster is the address (host:port) of a server that sets CORS headers itself; "" for the application.
	cluster string

	// after looks at what the run has left behind; may be nil.
	after func(t *testing.T, m *mesh.Mesh)
}

// config is a configuration of the other, and the policy that means the same.
type config struct {
	name string // in host names
	what string // a heading
	said string // as it is written there
	lang string // of said
	spec string // of the CORSPolicy, without hosts

	own any // said, in the types of a library
}

// reason is why two answers may differ. Of those that apply the first one counts.
type reason struct {
	name    string // a word or two
	why     string
	common  bool     // it holds beside others of the others, too
	aspects []aspect // of the difference; nil for all
	in      []string // names of configurations; nil for all
	when    func(d difference) bool
}

// difference is one aspect in which two answers differ.
type difference struct {
	config       config
	request      request
	aspect       aspect
	theirs, ours string

	// Both answers.
	their, our answer
}

func (r reason) applies(d difference) bool {
	return (r.aspects == nil || slices.Contains(r.aspects, d.aspect)) &&
		(r.in == nil || slices.Contains(r.in, d.config.name)) &&
		(r.when == nil || r.when(d))
}

// result is the result of one request.
type result struct {
	config       config
	request      request
	theirs, ours answer
	class        class

	// reasons of the other implementation, by their places, with the class of each.
	reasons map[int]class
}

// run asks both the same and explains how they differ.
func (o other) run(t *testing.T) []result {
	t.Helper()
	m := start(t, "envoy.yaml", o.additions(), o.policies(), map[string]string{"other:8080": o.cluster})
	c := newClient(t, m)
	var results []result
	for _, one := range o.configs {
		theirs := c.sendAll(t, one.name+"."+o.name+".test", requests())
		ours := c.sendAll(t, o.host(one), requests())
		for i, r := range requests() {
			results = append(results, o.judge(t, result{config: one, request: r, theirs: theirs[i], ours: ours[i]}))
		}
	}
	o.checkUsed(t, results)
	if o.after != nil {
		o.after(t, m)
	}
	return results
}

// judge finds the reasons for the differences of a result, and its class.
func (o other) judge(t *testing.T, r result) result {
	t.Helper()
	r.class, r.reasons = same, map[int]class{}
	for name, values := range r.request.aspects(r.theirs, r.ours) {
		d := difference{r.config, r.request, name, values[0], values[1], r.theirs, r.ours}
		r.class = worse(r.class, d.class())
		i := slices.IndexFunc(o.reasons, func(why reason) bool { return why.applies(d) })
		if i < 0 {
			t.Errorf("%s, %s: %s differs without a reason: there %q, ours %q\n  there %s %v\n  ours  %s %v",
				r.config.name, r.request.name, name, d.theirs, d.ours, r.request.say(r.theirs), r.theirs.header, r.request.say(r.ours), r.ours.header)
			continue
		}
		r.reasons[i] = worse(r.reasons[i], d.class())
	}
	return r
}

// checkUsed finds reasons, and names of configurations in them, that explain
// nothing.
func (o other) checkUsed(t *testing.T, results []result) {
	t.Helper()
	for i, why := range o.reasons {
		var in []string
		for _, r := range results {
			if _, ok := r.reasons[i]; ok {
				in = append(in, r.config.name)
			}
		}
		if in == nil {
			t.Errorf("nothing differs any more because of %q: %s", why.name, why.why)
		}
		for _, name := range why.in {
			if !slices.Contains(in, name) {
				t.Errorf("in %s nothing differs any more because of %q: %s", name, why.name, why.why)
			}
		}
	}
}

// host is where corsd answers for a configuration. Envoy's virtual host is of the
// kind that the policy needs: see deploy/envoy.yaml.
func (o other) host(c config) string {
	kind := ""
	switch {
	case strings.Contains(c.spec, "enforcement: Shadow"), strings.Contains(c.spec, "enforcement: Disabled"):
		kind = ".untouched"
	case strings.Contains(c.spec, "upstreamHeaders:"):
		kind = ".kept"
	}
	return c.name + "." + o.name + kind + ".corsd.test"
}

// policies returns a file for each configuration.
func (o other) policies() map[string]string {
	files := map[string]string{}
	for _, c := range o.configs {
		files[c.name] = document(c.name, o.host(c), c.spec)
	}
	return files
}

// document makes a CORSPolicy of a spec.
func document(name, host, spec string) string {
	return fmt.Sprintf("apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: %q}\nspec:\n  hosts: [%s]\n%s", name, host, indent(spec, "  "))
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by) + "\n"
}

// additions returns the virtual hosts that are added to Envoy's configuration of deploy/: one of each
// kind for corsd, and those of the other implementation, without corsd.
func (o other) additions() string {
	var b strings.Builder
	b.WriteString("virtual_hosts:\n")
	for domain, like := range map[string]string{"*.corsd.test": "shop", "*.kept.corsd.test": "search", "*.untouched.corsd.test": "legacy"} {
		fmt.Fprintf(&b, "- name: %q\n  like: %s\n  domains: [%q]\n  routes:\n%s", domain, like, domain, indent(routes("app"), "  "))
	}
	for _, c := range o.configs {
		b.WriteString(o.hosts(c))
	}
	if o.filters != "" {
		b.WriteString("filters:\n" + o.filters)
	}
	b.WriteString("clusters:\n- { name: nobody, type: STATIC, connect_timeout: 1s }\n")
	if o.cluster != "" {
		b.WriteString(`- name: other
  type: STATIC
  connect_timeout: 1s
  load_assignment:
    cluster_name: other
    endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: { address: other, port_value: 8080 } } } } ] } ]
`)
	}
	return b.String()
}

// routes are those of every virtual host, ours and theirs: two where Envoy
// answers, all others to a cluster.
func routes(cluster string) string {
	return `- { match: { path: /down }, route: { cluster: nobody } }
- { match: { path: /login }, direct_response: { status: 401 } }
- { match: { prefix: / }, route: { cluster: ` + cluster + ` } }
`
}

// plainHost returns a virtual host without corsd, in front of a server that sends CORS headers itself.
func (o other) plainHost(c config) string {
	return fmt.Sprintf(`- name: "%[1]s"
  domains: [%[1]s.%[2]s.test]
  typed_per_filter_config:
    corsd: { "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true }
  routes:
%[3]s`, c.name, o.name, indent(routes("other"), "  "))
}
