package kube

import (
	"fmt"
	"maps"
	"time"

	"k8s.io/client-go/tools/cache"
)

// store receives the objects of a kind from a reflector, which is one goroutine. It implements
// [cache.ReflectorStore] and [cache.ReflectorBookmarkStore].
type store struct {
	reader *Reader
	kind   *kind
}

// Add implements [cache.ReflectorStore].
func (s *store) Add(o any) error { return s.Update(o) }

// Update implements [cache.ReflectorStore].
func (s *store) Update(o any) error {
	res, err := resourceOf(o)
	if err != nil {
		return err
	}
	if s.kind == namespaceKind {
		n := s.reader.namespaceOf(res)
		s.reader.put(s.kind, !n.equal(s.namespaces()[res.Name]), func(k *kindState) { k.namespaces[res.Name] = n })
		return nil
	}
	id := s.kind.keyOf(res)
	before := s.objects()[id]
	now := newObject(id, res, before)
	s.reader.put(s.kind, before == nil || !before.sameSpec(now), func(k *kindState) { k.objects[id] = now })
	s.seen(now)
	return nil
}

// Delete implements [cache.ReflectorStore].
func (s *store) Delete(o any) error {
	res, err := resourceOf(o)
	if err != nil {
		return err
	}
	id := s.kind.keyOf(res)
	s.reader.put(s.kind, true, func(k *kindState) {
		delete(k.objects, id)
		delete(k.namespaces, res.Name)
	})
	s.reader.statuses.gone(id)
	return nil
}

// Replace implements [cache.ReflectorStore].
func (s *store) Replace(list []any, _ string) error {
	objects, namespaces := map[key]*object{}, map[string]*namespace{}
	for _, o := range list {
		res, err := resourceOf(o)
		if err != nil {
			return err
		}
		if s.kind == namespaceKind {
			namespaces[res.Name] = s.reader.namespaceOf(res)
			continue
		}
		id := s.kind.keyOf(res)
		objects[id] = newObject(id, res, s.objects()[id])
		s.seen(objects[id])
	}
	for id := range s.objects() {
		if objects[id] == nil {
			s.reader.statuses.gone(id)
		}
	}
	changed := !s.isListed() || !maps.EqualFunc(objects, s.objects(), (*object).sameSpec) ||
		!maps.EqualFunc(namespaces, s.namespaces(), (*namespace).equal)
	s.reader.put(s.kind, changed, func(k *kindState) { k.listed, k.objects, k.namespaces = true, objects, namespaces })
	return nil
}

// Resync implements [cache.ReflectorStore]. Nothing is to be done at an interval.
func (s *store) Resync() error { return nil }

// Bookmark implements [cache.ReflectorBookmarkStore]: the API server sends one from time to time.
func (s *store) Bookmark(string) error {
	s.reader.options.Metrics.SeenEvent(time.Now())
	return nil
}

// objects, namespaces and isListed may be called by the one goroutine that changes them.
func (s *store) objects() map[key]*object { return s.reader.state[s.kind].objects }

func (s *store) namespaces() map[string]*namespace { return s.reader.state[s.kind].namespaces }
func (s *store) isListed() bool                    { return s.reader.state[s.kind].listed }

// seen notes the status of an object, of which only those of corsd's kinds are written.
func (s *store) seen(o *object) {
	if s.kind.hasStatus() {
		s.reader.statuses.seen(o)
	}
}

func resourceOf(o any) (*resource, error) {
	if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	res, ok := o.(*resource)
	if !ok {
		return nil, fmt.Errorf("%T is not a resource", o)
	}
	return res, nil
}
