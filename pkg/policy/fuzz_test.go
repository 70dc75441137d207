package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// FuzzOrigin compares who is allowed with the twin's grammar and matcher.
func FuzzOrigin(f *testing.F) {
	for _, origin := range theirOrigins {
		f.Add(origin)
	}
	for _, w := range originWorlds() {
		for _, row := range w.rows {
			f.Add(strings.Join(row.request.Origin, ""))
		}
	}
	anyone := compiled(f, waiving(withCredentials("*"), []spec.Danger{spec.AnyOriginWithCredentials}))
	cfg := with(originList(slices.DeleteFunc(slices.Clone(someOrigins), func(o string) bool { return strings.Contains(o, "{") })...),
		"rest", spec.PolicySpec{Hosts: []string{"*"}, CORS: allowing()})
	cfg.Policies[0].Spec.CORS.AllowOriginRegexes = []string{`https://[a-z]+\.re\.example`}
	some, w := compiled(f, cfg), &twin{cfg: cfg}
	f.Fuzz(func(t *testing.T, origin string) {
		r := get("/").from(origin)
		want := policy.ReasonOriginMalformed
		switch {
		case origin == "null":
			want = policy.ReasonOriginNull
		case twinWellFormed(origin):
			want = policy.ReasonAllowed
		}
		if x := run(t, anyone, r); x.decision.Reason != want {
			t.Errorf("%q: %s, the grammar: %s", origin, x.decision.Reason, want)
		}
		x := run(t, some, r)
		if got, want := twinSaid(&x.decision), w.decide(&r.Request); got != want.said() {
			t.Errorf("%q: %s, the twin: %s", origin, got, want.said())
		}
		entry := some.Explain(&r.Request).Origin
		if taken := entry != ""; taken != (x.decision.Verdict == policy.VerdictAllow) {
			t.Errorf("%q: %s by %q", origin, x.decision.Verdict, entry)
		}
	})
}

// FuzzOriginEntry checks that an entry that is taken takes itself.
func FuzzOriginEntry(f *testing.F) {
	for _, entry := range append(someOrigins, "*", "null", "https://bücher.example", "https://0x7f.1", "https://[::ffff:1.2.3.4]", "file://", "http://a.", "A+b://C:80") {
		f.Add(entry)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		e, _, err := policy.Compile(one("shop", spec.PolicySpec{Hosts: []string{"{t}.x.example"}, CORS: allowing(entry)}))
		if err != nil {
			for _, d := range faultsOf(t, err) {
				checkForm(t, d)
			}
			return
		}
		origin := withoutDefaultPort(strings.ToLower(entry))
		if i, j := strings.Index(entry, "{"), strings.Index(entry, "}"); 0 <= i && i < j {
			if entry[i+1:j] != "t" {
				t.Fatalf("%q is taken, though no host binds it", entry)
			}
			origin = withoutDefaultPort(strings.ToLower(entry[:i] + "label" + entry[j+1:]))
		}
		origin = strings.TrimSuffix(strings.Replace(origin, "*.", "label.", 1), ":*")
		if origin = strings.Replace(origin, "://*", "://label", 1); origin == "*" {
			origin = shop
		}
		r := get("/").at("label.x.example").from(origin)
		if d := e.Decide(&r.Request); d.Reason != policy.ReasonAllowed {
			t.Errorf("entry %q: %s for %q", entry, d.Reason, origin)
		}
	})
}

// FuzzAuthority compares which hosts entry takes an authority with the twin.
func FuzzAuthority(f *testing.F) {
	for _, authority := range theirHosts {
		f.Add(authority)
	}
	for _, w := range hostWorlds() {
		for _, row := range w.rows {
			f.Add(row.request.Authority)
		}
	}
	cfg := spec.Config{}
	for i, h := range []string{"api.x.example", "*.x.example", "{t}.x.example", "*", "y.example", "*.a.x.example", "{t}.a.x.example", "x", "*.b", "{t}.b"} {
		cfg = with(cfg, string(rune('a'+i)), spec.PolicySpec{Hosts: []string{h}, CORS: allowing(shop)})
	}
	e, w := compiled(f, cfg), &twin{cfg: cfg}
	f.Fuzz(func(t *testing.T, authority string) {
		r := get("/").at(authority)
		d, want := e.Explain(&r.Request), w.decide(&r.Request)
		if got := twinSaid(&d.Decision); got != want.said() {
			t.Errorf("%q: %s, the twin: %s", authority, got, want.said())
		}
	})
}

