// Package index keeps many short texts, and finds numbers by them, in memory
// without pointers: the garbage collector passes over a policy of 100,000 rules as
// quickly as over one of ten. (With a map of strings it marked each of them, which was
// what the slowest requests waited for.) It knows no policy.
package index

import "strings"

// Ref is one of the strings of a [Text]. The zero Ref is "".
type Ref struct{ start, size uint32 }

// Text holds strings one after another. It must not be copied.
type Text struct {
	all  strings.Builder
	room uint32
	full bool
}

// NewText gives a text that has room for so many bytes, of which it will need some.
func NewText(room uint32, need int) *Text {
	t := &Text{room: room}
	t.all.Grow(min(need, int(room)))
	return t
}

// Add adds a string. One for which there is no room is left out, which Full tells.
func (t *Text) Add(s string) Ref {
	start := t.all.Len()
	if uint64(start)+uint64(len(s)) > uint64(t.room) {
		t.full = true
		return Ref{}
	}
	t.all.WriteString(s)
	return Ref{uint32(start), uint32(len(s))}
}

// At gives a string that was added.
func (t *Text) At(r Ref) string { return t.all.String()[r.start:][:r.size] }

// Full reports whether a string has been left out.
func (t *Text) Full() bool { return t.full }
