package kube

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// status is what became of an object, as its status field has it.
type status = v1alpha1.CORSPolicyStatus

// maxText bounds the texts of a status, in bytes. The schema allows more in the message of a condition only.
const maxText = 1024

// maxSpecs bounds both specs of an object whose status has the last good one, in bytes. etcd refuses objects of more
// than 1.5 MiB, and then no fault would reach the author.
const maxSpecs = 1 << 20

// statusOf returns the status of an object. refused are the faults because of which no object goes live.
func statusOf(j *judged, refused []spec.Diagnostic) *status {
	s := &status{}
	s.Conditions = []metav1.Condition{acceptedCondition(j), programmedCondition(j, refused)}
	if j.kind == policyKind {
		s.Conditions = append(s.Conditions, resolvedCondition(j))
	}
	for i := range s.Conditions {
		s.Conditions[i].ObservedGeneration = j.generation
		s.Conditions[i].Message = clip(s.Conditions[i].Message)
	}
	s.Diagnostics = diagnosticsOf(j)
	if j.choice == lastGood {
		if good := specOf(j.good.version); j.size+len(good) <= maxSpecs {
			s.LastAccepted = &v1alpha1.LastAccepted{Generation: j.good.generation, Spec: good}
		}
	}
	if d := j.chosenDerived(); d != nil {
		s.Hosts = d.live()
		s.Hosts = s.Hosts[:min(len(s.Hosts), v1alpha1.MaxHosts)]
	}
	for _, gateway := range j.ancestors() {
		if len(s.Ancestors) < v1alpha1.MaxAncestors {
			s.Ancestors = append(s.Ancestors, ancestorOf(gateway, s.Conditions[0]))
		}
	}
	return s
}

// ancestorOf returns what the policies of the Gateway API report of a Gateway. accepted is the condition of the policy.
func ancestorOf(gateway spec.ID, accepted metav1.Condition) v1alpha1.AncestorStatus {
	return v1alpha1.AncestorStatus{
		AncestorRef: v1alpha1.AncestorRef{
			Group: v1alpha1.GatewayGroup, Kind: gatewayKind.name, Namespace: gateway.Namespace, Name: gateway.Name,
		},
		ControllerName: v1alpha1.ControllerName,
		Conditions:     []metav1.Condition{accepted},
	}
}

func acceptedCondition(j *judged) metav1.Condition {
	c := metav1.Condition{
		Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted,
	}
	problems := j.problems()
	switch n := len(problems); {
	case n > 0:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, reasonOf(problems), text(problems[0])
		if n > 1 {
			c.Message = fmt.Sprintf("%s faults, the first: %s", count(n), c.Message)
		}
	case len(j.warnings) > 0:
		c.Message = fmt.Sprintf("no faults, %d warnings", len(j.warnings))
	default:
		c.Message = "no faults"
	}
	return c
}

// count returns a number of faults, of which no more than maxFaults may be kept.
func count(n int) string {
	if n >= maxFaults {
		return "many"
	}
	return strconv.Itoa(n)
}

// reasonOf returns the reason of the first fault.
func reasonOf(faults []spec.Diagnostic) string {
	switch faults[0].Code {
	case spec.CodeConflict:
		return v1alpha1.ReasonConflicted
	case spec.CodeHostNotGranted:
		return v1alpha1.ReasonHostNotGranted
	case spec.CodeTargetNotFound:
		return v1alpha1.ReasonTargetNotFound
	case spec.CodeLimitExceeded:
		return v1alpha1.ReasonLimitExceeded
	}
	return v1alpha1.ReasonInvalid
}

