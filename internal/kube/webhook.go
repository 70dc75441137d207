package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// maxReview bounds the body of a review, in bytes. The API server accepts objects of 3 MiB, and sends the old and
// the new one.
const maxReview = 8 << 20

// reviewWait is how long a review waits for the one before. One is read and judged at a time: each needs as much memory
// and time as a change of the policies, and they are judged by the process that decides requests.
const reviewWait = 10 * time.Second

// maxWarning bounds a warning, in bytes: the API server cuts off longer ones if all have more than 4096.
const maxWarning = 256

// review is an AdmissionReview of admission.k8s.io/v1, as far as it is read and written.
type review struct {
	metav1.TypeMeta `json:",inline"`

	Request  *reviewRequest  `json:"request,omitempty"`
	Response *reviewResponse `json:"response,omitempty"`
}

type reviewRequest struct {
	UID  types.UID               `json:"uid"`
	Kind metav1.GroupVersionKind `json:"kind"`

	Namespace string               `json:"namespace"`
	Name      string               `json:"name"`
	Object    runtime.RawExtension `json:"object"`
}

type reviewResponse struct {
	UID      types.UID      `json:"uid"`
	Allowed  bool           `json:"allowed"`
	Status   *metav1.Status `json:"status,omitempty"`
	Warnings []string       `json:"warnings,omitempty"`
}

// Webhook returns the handler of a validating webhook: it answers with the faults and warnings that the object would
// have in its status. The reader judges objects again, so the webhook may be away.
func (r *Reader) Webhook() http.Handler {
	mux := http.NewServeMux()
	turn := make(chan struct{}, 1)
	mux.HandleFunc("POST /validate", func(w http.ResponseWriter, request *http.Request) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-time.After(r.reviewWait):
			http.Error(w, "too many reviews", http.StatusServiceUnavailable)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxReview))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		var v review
		if err := json.Unmarshal(body, &v); err != nil || v.Request == nil {
			http.Error(w, "the body is not an AdmissionReview of admission.k8s.io/v1", http.StatusBadRequest)
			return
		}
		v.Response, v.Request = r.answer(v.Request), nil
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v) // the client is gone
	})
	return mux
}

func (r *Reader) answer(q *reviewRequest) *reviewResponse {
	a := &reviewResponse{UID: q.UID, Allowed: true}
	i := slices.IndexFunc(r.kinds, func(k *kind) bool {
		return k.name == q.Kind.Kind && k.version.Group == q.Kind.Group
	})
	if i < 0 || !r.kinds[i].hasStatus() || len(q.Object.Raw) == 0 {
		return a // such as a deletion
	}
	if r.options.Namespace != "" && q.Namespace != r.options.Namespace {
		return a // another corsd may read it
	}
	var res resource
	if err := json.Unmarshal(q.Object.Raw, &res); err != nil {
		return a.refuse(r.kinds[i], q.Name, []spec.Diagnostic{{Code: spec.CodeSyntax, Message: err.Error()}})
	}
	if !r.selector.Matches(labels.Set(res.Labels)) {
		return a
	}
	res.Namespace, res.Name = q.Namespace, q.Name
	faults, warnings, known := r.judge(r.kinds[i], &res)
	if !known {
		a.Warnings = []string{"corsd has not listed the resources yet, and judges this one later: see its status"}
		return a
	}
	for _, d := range warnings {
		a.Warnings = append(a.Warnings, clipTo(text(d), maxWarning))
	}
	if len(faults) > 0 {
		return a.refuse(r.kinds[i], q.Name, faults)
	}
	return a
}

// judge returns the faults and warnings that an object would have among all others. They are not known before all
// are listed.
func (r *Reader) judge(k *kind, res *resource) (faults, warnings []spec.Diagnostic, known bool) {
	objects, c, known := r.snapshot()
	if !known {
		return nil, nil, false
	}
	now := time.Now()
	if res.CreationTimestamp.IsZero() {
		res.CreationTimestamp = metav1.NewTime(now) // the youngest
	}
	candidate := newObject(k.keyOf(res), res, nil)
	objects = slices.DeleteFunc(objects, func(o *object) bool { return o.key == candidate.key })
	x := assemble(append(objects, candidate), r.goodVersions(), c, now)
	for _, j := range x.objects {
		if j.object == candidate {
			// What is wrong with all together is not a reason to refuse a change, which may mend it. A target that
			// is missing may be applied next, and a host granted.
			return j.faults, slices.Concat(j.warnings, j.excluded(), x.refused), true
		}
	}
	return nil, nil, true
}

// refuse refuses the object. kubectl shows the causes, other clients the message.
func (a *reviewResponse) refuse(k *kind, name string, faults []spec.Diagnostic) *reviewResponse {
	a.Allowed = false
	a.Status = &metav1.Status{
		Status: metav1.StatusFailure, Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity,
		Details: &metav1.StatusDetails{Group: k.version.Group, Kind: k.name, Name: name},
	}
	for i, d := range faults {
		if i == maxCauses {
			a.Status.Message += fmt.Sprintf("\n%d more", len(faults)-i)
			break
		}
		if i > 0 {
			a.Status.Message += "\n"
		}
		a.Status.Message += text(d)
		field := d.Place.Path.String()
		d.Place = spec.Place{} // kubectl writes the field before the message
		a.Status.Details.Causes = append(a.Status.Details.Causes, metav1.StatusCause{
			Type: metav1.CauseType(d.Code), Message: text(d), Field: field,
		})
	}
	return a
}

// maxCauses bounds the faults of one answer.
const maxCauses = 20
