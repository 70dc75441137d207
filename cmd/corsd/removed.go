package main

import (
	"iter"
	"log/slog"
	"slices"

	"github.com/corsd/corsd/pkg/policy"
)

// maxRemovedNames bounds the names in one log line.
const maxRemovedNames = 20

// removal is what a reload takes away. It is logged, since it may be the trace of a file that
// was read half written, or truncated.
type removal struct{ policies, hosts []string }

// removedBy returns the names that the old engine has and the new one does not.
func removedBy(after, before *policy.Engine) removal {
	return removal{
		policies: missing(after.Policies(), before.Policies()),
		hosts:    missing(after.Hosts(), before.Hosts()),
	}
}

func missing(after, before iter.Seq[string]) []string {
	kept := setOf(after)
	var gone []string
	for name := range before {
		if !kept[name] {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}

func setOf(names iter.Seq[string]) map[string]bool {
	set := map[string]bool{}
	for name := range names {
		set[name] = true
	}
	return set
}

func (r removal) log(logger *slog.Logger) {
	if len(r.policies)+len(r.hosts) == 0 {
		return
	}
	first := func(names []string) []string { return names[:min(len(names), maxRemovedNames)] }
	logger.Warn("this reload removes policies or hosts",
		"policies", len(r.policies), "policyNames", first(r.policies), "hosts", len(r.hosts), "hostNames", first(r.hosts))
}
