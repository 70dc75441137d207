package policy

import (
	"sync"

	"github.com/corsd/corsd/pkg/policy/internal/match"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// denyAll returns the tables of the zero [Engine]: no host has a policy, and every request of
// another origin is denied.
var denyAll = sync.OnceValue(func() *match.Index {
	deny := spec.UnmatchedDeny
	defaults := spec.Defaults{Spec: spec.DefaultsSpec{UnmatchedHosts: &deny}}
	p, _ := plan.Resolve(spec.Config{Defaults: []spec.Defaults{defaults}}, plan.Options{})
	return match.New(p)
})
