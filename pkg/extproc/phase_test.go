package extproc_test

import (
	"context"
	"slices"
	"testing"

	"github.com/corsd/corsd/internal/exchange/exchangetest"
	"github.com/corsd/corsd/pkg/policy"
)

// TestResponsePhase: which requests need the response, too. A virtual host may strip upstream's CORS
// headers, add Vary: Origin, or set the granted headers. corsd-static lists these actions. corsd does
// not repeat them.
func TestResponsePhase(t *testing.T) {
	const strips, all = "strip, vary", "strip, vary, set"
	statics := []string{"", "strip", "vary", "set", "vary, set", "strip, set", strips, all}
	var (
		always      = []string{}
		never       = statics
		unlessBoth  = []string{strips, all}
		unlessAll   = []string{all}
		withoutVary = []string{"strip, set", all}
	)

	rows := []struct {
		name     string // a sentence
		selector string
		sent     sent
		decision why
		want     []string // the values of corsd-static with which it is not requested
		ahead    []string // headers that the virtual host then sets
	}{
		{"an allowed origin needs the route to do all", "", get("api.shop.example/cart", page), allowed, unlessAll, []string{acao, acac, aceh}},
		{"a refused origin needs the strip and Vary", "", get("api.shop.example/cart", evil), refused, unlessBoth, nil},
		{"a malformed origin likewise", "", get("api.shop.example/cart", junk), why{"deny", "origin_malformed", "shop", ""}, unlessBoth, nil},
		{"a request without an Origin likewise", "", get("api.shop.example/cart"), notCORS, unlessBoth, nil},
		{"a page of the host itself likewise", "", get("api.shop.example/cart", "origin: https://api.shop.example"), why{"none", "same_origin", "shop", ""}, unlessBoth, nil},
		{"a path that no rule matches likewise", "", get("strict.shop.example/", page), why{"deny", "no_rule", "strict", ""}, unlessBoth, nil},
		{"an ambiguous path likewise", "", get("api.shop.example//", page), why{"deny", "path_ambiguous", "shop", ""}, unlessBoth, nil},
		{"an unknown selector likewise", "nosuch", get("api.shop.example/", page), why{"deny", "selector_unknown", "", ""}, unlessBoth, nil},
		{"a page that Block leaves alone likewise", "", get("block.shop.example/", evil, "sec-fetch-site: none"), why{"none", "same_origin", "block", ""}, unlessBoth, nil},
		{"a public rule grants to everyone", "", get("api.shop.example/catalogue", evil), public, withoutVary, []string{acaoAny, "access-control-expose-headers: X-Total"}},
		{"a public rule grants without an Origin, too", "", get("api.shop.example/catalogue"), publicNone, withoutVary, []string{acaoAny, "access-control-expose-headers: X-Total"}},
		{"a forwarded preflight is granted in the response", "", preflight("forward.shop.example/", "PUT", page), allowed.By("forward"), always, nil},
		{"Preserve grants if upstream grants nothing", "", get("preserve.shop.example/", page), allowed.By("preserve"), unlessAll, []string{acao}},
		{"Preserve refuses by leaving", "", get("preserve.shop.example/", evil), refused.By("preserve"), unlessBoth, nil},
		{"Merge grants", "", get("merge.shop.example/", page), allowed.By("merge"), unlessAll, []string{acao, aceh}},
		{"names that are the response's own are not known before", "", get("expand.shop.example/", page), allowed.By("expand"), always, nil},
		{"Shadow needs nothing", "", get("shadow.shop.example/", page), allowed.By("shadow"), never, nil},
		{"Disabled needs nothing", "", get("off.shop.example/", page), why{"none", "disabled", "off", ""}, never, nil},
		{"a host that no policy names needs nothing", "", get("other.example/", page), noPolicy, never, nil},
		{"a WebSocket needs nothing", "", webSocket("api.shop.example/cart", page), why{"none", "allowed", "shop", ""}, never, nil},
	}
	for _, r := range rows {
		for _, static := range statics {
			t.Run(r.name+"/"+static, func(t *testing.T) {
				var metadata []string
				if static != "" {
					metadata = append(metadata, "corsd-static: "+static)
				}
				if r.selector != "" {
					metadata = append(metadata, "corsd-policy: "+r.selector)
				}
				want := awaits(r.decision)
				if slices.Contains(r.want, static) {
					want = ends(r.decision, r.ahead...)
				}
				exchangetest.Equal(t, []answer{want}, newFixture(t).answers(t, metadata, r.sent))
			})
		}
	}
}

// TestStaticSpellings: corsd-static is a list, and unknown words in it have no effect. The stream's
// authority can have the same words.
func TestStaticSpellings(t *testing.T) {
	rows := []struct {
		name  string
		lines []string
		both  bool
	}{
		{"one line", []string{"corsd-static: strip,vary"}, true},
		{"one line with white space", []string{"corsd-static:  vary , strip "}, true},
		{"two lines", []string{"corsd-static: strip", "corsd-static: vary"}, true},
		{"with a word of the future", []string{"corsd-static: strip,vary,sing"}, true},
		{"with an empty element", []string{"corsd-static: strip,,vary,"}, true},
		{"one of them twice", []string{"corsd-static: strip,strip"}, false},
		{"an empty value", []string{"corsd-static: "}, false},
		{"another key", []string{"corsd-statics: strip,vary"}, false},
		{"the authority", []string{":authority: strip.vary.corsd-static"}, true},
		{"the authority with a word of the future", []string{":authority: sing.vary.strip.corsd-static"}, true},
		{"the authority, which is enough", []string{":authority: strip.corsd-static", "corsd-static: strip,vary"}, false},
		{"the authority without a word", []string{":authority: .corsd-static"}, false},
		{"the name of the cluster", []string{":authority: corsd", "corsd-static: strip,vary"}, true},
		{"the name of a cluster that looks like words", []string{":authority: strip.vary"}, false},
		{"an authority of another domain", []string{":authority: strip.vary.corsd-static.example"}, false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			want := awaits(refused)
			if r.both {
				want = ends(refused)
			}
			exchangetest.Equal(t, []answer{want}, newFixture(t).answers(t, r.lines, get("api.shop.example/cart", evil)))
		})
	}
}

// TestListenerStatic: a listener's promise counts like corsd-static from the stream, which adds to it.
func TestListenerStatic(t *testing.T) {
	for _, r := range []struct {
		name     string // a sentence
		listener policy.Static
		lines    []string
		both     bool
	}{
		{"the listener promises both", policy.Static{Strip: true, Vary: true}, nil, true},
		{"the listener promises one", policy.Static{Strip: true}, nil, false},
		{"the stream adds the other", policy.Static{Strip: true}, []string{"corsd-static: vary"}, true},
		{"the authority of the stream does", policy.Static{Vary: true}, []string{":authority: strip.corsd-static"}, true},
		{"an empty value takes nothing away", policy.Static{Strip: true, Vary: true}, []string{"corsd-static: "}, true},
	} {
		t.Run(r.name, func(t *testing.T) {
			f := newFixture(t)
			o := f.Options()
			o.Static = func(context.Context) policy.Static { return r.listener }
			f.process = handler(t, o)
			want := awaits(refused)
			if r.both {
				want = ends(refused)
			}
			exchangetest.Equal(t, []answer{want}, f.answers(t, r.lines, get("api.shop.example/cart", evil)))
		})
	}
}