// FuzzHost checks that a host that is taken takes itself.
func FuzzHost(f *testing.F) {
	for _, row := range hostFaults() {
		for _, h := range row.config.Policies[0].Spec.Hosts {
			f.Add(h)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, _, err := policy.Compile(one("shop", spec.PolicySpec{Hosts: []string{text}, CORS: allowing(shop)}))
		if err != nil {
			for _, d := range faultsOf(t, err) {
				checkForm(t, d)
			}
			return
		}
		authority := strings.Replace(text, "*", "label", 1)
		if i, j := strings.Index(text, "{"), strings.Index(text, "}"); 0 <= i && i < j {
			authority = text[:i] + "label" + text[j+1:]
		}
		for _, spelled := range []string{authority, strings.ToUpper(authority), authority + ":8443"} {
			r := get("/").at(spelled)
			if d := e.Decide(&r.Request); d.Reason != policy.ReasonAllowed {
				t.Errorf("host %q: %s for %q", text, d.Reason, spelled)
			}
		}
	})
}

// FuzzPath compares which rule takes a path, or whether it is ambiguous, with
// the twin.
func FuzzPath(f *testing.F) {
	for _, path := range theirPaths {
		f.Add(path, "GET")
	}
	for _, w := range slices.Concat(pathWorlds(), ambiguousWorlds()) {
		for _, row := range w.rows {
			f.Add(row.request.Path, row.request.Method)
		}
	}
	cfg := ruled(
		at("a", spec.PathExact, "/a"), at("a-slash", spec.PathExact, "/a/"), at("prefix-a", spec.PathPrefix, "/a"), at("get", spec.PathPrefix, "/a/b", "GET"),
		at("cafe", spec.PathPrefix, "/caf%C3%A9"), at("plus", spec.PathExact, "/a+b"), at("re", spec.PathRegularExpression, "/[ab]{2}!?"),
		at("put", spec.PathRegularExpression, "/a/.*", "PUT"), at("head", spec.PathExact, "/h", "HEAD"), at("geth", spec.PathExact, "/h", "GET"),
		at("lower", spec.PathPrefix, "/b%c3%b6"), at("post", spec.PathPrefix, "/", "POST"),
	)
	e, w := compiled(f, cfg), &twin{cfg: cfg}
	f.Fuzz(func(t *testing.T, path, method string) {
		for _, r := range []request{ask(method, path).from(shop), preflight(method, path)} {
			d, want := e.Explain(&r.Request), w.decide(&r.Request)
			if got := twinSaid(&d.Decision); got != want.said() || d.MethodDependent != want.depends {
				t.Errorf("%s %q: %s %t, the twin: %s %t", method, path, got, d.MethodDependent, want.said(), want.depends)
			}
		}
	})
}

// FuzzRequestHeaders compares the judgement of a preflight, and what it reflects,
// with the twin.
func FuzzRequestHeaders(f *testing.F) {
	for _, line := range theirHeaders {
		f.Add("PUT", line, "x-a")
	}
	for _, w := range preflightWorlds() {
		for _, row := range w.rows {
			lines := append(slices.Clone(row.request.RequestHeaders), "", "")
			f.Add(strings.Join(row.request.RequestMethod, ""), lines[0], lines[1])
		}
	}
	cfg := spec.Config{}
	for i, headers := range [][]string{{"X-A", "content-type"}, {"*"}, {"*", "Authorization"}, {}} {
		methods := [][]string{{"PUT", "patch"}, {"*"}, {"Delete", "FOO"}, {}}[i]
		cfg = with(cfg, string(rune('a'+i)), spec.PolicySpec{
			Hosts: []string{string(rune('a'+i)) + ".example"}, CORS: &spec.CORS{AllowOrigins: []string{shop}, AllowMethods: methods, AllowHeaders: headers},
		})
	}
	e, w := compiled(f, cfg), &twin{cfg: cfg}
	f.Fuzz(func(t *testing.T, method, first, second string) {
		for _, authority := range []string{"a.example", "b.example", "c.example", "d.example"} {
			r := preflight(method, "/").at(authority).headers(first, second)
			x, want := run(t, e, r), w.decide(&r.Request)
			if got := twinSaid(&x.decision); got != want.said() {
				t.Fatalf("%s %q %q %q: %s, the twin: %s", authority, method, first, second, got, want.said())
			}
			for _, name := range twinNames([]string{value(x.lines, "access-control-allow-headers")}) {
				if !twinTakesHeader(name, want.cors.AllowHeaders) {
					t.Errorf("%s %q %q: names %q", authority, first, second, name)
				}
			}
		}
	})
}
