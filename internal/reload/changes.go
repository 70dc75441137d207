package reload

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxNames bounds the names of one kind in a log line.
const maxNames = 20

// documents has a hash of each decoded document, by its kind and name. Comments, layout, and the
// order and files of documents do not change it. The documents themselves are not kept: they are
// larger than the engine.
type documents map[string]Sum

// Sum is the hash of a decoded document.
type Sum [sha256.Size]byte

// SumOf returns the hash of the spec of a document.
func SumOf(spec any) Sum {
	hash := sha256.New()
	_ = json.NewEncoder(hash).Encode(spec) // every type of a document has a JSON form
	return Sum(hash.Sum(nil))
}

func documentsOf(c *spec.Config) documents {
	all := documents{}
	for d := range c.Documents() {
		all[nameOf(d)] = SumOf(d.Spec)
	}
	return all
}

func nameOf(d spec.Document) string { return string(d.Kind) + " " + d.ID.String() }

// changes are the documents that a reload adds, removes and changes, sorted by kind and name.
type changes struct{ added, removed, changed []string }

func changesBetween(before, after documents) (c changes) {
	for name, hash := range after {
		if old, known := before[name]; !known {
			c.added = append(c.added, name)
		} else if old != hash {
			c.changed = append(c.changed, name)
		}
	}
	c.removed = missing(maps.Keys(after), maps.Keys(before))
	slices.Sort(c.added)
	slices.Sort(c.changed)
	return c
}

// attributes returns the fields of a log line, without those that are empty.
func (c changes) attributes() (all []any) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"added", c.added}, {"removed", c.removed}, {"changed", c.changed}} {
		if len(list.names) > 0 {
			all = append(all, slog.Any(list.key, bounded(list.names)))
		}
	}
	return all
}

// bounded returns the first names, and the number of the others in words.
func bounded(names []string) []string {
	if len(names) <= maxNames {
		return names
	}
	return append(slices.Clone(names[:maxNames]), fmt.Sprintf("and %d more", len(names)-maxNames))
}

// missing returns the names in before that are not in after, sorted.
func missing(after, before iter.Seq[string]) []string {
	kept := map[string]bool{}
	for name := range after {
		kept[name] = true
	}
	var removed []string
	for name := range before {
		if !kept[name] {
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	return removed
}
