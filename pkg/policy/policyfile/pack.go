package policyfile

import (
	"encoding/binary"
	"iter"
	"reflect"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/internal/index"
)

// packed is the documents that are to be compiled, as [policy.Documents]. They all wait
// until the last one has been read, and each time that the garbage collector runs meanwhile
// it marks every object that they have pointers to. So what there may be a hundred thousand
// of, policies, rules and the origins of sets, is kept in lists of numbers and one text, and
// what policies and rules say alike is kept once.
type packed struct {
	policies []packedPolicy
	sets     []packedSet
	defaults []policy.Defaults

	texts          *index.Text
	rules          []packedRule
	hosts, origins []index.Ref

	specs  []policy.Spec           // of policies, without what is their own
	shapes []policy.Rule           // rules without what is their own
	spec   map[string]uint32       // place in specs, by key
	shape  map[string]uint32       // place in shapes, by key
	cors   map[string]*policy.CORS // by key
	key    []byte                  // memory of a key

	pause func()
}

// packedPolicy is the name, the hosts and the rules of a policy, and its spec, which is the
// rest.
type packedPolicy struct {
	name         index.Ref
	hosts, rules span
	spec         uint32
}

// span is a part of a list.
type span struct{ first, end int }

type packedSet struct {
	policy.OriginSet // without origins
	origins          span
}

// packedRule is the name and the path of a rule, and its shape, which is the rest.
type packedRule struct {
	name, path index.Ref
	shape      uint32
}

// newPacked gives room for so many bytes of names, hosts, paths and origins.
func newPacked(text int) *packed {
	return &packed{
		texts: index.NewText(uint32(text), 0),
		spec:  map[string]uint32{}, shape: map[string]uint32{}, cors: map[string]*policy.CORS{},
		pause: func() {},
	}
}

// full reports whether there was too much text.
func (d *packed) full() bool { return d.texts.Full() }

func (d *packed) addPolicy(p policy.Policy) {
	packed := packedPolicy{name: d.texts.Add(p.Name)}
	packed.hosts.first = len(d.hosts)
	for _, host := range p.Spec.Hosts {
		d.pause()
		d.hosts = append(d.hosts, d.texts.Add(host))
	}
	packed.hosts.end = len(d.hosts)
	packed.rules.first = len(d.rules)
	for _, r := range p.Spec.Rules {
		d.pause()
		d.rules = append(d.rules, d.packRule(r))
	}
	packed.rules.end = len(d.rules)
	p.Spec.Hosts, p.Spec.Rules = nil, nil
	spec, known := d.place(d.spec, p.Spec)
	if !known {
		p.Spec.CORS = d.shareCORS(p.Spec.CORS)
		d.specs = append(d.specs, p.Spec)
	}
	packed.spec = spec
	d.policies = append(d.policies, packed)
}

// place gives the place of an equal value, or the next one. places holds as many as the
// list has that they are in.
func (d *packed) place(places map[string]uint32, value any) (place uint32, known bool) {
	d.key = appendKey(d.key[:0], reflect.ValueOf(value))
	if place, known = places[string(d.key)]; !known {
		place = uint32(len(places))
		places[string(d.key)] = place
	}
	return place, known
}

func (d *packed) packRule(r policy.Rule) packedRule {
	packed := packedRule{name: d.texts.Add(r.Name)}
	r.Name = ""
	if r.Match != nil && r.Match.Path != nil {
		packed.path = d.texts.Add(r.Match.Path.Value)
		r.Match.Path.Value = ""
	}
	shape, known := d.place(d.shape, r)
	if !known {
		r.CORS = d.shareCORS(r.CORS)
		d.shapes = append(d.shapes, r)
	}
	packed.shape = shape
	return packed
}

func (d *packed) rule(packed packedRule) policy.Rule {
	r := d.shapes[packed.shape]
	r.Name = d.texts.At(packed.name)
	if r.Match != nil && r.Match.Path != nil {
		match, path := *r.Match, *r.Match.Path
		path.Value = d.texts.At(packed.path)
		match.Path = &path
		r.Match = &match
	}
	return r
}

// shareCORS gives the first one that is equal.
func (d *packed) shareCORS(cors *policy.CORS) *policy.CORS {
	if cors == nil {
		return nil
	}
	d.key = appendKey(d.key[:0], reflect.ValueOf(*cors))
	if first := d.cors[string(d.key)]; first != nil {
		return first
	}
	d.cors[string(d.key)] = cors
	return cors
}

func (d *packed) addSet(s policy.OriginSet) {
	packed := packedSet{origins: span{first: len(d.origins)}}
	for _, text := range s.Spec.Origins {
		d.pause()
		d.origins = append(d.origins, d.texts.Add(text))
	}
	packed.origins.end = len(d.origins)
	s.Spec.Origins = nil
	packed.OriginSet = s
	d.sets = append(d.sets, packed)
}

// AllPolicies implements [policy.Documents].
func (d *packed) AllPolicies() iter.Seq2[int, *policy.Policy] {
	return func(yield func(int, *policy.Policy) bool) {
		var rules []policy.Rule
		for i, packed := range d.policies {
			d.pause()
			p := policy.Policy{Name: d.texts.At(packed.name), Spec: d.specs[packed.spec]}
			for _, host := range d.hosts[packed.hosts.first:packed.hosts.end] {
				p.Spec.Hosts = append(p.Spec.Hosts, d.texts.At(host))
			}
			rules = rules[:0]
			for _, r := range d.rules[packed.rules.first:packed.rules.end] {
				rules = append(rules, d.rule(r))
			}
			p.Spec.Rules = rules
			if !yield(i, &p) {
				return
			}
		}
	}
}

// AllOriginSets implements [policy.Documents].
func (d *packed) AllOriginSets() iter.Seq2[int, *policy.OriginSet] {
	return func(yield func(int, *policy.OriginSet) bool) {
		var origins []string
		for i, packed := range d.sets {
			origins = origins[:0]
			for _, text := range d.origins[packed.origins.first:packed.origins.end] {
				d.pause()
				origins = append(origins, d.texts.At(text))
			}
			packed.Spec.Origins = origins
			if !yield(i, &packed.OriginSet) {
				return
			}
		}
	}
}

// AllDefaults implements [policy.Documents].
func (d *packed) AllDefaults() []policy.Defaults { return d.defaults }

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
		panic("policyfile: a field has a type that no key is made of: " + v.Type().String())
	}
	return key
}
