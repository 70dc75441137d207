package page_test

import (
	"testing"

	"github.com/corsd/corsd/test/harness/browser"
)

// What Timing-Allow-Origin and Cross-Origin-Resource-Policy do in browsers.
func TestTimingAndResourcePolicy(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			through(t, p, http2)
			inEach(t, func(t *testing.T, b browser.Browser) {
				profile := newProfile(t, b)
				own, foreign := tab(t, profile, "https://"+www), tab(t, profile, "https://"+evil)
				for _, tt := range []struct {
					name     string
					page     browser.Page
					function string
					url      string
					want     string
				}{
					{"an allowed page sees the timing", own, measure, "partners.shop.example/objects/1", "detailed"},
					{"it does not without timingAllowOrigin", own, measure, "partners.shop.example/objects/unmeasured", "coarse"},
					{"nor does a stranger's page, though the application lets everyone", foreign, measure, "partners.shop.example/objects/2", "coarse"},
					{"a page of the site shows a picture of same-site", own, show, "pictures.shop.example/mirror/picture", "shown"},
					{"a page of another site does not", foreign, show, "pictures.shop.example/mirror/picture", "blocked"},
					{"it does without the header", foreign, show, "api.shop.example/mirror/picture", "shown"},
					{"a page of the site sends a POST without CORS", own, post, "partners.shop.example/objects/1", "opaque"},
					{"a page of another site is kept from the response", foreign, post, "partners.shop.example/objects/1", "blocked"},
					{"but not where the policy does not say so", foreign, post, "api.shop.example/mirror/cookies", "opaque"},
				} {
					t.Run(tt.name, func(t *testing.T) {
						var got string
						if err := browser.Call(t.Context(), tt.page, tt.function, "https://"+tt.url, &got); err != nil {
							t.Fatal(err)
						}
						if got != tt.want {
							t.Errorf("%s, want %s", got, tt.want)
						}
					})
				}
			})
		})
	}
}

// measure reports what the page learns of the time that a response took: when the request began is
// hidden without Timing-Allow-Origin. show reports whether a picture is shown, post what comes of a
// request without CORS that has an Origin.
const (
	measure = `async (url) => {
		await fetch(url).catch(() => {});
		for (let i = 0; i < 100; i++) {
			const [entry] = performance.getEntriesByName(url);
			if (entry) {
				return entry.requestStart > 0 ? "detailed" : "coarse";
			}
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
		return "no entry";
	}`
	show = `(url) => new Promise((resolve) => {
		const image = new Image();
		image.onload = () => resolve("shown");
		image.onerror = () => resolve("blocked");
		image.src = url;
	})`
	post = `(url) => fetch(url, {method: "POST", mode: "no-cors"}).then((response) => response.type, () => "blocked")`
)
