// Package lab serves a page that shows people how everything that CORS governs succeeds and fails in their own browser,
// through a real Envoy and corsd.
//
// [Start] runs all programs on free ports of this machine: an application, a third party's API,
// corsd, and an Envoy with a configuration of deploy/ to which virtual hosts are added. Every
// current browser resolves names below localhost to this machine. So each of these is a separate
// origin:
//
//	www.shop.localhost      the page
//	api.shop.localhost      the API that it calls, through corsd
//	bare.shop.localhost     the same application on the same Envoy, corsd disabled
//	www.evil.localhost      a stranger's page, which the lab shows in frames
//	weather.localhost       a third party's API, through corsd
//	bare-weather.localhost  the same, corsd disabled
//
// # The page, for programs
//
// With /?manual the page runs nothing by itself. A program waits until window.lab is defined:
//
//	window.lab.cards               // [{id: "simple", title: "…", attempts: ["with", "without", "refused"]}, …]
//	await window.lab.run("simple") // runs one card, and returns its result:
//
//	{id: "simple",
//	 with:    {outcome: "readable", expected: "readable", detail: "…", words: "", console: "", status: 200,
//	           headers: {…}, run: "…", exchanges: […]},
//	 without: {outcome: "refused", expected: "refused", detail: "…", words: "TypeError: Failed to fetch",
//	           console: "…", status: 0, headers: {}, run: "…", exchanges: […]},
//	 refused: {…}}
//
// A card has the attempts "with" and "without" corsd. Most have "refused", a request that corsd
// refuses. One has "own", the shop's page beside the stranger's. Two have "tainted", a picture
// that was requested without CORS.
//
// An attempt has:
//
//   - outcome: "readable" if the page got the content that the attempt is about, "refused" if the
//     browser kept it from the page, "unsupported" if this browser has no WebGL.
//   - expected: the outcome that the card teaches, in the running profile and with policy.yaml as it
//     is in the source tree.
//   - words: the browser's error as the page sees it.
//   - console: a part of the message that Chromium writes to its console for these exchanges, "" if
//     there is none about CORS.
//   - status and headers: those that the page could read.
//   - exchanges: the requests that Envoy saw, in the order of their ends. Each is an [Exchange], with
//     the command that explains it and a [Decision], null if corsd was not called.
//
// The promise fails only if the lab itself fails.
//
// The card's element, #card-ID, has data-state "idle", "running" or "done". The element of an
// attempt, [data-attempt="with"] in it, has data-expected. After a run it also has data-outcome and
// data-tone: "good" or "bad" for content that should be readable, "kept" or "leak" for content that
// should not.
//
// Each attempt has a query run=… of its own, so that no cache answers it and [Lab.Exchanges] finds
// its requests.
package lab
