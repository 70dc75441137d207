package exchange

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/corsd/corsd/pkg/policy"
)

// warnOnce remembers which warnings were logged for the live engine, so that each is logged once,
// however many requests cause it.
type warnOnce struct {
	current atomic.Pointer[seen]
}

// seen is what was logged since an engine went live.
type seen struct {
	engine   *policy.Engine
	profiles [numProfiles]atomic.Bool
	unknown  atomic.Bool
	strips   sync.Map // policy name -> struct{}
}

// since returns what was logged since the engine went live. Two engines may be in use just after a
// reload. Then a warning may be logged twice.
func (w *warnOnce) since(engine *policy.Engine) *seen {
	s := w.current.Load()
	if s == nil || s.engine != engine {
		s = &seen{engine: engine}
		w.current.Store(s)
	}
	return s
}

func (w *warnOnce) firstProfile(engine *policy.Engine, p Profile) bool {
	flag := &w.since(engine).profiles[p]
	return !flag.Load() && !flag.Swap(true)
}

func (w *warnOnce) firstUnknown(engine *policy.Engine) bool {
	return !w.since(engine).unknown.Swap(true)
}

func (w *warnOnce) firstStrip(engine *policy.Engine, policy string) bool {
	_, before := w.since(engine).strips.LoadOrStore(policy, struct{}{})
	return !before
}

// warnUnsupported logs which profile the proxy uses, and the settings of the live policies that the
// profile cannot carry out.
func (s *Service) warnUnsupported(engine *policy.Engine, p Profile) {
	if !s.warnings.firstProfile(engine, p) {
		return
	}
	s.log.Info("Envoy requests decisions", slog.String("profile", p.String()))
	for _, u := range unsupportedBy(p) {
		if policies := engine.Uses(u.feature); len(policies) > 0 {
			s.log.Warn("a setting has no effect in this profile", "profile", p.String(), "setting", string(u.feature),
				"effect", u.effect, "policies", firstFew(policies))
		}
	}
}

// unsupported is a setting that a profile cannot carry out, and the effect that it has instead.
type unsupported struct {
	feature policy.Feature
	effect  string
}

func unsupportedBy(p Profile) []unsupported {
	switch p {
	case ResponseOnly:
		return []unsupported{
			{policy.FeatureBlock, "the request has reached the application already: it is refused in the response, as with Enforce"},
			{policy.FeatureWebSocketCheck, "the handshake has reached the application already: every origin connects"},
		}
	case ExtAuthz:
		return []unsupported{
			{policy.FeaturePreserve, "upstream's headers cannot be seen: as Override"},
			{policy.FeatureMerge, "upstream's headers cannot be seen: as Override"},
			{policy.FeatureExpandExposeHeaders, "upstream's headers cannot be seen: nothing is exposed"},
			{policy.FeatureForward, "Vary of the forwarded preflight is the route's"},
		}
	}
	return nil
}

// firstFew returns the names, shortened for a log line.
func firstFew(names []string) []string {
	const few = 20
	if len(names) > few {
		return append(names[:few:few], "…")
	}
	return names
}
