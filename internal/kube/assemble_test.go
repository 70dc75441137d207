package kube

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

var began = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// at returns an object that was created some seconds after began. name is NAMESPACE/NAME or NAME.
func at(t *testing.T, k *kind, seconds int, name string, generation int64, spec string) *object {
	t.Helper()
	raw := jsonOf(t, spec)
	namespace, name, namespaced := strings.Cut(name, "/")
	if !namespaced {
		namespace, name = "", namespace
	}
	r := &resource{Spec: raw, ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(k.name + namespace + name), Generation: generation,
		CreationTimestamp: metav1.NewTime(began.Add(time.Duration(seconds) * time.Second)),
	}}
	return newObject(k.keyOf(r), r, nil)
}

func jsonOf(t *testing.T, text string) json.RawMessage {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// outcome describes what became of each object, in the order of their precedence.
func outcome(x *assembly) (lines []string) {
	for _, j := range x.objects {
		line := j.String() + ": " + [...]string{"current", "last good", "stand-in"}[j.choice]
		for _, d := range j.faults {
			line += fmt.Sprintf("; %s %s (%s)", d.Place.Path.String(), d.Message, d.Code)
		}
		lines = append(lines, line)
	}
	return lines
}

const (
	aGood     = `{hosts: [a.example], cors: {allowOrigins: ["https://p.example"]}}`
	aBad      = `{hosts: [a.example], cors: {allowOrigins: ["p.example"]}}`
	bGood     = `{hosts: [b.example], cors: {allowOrigins: ["https://p.example"]}}`
	partners  = `{origins: ["https://p.example"]}`
	usesASet  = `{hosts: [a.example], cors: {allowOriginSets: [partners]}}`
	wrongForm = `{hosts: [a.example], cors: {alowOrigins: [x]}}`
)

// TestAssemble: no object keeps another one from going live. Each row is a sequence of states of the cluster.
func TestAssemble(t *testing.T) {
	t.Parallel()
	p, s, d := policyKind, originSetKind, defaultsKind
	for _, row := range []struct {
		name   string
		states [][]*object
		want   []string // in the last state
		hosts  string   // policies and their hosts that are live in the last state
	}{
		{"nothing is a normal state", [][]*object{{}}, nil, ""},
		{
			"a fault is of its object alone",
			[][]*object{{at(t, p, 0, "n/a", 1, aBad), at(t, p, 1, "n/b", 1, bGood)}},
			[]string{
				"CORSPolicy n/a: stand-in; spec.cors.allowOrigins[0] has no scheme (origin_invalid)",
				"CORSPolicy n/b: current",
			},
			"n/b: b.example; n/a: a.example",
		},
		{
			"the last good version stays live",
			[][]*object{{at(t, p, 0, "n/a", 1, aGood)}, {at(t, p, 0, "n/a", 2, aBad)}, {at(t, p, 0, "n/a", 3, wrongForm)}},
			[]string{
				"CORSPolicy n/a: last good; spec.cors.alowOrigins is not a field here (unknown_field)",
			},
			"n/a: a.example",
		},
		{
			"and is not that of an object of the same name which was deleted",
			[][]*object{{at(t, p, 0, "n/a", 1, aGood)}, {}, {at(t, p, 0, "n/a", 2, aBad)}},
			[]string{"CORSPolicy n/a: stand-in; spec.cors.allowOrigins[0] has no scheme (origin_invalid)"},
			"n/a: a.example",
		},
		{
			"the younger of two that conflict yields, whatever their names",
			[][]*object{{at(t, p, 1, "n/a", 1, aGood), at(t, p, 0, "n/z", 1, aGood)}},
			[]string{
				"CORSPolicy n/z: current",
				"CORSPolicy n/a: stand-in; spec.cors every path of host a.example is matched by the cors of policy n/z " +
					"already (conflict)",
			},
			"n/z: a.example",
		},
		{
			"a conflict with an object that is not live is none",
			[][]*object{{
				at(t, p, 0, "n/a", 1, aGood),
				at(t, p, 1, "n/b", 1, `{hosts: [a.example, b.example], cors: {allowOrigins: ["https://p.example"]}}`),
				at(t, p, 2, "n/c", 1, bGood),
			}},
			[]string{
				"CORSPolicy n/a: current",
				"CORSPolicy n/b: stand-in; spec.cors every path of host a.example is matched by the cors of policy n/a " +
					"already (conflict)",
				"CORSPolicy n/c: current",
			},
			"n/a: a.example; n/c: b.example",
		},
		{
			"a set that is missing is a fault of those that name it",
			[][]*object{{at(t, p, 0, "n/a", 1, usesASet), at(t, p, 1, "n/b", 1, bGood)}},
			[]string{
				"CORSPolicy n/a: stand-in; spec.cors.allowOriginSets[0] is not the name of an OriginSet (unknown_reference)",
				"CORSPolicy n/b: current",
			},
			"n/b: b.example; n/a: a.example",
		},
		{
			"a set that has a fault keeps its last good version",
			[][]*object{
				{at(t, p, 0, "n/a", 1, usesASet), at(t, s, 0, "n/partners", 1, partners)},
				{at(t, p, 0, "n/a", 1, usesASet), at(t, s, 0, "n/partners", 2, `{origins: ["*"]}`)},
			},
			[]string{
				"CORSPolicy n/a: current",
				"OriginSet n/partners: last good; spec.origins[0] allows every origin, which no set may do (origin_invalid)",
			},
			"n/a: a.example",
		},
		{
			"and those that name one without are told why it is missing",
			[][]*object{{at(t, p, 0, "n/a", 1, usesASet), at(t, s, 0, "n/partners", 2, `{origins: ["*"]}`)}},
			[]string{
				"CORSPolicy n/a: stand-in; spec.cors.allowOriginSets[0] is the name of an OriginSet that has a fault and no " +
					"good version (unknown_reference)",
				"OriginSet n/partners: stand-in; spec.origins[0] allows every origin, which no set may do (origin_invalid)",
			},
			"n/a: a.example",
		},
		{
			"a policy that was to change nothing yet does not begin to because of a fault",
			[][]*object{{at(t, p, 0, "n/a", 1, `{hosts: [a.example], enforcement: Shadow, cors: {allowOrigins: ["x"]}}`)}},
			[]string{"CORSPolicy n/a: stand-in; spec.cors.allowOrigins[0] has no scheme (origin_invalid)"},
			"n/a: a.example Shadow",
		},
		{
			"defaults stand alone too",
			[][]*object{{at(t, d, 0, "default", 1, `{enforcement: Sometimes}`), at(t, p, 0, "n/a", 1, aGood)}},
			[]string{
				"CORSDefaults default: stand-in; spec.enforcement is not a value of this field (value_invalid)",
				"CORSPolicy n/a: current",
			},
			"n/a: a.example",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			x := &assembly{}
			for _, state := range row.states {
				x = assemble(state, x.good, cluster{}, began)
			}
			if x.engine == nil {
				t.Fatalf("no engine: %v", x.refused)
			}
			if diff := cmp.Diff(row.want, outcome(x)); diff != "" {
				t.Error(diff)
			}
			if got := livePolicies(x); got != row.hosts {
				t.Errorf("live: %s\nwant: %s", got, row.hosts)
			}
		})
	}
}

