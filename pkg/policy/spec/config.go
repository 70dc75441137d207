package spec

import "iter"

// ID identifies a document among those of its kind.
type ID struct{ Namespace, Name string }

// String returns NAMESPACE/NAME, or NAME if there is no namespace.
func (id ID) String() string {
	if id.Namespace == "" {
		return id.Name
	}
	return id.Namespace + "/" + id.Name
}

// Policy is a CORSPolicy document.
type Policy struct {
	// Namespace is "" for a document without metadata.namespace. Namespace and Name are 1 to 253
	// visible ASCII characters, without "/" and "#".
	Namespace, Name string
	Spec            PolicySpec
}

// ID returns the identity of the document.
func (p *Policy) ID() ID { return ID{p.Namespace, p.Name} }

// OriginSet is an OriginSet document.
type OriginSet struct {
	Namespace, Name string // as those of a [Policy]
	Spec            OriginSetSpec
}

// ID returns the identity of the document.
func (s *OriginSet) ID() ID { return ID{s.Namespace, s.Name} }

// Defaults is a CORSDefaults document.
type Defaults struct {
	Namespace, Name string // as those of a [Policy]
	Spec            DefaultsSpec
}

// ID returns the identity of the document.
func (d *Defaults) ID() ID { return ID{d.Namespace, d.Name} }

// Config is a set of documents that hold together. The order of documents has no meaning,
// but the indices of a [Place] refer to it.
type Config struct {
	Policies   []Policy
	OriginSets []OriginSet

	// Defaults has at most one element. More are a fault, which is reported with the places
	// of both.
	Defaults []Defaults
}

// Document is one document of a [Config].
type Document struct {
	Kind Kind
	ID   ID
	Spec any // a pointer to the spec in the Config
}

// Documents returns all documents, kind by kind.
func (c *Config) Documents() iter.Seq[Document] {
	return func(yield func(Document) bool) {
		for i := range c.Policies {
			if !yield(Document{KindPolicy, c.Policies[i].ID(), &c.Policies[i].Spec}) {
				return
			}
		}
		for i := range c.OriginSets {
			if !yield(Document{KindOriginSet, c.OriginSets[i].ID(), &c.OriginSets[i].Spec}) {
				return
			}
		}
		for i := range c.Defaults {
			if !yield(Document{KindDefaults, c.Defaults[i].ID(), &c.Defaults[i].Spec}) {
				return
			}
		}
	}
}

// Bounds of one [Config]. More is limit_exceeded.
const (
	// MaxRules bounds the rules of all policies together.
	MaxRules = 200_000
	// MaxOrigins bounds the entries of all allowOrigins, allowOriginRegexes and
	// OriginSets together.
	MaxOrigins = 1_000_000
)
