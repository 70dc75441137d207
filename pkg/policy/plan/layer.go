package plan

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Layer is where a setting came from.
type Layer uint8

// The layers. Each overrides the one before it, field by field.
const (
	LayerBuiltIn Layer = iota
	LayerDefaults
	LayerPolicy
	LayerRule
)

// String returns the layer as explain writes it.
func (l Layer) String() string {
	switch l {
	case LayerDefaults:
		return "CORSDefaults"
	case LayerPolicy:
		return "policy"
	case LayerRule:
		return "rule"
	}
	return "built-in default"
}

// layer has the settings of one document or rule.
type layer struct {
	kind      Layer
	index     int    // of the document
	rule      int    // of a rule
	namespace string // of the document

	cors            *spec.CORS
	enforcement     *spec.Enforcement
	upstreamHeaders *spec.UpstreamHeaders
	preflight       *spec.Preflight
	webSocket       *spec.WebSocket
	paths           *spec.Paths // nil of a rule

	origins *Origins       // nil if no origin field is set
	presets *[]spec.Preset // each known one once; nil if presets is not set
}

func defaultsLayer(index int, s *spec.DefaultsSpec) *layer {
	return &layer{
		kind: LayerDefaults, index: index, cors: s.CORS, enforcement: s.Enforcement, upstreamHeaders: s.UpstreamHeaders,
		preflight: s.Preflight, webSocket: s.WebSocket, paths: s.Paths, presets: presetsOf(s.CORS),
	}
}

func policyLayer(index int, s *spec.PolicySpec) *layer {
	return &layer{
		kind: LayerPolicy, index: index, cors: s.CORS, enforcement: s.Enforcement, upstreamHeaders: s.UpstreamHeaders,
		preflight: s.Preflight, webSocket: s.WebSocket, paths: s.Paths, presets: presetsOf(s.CORS),
	}
}

func ruleLayer(index, rule int, s *spec.Rule) *layer {
	return &layer{
		kind: LayerRule, index: index, rule: rule, cors: s.CORS, enforcement: s.Enforcement,
		upstreamHeaders: s.UpstreamHeaders, preflight: s.Preflight, webSocket: s.WebSocket, presets: presetsOf(s.CORS),
	}
}

// place returns the place that has the fields of the layer.
func (l *layer) place() spec.Place {
	switch l.kind {
	case LayerDefaults:
		return spec.In(spec.KindDefaults, l.index).At("spec")
	case LayerRule:
		return spec.In(spec.KindPolicy, l.index).At("spec", "rules").Item(l.rule)
	}
	return spec.In(spec.KindPolicy, l.index).At("spec")
}

// layers are the layers of one rule, policy or default, outermost first.
type layers []*layer

// of returns the layer of a kind, or the innermost one if there is none.
func (ls layers) of(kind Layer) *layer {
	for _, l := range ls {
		if l.kind == kind {
			return l
		}
	}
	return ls[len(ls)-1]
}

// pick returns the innermost value that is set, and the layer that sets it.
func pick[T any](ls layers, builtIn T, get func(*layer) *T) (T, Layer) {
	for _, l := range slices.Backward(ls) {
		if v := get(l); v != nil {
			return *v, l.kind
		}
	}
	return builtIn, LayerBuiltIn
}

// pickCORS is pick for a field of cors.
func pickCORS[T any](ls layers, builtIn T, get func(*spec.CORS) *T) (T, Layer) {
	return pick(ls, builtIn, func(l *layer) *T {
		if l.cors == nil {
			return nil
		}
		return get(l.cors)
	})
}

// pickPreflight is pick for a field of preflight.
func pickPreflight[T any](ls layers, builtIn T, get func(*spec.Preflight) *T) (T, Layer) {
	return pick(ls, builtIn, func(l *layer) *T {
		if l.preflight == nil {
			return nil
		}
		return get(l.preflight)
	})
}

// pickList is pick for a list of cors, which is set if it is not nil.
func pickList(ls layers, get func(*spec.CORS) *[]string) ([]string, Layer) {
	return pickCORS(ls, nil, func(c *spec.CORS) *[]string {
		if list := get(c); *list != nil {
			return list
		}
		return nil
	})
}

// originsOf returns the origins of the innermost layer that sets any of the four origin
// fields. They are inherited as one: a union would let one layer widen another's grant.
func originsOf(ls layers) *Origins {
	origins, _ := pickOrigins(ls)
	return origins
}

func pickOrigins(ls layers) (*Origins, Layer) {
	return pick(ls, nil, func(l *layer) **Origins {
		if l.origins == nil {
			return nil
		}
		return &l.origins
	})
}

// presetsOf returns the known presets that cors names, each once.
func presetsOf(cors *spec.CORS) *[]spec.Preset {
	if cors == nil || cors.Presets == nil {
		return nil
	}
	list := []spec.Preset{}
	for _, p := range cors.Presets {
		if _, known := presetLists(p); known && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return &list
}

func pickPresets(ls layers) ([]spec.Preset, Layer) {
	return pick(ls, nil, func(l *layer) *[]spec.Preset { return l.presets })
}

func joinPresets(list []spec.Preset) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