func programmedCondition(j *judged, refused []spec.Diagnostic) metav1.Condition {
	c := metav1.Condition{
		Type: v1alpha1.ConditionProgrammed, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonProgrammed,
		Message: "this generation is live",
	}
	switch {
	case len(refused) > 0:
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonLimitExceeded
		c.Message = "no change of any object goes live: " + text(refused[0])
	case j.choice == lastGood:
		c.Reason, c.Message = v1alpha1.ReasonLastGood, fmt.Sprintf("generation %d is live", j.good.generation)
	case j.choice == standIn:
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonNoGoodVersion
		c.Message = "no generation is known that could be live"
		if j.kind == policyKind {
			c.Message += "; nobody is allowed at its hosts"
		}
	}
	if c.Reason == v1alpha1.ReasonProgrammed && len(j.excluded()) > 0 {
		c.Message = "this generation is live, without the targets and hosts that Accepted is about"
	}
	return c
}

func resolvedCondition(j *judged) metav1.Condition {
	c := metav1.Condition{
		Type: v1alpha1.ConditionResolvedRefs, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonResolvedRefs,
		Message: "every object that it names is live",
	}
	isMissing := func(d spec.Diagnostic) bool { return d.Code == spec.CodeTargetNotFound }
	if i := slices.IndexFunc(j.excluded(), isMissing); i >= 0 {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, v1alpha1.ReasonTargetNotFound, text(j.excluded()[i])
	}
	isReference := func(d spec.Diagnostic) bool { return d.Code == spec.CodeUnknownReference }
	if i := slices.IndexFunc(j.faults, isReference); i >= 0 {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, v1alpha1.ReasonOriginSetNotFound, text(j.faults[i])
	}
	return c
}

// text is a diagnostic without the name of the object that has the status.
func text(d spec.Diagnostic) string {
	d.Position = spec.Position{}
	d.Place.Kind = ""
	return d.String()
}

func diagnosticsOf(j *judged) (all []v1alpha1.Diagnostic) {
	add := func(severity v1alpha1.Severity, list []spec.Diagnostic) {
		for _, d := range list {
			if len(all) == v1alpha1.MaxDiagnostics {
				return
			}
			message := d.Message
			if d.Related != nil {
				message += ", see " + d.Related.String()
			}
			all = append(all, v1alpha1.Diagnostic{
				Severity: severity, Code: string(d.Code), Path: clip(d.Place.Path.String()), Value: clip(d.Value),
				Message: clip(message), Hint: clip(d.Hint),
			})
		}
	}
	add(v1alpha1.SeverityFault, j.problems())
	add(v1alpha1.SeverityWarning, j.warnings)
	return all
}

// clip cuts off a text that is longer than the schema of the status allows.
func clip(s string) string { return clipTo(s, maxText) }

func clipTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const more = "…"
	cut := most - len(more)
	for cut > 0 && s[cut]&0xC0 == 0x80 { // not within a character
		cut--
	}
	return s[:cut] + more
}

// specOf returns the JSON form of the spec of a version, which has one document.
func specOf(v *version) json.RawMessage {
	for d := range v.config.Documents() {
		if p, ok := d.Spec.(*spec.PolicySpec); ok {
			d.Spec = v1alpha1.CORSPolicySpec{PolicySpec: *p, TargetRefs: v.targets}
		}
		data, err := json.Marshal(d.Spec)
		if err != nil { // every type of a spec has a JSON form
			panic(err)
		}
		return data
	}
	return nil
}

// patchOf returns the body of a server-side apply that sets the status of an object.
func patchOf(k key, wanted *status, seen *observed, now time.Time) []byte {
	s := *wanted
	s.Conditions = slices.Clone(wanted.Conditions)
	for i := range s.Conditions {
		c := &s.Conditions[i]
		c.LastTransitionTime = metav1.NewTime(seen.since(c, now))
	}
	s.Ancestors = slices.Clone(wanted.Ancestors)
	for i := range s.Ancestors {
		s.Ancestors[i].Conditions = s.Conditions[:1]
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": k.kind.version.String(), "kind": k.kind.name,
		"metadata": map[string]string{"namespace": k.id.Namespace, "name": k.id.Name},
		"status":   s,
	})
	if err != nil {
		panic(err)
	}
	return body
}
