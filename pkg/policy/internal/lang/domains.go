package lang

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// MaxDomains is how many registered domains the owner of an expression is believed to know.
const MaxDomains = 8

// Owners are the registered domains, by the public suffix list, below which an expression accepts
// web origins. Addresses, names of one label and names below localhost have none.
type Owners struct {
	// Domains are sorted. With Suffixes they are complete, if the expression is not unbounded.
	Domains []string
	// Suffixes are those below which there are infinitely many domains.
	Suffixes []Suffix
}

// Unbounded reports that there are infinitely many domains below a suffix of a registry, or more
// than [MaxDomains] domains and suffixes.
func (o *Owners) Unbounded() bool {
	return len(o.Domains)+len(o.Suffixes) > MaxDomains ||
		slices.ContainsFunc(o.Suffixes, func(s Suffix) bool { return s.Kind == Registry })
}

// Hosting returns the first suffix of a hosting platform below which the domains are not finitely
// many, "" if there is none.
func (o *Owners) Hosting() string {
	for _, s := range o.Suffixes {
		if s.Kind == Platform {
			return s.Name
		}
	}
	return ""
}

// Suffix is a public suffix.
type Suffix struct {
	Name string // "" is that of every name
	Kind SuffixKind
}

// SuffixKind is the owner of a suffix.
type SuffixKind int

// The kinds of suffixes.
const (
	Registry SuffixKind = iota // the ICANN part of the public suffix list, "", and example
	Platform                   // its private part, such as github.io
	Unlisted                   // not in the list: a private network's own
)

func kindOfSuffix(name string) SuffixKind {
	if name == "" || name == "example" {
		// What is refused of com is refused of the domain of all documentation (RFC 2606), too.
		return Registry
	}
	for _, listed := range []string{name, "x." + name} {
		switch suffix, icann := publicsuffix.PublicSuffix(listed); {
		case suffix != listed:
		case icann:
			return Registry
		case strings.Contains(suffix, "."): // the default rule returns one label
			return Platform
		}
	}
	return Unlisted
}

// Owners returns the owners of the web origins that the expression accepts.
func (e *Expr) Owners() (*Owners, error) {
	p := e.in(Domains)
	if err := p.followAll(); err != nil {
		return nil, err
	}
	b := &backward{product: p, edgesTo: make([][]edge, len(p.nodes))}
	for from, edges := range p.edges {
		for _, e := range edges {
			b.edgesTo[e.to] = append(b.edgesTo[e.to], edge{e.symbol, int32(from)})
		}
	}
	if err := b.below("", b.hostEnds()); err != nil {
		return nil, err
	}
	slices.Sort(b.found.Domains)
	return &b.found, nil
}

// backward reads the hosts of a product from their end.
type backward struct {
	*product
	edgesTo [][]edge // by node
	found   Owners
	steps   int
}

// hostEnds returns the nodes after which a host is complete, a final dot left out.
func (b *backward) hostEnds() []int32 {
	live := make([]bool, len(b.nodes))
	var queue []int32
	for id := range b.nodes {
		if b.accepts(int32(id)) {
			live[id] = true
			queue = append(queue, int32(id))
		}
	}
	var ends []int32
	for ; len(queue) > 0; queue = queue[1:] {
		id := queue[0]
		if b.part(id) == inHost {
			ends = append(ends, id)
			continue
		}
		for _, e := range b.edgesTo[id] {
			if !live[e.to] {
				live[e.to] = true
				queue = append(queue, e.to)
			}
		}
	}
	ends = append(ends, b.back(ends)[dot]...)
	slices.Sort(ends)
	return slices.Compact(ends)
}

func (b *backward) part(id int32) part { return b.universe.parts[b.nodes[id].in] }

// back returns, by symbol, the nodes of a host from which it leads to one of a set.
func (b *backward) back(set []int32) [len(symbols)][]int32 {
	var lists [len(symbols)][]int32
	for _, id := range set {
		for _, e := range b.edgesTo[id] {
			if b.part(e.to) == inHost {
				lists[e.symbol] = append(lists[e.symbol], e.to)
			}
		}
	}
	for i := range lists {
		slices.Sort(lists[i])
		lists[i] = slices.Compact(lists[i])
	}
	return lists
}

