package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxTargets is the bound of the schema.
const maxTargets = 16

// decodePolicy reads the spec of a policy. targetRefs is a field of resources alone, so it is read here.
func decodePolicy(k key, text json.RawMessage) version {
	if !bytes.Contains(text, []byte(`"targetRefs"`)) {
		return decodeDocument(k, text)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil || fields["targetRefs"] == nil {
		return decodeDocument(k, text)
	}
	raw := fields["targetRefs"]
	delete(fields, "targetRefs")
	rest, err := json.Marshal(fields)
	if err != nil { // it was read from JSON
		panic(err)
	}
	v := decodeDocument(k, rest)
	t := targetDecoder{k: k, place: spec.In(spec.KindPolicy, 0).At("spec", "targetRefs")}
	v.targets = t.decode(raw)
	if fields["hosts"] != nil {
		t.refuse(t.place, "", "stands beside hosts", "hosts or targetRefs, exactly one of the two")
	}
	if len(v.config.Policies) == 1 {
		v.config.Policies[0].Spec.Hosts = nil
		t.checkRules(v.targets, len(v.config.Policies[0].Spec.Rules))
	}
	v.faults = append(v.faults, t.faults...)
	return v
}

type targetDecoder struct {
	k      key
	place  spec.Place
	faults []spec.Diagnostic
}

func (t *targetDecoder) refuse(place spec.Place, value, message, hint string) {
	d := t.k.fault(spec.CodeValueInvalid, message)
	d.Place, d.Value, d.Hint = place, value, hint
	t.faults = append(t.faults, d)
}

// decode returns the targets that are valid.
func (t *targetDecoder) decode(raw json.RawMessage) (valid []v1alpha1.TargetRef) {
	const form = `[{group: gateway.networking.k8s.io, kind: HTTPRoute, name: NAME}]`
	var refs []v1alpha1.TargetRef
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&refs); err != nil {
		t.refuse(t.place, "", "cannot be read: "+err.Error(), form)
		return nil
	}
	if n := len(refs); n == 0 || n > maxTargets {
		t.refuse(t.place, "", fmt.Sprintf("has %d elements, not 1 to %d", n, maxTargets), form)
		return nil
	}
	for i, ref := range refs {
		place := t.place.Item(i)
		switch {
		case ref.Group != v1alpha1.GatewayGroup:
			t.refuse(place.At("group"), ref.Group, "is not the group of Gateways and routes", v1alpha1.GatewayGroup)
		case !slices.ContainsFunc(targetKinds, func(k *kind) bool { return k.name == ref.Kind }):
			t.refuse(place.At("kind"), ref.Kind, "is not a kind of targets", "one of Gateway, HTTPRoute, GRPCRoute")
		case ref.Name == "":
			t.refuse(place.At("name"), "", "is missing", "the name of the "+ref.Kind)
		case slices.Contains(refs[:i], ref):
			t.refuse(place, ref.Name, "is the same target as one before it", "each target once")
		default:
			valid = append(valid, ref)
		}
	}
	if len(valid) < len(refs) {
		return nil // their places would not be those of the document
	}
	return valid
}

// checkRules refuses rules beside routes, whose matches are the rules.
func (t *targetDecoder) checkRules(targets []v1alpha1.TargetRef, rules int) {
	for _, ref := range targets {
		if rules > 0 && ref.Kind != gatewayKind.name {
			t.refuse(spec.In(spec.KindPolicy, 0).At("spec", "rules"), "",
				"stand beside the "+ref.Kind+" "+ref.Name+", whose matches are the rules",
				"cors alone, in a CORSPolicy for each route whose cors differs, or a Gateway as the target")
			return
		}
	}
}
