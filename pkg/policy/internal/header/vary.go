package header

// AppendVary appends the value of a single Vary header that says what lines, the
// Vary headers of a response, say, and names too. Where they say it already ("*"
// says everything) nothing is appended and changed is false: the lines are to be
// left as they are.
func AppendVary(dst []byte, lines [][]byte, names []string) (out []byte, changed bool) {
	if !lacks(lines, names) {
		return dst, false
	}
	start := len(dst)
	for _, line := range lines {
		for e, rest := Next(line); len(e) > 0; e, rest = Next(rest) {
			if IsFieldValue(e) {
				dst = AppendDistinct(dst, start, e)
			}
		}
	}
	for _, name := range names {
		if !anyContains(lines, name) {
			dst = AppendElement(dst, start, name)
		}
	}
	return dst, true
}

// lacks reports whether any of names is in none of the lines.
func lacks(lines [][]byte, names []string) bool {
	for _, line := range lines {
		if Contains(line, "*") {
			return false
		}
	}
	for _, name := range names {
		if !anyContains(lines, name) {
			return true
		}
	}
	return false
}

func anyContains(lines [][]byte, name string) bool {
	for _, line := range lines {
		if Contains(line, name) {
			return true
		}
	}
	return false
}
