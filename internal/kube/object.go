package kube

import (
	"cmp"
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// key identifies an object among those that live at one time.
type key struct {
	kind *kind
	id   spec.ID
}

func (k *kind) keyOf(r *resource) key { return key{k, spec.ID{Namespace: r.Namespace, Name: r.Name}} }

// String names the object in messages.
func (k key) String() string { return k.kind.name + " " + k.id.String() }

// object is a policy, an origin set or the defaults, as the API server has it. It never changes.
type object struct {
	key

	uid        types.UID // an object that was deleted and made again has another one
	generation int64     // of the spec
	created    time.Time
	*version

	observed observed // of its status
}

// version is what one generation of an object says. It never changes.
type version struct {
	config  spec.Config          // has the document, as far as it was understood
	sum     reload.Sum           // of the document
	targets []v1alpha1.TargetRef // of a policy that has them in place of hosts
	faults  []spec.Diagnostic    // of its form
	size    int                  // of its text, in bytes

	gateway *gateway // of a Gateway
	route   *route   // of an HTTPRoute or GRPCRoute
}

// newObject returns the object of a resource. before is what it was until now, nil if it is new: decoding it
// again is left out if only its status has changed.
func newObject(k key, r *resource, before *object) *object {
	o := &object{
		key: k, uid: r.UID, generation: r.Generation,
		created: r.CreationTimestamp.Time, observed: observe(k, r.UID, r.Status),
	}
	if before != nil && before.sameSpec(o) {
		o.version = before.version
	} else {
		v := decode(o.key, r.Spec)
		v.size = len(r.Spec)
		o.version = &v
	}
	return o
}

// sameSpec reports whether two objects are the same with the same spec.
func (o *object) sameSpec(other *object) bool {
	return o.uid == other.uid && o.generation == other.generation
}

// compareAge orders objects by their precedence: the older one holds what two claim. It is the rule of the
// Gateway API (GEP-713, conflict resolution), and one on which replicas agree.
func compareAge(a, b *object) int {
	return cmp.Or(
		a.created.Compare(b.created),
		cmp.Compare(a.id.Namespace, b.id.Namespace),
		cmp.Compare(a.id.Name, b.id.Name),
	)
}

// decode reads a spec as package policyfile reads that of a document in a file.
func decode(k key, text json.RawMessage) version {
	switch {
	case k.kind.isTarget():
		return decodeTarget(k.kind, text)
	case k.kind == policyKind:
		return decodePolicy(k, text)
	}
	return decodeDocument(k, text)
}

func decodeDocument(k key, text json.RawMessage) version {
	type metadata struct {
		Namespace string `json:"namespace,omitempty"`
		Name      string `json:"name"`
	}
	document, err := json.Marshal(struct {
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
		Metadata   metadata        `json:"metadata"`
		Spec       json.RawMessage `json:"spec,omitempty"`
	}{k.kind.version.String(), k.kind.name, metadata{k.id.Namespace, k.id.Name}, text})
	if err != nil { // the text is part of a valid JSON object, so this does not happen
		return version{faults: []spec.Diagnostic{k.fault(spec.CodeSyntax, err.Error())}}
	}
	files := policyfile.Parse("spec.json", document)
	faults, _ := files.Locate(nil, nil)
	for i := range faults {
		k.name(&faults[i].Location)
		if r := faults[i].Related; r != nil {
			k.name(r)
		}
	}
	v := version{config: files.Config, faults: faults}
	for d := range v.config.Documents() {
		v.sum = reload.SumOf(d.Spec) // there is one document
	}
	return v
}

// name sets the position of a location: a resource has a name, but no lines.
func (k key) name(l *spec.Location) { l.Position = spec.Position{File: k.String()} }

func (k key) fault(code spec.Code, message string) spec.Diagnostic {
	d := spec.Diagnostic{Code: code, Message: message}
	k.name(&d.Location)
	return d
}
