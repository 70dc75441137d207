package header

// maxForbidden is the length of the longest name in IsForbiddenRequestHeader.
const maxForbidden = len("access-control-request-headers")

// IsForbiddenRequestHeader reports whether no page can set the request header, whatever its value
// (Fetch standard, section 2.2.2, "forbidden request-header"). A preflight that requests one was
// not made by a current browser.
func IsForbiddenRequestHeader(name string) bool {
	for _, prefix := range []string{"proxy-", "sec-"} {
		if HasPrefixFold(name, prefix) {
			return true
		}
	}
	if len(name) > maxForbidden {
		return false
	}
	var buf [maxForbidden]byte
	switch string(AppendLower(buf[:0], name)) {
	case "accept-charset", "accept-encoding", "access-control-request-headers", "access-control-request-method",
		"connection", "content-length", "cookie", "cookie2", "date", "dnt",
		"expect", "host", "keep-alive", "origin", "referer", "set-cookie", "te", "trailer", "transfer-encoding",
		"upgrade", "via":
		return true
	}
	return false
}

// IsForbiddenResponseHeader is the Fetch standard's "forbidden response-header
// name": a page never reads it, whatever is exposed.
func IsForbiddenResponseHeader[T ~string | ~[]byte](name T) bool {
	return EqualFold(name, "set-cookie") || EqualFold(name, "set-cookie2")
}

// IsSafelistedResponseHeader is the Fetch standard's "CORS-safelisted
// response-header name": a page reads it without its being exposed.
func IsSafelistedResponseHeader(name string) bool {
	for _, safe := range []string{
		"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma",
	} {
		if EqualFold(name, safe) {
			return true
		}
	}
	return false
}
