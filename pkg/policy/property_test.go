package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// requestsEach is how many requests each random configuration is asked for.
const requestsEach = 30

// written is a configuration as it could be written in a file.
func written(cfg spec.Config) string {
	text, err := json.Marshal(cfg)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// now is when random configurations are compiled: one of their sets has expired.
var now = day(10)

// TestTwin compares every decision, and every answer, with those of the slow twin.
func TestTwin(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		e := compiled(t, cfg, policy.At(now))
		w := &twin{cfg: cfg, now: now}
		for range requestsEach {
			r := drawRequest(t, &cfg)
			d := e.Decide(&r.Request)
			want := w.decide(&r.Request)
			count(seen, &r, &want)
			if got := twinSaid(&d); got != want.said() {
				t.Fatalf("decision: %s\nthe twin: %s\nrequest: %+v\nconfig: %s", got, want.said(), r.Request, written(cfg))
			}
			y := e.Explain(&r.Request)
			if y.MethodDependent != want.depends {
				t.Fatalf("depends on the method: %t, the twin: %t\nrequest: %+v\nconfig: %s", y.MethodDependent, want.depends, r.Request, written(cfg))
			}
			for _, s := range y.Settings {
				if value, known := want.settings.explained()[s.Name]; known && value != s.Value {
					t.Fatalf("explain: %s is %q, the twin: %q\nrequest: %+v\nconfig: %s", s.Name, s.Value, value, r.Request, written(cfg))
				}
			}
			if d.Enforcement() != want.settings.enforcement || d.UpstreamHeaders() != want.settings.upstream {
				t.Fatalf("settings: %s, %s, the twin: %s, %s\nrequest: %+v\nconfig: %s",
					d.Enforcement(), d.UpstreamHeaders(), want.settings.enforcement, want.settings.upstream, r.Request, written(cfg))
			}
			x := run(t, e, r)
			status, lines := w.answer(&r, &want)
			if diff := cmp.Diff(want.comparable(lines.list()), want.comparable(x.headers()), cmpopts.EquateEmpty()); diff != "" || status != x.status {
				t.Fatalf("%s: status %d, the twin: %d; headers (-the twin +got):\n%s\nrequest: %+v\nconfig: %s", x.said(), x.status, status, diff, r, written(cfg))
			}
		}
	})
	for _, what := range countedAlways {
		if seen["requests"] >= 100*requestsEach && seen[what] == 0 {
			t.Errorf("none of %d requests is about %s: the generator does not reach it", seen["requests"], what)
		}
	}
}

// explained are the settings that apply to a request whether a rule was chosen or not, as explain writes them.
func (s *layered) explained() map[string]string {
	return map[string]string{
		"enforcement": string(s.enforcement), "upstreamHeaders": string(s.upstream), "preflight.mode": string(s.mode), "preflight.detail": string(s.detail),
		"preflight.denyStatus": strconv.Itoa(s.denyStatus), "webSocket.originCheck": string(s.check), "crossOriginResourcePolicy": orUnset(string(s.resource)),
	}
}

func orUnset(value string) string {
	if value == "" {
		return "unset"
	}
	return value
}

// countedAlways are the circumstances that some of the random requests have to be in.
var countedAlways = []string{
	"a rule with origins", "a rule with origins, by a preflight", "a rule with origins and methods", "a rule with origins that is selected",
	"a rule that is passed over by origin", "no rule for this origin", "a 304 that mixes origins", "a path in another case", "a path with another slash",
	"a public rule with origins", "a family", "timing", "a resource policy", "an expired set",
}

func count(seen map[string]int, r *request, d *twinDecision) {
	path, _, _ := strings.Cut(r.Path, "?")
	byOrigin := d.taken != nil && d.taken.from != nil
	isFamily := func(name string) bool { return twinFamily(name) != "" }
	for what, is := range map[string]bool{
		"requests":                             true,
		"a rule with origins":                  byOrigin && r.Selector == "",
		"a rule with origins, by a preflight":  byOrigin && d.class == "preflight" && d.verdict == "allow",
		"a rule with origins and methods":      byOrigin && r.Selector == "" && d.taken.names != nil,
		"a rule with origins that is selected": byOrigin && r.Selector != "",
		"a public rule with origins":           byOrigin && d.star(),
		"a rule that is passed over by origin": !byOrigin && d.taken != nil && d.byOrigin,
		"no rule for this origin":              d.reason == "no_rule" && d.byOrigin,
		"a 304 that mixes origins":             d.byOrigin && d.class == "actual" && (r.status == 304 || r.status == 0) && d.action == "continue",
		"a path in another case":               d.taken != nil && d.taken.fold && d.taken.folded(path) != path,
		"a path with another slash":            d.taken != nil && d.taken.kind == spec.PathExact && strings.HasSuffix(path, "/") != strings.HasSuffix(d.taken.text, "/"),
		"a family":                             d.verdict == "allow" && slices.ContainsFunc(slices.Concat(d.cors.AllowHeaders, d.cors.ExposeHeaders), isFamily),
		"timing":                               d.verdict == "allow" && d.class == "actual" && isTrue(d.cors.TimingAllowOrigin),
		"a resource policy":                    d.class == "actual" && d.settings.resource != "" && d.action != "pass",
		"an expired set":                       byOrigin && d.verdict == "deny" && slices.Contains(d.taken.from.AllowOriginSets, "old"),
	} {
		if is {
			seen[what]++
		}
	}
}

