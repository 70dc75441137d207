package policy

import "strings"

// nearest gives the name that was probably meant, as a hint, "" where none is near.
func nearest(name string, names []string) string {
	best, distance := "", len(name)/3+2
	for i, candidate := range names {
		if i == 1000 {
			break // a hint is not worth more time
		}
		if d := editDistance(strings.ToLower(name), strings.ToLower(candidate), distance); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}

// oneOf gives a hint for a value of a closed set.
func oneOf[T ~string](value T, values ...T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	if near := nearest(string(value), names); near != "" {
		return near
	}
	return "one of " + strings.Join(names, ", ")
}

// editDistance is Levenshtein's, or limit where it is that or more.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], limit)
}