func livePolicies(x *assembly) string {
	var all []string
	for _, p := range x.config.Policies {
		line := p.ID().String() + ": " + strings.Join(p.Spec.Hosts, ", ")
		if p.Spec.Enforcement != nil {
			line += " " + string(*p.Spec.Enforcement)
		}
		all = append(all, line)
	}
	return strings.Join(all, "; ")
}

// TestLastAcceptedOfStatus: a process that starts beside a bad version takes the last good one from the status, as
// long as the object is the same and the version is good.
func TestLastAcceptedOfStatus(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ spec, live string }{
		{aGood, "last good"},
		{aBad, "stand-in"},
		{wrongForm, "stand-in"},
		{`{hosts: 1}`, "stand-in"},
	} {
		raw := jsonOf(t, row.spec)
		o := at(t, policyKind, 0, "n/a", 7, aBad)
		o.observed = observe(o.key, o.uid, json.RawMessage(fmt.Sprintf(`{"lastAccepted": {"generation": 6, "spec": %s}}`, raw)))
		x := assemble([]*object{o}, nil, cluster{}, began)
		if got := outcome(x)[0]; !strings.HasPrefix(got, "CORSPolicy n/a: "+row.live) {
			t.Errorf("%s: %s", row.spec, got)
		}
	}
}

// TestLastGoodOfTheSameObject: an object that was deleted and made again under its name, between two readings, has
// no good version.
func TestLastGoodOfTheSameObject(t *testing.T) {
	t.Parallel()
	before := assemble([]*object{at(t, policyKind, 0, "n/a", 1, aGood)}, nil, cluster{}, began)
	again := at(t, policyKind, 1, "n/a", 2, aBad)
	again.uid = "another"
	if x := assemble([]*object{again}, before.good, cluster{}, began); x.objects[0].choice != standIn {
		t.Errorf("live: %s", outcome(x)[0])
	}
}

