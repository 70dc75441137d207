package policy

import (
	"iter"
	"time"
)

// Policy is a named [Spec].
type Policy struct {
	// Name is unique among policies: 1 to 253 visible ASCII characters, no "/".
	Name string
	Spec Spec
}

// OriginSet is a named [OriginSetSpec].
type OriginSet struct {
	// Name is unique among sets; the same characters as a policy's.
	Name string
	Spec OriginSetSpec
}

// Defaults is a named [DefaultsSpec].
type Defaults struct {
	Name string
	Spec DefaultsSpec
}

// Config is all that one [Engine] is compiled from. The order of documents
// means nothing.
type Config struct {
	Policies   []Policy
	OriginSets []OriginSet

	// Defaults holds at most one element. More are a fault of their own, so that
	// it can be reported with the places of both.
	Defaults []Defaults
}

// Documents is what an [Engine] is compiled from. [Config] holds documents as they are; a
// program that reads very many may keep them in less memory.
type Documents interface {
	// AllPolicies gives each policy and its place. A policy and the lists of its Spec are
	// looked at until the next one is given, and what a field of a Spec or Rule points to
	// for as long as the engine is compiled: it must stay as it is.
	AllPolicies() iter.Seq2[int, *Policy]
	// AllOriginSets gives each set and its place, as AllPolicies does.
	AllOriginSets() iter.Seq2[int, *OriginSet]
	// AllDefaults holds at most one element, see [Config].
	AllDefaults() []Defaults
}

// AllPolicies implements [Documents].
func (c Config) AllPolicies() iter.Seq2[int, *Policy] { return all(c.Policies) }

// AllOriginSets implements [Documents].
func (c Config) AllOriginSets() iter.Seq2[int, *OriginSet] { return all(c.OriginSets) }

// AllDefaults implements [Documents].
func (c Config) AllDefaults() []Defaults { return c.Defaults }

// all gives pointers to the elements of a list.
func all[T any](list []T) iter.Seq2[int, *T] {
	return func(yield func(int, *T) bool) {
		for i := range list {
			if !yield(i, &list[i]) {
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

// Option changes how [Compile] works.
type Option func(*options)

type options struct {
	today  time.Time
	encode func([]Field) []byte // nil: nothing is encoded
	pause  func()               // never nil in a compiler
}

// Pauses is for a program that does something else meanwhile: pause is called each time
// that some more has been done, microseconds mostly, and may sleep.
func Pauses(pause func()) Option {
	return func(o *options) { o.pause = pause }
}

// At is the moment for which origin sets count as expired or not. Without it
// none is expired.
func At(now time.Time) Option {
	return func(o *options) { o.today = now.UTC() }
}
