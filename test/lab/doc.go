// Package lab is a page on which people see each thing that CORS governs succeed
// and fail, in their own browser, through a real Envoy and corsd.
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
// Each card has an id and one or more attempts: "with" and "without" corsd, and
// mostly "refused", the counterpart that corsd refuses. In the page:
//
//	await window.lab.ready         // the cards are there, and nothing has run yet
//	window.lab.cards               // [{id, title, attempts: ["with", "without", "refused"]}]
//	await window.lab.run("simple") // runs one card, and gives its result:
//
//	{id: "simple",
//	 with:    {outcome: "readable", detail: "…", words: "", status: 200, headers: {…}, expected: "readable", exchanges: […]},
//	 without: {outcome: "refused",  detail: "…", words: "TypeError: Failed to fetch", status: 0, headers: {}, …},
//	 refused: {…}}
//
// An attempt's outcome is "readable" when the page got what the attempt is about,
// "refused" when the browser kept it from the page, and "unsupported" when this
// browser lacks what it needs (WebGL). Expected is the outcome that the card
// teaches, in the profile that runs and under policy.yaml as it is in the source
// tree. Words are what the browser told the page; status and headers are what the
// page could read; exchanges are what Envoy saw, see [Exchange], in the order in
// which they ended. A card fails to run only when the lab itself does.
//
// The card's element, #card-ID, has data-state "idle", "running" or "done", and
// each attempt's, [data-attempt="with"] in it, has data-outcome and data-expected.
//
// Attempts are marked by a query run=…, new for each, so that no cache answers
// them and [Lab.Exchanges] finds what they led to.
package lab
