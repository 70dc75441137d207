package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The origins and hosts of the tables.
const (
	host  = "api.shop.example"
	shop  = "https://www.shop.example"
	other = "https://www.other.example"
	evil  = "https://evil.example"
)

// The beginnings of the header lines that a client gets.
const (
	acao = "access-control-allow-origin: "
	acac = "access-control-allow-credentials: true"
	acam = "access-control-allow-methods: "
	acah = "access-control-allow-headers: "
	aceh = "access-control-expose-headers: "
	acma = "access-control-max-age: "
	acpn = "access-control-allow-private-network: true"

	varyOrigin    = "vary: Origin"
	varyPreflight = "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	varyPublic    = "vary: Access-Control-Request-Method, Access-Control-Request-Headers"
)

// request is a request under test, and what upstream answers to it.
type request struct {
	policy.Request
	status   int
	upstream []policy.Field
}

// ask is a request without an Origin.
func ask(method, path string) request {
	return request{Request: policy.Request{Method: method, Scheme: "https", Authority: host, Path: path}, status: 200}
}

// get is a GET by a page of the shop, of another origin than the host's.
func get(path string) request { return ask("GET", path).from(shop) }

// preflight is the shop's page asking whether it may use a method.
func preflight(method, path string) request {
	r := ask("OPTIONS", path).from(shop)
	r.RequestMethod = []string{method}
	return r
}

// webSocket is a handshake over HTTP/1.1.
func webSocket(path string) request {
	r := get(path)
	r.Upgrade = []string{"websocket"}
	return r
}

func (r request) from(origin ...string) request      { r.Origin = origin; return r }
func (r request) at(authority string) request        { r.Authority = authority; return r }
func (r request) over(scheme string) request         { r.Scheme = scheme; return r }
func (r request) headers(lines ...string) request    { r.RequestHeaders = lines; return r }
func (r request) method(lines ...string) request     { r.RequestMethod = lines; return r }
func (r request) site(lines ...string) request       { r.FetchSite = lines; return r }
func (r request) privateNetwork(l ...string) request { r.RequestPrivateNetwork = l; return r }
func (r request) upgrade(lines ...string) request    { r.Upgrade = lines; return r }
func (r request) protocol(protocol string) request   { r.Protocol = protocol; return r }
func (r request) selected(name string) request       { r.Selector = name; return r }
func (r request) answered(status int, l ...string) request {
	r.status = status
	r.upstream = fields(l...)
	return r
}

// fields reads "name: value" lines.
func fields(lines ...string) []policy.Field {
	var list []policy.Field
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		list = append(list, policy.Field{Name: name, Value: []byte(value)})
	}
	return list
}

// reporter is a testing.TB, or what package rapid has in its place.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// exchange is what comes of a request.
type exchange struct {
	decision policy.Decision
	status   int
	lines    []policy.Field // of the response that the client gets
}

// run takes a request through both phases as an adapter would, and checks what
// must hold for every exchange.
func run(t reporter, e *policy.Engine, r request) exchange {
	t.Helper()
	x := exchange{decision: e.Decide(&r.Request), status: r.status}
	d := &x.decision
	var first, second policy.Response
	d.Respond(&first)
	d.Edit(&second, r.status, r.upstream)
	checkPhases(t, d, &first, &second)
	if d.Action() == policy.ActionRespond {
		x.status, x.lines = first.Status, applied(&first, nil)
		return x
	}
	x.lines = applied(&second, r.upstream)
	checkSkipping(t, d, x.lines, r)
	checkUnseen(t, d, x.lines, r)
	return x
}

// checkUnseen checks that an edit that does not see the response leaves a client with what Edit would. Only
// the order of the lines, and the text around what Vary has already, are the proxy's.
func checkUnseen(t reporter, d *policy.Decision, lines []policy.Field, r request) {
	t.Helper()
	var unseen policy.Response
	addOrigin, ok := d.EditUnseen(&unseen)
	if !ok || 100 <= r.status && r.status <= 199 {
		return
	}
	var kept []policy.Field
	for _, f := range r.upstream {
		if !strings.HasPrefix(f.Name, "access-control-") && !slices.Contains(unseen.Remove, f.Name) {
			kept = append(kept, f)
		}
	}
	got := applied(&unseen, kept)
	if addOrigin {
		got = append(got, policy.Field{Name: "vary", Value: []byte("Origin")})
	}
	if diff := cmp.Diff(seenBy(lines), seenBy(got), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("without the response (-with it +without):\n%s", diff)
	}
}

