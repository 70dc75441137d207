package origin

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The parts that patterns and origins are made of. Hosts are names of up to four of the labels.
var (
	someSchemes = []string{"https", "http", "app"}
	someLabels  = []string{"a", "b"}
	somePorts   = []string{"", ":80", ":443", ":8443"}
)

// someHosts are all names of up to n labels.
func someHosts(n int) []string {
	if n == 1 {
		return someLabels
	}
	shorter := someHosts(n - 1)
	list := slices.Clone(shorter)
	for _, name := range shorter {
		for _, label := range someLabels {
			if host := label + "." + name; !slices.Contains(list, host) {
				list = append(list, host)
			}
		}
	}
	return list
}

// someOrigins are all origins of these parts.
func someOrigins() (list []Origin) {
	for _, scheme := range someSchemes {
		for _, host := range append(someHosts(4), "[::1]", "") {
			for _, port := range somePorts {
				for _, end := range []string{"", "."} {
					if o, ok := Parse(scheme + "://" + host + end + port); ok {
						list = append(list, o)
					}
				}
			}
		}
	}
	return list
}

// drawPattern draws a pattern of up to three labels.
func drawPattern(t *rapid.T) Pattern {
	scheme := rapid.SampledFrom(someSchemes).Draw(t, "scheme")
	host := rapid.SampledFrom(append(someHosts(2), "[::1]", "a.", "*", "", ".")).Draw(t, "host")
	if before := rapid.SampledFrom([]string{"", "*.", "{t}.", "{u}."}).Draw(t, "before"); host != "*" {
		host = before + host
	}
	text := scheme + "://" + host + rapid.SampledFrom(append(somePorts, ":*")).Draw(t, "port")
	p, _, fault := ParsePattern(text)
	if fault != nil {
		t.Skip(text)
	}
	return p
}

// matchesSome reports whether the pattern matches an origin for some label of its tenant.
func (p Pattern) matchesSome(o Origin) bool {
	label, _, _ := strings.Cut(o.Host, ".")
	return p.Matches(o, Tenant{Name: p.Tenant, Label: []byte(label)})
}

// TestIntersects compares the judgement of two patterns with trying all origins.
func TestIntersects(t *testing.T) {
	origins := someOrigins()
	rapid.Check(t, func(t *rapid.T) {
		p, q := drawPattern(t), drawPattern(t)
		i := slices.IndexFunc(origins, func(o Origin) bool { return p.matchesSome(o) && q.matchesSome(o) })
		if got := p.Intersects(q); got != (i >= 0) {
			common := "no origin"
			if i >= 0 {
				common = origins[i].Canonical
			}
			t.Errorf("%s and %s intersect: %t, and both match %s", p, q, got, common)
		}
		if p.Intersects(q) != q.Intersects(p) {
			t.Errorf("%s and %s intersect in one order only", p, q)
		}
		if one := p.IsOneOrigin(); one && countMatches(p, origins) > 1 {
			t.Errorf("%s is for one origin, and matches more", p)
		} else if !one && countMatches(p, origins) < 2 {
			t.Errorf("%s is for more than one origin, and matches one", p)
		}
	})
}

func countMatches(p Pattern, origins []Origin) int {
	seen := map[string]bool{}
	for _, o := range origins {
		if p.matchesSome(o) {
			seen[o.Canonical] = true
		}
	}
	return len(seen)
}

// TestIntersectsKinds has a row for each pair of kinds, which random patterns may miss.
func TestIntersectsKinds(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"https://a.example", "https://a.example", true},
		{"https://a.example", "https://b.example", false},
		{"https://a.example", "http://a.example", false},
		{"https://a.example", "https://a.example:8443", false},
		{"https://a.example:*", "https://a.example:8443", true},
		{"https://a.example", "https://*.example", true},
		{"https://c.a.example", "https://*.example", true},
		{"https://example", "https://*.example", false},
		{"https://a.example", "https://{t}.example", true},
		{"https://c.a.example", "https://{t}.example", false},
		{"https://a.example", "https://*", true},
		{"https://*.example", "https://*.a.example", true},
		{"https://*.a.example", "https://*.b.example", false},
		{"https://*.example", "https://{t}.example", true},
		{"https://*.example", "https://{t}.a.example", true},
		{"https://*.a.example", "https://{t}.example", false},
		{"https://{t}.example", "https://{u}.example", true},
		{"https://{t}.example", "https://{t}.a.example", false},
		{"https://{t}.example", "https://*", true},
	} {
		a, _, faultA := ParsePattern(tt.a)
		b, _, faultB := ParsePattern(tt.b)
		if faultA != nil || faultB != nil {
			t.Fatal(faultA, faultB)
		}
		if a.Intersects(b) != tt.want || b.Intersects(a) != tt.want {
			t.Errorf("%s and %s: %t and %t, want %t", tt.a, tt.b, a.Intersects(b), b.Intersects(a), tt.want)
		}
	}
}
