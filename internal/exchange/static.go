package exchange

import "github.com/corsd/corsd/pkg/policy"

// AddStatic adds to s what a word of corsd-static reports. It returns false if the word is unknown.
func AddStatic(s *policy.Static, word string) bool {
	switch word {
	case "strip":
		s.Strip = true
	case "vary":
		s.Vary = true
	case "set":
		s.Set = true
	default:
		return false
	}
	return true
}