// dot is the index of the symbol between labels.
var dot = strings.IndexByte(symbols, '.')

// below lists the domains below a public suffix, "" for every name. The suffix leads from each
// node of the set to the end of a host.
func (b *backward) below(suffix string, set []int32) error {
	l, err := b.labels(set)
	if err != nil {
		return err
	}
	kind := kindOfSuffix(suffix)
	if l.endless || len(l.list) > MaxDomains && kind != Registry {
		b.found.Suffixes = append(b.found.Suffixes, Suffix{suffix, kind})
		return nil
	}
	for _, found := range l.list {
		name := strings.TrimSuffix(found.text+"."+suffix, ".")
		isSuffix := isPublicSuffix(name)
		if found.first || !isSuffix {
			// A host that is a public suffix itself has an owner too.
			b.found.Domains = append(b.found.Domains, name)
		}
		if err := b.before(name, found.dots); err != nil {
			return err
		}
	}
	return nil
}

// maxSuffixLabels is how many labels the longest names in the public suffix list have.
const maxSuffixLabels = 6

// before lists the domains below a name that stands after a dot: below the name itself if it is a
// public suffix, else below the public suffixes that the list has below it, such as
// s3.amazonaws.com.
func (b *backward) before(name string, set []int32) error {
	switch {
	case len(set) == 0:
		return nil
	case isPublicSuffix(name):
		return b.below(name, set)
	case strings.Count(name, ".")+1 >= maxSuffixLabels:
		return nil
	}
	l, err := b.labels(set)
	if err != nil {
		return err
	}
	if l.endless || len(l.list) > MaxDomains {
		// As an entry with a wildcard below this name: of the suffixes below it only the rule for
		// all of them counts, such as *.kawasaki.jp.
		if isPublicSuffix("x." + name) {
			b.found.Suffixes = append(b.found.Suffixes, Suffix{name, kindOfSuffix(name)})
		}
		return nil
	}
	for _, found := range l.list {
		name := found.text + "." + name
		if found.first && isPublicSuffix(name) {
			b.found.Domains = append(b.found.Domains, name)
		}
		if err := b.before(name, found.dots); err != nil {
			return err
		}
	}
	return nil
}

func isPublicSuffix(name string) bool {
	suffix, _ := publicsuffix.PublicSuffix(name)
	return suffix == name
}

// labels returns the labels that can stand before a set of nodes.
func (b *backward) labels(set []int32) (*labels, error) {
	l := &labels{b: b, seen: map[string]bool{}}
	return l, l.read(nil, set)
}

// labels are the labels that can stand before a suffix.
type labels struct {
	b       *backward
	list    []label
	seen    map[string]bool // sets on the way to the one that is read
	endless bool
}

type label struct {
	text  string
	first bool    // it can be the first of a host
	dots  []int32 // the nodes before the dot before it
}

// read reads on to the left from a set of nodes. The label has been read from its end: text is
// reversed.
func (l *labels) read(text []byte, set []int32) error {
	if len(set) == 0 || l.endless || len(l.list) > MaxDomains {
		return nil
	}
	if l.b.steps++; l.b.steps > Budget {
		return ErrBudget
	}
	var key []byte
	for _, id := range set {
		key = appendInt(key, id)
	}
	if l.seen[string(key)] {
		l.endless = true
		return nil
	}
	l.seen[string(key)] = true
	defer delete(l.seen, string(key))
	before := l.b.back(set)
	if len(text) > 0 {
		found := label{text: reversed(text), dots: before[dot]}
		found.first = slices.ContainsFunc(set, l.b.isHostStart)
		if found.first || len(found.dots) > 0 {
			l.list = append(l.list, found)
		}
	}
	for symbol, set := range before {
		if symbol == dot {
			continue
		}
		if err := l.read(append(text, symbols[symbol]), set); err != nil {
			return err
		}
	}
	return nil
}

func (b *backward) isHostStart(id int32) bool {
	return slices.ContainsFunc(b.edgesTo[id], func(e edge) bool { return b.part(e.to) == afterSlash })
}

func reversed(text []byte) string {
	text = slices.Clone(text)
	slices.Reverse(text)
	return string(text)
}
