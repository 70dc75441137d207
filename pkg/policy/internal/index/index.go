package index

import "hash/maphash"

// Index finds numbers by an owner and a name: what one owner calls by a name has
// nothing to do with what another one does. The names are in a [Text].
type Index struct {
	text  *Text
	seed  maphash.Seed
	slots []slot // a power of two of them, at most three quarters in use
	used  int
}

// slot is an entry of the hash table, or a free one.
type slot struct {
	hash   uint32
	owner  uint32
	name   Ref
	number uint32 // one more than it is; 0 in a free slot
}

// New gives an index that has room for some names of text, and grows beyond them.
func New(text *Text, names int) *Index {
	size := 8
	for size*3 < names*4 {
		size *= 2
	}
	return &Index{text: text, seed: maphash.MakeSeed(), slots: make([]slot, size)}
}

// Get gives the number that owner calls name.
func (x *Index) Get(owner uint32, name string) (number uint32, ok bool) {
	return find(x, x.mix(owner, maphash.String(x.seed, name)), owner, name)
}

// GetBytes is Get for a name that is no string.
func (x *Index) GetBytes(owner uint32, name []byte) (number uint32, ok bool) {
	return find(x, x.mix(owner, maphash.Bytes(x.seed, name)), owner, name)
}

// mix gives the hash of an owner and a name. The seed is secret, so nobody can choose
// names that meet.
func (*Index) mix(owner uint32, name uint64) uint32 {
	h := name ^ uint64(owner)*0x9e3779b97f4a7c15
	return uint32(h ^ h>>32)
}

func find[T ~string | ~[]byte](x *Index, hash, owner uint32, name T) (number uint32, ok bool) {
	mask := uint32(len(x.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &x.slots[i]
		if s.number == 0 {
			return 0, false
		}
		if s.hash == hash && s.owner == owner && x.text.At(s.name) == string(name) {
			return s.number - 1, true
		}
	}
}

// Add lets owner call a number by a name of the text. The name must be new to the owner.
func (x *Index) Add(owner uint32, name Ref, number uint32) {
	if x.used++; x.used*4 > len(x.slots)*3 {
		x.grow()
	}
	x.put(slot{x.mix(owner, maphash.String(x.seed, x.text.At(name))), owner, name, number + 1})
}

func (x *Index) put(s slot) {
	mask := uint32(len(x.slots) - 1)
	i := s.hash & mask
	for x.slots[i].number != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = s
}

func (x *Index) grow() {
	old := x.slots
	x.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s.number != 0 {
			x.put(s)
		}
	}
}
