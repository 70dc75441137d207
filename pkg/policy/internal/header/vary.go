package header

// AppendVary appends the value of a single Vary header that joins lines, the Vary headers of a
// response, and names. If the lines have them already ("*" stands for
// everything) nothing is appended and changed is false: the lines are to be left as they are.
// There may be at most 8 names.
func AppendVary(dst []byte, lines [][]byte, names []string) (out []byte, changed bool) {
	present, all := findNames(lines, names)
	if all || present == 1<<len(names)-1 {
		return dst, false
	}
	l := NewList(dst, len(dst))
	for _, line := range lines {
		for e, rest := Next(line); len(e) > 0; e, rest = Next(rest) {
			if IsFieldValue(e) {
				l.Add(e)
			}
		}
	}
	dst = l.Bytes()
	for i, name := range names {
		if present>>i&1 == 0 {
			dst = AppendElement(dst, l.start, name)
		}
	}
	return dst, true
}

// findNames returns the set of the names that are in the lines, one bit each. all reports
// that "*" is among them.
func findNames(lines [][]byte, names []string) (present uint8, all bool) {
	for _, line := range lines {
		for e, rest := Next(line); len(e) > 0; e, rest = Next(rest) {
			if len(e) == 1 && e[0] == '*' {
				return 0, true
			}
			for i, name := range names {
				if EqualFold(e, name) {
					present |= 1 << i
				}
			}
		}
	}
	return present, false
}
