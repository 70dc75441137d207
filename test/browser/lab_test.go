package page_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/test/demo/lab"
	"github.com/corsd/corsd/test/harness/browser"
)

// card is the result of a card of the lab.
type card map[string]struct{ Outcome, Expected, Words, Detail, Console string }

const runCard = `async (id) => {
	const all = {};
	for (const [name, attempt] of Object.entries(await window.lab.run(id))) {
		if (name !== "id") {
			const {outcome, expected, words, detail, console} = attempt;
			all[name] = {outcome, expected, console, words: String(words), detail: String(detail)};
		}
	}
	return all;
}`

// taught has the outcomes of the cards: with corsd, without it, a request that corsd refuses, and one
// that the page itself makes unreadable.
var taught = map[string]string{
	"simple":        "with readable, without refused, refused refused",
	"xhr":           "with readable, without refused, refused refused",
	"credentials":   "with readable, without refused, refused refused",
	"exposed":       "with readable, without refused, refused refused",
	"public":        "with readable, without refused, refused readable", // a stranger's page
	"careless":      "with refused, without readable",                   // the application lets everyone read
	"preflighted":   "with readable, without refused, refused refused",
	"header":        "with readable, without refused, refused refused",
	"put":           "with readable, without refused, refused refused",
	"patch":         "with refused, without refused, refused refused", // in the wrong case
	"delete":        "with readable, without refused, refused refused",
	"redirect":      "with readable, without refused, refused refused",
	"redirect-away": "with refused, without refused", // the origin is null then
	"null-origin":   "with readable, without refused, refused refused",
	"third-party":   "with readable, without refused, refused refused",
	"status-401":    "with readable, without refused, refused refused",
	"status-404":    "with readable, without refused, refused refused",
	"status-429":    "with readable, without refused, refused refused",
	"status-503":    "with readable, without refused, refused refused",
	"font":          "with readable, without refused, refused refused",
	"canvas":        "with readable, without refused, refused refused, tainted refused",
	"webgl":         "with readable, without refused, refused refused, tainted refused",
	"shape":         "with readable, without refused, refused refused",
	"module":        "with readable, without refused, refused refused",
	"events":        "with readable, without refused, refused refused",
	"websocket":     "with refused, without readable, own readable", // from a stranger's page
	"grpc-web":      "with readable, without refused, refused refused",
}

// otherwise has the outcomes that differ in a profile.
var otherwise = map[string]string{
	"ext_authz status-404": "with refused, without refused, refused refused", // of which Envoy does not ask
}

// Every card of the lab has the outcomes that it teaches.
func TestLab(t *testing.T) {
	for _, p := range lab.Profiles {
		for _, tr := range []lab.Transport{lab.HTTP, lab.TLSHTTP2, lab.TLS} {
			t.Run(p.Name+" by "+string(tr), func(t *testing.T) {
				l := startLab(t, p, tr, "")
				inEach(t, func(t *testing.T, b browser.Browser) {
					t.Parallel() // with the other browser: the cards wait for much
					checkLab(t, l, b)
				})
			})
		}
	}
}

// startLab runs a lab for the length of a test, with a policy file of the test's own or, for
// "", the shipped one.
func startLab(t *testing.T, p lab.Profile, tr lab.Transport, policy string) *lab.Lab {
	t.Helper()
	if len(browsers) == 0 {
		t.Skip(lacking[browser.Chromium])
	}
	if binary.Version.Before(p.Since) {
		t.Skipf("%s needs Envoy %v or later; this is %v", p.Config, p.Since, binary.Version)
	}
	if p.InEnvoy && noLibrary != nil {
		t.Skip(noLibrary)
	}
	l, err := lab.Start(t.Context(), lab.Options{
		Root: root, Envoy: binary, Corsd: corsd, Module: library, Profile: p, Transport: tr,
		Certificate: read(t, certificate.CertFile), Key: read(t, certificate.KeyFile),
		Policy: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(l.Logs())
		}
	})
	return l
}

// labCard is a card as the page lists it.
type labCard struct {
	ID       string
	Attempts []string
}