// value joins the lines of a header.
func value(lines []policy.Field, name string) string {
	var values []string
	for _, f := range lines {
		if f.Name == name {
			values = append(values, string(f.Value))
		}
	}
	return strings.Join(values, ", ")
}

// TestWhatAlwaysHolds checks the answers to random requests, whatever was decided.
func TestWhatAlwaysHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		e := compiled(t, cfg, policy.At(now))
		w := &twin{cfg: cfg, now: now}
		for range requestsEach {
			r := drawRequest(t, &cfg)
			x := run(t, e, r)
			list := violations(&x, &r, w)
			if other := dependsSilently(t, e, &x, r); other != "" {
				list = append(list, "without Vary: Origin, a page of "+other+" gets another answer")
			}
			for _, violation := range list {
				t.Errorf("%s: %s\nheaders: %q\nrequest: %+v\nconfig: %s", violation, x.said(), x.headers(), r, written(cfg))
			}
		}
	})
}

// violations names what must never be, and is.
func violations(x *exchange, r *request, w *twin) []string {
	d := &x.decision
	touched := d.Action() != policy.ActionPass && (d.Action() == policy.ActionRespond || r.status < 100 || r.status > 199)
	preserved := d.UpstreamHeaders() == spec.UpstreamPreserve && d.Action() == policy.ActionContinue && value(r.upstream, "access-control-allow-origin") != ""
	var list []string
	never := func(is bool, what string) {
		if is {
			list = append(list, what)
		}
	}
	never(!touched && !slices.Equal((&exchange{lines: r.upstream}).headers(), x.headers()), "an untouched response is touched")
	if !touched {
		return list
	}
	never(d.Action() == policy.ActionContinue && losesVary(r.upstream, x.lines), "Vary loses a value")
	never(repeats(x.lines, "vary") && value(x.lines, "vary") != value(r.upstream, "vary"), "Vary has an element twice")
	if preserved {
		return list
	}
	want := w.decide(&r.Request)
	origin, credentials := value(x.lines, "access-control-allow-origin"), value(x.lines, "access-control-allow-credentials")
	never(want.byOrigin && !slices.Contains(twinNames([]string{strings.ToLower(value(x.lines, "vary"))}), "origin") && !strings.Contains(value(x.lines, "vary"), "*"),
		"no Vary: Origin where a rule matches some origins only")
	timing := value(x.lines, "timing-allow-origin")
	never(isTrue(want.cors.TimingAllowOrigin) && d.Class != policy.ClassPreflight && timing != origin, "timing for others than may read")
	never(d.Class == policy.ClassPreflight && d.Action() == policy.ActionRespond && timing+value(x.lines, "cross-origin-resource-policy") != "",
		"a preflight with a header that browsers do not look at")
	if revalidates := want.byOrigin && d.Class == policy.ClassActual && d.Action() == policy.ActionContinue && (r.status == 304 || r.status == 0); revalidates {
		never(origin == "" || credentials == "" || value(x.lines, "access-control-expose-headers") == "", "a 304 that leaves a header of another origin's answer")
		never(d.Verdict != policy.VerdictAllow && (origin != "none" || credentials != "false"), "a 304 that grants a refused origin")
		if d.Verdict != policy.VerdictAllow {
			return list
		}
		if credentials == "false" {
			credentials = ""
		}
	}
	never(origin == "*" && credentials != "", "* with credentials")
	never(credentials != "" && credentials != "true", "credentials that are not true")
	never(origin != "" && origin != "*" && !slices.Equal([]string{origin}, r.Origin), "an allowed origin that is not the request's own")
	never(origin != "" && origin != "*" && origin != "null" && !granting(&want, d), "a granted origin that no entry takes")
	tells := d.Class == policy.ClassPreflight && x.status >= 200 && x.status <= 299
	never(d.Verdict == policy.VerdictDeny && !tells && hasCORS(x.lines), "a refusal with a CORS header")
	never(d.Verdict == policy.VerdictDeny && tells && value(x.lines, "access-control-max-age") != "", "a refusal to be remembered")
	never(d.Class != policy.ClassPreflight && value(x.lines, "access-control-allow-methods")+value(x.lines, "access-control-allow-headers")+value(x.lines, "access-control-max-age") != "",
		"an actual response with headers of a preflight")
	for _, f := range x.lines {
		if strings.HasPrefix(f.Name, "access-control-") {
			never(strings.Count(strings.Join(x.headers(), "\n"), f.Name+": ") != 1, f.Name+" is there twice")
			never(repeats(x.lines, f.Name), f.Name+" has an element twice")
		}
	}
	return list
}

