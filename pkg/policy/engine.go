package policy

import (
	"fmt"
	"time"

	"github.com/corsd/corsd/pkg/policy/internal/lint"
	"github.com/corsd/corsd/pkg/policy/internal/match"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Engine decides by the documents that it was compiled from. It is safe for concurrent use, and
// never changes but for origin sets that expire. The zero Engine has no policy and denies.
type Engine struct {
	index *match.Index
}

// Option changes how [Compile] works.
type Option func(*plan.Options)

// At sets the moment for which origin sets have expired or not. Without it none has.
func At(now time.Time) Option {
	return func(o *plan.Options) { o.Now = now }
}

// InOrder makes the order of policies that of their precedence: of two that conflict, the later one has the fault.
// Without it, their names decide which one has it, and their order has no meaning.
func InOrder() Option {
	return func(o *plan.Options) { o.InOrder = true }
}

// EachDocument makes [Compile] report at least one fault of each document that has any. Without it, documents with many
// faults may hide those of others, since there is a bound.
func EachDocument() Option {
	return func(o *plan.Options) { o.EachDocument = true }
}

// MayBeEmpty accepts documents without any policy. The engine knows no host then.
func MayBeEmpty() Option {
	return func(o *plan.Options) { o.MayBeEmpty = true }
}

// Compile makes an [Engine] of documents, or reports everything that is wrong with them: the
// error is nil or [spec.Faults]. Warnings are returned in both cases.
func Compile(documents spec.Config, opts ...Option) (engine *Engine, warnings []spec.Diagnostic, err error) {
	var o plan.Options
	for _, opt := range opts {
		opt(&o)
	}
	p, report := plan.Resolve(documents, o)
	lint.Check(p, report)
	if report.HasFaults() {
		return nil, report.Warnings(), spec.Faults(report.Faults())
	}
	return &Engine{match.New(p)}, report.Warnings(), nil
}

// NextExpiry returns the next time at which an origin set expires and the documents are to be
// compiled again. It is the zero Time if none does.
func (e *Engine) NextExpiry() time.Time { return e.tables().NextExpiry() }

// Expire lets the origin sets whose time has come grant nothing any more, and returns their names.
// It serves if the documents can no longer be compiled, and is the one change that an engine can
// undergo.
func (e *Engine) Expire(now time.Time) []string { return e.tables().Expire(now) }

// Counts are the numbers of the documents that an engine was compiled from, and of their parts.
type Counts struct{ Policies, Hosts, Rules, OriginSets int }

// Counts counts what the engine was compiled from. A host that two policies name counts twice.
func (e *Engine) Counts() Counts {
	x := e.tables()
	c := Counts{Policies: len(x.Policies), OriginSets: x.Sets()}
	for i := range x.Policies {
		c.Hosts += x.Policies[i].Hosts
		c.Rules += len(x.Rules(&x.Policies[i]))
	}
	return c
}

// Summary is [Engine.Counts] in words.
func (e *Engine) Summary() string {
	c := e.Counts()
	return fmt.Sprintf("policies: %d, hosts: %d, rules: %d, origin sets: %d",
		c.Policies, c.Hosts, c.Rules, c.OriginSets)
}

// tables returns the engine's tables, those that deny everything if it has none.
func (e *Engine) tables() *match.Index {
	if e == nil || e.index == nil {
		return denyAll()
	}
	return e.index
}
