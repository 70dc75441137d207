// Package suggest finds the name that a misspelt one was meant to be.
package suggest

import "strings"

// maxCandidates bounds the names that are compared: a hint is not worth more time.
const maxCandidates = 1000

// Nearest is the known name that a misspelt one stands for, "" when none is near:
// equal but for case, "_" and "-", else at most a third of its letters away.
func Nearest(name string, known []string) string {
	if len(name) > 64 {
		return "" // the distance takes time by the square
	}
	best, least := "", len(name)/3+1
	for _, k := range known[:min(len(known), maxCandidates)] {
		if fold(k) == fold(name) {
			return k
		}
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// Containing is the one known name that has name in it, such as PathPrefix for Prefix,
// "" if there is none or more than one.
func Containing(name string, known []string) string {
	if len(name) < 3 {
		return ""
	}
	found := ""
	for _, k := range known[:min(len(known), maxCandidates)] {
		if strings.Contains(fold(k), fold(name)) {
			if found != "" {
				return ""
			}
			found = k
		}
	}
	return found
}

func fold(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// distance is how many bytes must be put in, taken out, replaced, or swapped with
// their neighbour to make b of a.
func distance(a, b string) int {
	before, last, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			next[j+1] = min(replaced, last[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}
