package match

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// someLabels are few, so that names are often equal. With the long one, names are longer than [lengths]
// can distinguish.
var someLabels = []string{"a", "b", "www", strings.Repeat("l", 63)}

// slowHost returns the most specific of host patterns that match a host in lower case.
func slowHost(patterns []string, host string) string {
	best, bestRank := "", -1
	for _, p := range patterns {
		suffix := strings.TrimPrefix(strings.TrimPrefix(p, "{t}"), "*")
		label, isBelow := strings.CutSuffix(host, suffix)
		rank := 2 * len(suffix)
		switch {
		case p == host:
			rank = 1000
		case !isBelow || label == "" || suffix == p:
			continue
		case p[0] == '{' && strings.Contains(label, "."):
			continue
		case p[0] == '{':
			rank++ // before the wildcard of the same suffix
		}
		if rank > bestRank {
			best, bestRank = p, rank
		}
	}
	return best
}

func TestFindHost(t *testing.T) {
	name := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(someLabels), 1, 3), func(list []string) string { return strings.Join(list, ".") })
	pattern := rapid.OneOf(name, rapid.Just("*"), rapid.Map(name, func(s string) string { return "*." + s }),
		rapid.Map(name, func(s string) string { return "{t}." + s }))
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfNDistinct(pattern, 1, 8, rapid.ID[string]).Draw(t, "hosts")
		x := index(t, spec.Config{Policies: []spec.Policy{{Name: "p", Spec: spec.PolicySpec{Hosts: patterns, CORS: &spec.CORS{}}}}}, plan.Options{})
		host := name.Draw(t, "host")
		authority := rapid.SampledFrom([]string{host, host + ".", host + ":8443", host + ".:1", strings.ToUpper(host)}).Draw(t, "authority")

		want, got := slowHost(patterns, host), ""
		found := x.FindHost(authority)
		if found != nil {
			got = strings.Replace(found.Pattern.String(), "{tenant}", "{t}", 1)
		}
		if got != want {
			t.Errorf("%q is matched by %q, want %q", authority, got, want)
		}
		label := ""
		if strings.HasPrefix(want, "{") {
			label, _, _ = strings.Cut(host, ".")
		}
		if found == nil {
			return
		}
		if tenant := x.Tenant(make([]byte, 0, MaxHost), found, 0, authority); string(tenant.Label) != label {
			t.Errorf("%q binds the label %q, want %q", authority, tenant.Label, label)
		}
	})
}

// A label is bound under the name that its policy uses.
func TestTenant(t *testing.T) {
	policy := func(name string, path string, hosts ...string) spec.Policy {
		return spec.Policy{Name: name, Spec: spec.PolicySpec{Hosts: hosts, Rules: []spec.Rule{{Match: &spec.Match{Path: &spec.PathMatch{Value: path}}}}}}
	}
	x := index(t, spec.Config{Policies: []spec.Policy{
		policy("one", "/a", "{one}.x.example", "{one}.y.example"), policy("two", "/b", "{two}.x.example"), policy("three", "/c", "*.z.example"),
	}}, plan.Options{})
	for _, tt := range []struct {
		name      string
		selected  bool
		policy    PolicyID
		authority string
		want      string
	}{
		{"by the first policy of a host", false, 0, "t.x.example", "one=t"},
		{"by the second", false, 1, "t.x.example", "two=t"},
		{"in lower case and without a port", false, 1, "T.x.example:443", "two=t"},
		{"not by a policy that does not name the host", false, 2, "t.x.example", "="},
		{"not by a wildcard", false, 2, "t.z.example", "="},
		{"by a selected policy, on each of its hosts", true, 0, "t.y.example", "one=t"},
		{"not on another policy's host", true, 1, "t.y.example", "="},
		{"not with a label more", true, 0, "t.u.x.example", "="},
		{"not without the label", true, 0, "x.example", "="},
		{"not by what is not a host", true, 0, "a@t.x.example", "="},
		{"not by a selected policy without captures", true, 2, "t.z.example", "="},
	} {
		host := x.FindHost(tt.authority)
		if tt.selected {
			host = nil
		}
		tenant := x.Tenant(nil, host, tt.policy, tt.authority)
		if got := tenant.Name + "=" + string(tenant.Label); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
