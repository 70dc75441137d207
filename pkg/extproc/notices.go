package extproc

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// notices says a thing once for each engine, however many requests bring it up.
type notices struct {
	current atomic.Pointer[told]
}

// told is what has been said since an engine went live.
type told struct {
	engine   *policy.Engine
	profiles [numProfiles]atomic.Bool
	blind    atomic.Bool
	strips   sync.Map // policy name -> struct{}
}

// since gives what has been said since engine went live. Two engines may be in
// use at once just after a reload: the worst that comes of it is a thing said twice.
func (n *notices) since(engine *policy.Engine) *told {
	t := n.current.Load()
	if t == nil || t.engine != engine {
		t = &told{engine: engine}
		n.current.Store(t)
	}
	return t
}

// profile says which profile Envoy speaks, and what that profile cannot do with
// the policies that are live.
func (n *notices) profile(log *slog.Logger, engine *policy.Engine, p Profile) {
	seen := &n.since(engine).profiles[p]
	if seen.Load() || seen.Swap(true) {
		return
	}
	log.Info("Envoy asks for decisions", "profile", p.String())
	for _, lack := range lacks(p) {
		if policies := engine.Uses(lack.feature); len(policies) > 0 {
			log.Warn("a setting has no effect in this profile", "profile", p.String(), "setting", string(lack.feature),
				"effect", lack.effect, "policies", firstFew(policies))
		}
	}
}

// unknown says that Envoy's configuration tells nothing of a request.
func (n *notices) unknown(log *slog.Logger, engine *policy.Engine) {
	if !n.since(engine).blind.Swap(true) {
		log.Warn("Envoy says nothing of the requests that it asks about, so nothing is changed: see forward_rules for the pseudo-headers, and initial_metadata for streams that begin with the response")
	}
}

// lack is what a profile cannot do.
type lack struct {
	feature policy.Feature
	effect  string
}

func lacks(p Profile) []lack {
	switch p {
	case Lean:
		return []lack{
			{policy.FeatureBlock, "the request has reached the application already: it is refused in the response, as with Enforce"},
			{policy.FeatureWebSocketCheck, "the handshake has reached the application already: every origin connects"},
		}
	case ExtAuthz:
		return []lack{
			{policy.FeaturePreserve, "upstream's headers cannot be seen: as Override"},
			{policy.FeatureMerge, "upstream's headers cannot be seen: as Override"},
			{policy.FeatureExpandExposeHeaders, "upstream's headers cannot be seen: nothing is exposed"},
			{policy.FeatureForward, "Vary of the forwarded preflight is the route's"},
		}
	}
	return nil
}

func firstFew(names []string) []string {
	const few = 20
	if len(names) > few {
		return append(names[:few:few], "…")
	}
	return names
}

// checkStrip says so when the virtual host removes the headers that the policy
// leaves to upstream.
func (s *Server) checkStrip(engine *policy.Engine, d *policy.Decision) {
	if !leavesUpstream(d) {
		return
	}
	s.observer.StripConflict(d.Policy())
	if _, said := s.notices.since(engine).strips.LoadOrStore(d.Policy(), struct{}{}); !said {
		s.log.Warn("the virtual host removes upstream's CORS headers, which this policy leaves to upstream; use one without response_headers_to_remove and corsd-static",
			"policy", d.Policy(), "enforcement", string(d.Enforcement()), "upstreamHeaders", string(d.UpstreamHeaders()))
	}
}

func leavesUpstream(d *policy.Decision) bool {
	switch d.Enforcement() {
	case spec.EnforcementDisabled, spec.EnforcementShadow:
		return true
	}
	return d.UpstreamHeaders() != spec.UpstreamOverride
}
