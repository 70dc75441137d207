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
	index           int // of the document
	rule            int // of a rule
	cors            *CORS
	enforcement     *Enforcement
	upstreamHeaders *UpstreamHeaders
	preflight       *Preflight
	webSocket       *WebSocket

	origins *originFields // nil where no origin field is set
	presets *presetNames
	lists   *inheritedLists // of a document, whose lists many rules inherit; nil of a rule
}

func defaultsLayer(index int, s *DefaultsSpec) *layer {
	return &layer{
		kind: LayerDefaults, index: index, lists: &inheritedLists{},
		cors: s.CORS, enforcement: s.Enforcement, upstreamHeaders: s.UpstreamHeaders, preflight: s.Preflight, webSocket: s.WebSocket, presets: presetsOf(s.CORS),
	}
}

func policyLayer(index int, s *Spec) *layer {
	return &layer{
		kind: LayerPolicy, index: index, lists: &inheritedLists{},
		cors: s.CORS, enforcement: s.Enforcement, upstreamHeaders: s.UpstreamHeaders, preflight: s.Preflight, webSocket: s.WebSocket, presets: presetsOf(s.CORS),
	}
}

func ruleLayer(index, rule int, r *Rule) *layer {
	return &layer{
		kind: LayerRule, index: index, rule: rule,
		cors: r.CORS, enforcement: r.Enforcement, upstreamHeaders: r.UpstreamHeaders, preflight: r.Preflight, webSocket: r.WebSocket, presets: presetsOf(r.CORS),
	}
}

// place leads to what holds the fields of the layer.
func (l *layer) place() locator {
	switch l.kind {
	case LayerDefaults:
		return documentAt(KindDefaults, l.index).at("spec")
	case LayerRule:
		return ruleAt(l.index, l.rule)
	}
	return documentAt(KindPolicy, l.index).at("spec")
}

// ruleAt leads to a rule of a policy.
func ruleAt(policy, rule int) locator {
	return documentAt(KindPolicy, policy).at("spec").item("rules", rule)
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

// pickList gives the innermost layer that sets a list, and the list, which is set where
// it is not nil. The layer is nil where none does.
func pickList(ls layers, get func(*CORS) []string) (*layer, []string) {
	for i := len(ls) - 1; i >= 0; i-- {
		if ls[i].cors == nil {
			continue
		}
		if list := get(ls[i].cors); list != nil {
			return ls[i], list
		}
	}
	return nil, nil
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
func originsOf(ls layers) (*originFields, Layer) {
	return pick(ls, nil, func(l *layer) **originFields {
		if l.origins == nil {
			return nil
		}
		return &l.origins
	})
}
