package reload

import (
	"log/slog"

	"github.com/corsd/corsd/pkg/policy"
)

// removal lists what a reload removes. It is logged as a warning, since a file that was truncated,
// or read half written, looks like that.
type removal struct{ policies, hosts []string }

// removedBy returns the names that the engine before has and the one after has not.
func removedBy(after, before *policy.Engine) removal {
	return removal{
		policies: missing(after.Policies(), before.Policies()),
		hosts:    missing(after.Hosts(), before.Hosts()),
	}
}

func (r removal) log(logger *slog.Logger) {
	if len(r.policies)+len(r.hosts) == 0 {
		return
	}
	logger.Warn("this reload removes policies or hosts",
		"policies", len(r.policies), "policyNames", bounded(r.policies),
		"hosts", len(r.hosts), "hostNames", bounded(r.hosts))
}
