// Package lab serves a page on which people see everything that CORS governs succeed and fail in their own browser, through
// a real Envoy and corsd.
//
// [Start] runs all of it on free ports of this machine: an application, an API of
// someone else, corsd, and an Envoy with a configuration of deploy/ to which
// virtual hosts are added. Names below localhost lead to this machine in every
// current browser, so each of these is an origin of its own:
//
//	www.shop.localhost      the page
//	api.shop.localhost      the API that it calls, through corsd
//	bare.shop.localhost     the same application on the same Envoy, corsd disabled
//	www.evil.localhost      a stranger's page, which the lab shows in frames
//	weather.localhost       an API of someone else, through corsd
//	bare-weather.localhost  the same, corsd disabled
//
// # The page, for programs
//
// With /?manual the page runs nothing by itself. When window.lab is defined:
//
//	window.lab.cards               // [{id: "simple", title: "…", attempts: ["with", "without", "refused"]}, …]
//	await window.lab.run("simple") // runs one card, and returns its result:
//
//	{id: "simple",
//	 with:    {outcome: "readable", expected: "readable", detail: "…", words: "", console: "", status: 200,
//	           headers: {…}, run: "…", exchanges: […]},
//	 without: {outcome: "refused", expected: "refused", words: "TypeError: Failed to fetch", status: 0, headers: {}, …},
//	 refused: {…}}
//
// A card has the attempts "with" and "without" corsd, mostly "refused", which is
// what corsd refuses, one has "own", the shop's page beside the stranger's, and two
// have "tainted", a picture that was not asked for with CORS.
//
// The outcome is "readable" when the page got what the attempt is about, "refused"
// when the browser kept it from the page, and "unsupported" when this browser
// lacks what it needs (WebGL). Expected is the outcome that the card teaches, in
// the profile that runs and under policy.yaml as it is in the source tree. Words
// are what the browser told the page; console is a part of what Chromium writes to
// its console for these exchanges, "" for nothing about CORS.
// Status and headers are what the page could read. Exchanges are what Envoy saw,
// in the order in which it ended: an [Exchange], with the command that explains it
// and a [Decision], null where corsd was not asked. The promise fails only when
// the lab itself does.
//
// The card's element, #card-ID, has data-state "idle", "running" or "done", and
// each attempt's, [data-attempt="with"] in it, has data-expected, and once it was
// run data-outcome, and data-tone: "good" or "bad" for what is meant to be read,
// "kept" or "leak" for what is not.
//
// Attempts are marked by a query run=…, new for each, so that no cache answers
// them and [Lab.Exchanges] finds what they led to.
package lab
