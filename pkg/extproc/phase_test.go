package extproc_test

import "testing"

// TestResponsePhase is which requests need the response too. The virtual host may
// strip upstream's CORS headers or add Vary: Origin itself, and say so; what it
// does need not be done again.
func TestResponsePhase(t *testing.T) {
	always := map[string]bool{"": true, "strip": true, "vary": true, "strip, vary": true}
	never := map[string]bool{"": false, "strip": false, "vary": false, "strip, vary": false}
	unlessBoth := map[string]bool{"": true, "strip": true, "vary": true, "strip, vary": false}

	rows := []struct {
		name     string // a sentence
		selector string
		sent     sent
		decision why
		want     map[string]bool // corsd-static -> the response is asked for
	}{
		{"an allowed origin is told so", "", get("api.shop.example/cart", page), allowed, always},
		{"a refused origin needs the strip and Vary", "", get("api.shop.example/cart", evil), refused, unlessBoth},
		{"a malformed origin likewise", "", get("api.shop.example/cart", junk), why{"deny", "origin_malformed", "shop", ""}, unlessBoth},
		{"a request without an Origin likewise", "", get("api.shop.example/cart"), notCORS, unlessBoth},
		{"a page of the host itself likewise", "", get("api.shop.example/cart", "origin: https://api.shop.example"), why{"none", "same_origin", "shop", ""}, unlessBoth},
		{"what no rule takes likewise", "", get("strict.shop.example/", page), why{"deny", "no_rule", "strict", ""}, unlessBoth},
		{"an ambiguous path likewise", "", get("api.shop.example//", page), why{"deny", "path_ambiguous", "shop", ""}, unlessBoth},
		{"an unknown selector likewise", "nosuch", get("api.shop.example/", page), why{"deny", "selector_unknown", "", ""}, unlessBoth},
		{"a page that Block leaves alone likewise", "", get("block.shop.example/", evil, "sec-fetch-site: none"), why{"none", "same_origin", "block", ""}, unlessBoth},
		{"a public rule tells everyone", "", get("api.shop.example/catalogue", evil), public, always},
		{"a public rule tells those without an Origin", "", get("api.shop.example/catalogue"), publicNone, always},
		{"a forwarded preflight is granted in the response", "", preflight("forward.shop.example/", "PUT", page), allowed.by("forward"), always},
		{"Preserve grants where upstream says nothing", "", get("preserve.shop.example/", page), allowed.by("preserve"), always},
		{"Preserve refuses by leaving", "", get("preserve.shop.example/", evil), refused.by("preserve"), unlessBoth},
		{"Merge grants", "", get("merge.shop.example/", page), allowed.by("merge"), always},
		{"Shadow needs nothing", "", get("shadow.shop.example/", page), allowed.by("shadow"), never},
		{"Off needs nothing", "", get("off.shop.example/", page), why{"none", "off", "off", ""}, never},
		{"a host that no policy names needs nothing", "", get("other.example/", page), noPolicy, never},
		{"a WebSocket needs nothing", "", webSocket("api.shop.example/cart", page), why{"none", "allowed", "shop", ""}, never},
	}
	for _, r := range rows {
		for static, want := range r.want {
			t.Run(r.name+"/"+static, func(t *testing.T) {
				var metadata []string
				if static != "" {
					metadata = append(metadata, "corsd-static: "+static)
				}
				if r.selector != "" {
					metadata = append(metadata, "corsd-policy: "+r.selector)
				}
				wanted := ends(r.decision)
				if want {
					wanted = asks(r.decision)
				}
				equal(t, []answer{wanted}, newBench(t).answers(t, metadata, r.sent))
			})
		}
	}
}

// TestStaticSpellings: corsd-static is a list, and what it does not know of is of
// no effect.
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
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			want := asks(refused)
			if r.both {
				want = ends(refused)
			}
			equal(t, []answer{want}, newBench(t).answers(t, r.lines, get("api.shop.example/cart", evil)))
		})
	}
}
