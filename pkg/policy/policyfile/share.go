package policyfile

import (
	"encoding/binary"
	"reflect"

	"go.yaml.in/yaml/v4"
)

const (
	// maxShared bounds the values that are kept for sharing.
	maxShared = 10_000
	// maxSharedKey bounds the text of such a value, in bytes.
	maxSharedKey = 1 << 10
)

// sharer lets equal nodes share one value. Large configurations repeat few settings many times:
// sharing them halves the memory of a [spec.Config], and decodes them once.
type sharer struct {
	values map[string]reflect.Value // pointers, by key
	key    []byte
}

// keyOf returns what determines the value of a node: two nodes with one key decode to equal values
// of a type, or to the same faults. It returns nil for a large node. The key is valid until the next
// call.
func (s *sharer) keyOf(t reflect.Type, n *yaml.Node) []byte {
	s.key = append(append(s.key[:0], t.String()...), 0)
	if !s.add(n) {
		return nil
	}
	return s.key
}

// add appends a node to the key. It returns false if the key grows too long.
func (s *sharer) add(n *yaml.Node) bool {
	n = resolve(n)
	if len(s.key)+len(n.Tag)+len(n.Value) > maxSharedKey {
		return false
	}
	s.key = binary.AppendUvarint(append(s.key, byte(n.Kind)), uint64(len(n.Content)))
	for _, text := range []string{n.Tag, n.Value} {
		s.key = append(binary.AppendUvarint(s.key, uint64(len(text))), text...)
	}
	for _, part := range n.Content {
		if !s.add(part) {
			return false
		}
	}
	return true
}

// pointer fills a pointer field with a new value, or with the value of an equal node. A node with
// faults is not shared, so that each reports its own.
func (d *decoder) pointer(n *yaml.Node, out reflect.Value) bool {
	key := d.shared.keyOf(out.Type(), n)
	if value, found := d.shared.values[string(key)]; found {
		out.Set(value)
		return true
	}
	name := string(key) // decoding the parts of n overwrites the key
	faults := d.faults
	target := reflect.New(out.Type().Elem())
	if !d.value(n, target.Elem()) {
		return false
	}
	out.Set(target)
	if name != "" && d.faults == faults && len(d.shared.values) < maxShared {
		d.shared.values[name] = target
	}
	return true
}