// dependsSilently gives an origin that gets another answer, where the answer
// does not say that it depends on the origin.
func dependsSilently(t reporter, e *policy.Engine, x *exchange, r request) string {
	t.Helper()
	said := strings.ToLower(value(x.lines, "vary"))
	if x.decision.Action() == policy.ActionPass || 100 <= r.status && r.status <= 199 || slices.Contains(twinNames([]string{said}), "origin") || strings.Contains(said, "*") {
		return ""
	}
	for _, other := range []string{evil, shop, "null", "x"} {
		y := run(t, e, r.from(other))
		comparable := (x.decision.Class == policy.ClassPreflight) == (y.decision.Class == policy.ClassPreflight) && y.decision.Class != policy.ClassWebSocket
		if comparable && (y.status != x.status || !slices.Equal(y.headers(), x.headers())) {
			return other
		}
	}
	return ""
}

// granting reports whether the twin found that an entry takes the origin.
func granting(want *twinDecision, d *policy.Decision) bool {
	if d.Class == policy.ClassPreflight {
		return slices.Contains([]string{"allowed", "method_case", "method_not_allowed", "authorization_not_listed", "header_not_allowed"}, want.reason)
	}
	return want.reason == "allowed"
}

func hasCORS(lines []policy.Field) bool {
	return slices.ContainsFunc(lines, func(f policy.Field) bool { return strings.HasPrefix(f.Name, "access-control-") })
}

// losesVary reports whether an element of upstream's Vary is gone.
func losesVary(before, after []policy.Field) bool {
	kept := twinNames(strings.Split(value(after, "vary"), ","))
	return slices.ContainsFunc(twinNames([]string{value(before, "vary")}), func(name string) bool {
		return !slices.ContainsFunc(kept, func(k string) bool { return strings.EqualFold(k, name) })
	})
}

// repeats reports whether a list has an element twice, in any case but for
// methods, whose case counts.
func repeats(lines []policy.Field, name string) bool {
	list := value(lines, name)
	if name != "access-control-allow-methods" {
		list = strings.ToLower(list)
	}
	elements := twinNames([]string{list})
	slices.Sort(elements)
	return len(slices.Compact(slices.Clone(elements))) < len(elements)
}

// TestOrderOfDocumentsMeansNothing permutes documents, hosts and rules.
func TestOrderOfDocumentsMeansNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		seed := rapid.Uint64().Draw(t, "seed")
		e, other := compiled(t, cfg, policy.At(now)), compiled(t, permuted(cfg, seed), policy.At(now))
		for range requestsEach {
			r := drawRequest(t, &cfg)
			x, y := run(t, e, r), run(t, other, r)
			if x.said() != y.said() || !slices.Equal(x.headers(), y.headers()) {
				t.Fatalf("%s %q\npermuted: %s %q\nrequest: %+v\nconfig: %s", x.said(), x.headers(), y.said(), y.headers(), r, written(cfg))
			}
		}
	})
}

func permuted(cfg spec.Config, seed uint64) spec.Config {
	rng := rand.New(rand.NewPCG(seed, 0))
	cfg.Policies = shuffled(rng, cfg.Policies)
	cfg.OriginSets = shuffled(rng, cfg.OriginSets)
	for i := range cfg.Policies {
		doc := &cfg.Policies[i].Spec
		doc.Hosts = shuffled(rng, doc.Hosts)
		doc.Rules = shuffled(rng, doc.Rules)
	}
	return cfg
}

