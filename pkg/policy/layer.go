package policy

import (
	"slices"
	"strings"
)

// Layer is where a setting came from.
type Layer uint8

// The layers, each of which the next one overrides field by field.
const (
	LayerBuiltIn Layer = iota
	LayerDefaults
	LayerPolicy
	LayerRule
	numLayers
)

// String gives the layer as explain writes it.
func (l Layer) String() string {
	return [numLayers]string{"built-in default", "CORSDefaults", "policy", "rule"}[l]
}

// layer is what one document or rule sets.
type layer struct {
	kind            Layer
	place           Place // of what holds the fields below
	cors            *CORS
	enforcement     *Enforcement
	upstreamHeaders *UpstreamHeaders
	preflight       *Preflight
	webSocket       *WebSocket

	origins *origins // nil where no origin field is set
	presets *presetNames
}

func defaultsLayer(index int, s *DefaultsSpec) *layer {
	return &layer{
		kind: LayerDefaults, place: Place{KindDefaults, index, "spec"},
		cors: s.CORS, enforcement: s.Enforcement, upstreamHeaders: s.UpstreamHeaders, preflight: s.Preflight, webSocket: s.WebSocket, presets: presetsOf(s.CORS),
	}
}

func policyLayer(index int, s *Spec) *layer {
	return &layer{
		kind: LayerPolicy, place: Place{KindPolicy, index, "spec"},
		cors: s.CORS, enforcement: s.Enforcement, upstreamHeaders: s.UpstreamHeaders, preflight: s.Preflight, webSocket: s.WebSocket, presets: presetsOf(s.CORS),
	}
}

func ruleLayer(place Place, r *Rule) *layer {
	return &layer{
		kind: LayerRule, place: place,
		cors: r.CORS, enforcement: r.Enforcement, upstreamHeaders: r.UpstreamHeaders, preflight: r.Preflight, webSocket: r.WebSocket, presets: presetsOf(r.CORS),
	}
}

// layers are the layers of one rule, policy or default, outermost first.
type layers []*layer

// pick gives the innermost value that is set, and where it came from.
func pick[T any](ls layers, builtIn T, get func(*layer) *T) (T, Layer) {
	for i := len(ls) - 1; i >= 0; i-- {
		if v := get(ls[i]); v != nil {
			return *v, ls[i].kind
		}
	}
	return builtIn, LayerBuiltIn
}

// pickCORS is pick for a field of cors.
func pickCORS[T any](ls layers, builtIn T, get func(*CORS) *T) (T, Layer) {
	return pick(ls, builtIn, func(l *layer) *T {
		if l.cors == nil {
			return nil
		}
		return get(l.cors)
	})
}

// presetNames are the presets that a layer names, each once, and their names joined.
type presetNames struct {
	list   []Preset
	joined string
}

func presetsOf(cors *CORS) *presetNames {
	if cors == nil || cors.Presets == nil {
		return nil
	}
	names := &presetNames{}
	for _, p := range cors.Presets {
		if _, known := p.lists(); !known || slices.Contains(names.list, p) {
			continue // there are five
		}
		names.list = append(names.list, p)
		names.joined += ", " + string(p)
	}
	names.joined = strings.TrimPrefix(names.joined, ", ")
	return names
}

// pickPresets gives the innermost presets that are set.
func pickPresets(ls layers) (*presetNames, Layer) {
	return pick(ls, &presetNames{}, func(l *layer) **presetNames {
		if l.presets == nil {
			return nil
		}
		return &l.presets
	})
}

// pickList is pickCORS for a list, which is set where it is not nil.
func pickList[T any](ls layers, get func(*CORS) []T) ([]T, Layer) {
	return pickCORS(ls, nil, func(c *CORS) *[]T {
		if list := get(c); list != nil {
			return &list
		}
		return nil
	})
}

// pickPreflight is pick for a field of preflight.
func pickPreflight[T any](ls layers, builtIn T, get func(*Preflight) *T) (T, Layer) {
	return pick(ls, builtIn, func(l *layer) *T {
		if l.preflight == nil {
			return nil
		}
		return get(l.preflight)
	})
}

// originsOf gives the innermost layer that sets any of the four origin fields,
// which are inherited as one: a union would let one layer widen another's grant.
func originsOf(ls layers) (*origins, Layer) {
	return pick(ls, nil, func(l *layer) **origins {
		if l.origins == nil {
			return nil
		}
		return &l.origins
	})
}
