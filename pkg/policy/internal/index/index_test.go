package index_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/corsd/corsd/pkg/policy/internal/index"
)

// TestIndex holds an index against a map.
func TestIndex(t *testing.T) {
	type key struct {
		owner uint32
		name  string
	}
	rapid.Check(t, func(t *rapid.T) {
		text := index.NewText(1000, 0)
		x := index.New(text, rapid.IntRange(0, 20).Draw(t, "room"))
		known := map[key]uint32{}
		keys := rapid.Custom(func(t *rapid.T) key {
			return key{rapid.Uint32Range(0, 3).Draw(t, "owner"), rapid.StringMatching(`[ab]{0,3}`).Draw(t, "name")}
		})
		for _, k := range rapid.SliceOfN(keys, 0, 200).Draw(t, "keys") {
			number, ok := x.Get(k.owner, k.name)
			if want, isKnown := known[k]; number != want || ok != isKnown {
				t.Fatalf("%v: %d, %v", k, number, ok)
			}
			if inBytes, found := x.GetBytes(k.owner, []byte(k.name)); inBytes != number || found != ok {
				t.Fatalf("%v in bytes: %d, %v", k, inBytes, found)
			}
			if !ok {
				known[k] = uint32(len(known))
				x.Add(k.owner, text.Add(k.name), known[k])
			}
		}
		for k, want := range known {
			if number, ok := x.Get(k.owner, k.name); number != want || !ok {
				t.Fatalf("%v: %d, %v, not %d", k, number, ok, want)
			}
		}
	})
}

// TestText: strings come back as they were, up to the last for which there is room.
func TestText(t *testing.T) {
	text := index.NewText(6, 0)
	first, empty, second := text.Add("abc"), text.Add(""), text.Add("def")
	if got := text.At(first) + "," + text.At(empty) + "," + text.At(second) + "," + text.At(index.Ref{}); got != "abc,,def," {
		t.Errorf("%q", got)
	}
	if text.Full() {
		t.Error("is full with as much as it has room for")
	}
	if got := text.At(text.Add("g")); got != "" || !text.Full() {
		t.Errorf("one byte more: %q, full: %v", got, text.Full())
	}
}
