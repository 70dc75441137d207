package policyfile

import "unicode/utf8"

// shorten cuts a text of a file to a length that a line of a report has room for.
func shorten(s string) string { return shortenTo(200, s) }

func shortenTo(most int, s string) string {
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
