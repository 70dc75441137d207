package policyfile

import (
	"encoding/binary"
	"reflect"

	"github.com/corsd/corsd/pkg/policy"
)

// sharer lets rules share what they say alike, which most of them do: until all
// documents have been read, their rules are what takes most of the memory, and of the
// garbage collector's time.
type sharer struct {
	cors    map[string]*policy.CORS
	matches map[string]*policy.Match
	names   map[string]string
	key     []byte
}

func newSharer() *sharer {
	return &sharer{cors: map[string]*policy.CORS{}, matches: map[string]*policy.Match{}, names: map[string]string{}}
}

func (s *sharer) rules(rules []policy.Rule) {
	for i := range rules {
		r := &rules[i]
		r.CORS, r.Match = shared(s, s.cors, r.CORS), shared(s, s.matches, r.Match)
		if known, ok := s.names[r.Name]; ok {
			r.Name = known
		} else {
			s.names[r.Name] = r.Name
		}
	}
}

// shared gives the first value that is equal.
func shared[T any](s *sharer, known map[string]*T, value *T) *T {
	if value == nil {
		return nil
	}
	s.key = appendKey(s.key[:0], reflect.ValueOf(value).Elem())
	if first := known[string(s.key)]; first != nil {
		return first
	}
	known[string(s.key)] = value
	return value
}

// appendKey appends what is the same for values that are equal, and only for them. Of
// lists and pointers it tells nil from empty.
func appendKey(key []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(key, 0)
		}
		return appendKey(append(key, 1), v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return append(key, 0)
		}
		key = binary.AppendUvarint(key, 1+uint64(v.Len()))
		for i := range v.Len() {
			key = appendKey(key, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			key = appendKey(key, v.Field(i))
		}
	case reflect.String:
		key = append(binary.AppendUvarint(key, uint64(v.Len())), v.String()...)
	case reflect.Bool:
		if v.Bool() {
			return append(key, 1)
		}
		return append(key, 0)
	case reflect.Int, reflect.Int64:
		key = binary.AppendVarint(key, v.Int())
	default:
		panic("policyfile: a field of policy.Rule has a type that no key is made of: " + v.Type().String())
	}
	return key
}