// seenBy returns field lines as a client understands them: sorted, and Vary as the set of its names.
func seenBy(lines []policy.Field) []string {
	var seen []string
	for _, f := range lines {
		if f.Name != "vary" {
			seen = append(seen, f.Name+": "+string(f.Value))
			continue
		}
		for name := range strings.SplitSeq(string(f.Value), ",") {
			if name = strings.ToLower(strings.Trim(name, " \t")); isFieldValue([]byte(name)) {
				seen = append(seen, "vary: "+name)
			}
		}
	}
	slices.Sort(seen)
	if slices.Contains(seen, "vary: *") {
		seen = slices.DeleteFunc(seen, func(s string) bool { return strings.HasPrefix(s, "vary: ") && s != "vary: *" })
	}
	return slices.Compact(seen)
}

// checkPhases checks the form of both answers, and that each action writes only
// in the phase that is its own.
func checkPhases(t reporter, d *policy.Decision, first, second *policy.Response) {
	t.Helper()
	silent := func(a *policy.Response) bool { return a.Status == 0 && len(a.Remove)+len(a.Set) == 0 }
	if respond := d.Action() == policy.ActionRespond; respond == silent(first) || respond && len(first.Remove) > 0 {
		t.Errorf("action %s writes in the request phase: status %d, remove %q, set %q", d.Action(), first.Status, first.Remove, first.Set)
	}
	if d.Action() != policy.ActionContinue && !silent(second) {
		t.Errorf("action %s writes in the response phase: remove %q, set %q", d.Action(), second.Remove, second.Set)
	}
	if second.Status != 0 {
		t.Errorf("the response phase sets status %d", second.Status)
	}
	for _, a := range []*policy.Response{first, second} {
		seen := map[string]bool{}
		for _, name := range names(a) {
			if seen[name] || name != strings.ToLower(name) {
				t.Errorf("%s is written twice, or in upper case: remove %q, set %q", name, a.Remove, a.Set)
			}
			seen[name] = true
		}
		for _, f := range a.Set {
			if !isFieldValue(f.Value) {
				t.Errorf("%s: %q is no field value", f.Name, f.Value)
			}
		}
	}
}

func names(a *policy.Response) []string {
	list := slices.Clone(a.Remove)
	for _, f := range a.Set {
		list = append(list, f.Name)
	}
	return list
}

// checkSkipping checks what NeedsResponsePhase promises: without the phase, a
// route that strips and adds Vary leaves a client with what it would have got,
// or with less than that.
func checkSkipping(t reporter, d *policy.Decision, lines []policy.Field, r request) {
	t.Helper()
	if d.Action() != policy.ActionContinue {
		if d.NeedsResponse(policy.Static{}) {
			t.Errorf("action %s needs the response phase", d.Action())
		}
		return
	}
	if !d.NeedsResponse(policy.Static{}) {
		t.Errorf("action continue needs no response phase, though nothing is done by the route")
	}
	if whole := (policy.Static{Strip: true, Vary: true, Set: true}); !d.NeedsResponse(whole) && r.status >= 200 {
		checkAhead(t, d, r.status)
	}
	if d.NeedsResponse(policy.Static{Strip: true, Vary: true}) || 100 <= r.status && r.status <= 199 || d.UpstreamHeaders() == spec.UpstreamPreserve {
		return
	}
	for _, f := range lines {
		if strings.HasPrefix(f.Name, "access-control-") || !slices.ContainsFunc(r.upstream, func(u policy.Field) bool { return u.Name == f.Name }) && f.Name != "vary" {
			t.Errorf("a response phase that the route makes needless sets %s: %s", f.Name, f.Value)
		}
	}
}

// checkAhead checks that a route that strips, adds Vary, and sets what is known ahead,
// leaves a client with what the response phase would.
func checkAhead(t reporter, d *policy.Decision, status int) {
	t.Helper()
	var ahead, after policy.Response
	d.EditAhead(&ahead)
	d.Edit(&after, status, []policy.Field{{Name: "vary", Value: []byte("Origin")}})
	if diff := cmp.Diff(after.Set, ahead.Set, cmpopts.EquateEmpty()); diff != "" || len(after.Remove)+len(ahead.Remove) > 0 {
		t.Errorf("ahead of the response (-after it +ahead):\n%s", diff)
	}
	for _, f := range ahead.Set {
		switch f.Name {
		case "access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers":
		default:
			t.Errorf("no route sets %s ahead of the response", f.Name)
		}
	}
}

// applied gives the lines of a response after an answer was carried out.
func applied(a *policy.Response, upstream []policy.Field) []policy.Field {
	written := names(a)
	var lines []policy.Field
	for _, f := range upstream {
		if !slices.Contains(written, f.Name) {
			lines = append(lines, f)
		}
	}
	return append(lines, a.Set...)
}

