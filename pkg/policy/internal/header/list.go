package header

// Next cuts the first element off a comma-separated list (RFC 9110, section
// 5.6.1): white space around it and empty elements before it are passed over.
// The element is empty where the list has no more.
func Next[T ~string | ~[]byte](list T) (element, rest T) {
	start := 0
	for start < len(list) && (list[start] == ',' || isSpace(list[start])) {
		start++
	}
	end := start
	for end < len(list) && list[end] != ',' {
		end++
	}
	rest = list[end:]
	for end > start && isSpace(list[end-1]) {
		end--
	}
	return list[start:end], rest
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// Contains reports whether the list has the element, in any case.
func Contains[L, E ~string | ~[]byte](list L, element E) bool {
	for e, rest := Next(list); len(e) > 0; e, rest = Next(rest) {
		if EqualFold(e, element) {
			return true
		}
	}
	return false
}

// AppendElement appends an element to a list that is joined with ", " and begins
// at dst[start].
func AppendElement[T ~string | ~[]byte](dst []byte, start int, element T) []byte {
	if len(dst) > start {
		dst = append(dst, ", "...)
	}
	return append(dst, element...)
}

// distinctBytes bounds the list within which repeats are looked for, so that an
// upstream with an absurd header costs a scan and not its square. A repeat beyond it
// stays: it is harmless. No list that a browser's request may have reaches it.
const distinctBytes = 9 << 10

// AppendDistinct is [AppendElement] unless the list has the element already.
func AppendDistinct[T ~string | ~[]byte](dst []byte, start int, element T) []byte {
	if list := dst[start:]; len(list) <= distinctBytes && Contains(list, element) {
		return dst
	}
	return AppendElement(dst, start, element)
}

// AppendTokens appends the elements of lines that are tokens, each once, to the
// list that begins at dst[start].
func AppendTokens(dst []byte, start int, lines [][]byte) []byte {
	for _, line := range lines {
		for e, rest := Next(line); len(e) > 0; e, rest = Next(rest) {
			if IsToken(e) {
				dst = AppendDistinct(dst, start, e)
			}
		}
	}
	return dst
}
