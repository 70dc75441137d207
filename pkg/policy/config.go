package policy

import "time"

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
