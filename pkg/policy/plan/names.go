package plan

import (
	"slices"
	"strings"

	"github.com/corsd/corsd/pkg/policy/internal/header"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxHeaderName bounds the names in allowHeaders and exposeHeaders, in bytes, so that a
// requested name can be put into lower case on the stack.
const maxHeaderName = 256

// nameKind is the kind of names of a list.
type nameKind uint8

const (
	methodNames nameKind = iota
	requestHeaderNames
	exposedNames
	numNameKinds
)

// Names is a list of methods or header names, ready to be sent and looked up.
type Names struct {
	// Any reports whether the list has "*".
	Any bool
	// List has the names and families as written, each once; methods are normalised. It has "*"
	// only if "*" is sent.
	List []string
	// Joined is the List without its families as a header sends it, nil if it is empty.
	Joined []byte
	// Families has the beginning of the names of each family, in lower case: "x-amz-" of X-Amz-*.
	Families []string

	lower map[string]struct{} // the names in lower case, without "*" and families; of headers only
}

// nameLists makes each distinct list once: thousands of rules inherit or write the same.
type nameLists struct {
	inherited map[inheritedList]*Names
	written   map[writtenList]*Names
}

// inheritedList identifies a list by its address.
type inheritedList struct {
	kind    nameKind
	first   *string
	presets string
}

// writtenList identifies a list by its elements.
type writtenList struct {
	kind         nameKind
	own, presets string
}

func (m *nameLists) list(kind nameKind, own []string, presets []spec.Preset) *Names {
	inherited := inheritedList{kind: kind, presets: joinPresets(presets)}
	if len(own) > 0 {
		inherited.first = &own[0]
	}
	known := m.inherited[inherited]
	if known == nil {
		written := writtenList{kind, strings.Join(own, ","), inherited.presets}
		if known = m.written[written]; known == nil {
			known = newNames(kind, own, presets)
			m.written[written] = known
		}
		m.inherited[inherited] = known
	}
	return known
}

func newNames(kind nameKind, own []string, presets []spec.Preset) *Names {
	n := &Names{}
	known := map[string]struct{}{}
	add := func(name string) {
		id := strings.ToLower(name)
		if kind == methodNames {
			name = header.NormalizeMethod(name)
			id = name
		}
		if _, again := known[id]; again {
			return
		}
		known[id] = struct{}{}
		n.Any = n.Any || name == "*"
		if name != "*" || kind == exposedNames { // the others never send it
			n.List = append(n.List, name)
		}
	}
	for _, name := range own {
		add(name)
	}
	for _, p := range presets {
		lists, _ := presetLists(p)
		if n.Any {
			break // it covers everything that they would add
		}
		for _, name := range lists[kind] {
			add(name)
		}
	}
	if kind != methodNames {
		delete(known, "*")
		n.lower = known
	}
	n.join(kind)
	return n
}

// join sets the families, and joins the other names.
func (n *Names) join(kind nameKind) {
	var sent []string
	for _, name := range n.List {
		prefix, isFamily := FamilyPrefix(name)
		if !isFamily || kind == methodNames {
			sent = append(sent, name)
			continue
		}
		n.Families = append(n.Families, strings.ToLower(prefix))
		delete(n.lower, strings.ToLower(name))
	}
	if len(sent) > 0 {
		n.Joined = []byte(strings.Join(sent, ", "))
	}
}

// FamilyPrefix returns what the names of a family begin with: "X-Amz-" of X-Amz-*. ok is false if
// the name is not a family.
func FamilyPrefix(name string) (prefix string, ok bool) {
	prefix, ok = strings.CutSuffix(name, "*")
	return prefix, ok && prefix != "" && !strings.Contains(prefix, "*")
}

// Lists reports whether the list names the header itself, in any case: without regard to "*" and
// families.
func (n *Names) Lists(name string) bool {
	if len(name) > maxHeaderName || len(n.lower) == 0 {
		return false
	}
	var buf [maxHeaderName]byte
	_, ok := n.lower[string(header.AppendLower(buf[:0], name))]
	return ok
}

// InFamily reports whether the header is of a family of the list.
func (n *Names) InFamily(name string) bool {
	for _, prefix := range n.Families {
		if header.HasPrefixFold(name, prefix) {
			return true
		}
	}
	return false
}

// AllowsHeader reports whether a preflight that requests the header is granted it. "*" covers
// neither Authorization (Fetch standard, CORS-preflight fetch, step 7.7) nor a name that no
// page can send. No family covers Authorization.
func (n *Names) AllowsHeader(name string) bool {
	switch {
	case n.Lists(name):
		return true
	case !n.Any && len(n.Families) == 0, header.EqualFold(name, "authorization"):
		return false
	}
	return n.Any && name != "*" && !header.IsForbiddenRequestHeader(name) || n.InFamily(name)
}

// AllowsMethod reports whether a preflight that requests the method is granted it: a
// safelisted method always is (Fetch standard, CORS-preflight fetch, step 7.6). "*" does not
// cover a method of that name: reflected to a page with credentials it would be a literal "*".
func (n *Names) AllowsMethod(method string) bool {
	return n.Any && method != "*" || header.IsSafelistedMethod(method) || slices.Contains(n.List, method)
}

// AllowsMethodFold is AllowsMethod for a method in any case.
func (n *Names) AllowsMethodFold(method string) bool {
	fold := func(name string) bool { return header.EqualFold(name, method) }
	return slices.ContainsFunc(n.List, fold) || slices.ContainsFunc([]string{"GET", "HEAD", "POST"}, fold)
}

// String describes the list for explain.
func (n *Names) String() string {
	list := n.List
	if n.Any && !slices.Contains(list, "*") {
		list = append([]string{"*"}, list...)
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
