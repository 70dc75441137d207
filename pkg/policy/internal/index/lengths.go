package index

// Lengths is the set of the lengths that names have, all above 62 being one: most
// of what might be looked up need not be, and a look-up that finds nothing costs as
// much as one that does.
type Lengths uint64

// Add adds the length of a name.
func (s *Lengths) Add(n int) { *s |= 1 << min(n, 63) }

// Has reports whether a name may have the length.
func (s Lengths) Has(n int) bool { return s>>min(n, 63)&1 != 0 }

// Empty reports whether there is no name.
func (s Lengths) Empty() bool { return s == 0 }
