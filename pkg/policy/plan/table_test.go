package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// policies are documents in this order. Each has a rule for a path of its own, its name.
func policies(hosts map[string][]string, names ...string) spec.Config {
	var cfg spec.Config
	for _, name := range names {
		p := spec.Policy{Name: name, Spec: spec.PolicySpec{Hosts: hosts[name], Rules: []spec.Rule{rule(spec.PathPrefix, "/"+name)}}}
		cfg.Policies = append(cfg.Policies, p)
	}
	return cfg
}

// describe lists hosts with the policies of their tables, by name.
func describe(p *plan.Plan) []string {
	var lines []string
	for _, h := range p.Hosts {
		line := h.Pattern.String()
		for _, of := range h.Table.Policies {
			line += " " + of.Name
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func TestTables(t *testing.T) {
	hosts := map[string][]string{
		"a": {"x.example", "{t}.y.example", "only.example"},
		"b": {"X.example.", "{other}.y.example"},
		"c": {"*"},
	}
	want := []string{"* c", "only.example a", "x.example a b", "{tenant}.y.example a b"}
	for _, names := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}, {"b", "a", "c"}} {
		p := resolve(t, policies(hosts, names...))
		if diff := cmp.Diff(want, describe(p)); diff != "" {
			t.Errorf("documents %v: %s", names, diff)
		}
		if len(p.Tables) != 3 {
			t.Errorf("documents %v: %d tables, want one for each set of policies: 3", names, len(p.Tables))
		}
		for _, h := range p.Hosts {
			if h.Pattern.Kind == plan.HostCapture && len(h.Tenants) != 2 {
				t.Errorf("documents %v: the label has the names %v, want each policy's own", names, h.Tenants)
			}
		}
	}
}

// slots lists the paths of the table in the order in which they are tried.
func slots(table *plan.Table) string {
	var list []string
	for _, s := range table.Slots {
		list = append(list, string(s.Path.Type)[:1]+s.Path.Value)
	}
	return strings.Join(list, " ")
}

func TestSlotsAreInTheOrderInWhichTheyAreTried(t *testing.T) {
	const exact, regex, prefix = spec.PathExact, spec.PathRegularExpression, spec.PathPrefix
	for _, tt := range []struct {
		name  string
		rules []spec.Rule
		want  string
	}{
		{"by type", []spec.Rule{rule(prefix, "/aaaa"), rule(regex, "/aaa"), rule(exact, "/a")}, "E/a R/aaa P/aaaa"},
		{"by falling length", []spec.Rule{rule(regex, "/b"), rule(prefix, "/b"), rule(prefix, "/bb"), rule(regex, "/bb")}, "R/bb R/b P/bb P/b"},
		{"by bytes at one length", []spec.Rule{rule(regex, "/c"), rule(regex, "/b"), rule(exact, "/c"), rule(exact, "/b")}, "E/b E/c R/b R/c"},
		{"a final slash does not make a prefix longer", []spec.Rule{rule(prefix, "/a/"), rule(prefix, "/ab")}, "P/ab P/a/"},
		{"the root comes last", []spec.Rule{rule(prefix, "/", "GET"), rule(prefix, "/a")}, "P/a P/"},
		{"rules of one path share a slot", []spec.Rule{rule(prefix, "/a/", "PUT"), rule(prefix, "/a", "GET"), rule(prefix, "/a")}, "P/a"},
		{"of different types they do not", []spec.Rule{rule(prefix, "/a"), rule(exact, "/a"), rule(regex, "/a")}, "E/a R/a P/a"},
		{"nor does an Exact path with a final slash", []spec.Rule{rule(exact, "/a"), rule(exact, "/a/")}, "E/a/ E/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			slices.Reverse(tt.rules)
			if got := slots(resolve(t, layered(spec.Rule{}, spec.Rule{}, tt.rules...)).Tables[0]); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// Only is the one entry of a table that leaves no choice.
func TestOnly(t *testing.T) {
	own := spec.Rule{CORS: &spec.CORS{}}
	for _, tt := range []struct {
		name   string
		policy spec.Rule
		rules  []spec.Rule
		want   string
	}{
		{"the policy's own cors, without rules", own, nil, "the cors of policy shop"},
		{"a rule for everything", spec.Rule{}, []spec.Rule{{Name: "all"}}, "rule all of policy shop"},
		{"also beside an own cors, which then matches nothing", own, []spec.Rule{{Name: "all"}}, "rule all of policy shop"},
		{"not a rule that leaves paths out", spec.Rule{}, []spec.Rule{rule(spec.PathPrefix, "/a")}, ""},
		{"not a rule that leaves methods out", spec.Rule{}, []spec.Rule{get("/")}, ""},
		{"not a rule for everything beside another", spec.Rule{}, []spec.Rule{{Name: "all"}, get("/a")}, ""},
		{"nor beside one of its own path", spec.Rule{}, []spec.Rule{{Name: "all"}, get("/")}, ""},
		{"not an own cors beside a rule", own, []spec.Rule{rule(spec.PathExact, "/a")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if only := resolve(t, layered(spec.Rule{}, tt.policy, tt.rules...)).Tables[0].Only; only != nil {
				got = only.String()
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// GET stands for HEAD in the slots in which no rule names HEAD.
func TestHead(t *testing.T) {
	table := resolve(t, layered(spec.Rule{}, spec.Rule{}, rule(spec.PathPrefix, "/a", "GET", "PUT"), rule(spec.PathPrefix, "/b", "GET"),
		rule(spec.PathPrefix, "/b", "HEAD"), rule(spec.PathPrefix, "/c", "PUT"))).Tables[0]
	var got []string
	for _, s := range table.Slots {
		for _, e := range s.ByMethod {
			if e.Matches("HEAD") {
				got = append(got, s.Path.Value+" "+strings.Join(e.Methods, ","))
			}
		}
	}
	if diff := cmp.Diff([]string{"/a GET,PUT", "/b HEAD"}, got); diff != "" {
		t.Error(diff)
	}
}
