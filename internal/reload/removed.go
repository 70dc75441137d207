package reload

import (
	"iter"
	"log/slog"
	"slices"

	"github.com/corsd/corsd/pkg/policy"
)

// maxRemovedNames bounds the names in one log line.
const maxRemovedNames = 20

// removal lists what a reload removes. It is logged, since a file that was truncated, or read half
// written, looks like that.
type removal struct{ policies, hosts []string }

// removedBy returns the names that the engine before has and the one after has not.
func removedBy(after, before *policy.Engine) removal {
	return removal{
		policies: missing(after.Policies(), before.Policies()),
		hosts:    missing(after.Hosts(), before.Hosts()),
	}
}

func missing(after, before iter.Seq[string]) []string {
	kept := map[string]bool{}
	for name := range after {
		kept[name] = true
	}
	var removed []string
	for name := range before {
		if !kept[name] {
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	return removed
}

func (r removal) log(logger *slog.Logger) {
	if len(r.policies)+len(r.hosts) == 0 {
		return
	}
	first := func(names []string) []string { return names[:min(len(names), maxRemovedNames)] }
	logger.Warn("this reload removes policies or hosts",
		"policies", len(r.policies), "policyNames", first(r.policies),
		"hosts", len(r.hosts), "hostNames", first(r.hosts))
}
