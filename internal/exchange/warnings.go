package exchange

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// warnOnce remembers which warnings were logged for the live engine, so that each is logged once,
// however many requests cause it.
type warnOnce struct {
	current atomic.Pointer[seen]
}

// seen are the warnings that were logged since an engine went live.
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

// warnUnsupported logs which profile the proxy uses, and the settings of the live policies that the
// profile cannot carry out.
func (s *Service) warnUnsupported(engine *policy.Engine, p Profile) {
	if logged := &s.warnings.since(engine).profiles[p]; logged.Load() || logged.Swap(true) {
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

// WarnUnknownRequest warns, once for each engine, that the proxy sends no request data.
func (x *Exchange) WarnUnknownRequest() {
	if !x.service.warnings.since(x.engine).unknown.Swap(true) {
		x.service.log.Warn("Envoy sends no data of the request, so nothing is changed: see forward_rules for the " +
			"pseudo-headers, and initial_metadata for streams that begin with the response")
	}
}

// stripConflict reports that the route removes the headers that the policy leaves to upstream.
func (s *Service) stripConflict(ctx context.Context, engine *policy.Engine, e Event) {
	for _, o := range s.observers {
		o.StripConflict(ctx, e)
	}
	d := e.Decision
	if _, logged := s.warnings.since(engine).strips.LoadOrStore(d.Policy(), struct{}{}); !logged {
		s.log.Warn("the virtual host removes upstream's CORS headers, which this policy leaves to upstream; "+
			"use one without response_headers_to_remove and corsd-static", "policy", d.Policy(),
			"enforcement", string(d.Enforcement()), "upstreamHeaders", string(d.UpstreamHeaders()))
	}
}

// leavesUpstream reports whether the settings leave upstream's CORS headers in place, or merge them.
func leavesUpstream(d *policy.Decision) bool {
	switch d.Enforcement() {
	case spec.EnforcementDisabled, spec.EnforcementShadow:
		return true
	}
	return d.UpstreamHeaders() != spec.UpstreamOverride
}

// unsupported is a setting that a profile cannot carry out, and the effect that it has instead.
type unsupported struct {
	feature policy.Feature
	effect  string
}

func unsupportedBy(p Profile) []unsupported {
	const (
		tooLate = "the request has reached the application already: "
		unseen  = "upstream's headers cannot be seen: "
	)
	switch p {
	case ResponseOnly:
		return []unsupported{
			{policy.FeatureBlock, tooLate + "it is refused in the response, as with Enforce"},
			{policy.FeatureWebSocketCheck, tooLate + "every origin connects"},
		}
	case ExtAuthz:
		return []unsupported{
			{policy.FeaturePreserve, unseen + "as Override"},
			{policy.FeatureMerge, unseen + "as Override"},
			{policy.FeatureExpandExposeHeaders, unseen + "nothing is exposed"},
			{policy.FeatureExposeFamilies, unseen + "no name of the family is exposed"},
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
