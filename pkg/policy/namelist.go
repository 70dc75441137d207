package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
)

// maxHeaderName bounds the names in allowHeaders and exposeHeaders, in bytes, so
// that a requested name can be put into lower case on the stack.
const maxHeaderName = 256

// nameKind says what a list is of.
type nameKind uint8

const (
	methodNames nameKind = iota
	requestHeaderNames
	exposedNames
	numNameKinds
)

// nameList is a list of methods or header names, ready to be sent and looked up.
type nameList struct {
	any    bool                // has "*"
	names  []string            // as written, each once; methods normalised; "*" only if it is sent
	joined []byte              // of names; nil where there are none
	lower  map[string]struct{} // of names that are request headers
	few    []string            // those of lower, sorted, where they are few: to look through them is quicker
}

// fewNames is how many names may be looked through.
const fewNames = 8

// nameLists makes each distinct list once: thousands of rules write the same.
type nameLists struct {
	written map[string]*nameList
	key     []byte // of written, used again
}

// inheritedLists are the lists that are inherited from a document, by their kind.
type inheritedLists [numNameKinds]struct {
	presets string // that are joined to it
	list    *nameList
}

// inherited is list for what a layer sets, which may be a document that thousands of
// rules inherit from.
func (m *nameLists) inherited(l *layer, kind nameKind, own []string, presets *presetNames) *nameList {
	if l.lists == nil {
		return m.list(kind, own, presets)
	}
	known := &l.lists[kind]
	if known.list == nil || known.presets != presets.joined {
		known.presets, known.list = presets.joined, m.list(kind, own, presets)
	}
	return known.list
}

func (m *nameLists) list(kind nameKind, own []string, presets *presetNames) *nameList {
	key := append(m.key[:0], byte(kind))
	for _, name := range own {
		key = append(append(key, name...), ',')
	}
	key = append(append(key, 0), presets.joined...)
	m.key = key
	l := m.written[string(key)]
	if l == nil {
		l = newNameList(kind, own, presets.list)
		m.written[string(key)] = l
	}
	return l
}

func newNameList(kind nameKind, own []string, presets []Preset) *nameList {
	l := &nameList{}
	seen := map[string]struct{}{}
	add := func(name string) {
		id := strings.ToLower(name)
		if kind == methodNames {
			name = header.NormalizeMethod(name)
			id = name
		}
		if _, again := seen[id]; again {
			return
		}
		seen[id] = struct{}{}
		l.any = l.any || name == "*"
		if name != "*" || kind == exposedNames { // the others never send it
			l.names = append(l.names, name)
		}
	}
	for _, name := range own {
		add(name)
	}
	for _, p := range presets {
		lists, _ := p.lists()
		if l.any {
			break // it covers whatever they would add
		}
		for _, name := range [...][]string{lists.methods, lists.headers, lists.expose}[kind] {
			add(name)
		}
	}
	l.finish(kind, seen)
	return l
}

func (l *nameList) finish(kind nameKind, seen map[string]struct{}) {
	if kind == requestHeaderNames {
		delete(seen, "*")
		if l.lower = seen; len(seen) <= fewNames {
			l.few = slices.Sorted(maps.Keys(seen))
		}
	}
	if len(l.names) > 0 {
		l.joined = []byte(strings.Join(l.names, ", "))
	}
}

// lists reports whether the list names the request header, whatever "*" says.
func (l *nameList) lists(name string) bool {
	if len(name) > maxHeaderName || len(l.lower) == 0 {
		return false
	}
	var buf [maxHeaderName]byte
	_, ok := l.lower[string(header.AppendLower(buf[:0], name))]
	return ok
}

// takesHeader reports whether a preflight that asks for the header is granted it.
func (l *nameList) takesHeader(name string) bool {
	if l.lists(name) {
		return true
	}
	return l.any && !isAuthorization(name) && !header.IsForbiddenRequestHeader(name)
}

// takesMethod reports whether a preflight that asks for the method is granted it.
func (l *nameList) takesMethod(method string) bool {
	return l.any || header.IsSafelistedMethod(method) || l.listsMethod(method)
}

func (l *nameList) listsMethod(method string) bool {
	for _, name := range l.names {
		if name == method {
			return true
		}
	}
	return false
}

// takesMethodFold is takesMethod in any case.
func (l *nameList) takesMethodFold(method string) bool {
	for _, name := range [...]string{"GET", "HEAD", "POST"} {
		if header.EqualFold(name, method) {
			return true
		}
	}
	for _, name := range l.names {
		if header.EqualFold(name, method) {
			return true
		}
	}
	return false
}

func isAuthorization(name string) bool { return header.EqualFold(name, "authorization") }