func checkLab(t *testing.T, l *lab.Lab, b browser.Browser) {
	page := tab(t, newProfile(t, b), l.Origins.Page+"/?manual")
	const list = `async () => {
		while (!window.lab) { // whose script awaits things while it is loaded
			await new Promise((later) => setTimeout(later, 10));
		}
		await window.lab.ready;
		return window.lab.cards;
	}`
	var cards []labCard
	if err := browser.Call(t.Context(), page, list, nil, &cards); err != nil {
		t.Fatal(err)
	}
	if len(cards) != len(taught) {
		t.Errorf("%d cards, want %d", len(cards), len(taught))
	}
	for _, id := range []string{"simple", "null-origin"} { // which open the frames, so that they are heard from now on
		if err := browser.Call(t.Context(), page, runCard, id, new(card)); err != nil {
			t.Fatal(err)
		}
	}
	page.Console()
	for _, c := range cards {
		t.Run(c.ID, func(t *testing.T) {
			if c.ID == "webgl" && b.Kind() == browser.Firefox {
				t.Skip("Firefox without a window has no WebGL on every machine")
			}
			var got card
			if err := browser.Call(t.Context(), page, runCard, c.ID, &got); err != nil {
				t.Fatal(err)
			}
			c.check(t, l, got)
			if b.Kind() == browser.Chromium {
				c.checkConsole(t, page, got)
			}
		})
	}
}

func (c labCard) check(t *testing.T, l *lab.Lab, got card) {
	want, ok := otherwise[l.Profile.Name+" "+c.ID]
	if !ok {
		want = taught[c.ID]
	}
	var shown, says []string
	for _, name := range c.Attempts {
		shown = append(shown, name+" "+got[name].Outcome)
		says = append(says, name+" "+got[name].Expected)
	}
	if s := strings.Join(shown, ", "); s != want {
		t.Errorf("%s, want %s: %+v", s, want, got)
	}
	if s := strings.Join(says, ", "); s != want {
		t.Errorf("the card says %s, want %s", s, want)
	}
}

// checkConsole checks the console: if the browser refuses a response to the page itself, the console has
// the message that the card shows.
func (c labCard) checkConsole(t *testing.T, page browser.Page, got card) {
	said := ""
	for _, name := range c.Attempts {
		a := got[name]
		if a.Outcome != "refused" || strings.Contains(said, a.Console) {
			continue
		}
		more, ok := console(page, a.Console)
		if said += more; !ok {
			t.Errorf("%s: the console does not say %q, but:\n%s", name, a.Console, said)
		}
	}
}

// The page follows the policy: the outcomes of cards change, the page shows faults of a refused policy,
// which changes no outcome, and corsd explains its decisions.
func TestLabFollowsThePolicy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	shipped := read(t, filepath.Join(root, "test", "demo", "lab", "policy.yaml"))
	write := func(old, replacement string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.Replace(shipped, old, replacement, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("", "")
	l := startLab(t, lab.RequestResponse, lab.HTTP, file)
	inEach(t, func(t *testing.T, b browser.Browser) {
		page := tab(t, newProfile(t, b), l.Origins.Page+"/?manual")
		await := func(what, element, text string) {
			t.Helper()
			const look = `async ([element, text]) => {
				let seen;
				for (let i = 0; i < 300; i++) {
					seen = document.querySelector(element)?.textContent ?? "no such element";
					if (seen.includes(text)) {
						return "";
					}
					await new Promise((later) => setTimeout(later, 50));
				}
				return seen;
			}`
			var seen string
			if err := browser.Call(t.Context(), page, look, []string{element, text}, &seen); err != nil {
				t.Fatal(err)
			}
			if seen != "" {
				t.Errorf("%s: %s never says %q, but %q", what, element, text, seen)
			}
		}
		await("at first", "#policy-badge", "Policy: live")
		write("PUT, DELETE]", "PUT, DELETE, PATCH]")
		await("with PATCH", "#card-patch [data-attempt=with] .outcome", "The page can read it")
		await("with PATCH", "#card-patch [data-attempt=with] .said", "Changed by your policy. As shipped it is: kept from the page.")
		await("with PATCH", "#card-patch [data-attempt=with] .seen", "allowMethods: [GET, PUT, DELETE, PATCH]")
		await("with PATCH", "#summary", "1 of 27 experiments changed by your policy.")
		var opened int
		const open = `async () => {
			const all = document.querySelectorAll("#card-patch [data-attempt=with] details");
			all.forEach((details) => { details.open = true; });
			return all.length;
		}`
		if err := browser.Call(t.Context(), page, open, nil, &opened); err != nil || opened == 0 {
			t.Fatal(opened, err)
		}
		await("explained", "#card-patch [data-attempt=with] .explain .table", "allowed: the policy allows the request.")
		write("allowCredentials: true", "allowCredentials: perhaps")
		await("refused", "#policy-badge", "Policy: change refused")
		await("refused", "#policy-faults", "line 14: spec.cors.allowCredentials")
		write("", "")
		await("as shipped", "#summary", "All 27 experiments came out as described.")
	})
}