func isFieldValue(value []byte) bool {
	for _, c := range value {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return len(value) > 0
}

// said is the decision in the words of explain: class, verdict, reason,
// policy[/rule] or -, action, status.
func (x *exchange) said() string {
	d := &x.decision
	taken := "-"
	if d.Policy() != "" {
		taken = d.Policy()
	}
	if d.Rule() != "" {
		taken += "/" + d.Rule()
	}
	return fmt.Sprintf("%s %s %s %s %s %d", d.Class, d.Verdict, d.Reason, taken, d.Action(), x.status)
}

// headers gives every line that is about CORS, sorted by name.
func (x *exchange) headers() []string {
	var lines []string
	for _, f := range x.lines {
		if strings.HasPrefix(f.Name, "access-control-") || f.Name == "vary" || f.Name == "timing-allow-origin" || f.Name == "cross-origin-resource-policy" {
			lines = append(lines, f.Name+": "+string(f.Value))
		}
	}
	return sorted(lines)
}

// sorted orders lines by their names and keeps the order of lines of one name.
func sorted(lines []string) []string {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, ":")
		nameB, _, _ := strings.Cut(b, ":")
		return strings.Compare(nameA, nameB)
	})
	return lines
}

// world is a configuration and requests under it.
type world struct {
	name   string
	config spec.Config
	rows   []row
}

// row is one exchange. Headers that lines does not hold must be absent.
type row struct {
	name    string
	request request
	want    string // as exchange.said gives it
	lines   []string
}

// compiled compiles a configuration that has no faults.
func compiled(t reporter, cfg spec.Config, opts ...policy.Option) *policy.Engine {
	t.Helper()
	e, _, err := policy.Compile(cfg, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// tables are all worlds, by the section of the contract that they are about.
func tables() []world {
	return slices.Concat(classes(), hostWorlds(), pathWorlds(), methodWorlds(), ambiguousWorlds(), selectorWorlds(), layerWorlds(),
		originWorlds(), reasonWorlds(), preflightWorlds(), methodDependentWorlds(), actualWorlds(), upstreamWorlds(),
		blockWorlds(), webSocketWorlds(), unmatchedWorlds(), presetWorlds(), expandWorlds(), originRuleWorlds(), foldWorlds(), familyWorlds(),
		timingWorlds(), resourceWorlds())
}

func TestDecisions(t *testing.T) {
	for _, w := range tables() {
		t.Run(w.name, func(t *testing.T) {
			e := compiled(t, w.config)
			for _, row := range w.rows {
				t.Run(row.name, func(t *testing.T) {
					x := run(t, e, row.request)
					if got := x.said(); got != row.want {
						t.Errorf("decision: %s\nwant:     %s", got, row.want)
					}
					if diff := cmp.Diff(sorted(row.lines), x.headers()); diff != "" {
						t.Errorf("headers (-want +got):\n%s", diff)
					}
				})
			}
		})
	}
}

// TestTablesCoverVocabulary counts what the rows above produce: a word that none
// produces is untested.
func TestTablesCoverVocabulary(t *testing.T) {
	produced := map[string]int{}
	for _, w := range tables() {
		e := compiled(t, w.config)
		for _, row := range w.rows {
			d := e.Decide(&row.request.Request)
			produced["class "+d.Class.String()]++
			produced["verdict "+d.Verdict.String()]++
			produced["action "+d.Action().String()]++
			produced["reason "+d.Reason.String()]++
		}
	}
	want := []string{
		"verdict none", "verdict allow", "verdict deny", "action pass", "action continue", "action respond",
	}
	for _, c := range policy.Classes() {
		want = append(want, "class "+c.String())
	}
	for _, r := range policy.Reasons() {
		want = append(want, "reason "+r.String())
	}
	for _, word := range want {
		if produced[word] == 0 {
			t.Errorf("no row produces %s", word)
		}
		delete(produced, word)
	}
	for word := range produced {
		t.Errorf("%s is not in the contract", word)
	}
}

// documents

func one(name string, doc spec.PolicySpec) spec.Config {
	return spec.Config{Policies: []spec.Policy{{Name: name, Spec: doc}}}
}

func with(cfg spec.Config, name string, doc spec.PolicySpec) spec.Config {
	cfg.Policies = append(slices.Clone(cfg.Policies), spec.Policy{Name: name, Spec: doc})
	return cfg
}

func withDefaults(cfg spec.Config, doc spec.DefaultsSpec) spec.Config {
	cfg.Defaults = []spec.Defaults{{Name: "default", Spec: doc}}
	return cfg
}

func withSet(cfg spec.Config, name string, doc spec.OriginSetSpec) spec.Config {
	cfg.OriginSets = append(slices.Clone(cfg.OriginSets), spec.OriginSet{Name: name, Spec: doc})
	return cfg
}

// allowing is a cors that allows origins and nothing else.
func allowing(origins ...string) *spec.CORS {
	return &spec.CORS{AllowOrigins: append([]string{}, origins...)}
}

// at is a rule that grants the shop what it takes.
func at(name string, kind spec.PathMatchType, path string, methods ...string) spec.Rule {
	m := &spec.Match{Path: &spec.PathMatch{Type: &kind, Value: path}}
	if len(methods) > 0 {
		m.Methods = methods
	}
	return spec.Rule{Name: name, Match: m}
}