// TestGrants: a policy names only hosts that its namespace is granted, and one that names others governs none of
// them.
func TestGrants(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		granted, host string
		allowed       bool
	}{
		{"a.example", "a.example", true},
		{"a.example", "A.Example.", true},
		{"a.example", "b.example", false},
		{"a.example", "*.a.example", false},
		{"b.example, a.example", "a.example", true},
		{"*.shop.example", "a.shop.example", true},
		{"*.shop.example", "a.b.shop.example", true},
		{"*.shop.example", "*.b.shop.example", true},
		{"*.shop.example", "*.shop.example", true},
		{"*.shop.example", "{tenant}.shop.example", true},
		{"*.shop.example", "shop.example", false},
		{"*.shop.example", "ashop.example", false},
		{"*.shop.example", "*", false},
		{"{t}.shop.example", "a.shop.example", true},
		{"{t}.shop.example", "{tenant}.shop.example", true},
		{"{t}.shop.example", "a.b.shop.example", false},
		{"{t}.shop.example", "*.shop.example", false},
		{"{t}.shop.example", "{a}.b.shop.example", false},
		{"*", "*", true},
		{"*", "{t}.x.example", true},
		{"", "a.example", false},
		{"https://a.example", "a.example", false},
	} {
		g := grants{"n": parseGrants(row.granted)}
		spec := fmt.Sprintf(`{hosts: [%q], cors: {allowOrigins: ["https://p.example"]}}`, row.host)
		x := assemble([]*object{at(t, policyKind, 0, "n/a", 1, spec)}, nil, cluster{grants: g}, began)
		if got := x.objects[0].choice == current; got != row.allowed {
			t.Errorf("%q granted: %q is allowed: %t (%v)", row.granted, row.host, got, outcome(x))
		}
		if !row.allowed && len(x.config.Policies) > 0 {
			t.Errorf("%q granted: a policy of %q governs it", row.granted, row.host)
		}
		if x := assemble([]*object{at(t, policyKind, 0, "n/a", 1, spec)}, nil, cluster{}, began); x.objects[0].choice != current {
			t.Errorf("%q is not allowed without grants: %v", row.host, outcome(x))
		}
	}
}

// TestGrantsOfTheLastGoodVersion: a version that stays live in the place of one with a fault is judged by the grants of
// the moment, also if it is from the status, which others may have written.
func TestGrantsOfTheLastGoodVersion(t *testing.T) {
	t.Parallel()
	granted, revoked := cluster{grants: grants{"n": parseGrants("a.example")}}, cluster{grants: grants{"n": nil}}
	known := assemble([]*object{at(t, policyKind, 0, "n/a", 1, aGood)}, nil, granted, began).good
	fromStatus := at(t, policyKind, 0, "n/a", 2, aBad)
	fromStatus.observed = observe(fromStatus.key, fromStatus.uid,
		json.RawMessage(fmt.Sprintf(`{"lastAccepted": {"generation": 1, "spec": %s}}`, jsonOf(t, aGood))))
	for name, row := range map[string]struct {
		object *object
		good   map[key]*goodVersion
	}{"known": {at(t, policyKind, 0, "n/a", 2, aBad), known}, "from the status": {fromStatus, nil}} {
		x := assemble([]*object{row.object}, row.good, revoked, began)
		if x.objects[0].choice != standIn || len(x.config.Policies) > 0 {
			t.Errorf("%s: it stays live without a grant: %s", name, outcome(x)[0])
		}
		x = assemble([]*object{row.object}, x.good, granted, began)
		if x.objects[0].choice != lastGood {
			t.Errorf("%s: it is not live with the grant: %s", name, outcome(x)[0])
		}
	}
}

// TestContains holds the pattern of a grant against hosts: what a pattern matches, each that contains it matches.
func TestContains(t *testing.T) {
	t.Parallel()
	hosts := []string{"x", "a.x", "d.x", "b.a.x", "d.a.x", "c.b.a.x", "ax", "y", "a.y", "b.a.y"}
	matches := func(p plan.HostPattern, host string) bool {
		first, below := strings.CutSuffix(host, "."+p.Name)
		switch p.Kind {
		case plan.HostExact:
			return host == p.Name
		case plan.HostCapture:
			return below && !strings.Contains(first, ".")
		case plan.HostWildcard:
			return below
		}
		return true
	}
	var patterns []plan.HostPattern
	for _, text := range []string{"*", "x", "a.x", "b.a.x", "*.x", "*.a.x", "{t}.x", "{t}.a.x", "y", "*.y"} {
		pattern, err := plan.ParseHost(text)
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, pattern)
	}
	for _, p := range patterns {
		for _, q := range patterns {
			all := q.Kind != plan.HostAny || p.Kind == plan.HostAny
			for _, host := range hosts {
				all = all && (!matches(q, host) || matches(p, host))
			}
			if got := p.Contains(q); got != all {
				t.Errorf("%s contains %s: %t, want %t", p, q, got, all)
			}
		}
	}
}

