package envoypolicy

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/internal/envoyconfig"
	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// static has the words of corsd-static, by which a virtual host reports its effects.
type static struct {
	envoyconfig.Text // as the configuration has it, "" if it has none
	words            policy.Static
}

// staticAuthority ends an authority that has the words.
const staticAuthority = ".corsd-static"

// staticOf reads the words of an authority, or else of metadata, as corsd does.
func staticOf(authority envoyconfig.Text, metadata []envoyconfig.Header) static {
	if words, ok := strings.CutSuffix(authority.Value, staticAuthority); ok {
		return readStatic(authority, strings.Split(words, "."))
	}
	for _, h := range metadata {
		if strings.EqualFold(h.Key.Value, keyStatic) {
			return readStatic(h.Value, strings.Split(h.Value.Value, ","))
		}
	}
	return static{}
}

func readStatic(t envoyconfig.Text, words []string) static {
	s := static{Text: t}
	for _, word := range words {
		exchange.AddStatic(&s.words, strings.TrimSpace(word))
	}
	return s
}

// corsdKeys returns the metadata of a configuration that is for corsd.
func corsdKeys(p *envoyconfig.PerFilter) []envoyconfig.Header {
	return slices.DeleteFunc(slices.Clone(p.Metadata), func(h envoyconfig.Header) bool {
		return !strings.HasPrefix(strings.ToLower(h.Key.Value), "corsd-")
	})
}

// effects are the changes of a route table, a virtual host or a route, including those around it.
type effects struct {
	removes map[string]bool
	adds    []envoyconfig.Header
	static  static

	selector    envoyconfig.Text // corsd-policy
	failsOpen   bool
	failsOpenAt spec.Position // of the setting, if it is not that of the filter
	disabled    bool          // corsd's filter is
	disabledAt  spec.Position
	native      envoyconfig.Text // a policy of the native cors filter
}

// within returns the effects of a scope within these.
func (e *effects) within(s *envoyconfig.Scope, c *caller) *effects {
	inner := *e
	if len(s.Removes) > 0 {
		inner.removes = map[string]bool{}
		for name := range e.removes {
			inner.removes[name] = true
		}
		for _, name := range s.Removes {
			inner.removes[name.Value] = true
		}
	}
	inner.adds = append(slices.Clip(e.adds), s.Adds...)
	if s.NativeCORS.Set {
		inner.native = s.NativeCORS
	}
	for _, p := range s.PerFilter {
		if p.IsOf("CorsPolicy") {
			inner.native = envoyconfig.Text{Set: true, Position: p.Position}
		}
		if p.Filter == c.filter {
			inner.configure(p)
		}
	}
	return &inner
}

// configure applies the configuration of corsd's filter. Metadata is merged by key with that around it.
func (e *effects) configure(p *envoyconfig.PerFilter) {
	e.disabled, e.disabledAt = p.Disabled, p.Position
	if words := staticOf(p.Authority, p.Metadata); words.Value != "" {
		e.static = words
	}
	if p.FailureModeAllow.Set {
		e.failsOpen, e.failsOpenAt = p.FailureModeAllow.Value == "true", p.FailureModeAllow.Position
	}
	for _, h := range p.Metadata {
		if strings.EqualFold(h.Key.Value, keyPolicy) {
			e.selector = h.Value
		}
	}
}

// strips reports whether upstream's Access-Control-Allow-Origin is removed: without it no browser reads the
// other headers.
func (e *effects) strips() bool { return e.removes[corsHeaders[0]] }

// missing returns the headers that are not removed.
func (e *effects) missing(n *needs) (names []string) {
	for _, name := range n.stripped() {
		if !e.removes[name] {
			names = append(names, name)
		}
	}
	return names
}

// varies reports whether "Vary: Origin" is added.
func (e *effects) varies() bool {
	return slices.ContainsFunc(e.adds, func(h envoyconfig.Header) bool {
		value := strings.ToLower(h.Value.Value)
		return h.Key.Value == "vary" && (strings.Contains(value, "origin") || value == "*")
	})
}

// grantHeaders are the headers that a virtual host of the profile lean sets, and the metadata with their values.
var grantHeaders = map[string]string{
	"access-control-allow-origin":      "%DYNAMIC_METADATA(corsd:allow-origin)%",
	"access-control-allow-credentials": "%DYNAMIC_METADATA(corsd:allow-credentials)%",
	"access-control-expose-headers":    "%DYNAMIC_METADATA(corsd:expose-headers)%",
}

// sets reports whether the headers of a grant are set from the metadata that corsd returns.
func (e *effects) sets() bool {
	for name, value := range grantHeaders {
		if !slices.ContainsFunc(e.adds, func(h envoyconfig.Header) bool {
			return h.Key.Value == name && h.Value.Value == value
		}) {
			return false
		}
	}
	return true
}

// added returns the last header of a name that is added.
func (e *effects) added(name string) (h envoyconfig.Header, found bool) {
	for _, add := range e.adds {
		if add.Key.Value == name {
			h, found = add, true
		}
	}
	return h, found
}

// ownCORS returns a CORS header that is added with a value that is not corsd's.
func (e *effects) ownCORS() (h envoyconfig.Header, found bool) {
	i := slices.IndexFunc(e.adds, func(h envoyconfig.Header) bool {
		return strings.HasPrefix(h.Key.Value, "access-control-") && grantHeaders[h.Key.Value] != h.Value.Value
	})
	if i < 0 {
		return h, false
	}
	return e.adds[i], true
}
