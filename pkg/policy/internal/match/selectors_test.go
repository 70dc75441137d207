package match

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// index builds the tables of documents without faults.
func index(t rapid.TB, cfg spec.Config, o plan.Options) *Index {
	t.Helper()
	p, report := plan.Resolve(cfg, o)
	if report.HasFaults() {
		t.Fatal(spec.Faults(report.Faults()))
	}
	return New(p)
}

func TestSelect(t *testing.T) {
	rule := func(name, path string) spec.Rule {
		return spec.Rule{Name: name, Match: &spec.Match{Path: &spec.PathMatch{Value: path}}}
	}
	x := index(t, spec.Config{Policies: []spec.Policy{
		{Name: "shop", Spec: spec.PolicySpec{Hosts: []string{"a.example"}, CORS: &spec.CORS{}, Rules: []spec.Rule{rule("api", "/a"), rule("eu/x", "/b")}}},
		{Namespace: "eu", Name: "shop", Spec: spec.PolicySpec{Hosts: []string{"b.example"}, Rules: []spec.Rule{rule("", "/a"), rule("x", "/b")}}},
		{Namespace: "us", Name: "shop", Spec: spec.PolicySpec{Hosts: []string{"c.example"}, CORS: &spec.CORS{}, Rules: []spec.Rule{rule("api", "/a")}}},
	}}, plan.Options{})
	for _, tt := range []struct{ selector, policy, chosen string }{
		{"shop", "shop", "its own cors"},
		{"shop#api", "shop", "api"},
		{"shop#eu/x", "shop", "eu/x"},
		{"us/shop", "us/shop", "its own cors"},
		{"us/shop#api", "us/shop", "api"},
		{"eu/shop", "eu/shop", "nothing"},
		{"eu/shop#rules[0]", "eu/shop", "rules[0]"},
		{"eu/shop#x", "eu/shop", "x"},
		{"eu/shop#api", "eu/shop", "unknown"},
		{"shop#x", "shop", "unknown"},
		{"shop#", "shop", "unknown"},
		{"shop#api#", "shop", "unknown"},
		{"eu", "", "unknown"},
		{"/shop", "", "unknown"},
		{"eu/shop/", "", "unknown"},
		{"asia/shop", "", "unknown"},
		{"#api", "", "unknown"},
		{"", "", "unknown"},
	} {
		id, entry, known := x.Select(tt.selector)
		policy, chosen := "", "nothing"
		if id != None {
			policy = x.Policies[id].Name
		}
		switch {
		case !known && entry == None:
			chosen = "unknown"
		case entry != None && x.Entries[entry].Policy != id:
			chosen = "a rule of another policy"
		case entry != None && x.Entries[entry].Rule < 0:
			chosen = "its own cors"
		case entry != None:
			chosen = x.Entries[entry].Name
		}
		if policy != tt.policy || chosen != tt.chosen {
			t.Errorf("%q selects %s of policy %q, want %s of %q", tt.selector, chosen, policy, tt.chosen, tt.policy)
		}
	}
}

// TestExpire lets the time pass: each set expires on its own day, and the others stay.
func TestExpire(t *testing.T) {
	set := func(name string, expires *string) spec.OriginSet {
		return spec.OriginSet{Name: name, Spec: spec.OriginSetSpec{Origins: []string{"https://" + name + ".example"}, Expires: expires}}
	}
	day := func(d int) time.Time { return time.Date(2030, 1, d, 0, 0, 0, 0, time.UTC) }
	x := index(t, spec.Config{
		OriginSets: []spec.OriginSet{set("never", nil), set("third", new("2030-01-03")), set("second", new("2030-01-02")), set("past", new("2029-12-31"))},
		Policies: []spec.Policy{{Name: "shop", Spec: spec.PolicySpec{
			Hosts: []string{"*"}, CORS: &spec.CORS{AllowOriginSets: []string{"never", "third", "second", "past"}},
		}}},
	}, plan.Options{Now: day(1)})
	for _, tt := range []struct {
		now     time.Time
		next    time.Time
		expired []bool
		names   []string // that Expire returns
	}{
		{time.Time{}, day(2), []bool{false, false, false, true}, nil},
		{day(2).Add(-1), day(2), []bool{false, false, false, true}, nil},
		{day(2), day(3), []bool{false, false, true, true}, []string{"second"}},
		{day(3).Add(-1), day(3), []bool{false, false, true, true}, nil},
		{day(4), time.Time{}, []bool{false, true, true, true}, []string{"third"}},
		{day(5), time.Time{}, []bool{false, true, true, true}, nil},
	} {
		if names := x.Expire(tt.now); !slices.Equal(names, tt.names) {
			t.Errorf("at %s %q expire, want %q", tt.now, names, tt.names)
		}
		if next := x.NextExpiry(); !next.Equal(tt.next) {
			t.Errorf("at %s the next set expires at %s, want %s", tt.now, next, tt.next)
		}
		for i, set := range x.Origins(0).Sets {
			if set.Expired() != tt.expired[i] {
				t.Errorf("at %s the set %s has expired: %t", tt.now, set.Name, set.Expired())
			}
			if from := parseOrigin(t, set.Entries[0]); x.Allows(x.Origins(0), from, noTenant) == tt.expired[i] {
				t.Errorf("at %s %s is allowed: %t", tt.now, from.Canonical, tt.expired[i])
			}
		}
	}
	want := map[string]time.Time{"third": day(3), "second": day(2), "past": time.Date(2029, 12, 31, 0, 0, 0, 0, time.UTC)}
	if got := maps.Collect(x.Expiries()); !maps.EqualFunc(got, want, time.Time.Equal) {
		t.Errorf("expiries %v, want %v", got, want)
	}
}
