package fetch

import (
	"slices"
	"strings"
)

// get returns the value of a header: its lines, joined by commas.
func get(r Response, name string) (value string, ok bool) {
	var lines []string
	for _, h := range r.Headers {
		if h.Name == name {
			lines = append(lines, h.Value)
		}
	}
	return strings.Join(lines, ", "), lines != nil
}

// list extracts header list values. It is not ok if an element is not a token.
func list(r Response, name string) (elements []string, ok bool) {
	value, _ := get(r, name)
	for element := range strings.SplitSeq(value, ",") {
		element = strings.Trim(element, " \t")
		if element == "" {
			continue
		}
		if strings.ContainsFunc(element, func(c rune) bool { return !isTokenByte(c) }) {
			return nil, false
		}
		elements = append(elements, element)
	}
	return elements, true
}

func isTokenByte(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// normalize writes these six methods in upper case. It leaves all others as they are.
func normalize(method string) string {
	upper := strings.ToUpper(method)
	if slices.Contains([]string{"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}, upper) {
		return upper
	}
	return method
}

func isForbidden(method string) bool {
	return slices.Contains([]string{"CONNECT", "TRACE", "TRACK"}, strings.ToUpper(method))
}

func isSafelistedMethod(method string) bool {
	return method == "GET" || method == "HEAD" || method == "POST"
}

// unsafeNames returns the CORS-unsafe request-header names, in lower case and sorted.
func unsafeNames(headers []Header) []string {
	var names []string
	for _, h := range headers {
		if !isSafelistedHeader(h) {
			names = append(names, strings.ToLower(h.Name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// isSafelistedHeader reports whether a header is CORS-safelisted. It is correct for values of at most
// 128 bytes that consist of letters, digits and the punctuation of media types.
func isSafelistedHeader(h Header) bool {
	switch strings.ToLower(h.Name) {
	case "accept", "accept-language", "content-language":
		return true
	case "content-type":
		kind, _, _ := strings.Cut(h.Value, ";")
		forms := []string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
		return slices.Contains(forms, strings.ToLower(strings.TrimSpace(kind)))
	}
	return false
}