func shuffled[T any](rng *rand.Rand, list []T) []T {
	list = slices.Clone(list)
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// TestCompileTwice compiles one configuration twice and compares the diagnostics.
func TestCompileTwice(t *testing.T) {
	for _, row := range compileRows() {
		_, warnings, err := policy.Compile(row.config, row.opts...)
		_, again, errAgain := policy.Compile(row.config, row.opts...)
		if diff := cmp.Diff(allSaid(faultsOf(t, err)), allSaid(faultsOf(t, errAgain))); diff != "" {
			t.Errorf("%s: faults: %s", row.name, diff)
		}
		if diff := cmp.Diff(allSaid(warnings), allSaid(again)); diff != "" {
			t.Errorf("%s: warnings: %s", row.name, diff)
		}
	}
}

// TestEngineKeepsNothingOfItsInput changes a configuration after it was compiled.
func TestEngineKeepsNothingOfItsInput(t *testing.T) {
	cfg := explained()
	e := compiled(t, cfg)
	all := func() string {
		var b strings.Builder
		for _, r := range []request{get("/"), get("/a"), get("/bb"), get("/").from("https://partner.example"), preflight("PUT", "/a").headers("traceparent")} {
			x := run(t, e, r)
			y := e.Explain(&r.Request)
			fmt.Fprintln(&b, x.said(), x.headers(), y.Match, y.Origin, y.Settings)
		}
		return b.String()
	}
	before := all()
	scramble(reflect.ValueOf(cfg))
	if diff := cmp.Diff(before, all()); diff != "" {
		t.Errorf("the engine changed with its input (-before +after):\n%s", diff)
	}
}

// scramble changes every string of every list that a value refers to.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			scramble(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
			if v.Index(i).Kind() == reflect.String {
				v.Index(i).SetString("scrambled")
			}
		}
	}
}

// TestConcurrentUse decides in several goroutines, for the race detector.
func TestConcurrentUse(t *testing.T) {
	e := compiled(t, explained())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				for _, r := range []request{get("/"), get("/bb").from("https://a.re.example"), preflight("PUT", "/a"), get("/").selected("shop#re")} {
					run(t, e, r)
				}
			}
		})
	}
	group.Wait()
}

// TestDecideTakesAnything asks for decisions with arbitrary bytes.
func TestDecideTakesAnything(t *testing.T) {
	var engines []*policy.Engine
	for _, w := range tables() {
		engines = append(engines, compiled(t, w.config))
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
			rapid.SampledFrom(slices.Concat(theirOrigins, theirHosts, theirPaths, theirMethods, theirHeaders)))
		list := rapid.SliceOfN(text, 0, 3)
		r := request{Request: policy.Request{
			Method: text.Draw(t, "method"), Scheme: text.Draw(t, "scheme"), Authority: text.Draw(t, "authority"), Path: text.Draw(t, "path"),
			Protocol: text.Draw(t, "protocol"), Origin: list.Draw(t, "origin"), RequestMethod: list.Draw(t, "request method"),
			RequestHeaders: list.Draw(t, "request headers"), RequestPrivateNetwork: list.Draw(t, "private network"),
			FetchSite: list.Draw(t, "fetch site"), Upgrade: list.Draw(t, "upgrade"),
		}, status: rapid.Int().Draw(t, "status")}
		if rapid.Bool().Draw(t, "preflight") {
			r.Method = "OPTIONS"
		}
		if rapid.Bool().Draw(t, "known host") {
			r.Authority = host
		}
		for _, value := range list.Draw(t, "upstream") {
			name := rapid.SampledFrom([]string{"vary", "access-control-expose-headers", "x-" + value}).Draw(t, "name")
			r.upstream = append(r.upstream, policy.Field{Name: strings.ToLower(name), Value: []byte(value)})
		}
		for _, e := range engines {
			d := e.Decide(&r.Request)
			if !isClosed(&d) {
				t.Fatalf("%+v: %v", r, d)
			}
			late := d.Late()
			var a policy.Response
			late.Respond(&a)
			late.Edit(&a, r.status, r.upstream)
			for _, f := range a.Set {
				if !isFieldValue(f.Value) {
					t.Fatalf("%s: %q is no field value: %+v", f.Name, f.Value, r)
				}
			}
			run(t, e, r)
		}
	})
}

// isClosed reports whether every part of a decision is of its closed set.
func isClosed(d *policy.Decision) bool {
	return slices.Contains(policy.Classes(), d.Class) && slices.Contains(policy.Reasons(), d.Reason) &&
		d.Verdict.String() != "" && d.Action().String() != ""
}