// TestManyFaults: documents with more faults than are reported hide those of no others.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	objects := []*object{at(t, policyKind, 1000, "n/b", 1, bGood)}
	for i := range 2 * maxRounds {
		objects = append(objects, at(t, policyKind, i, fmt.Sprintf("m/p%d", i), 1, fmt.Sprintf(
			`{hosts: [h%d.example], cors: {allowOrigins: [%s]}}`, i, numbered(1100))))
	}
	x := assemble(objects, nil, cluster{}, began)
	if x.engine == nil {
		t.Fatalf("no engine: %v", x.refused)
	}
	for _, j := range x.objects {
		if want := j.id.Namespace == "n"; (j.choice == current) != want || (len(j.faults) == 0) != want {
			t.Errorf("%s: version %d is live, %d faults", j, j.choice, len(j.faults))
		}
	}
}

func numbered(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("x%d", i))
	}
	return strings.Join(all, ", ")
}

// TestBeyondTheLimits: of all objects that have too many rules or origins together, the youngest are at fault.
func TestBeyondTheLimits(t *testing.T) {
	t.Parallel()
	rules := `{hosts: [h%d.example], rules: [{match: {path: {value: /a}}, cors: {allowOrigins: ["https://p.example"]}},
		{match: {path: {value: /b}}, cors: {allowOrigins: ["https://p.example", "https://q.example"]}}]}`
	x := assemble([]*object{
		at(t, originSetKind, 2, "n/young", 1, partners),
		at(t, policyKind, 1, "n/p1", 1, fmt.Sprintf(rules, 1)), at(t, policyKind, 0, "n/p0", 1, fmt.Sprintf(rules, 0)),
		at(t, policyKind, 3, "n/bad", 1, aBad), at(t, policyKind, 4, "n/b", 1, bGood),
	}, nil, cluster{}, began)
	for _, row := range []struct {
		rules, origins int
		want           string // the names of those at fault
	}{
		{4, 8, ""},
		{4, 7, "b"},
		{4, 6, "young b"}, // which has room for n/p1, and not for more
		{3, 8, "p1"},
		{1, 2, "p0 p1"},
		{0, 0, "p0 p1 young b"},
	} {
		var got []string
		for _, j := range x.beyond(plan.Size{Rules: row.rules, Origins: row.origins}) {
			got = append(got, j.id.Name)
			if d := j.faults[len(j.faults)-1]; d.Code != spec.CodeLimitExceeded || acceptedCondition(j).Reason != "LimitExceeded" {
				t.Errorf("%s has %v", j, j.faults)
			}
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%d rules, %d origins: %q at fault, want %q", row.rules, row.origins, got, row.want)
		}
	}
}

// TestLastGoodVersionsInAChain: each of many policies conflicts with what is live in the place of the one before. It
// keeps no other policy from going live.
func TestLastGoodVersionsInAChain(t *testing.T) {
	t.Parallel()
	const n = 3 * maxRounds
	host := func(i, generation, host int) *object {
		return at(t, policyKind, i, fmt.Sprintf("m/p%d", i), int64(generation), fmt.Sprintf(
			`{hosts: [h%d.example], cors: {allowOrigins: ["https://p.example"]}}`, host))
	}
	good := map[key]*goodVersion{}
	objects := []*object{host(0, 1, 1), at(t, policyKind, 1000, "n/b", 1, bGood)}
	for i := 1; i < n; i++ { // its host is the one that the next one's last good version has
		objects = append(objects, host(i, 2, i))
		before := host(i, 1, i+1)
		good[before.key] = &goodVersion{before.uid, before.generation, before.version}
	}
	x := assemble(objects, good, cluster{}, began)
	if x.engine == nil {
		t.Fatalf("no engine: %v", x.refused)
	}
	for _, j := range x.objects {
		if j.id.Namespace == "n" && j.choice != current {
			t.Errorf("%s is not live: %v", j, j.faults)
		}
	}
}

// TestRoundsEnd: of a chain of policies that conflict, every second one is live.
func TestRoundsEnd(t *testing.T) {
	t.Parallel()
	// Each policy conflicts with the next one, by another host.
	var objects []*object
	for i := range 200 {
		objects = append(objects, at(t, policyKind, i, fmt.Sprintf("n/p%d", i), 1, fmt.Sprintf(
			`{hosts: [h%d.example, h%d.example], cors: {allowOrigins: ["https://p.example"]}}`, i, i+1)))
	}
	x := assemble(objects, nil, cluster{}, began)
	if x.engine == nil {
		t.Fatalf("no engine: %v", x.refused)
	}
	for i, j := range x.objects {
		if want := []choice{current, standIn}[i%2]; j.choice != want {
			t.Errorf("%s: %d, want %d", j, j.choice, want)
		}
	}
}
