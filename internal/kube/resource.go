package kube

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// resource is an object of any kind that is read. Its spec is not decoded here: a client that decodes it
// stops at the first object that it cannot decode, and lists and watches none any more.
type resource struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec   json.RawMessage `json:"spec"`
	Status json.RawMessage `json:"status"`
}

// DeepCopyObject implements [runtime.Object].
func (r *resource) DeepCopyObject() runtime.Object {
	c := *r
	r.DeepCopyInto(&c.ObjectMeta)
	c.Spec, c.Status = append(json.RawMessage(nil), r.Spec...), append(json.RawMessage(nil), r.Status...)
	return &c
}

type resourceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`

	Items []resource `json:"items"`
}

// DeepCopyObject implements [runtime.Object].
func (l *resourceList) DeepCopyObject() runtime.Object {
	c := *l
	l.ListMeta.DeepCopyInto(&c.ListMeta)
	c.Items = make([]resource, len(l.Items))
	for i := range l.Items {
		c.Items[i] = *l.Items[i].DeepCopyObject().(*resource)
	}
	return &c
}

// kind is a kind of objects that is read.
type kind struct {
	name       string
	version    schema.GroupVersion
	plural     string
	namespaced bool
}

// corsdVersion is the version of corsd's own kinds.
var corsdVersion = schema.GroupVersion{Group: v1alpha1.Group, Version: v1alpha1.Version}

var (
	policyKind    = &kind{string(spec.KindPolicy), corsdVersion, v1alpha1.ResourcePolicies, true}
	originSetKind = &kind{string(spec.KindOriginSet), corsdVersion, v1alpha1.ResourceOriginSets, true}
	defaultsKind  = &kind{string(spec.KindDefaults), corsdVersion, v1alpha1.ResourceDefaults, false}
	namespaceKind = &kind{"Namespace", schema.GroupVersion{Version: "v1"}, "namespaces", false}

	gatewayKind   = &kind{"Gateway", gatewayVersion, "gateways", true}
	httpRouteKind = &kind{"HTTPRoute", gatewayVersion, "httproutes", true}
	grpcRouteKind = &kind{"GRPCRoute", gatewayVersion, "grpcroutes", true}
)

// gatewayVersion is the version of the kinds that targetRefs can name.
var gatewayVersion = schema.GroupVersion{Group: v1alpha1.GatewayGroup, Version: "v1"}

var targetKinds = []*kind{gatewayKind, httpRouteKind, grpcRouteKind}

func (k *kind) isTarget() bool { return k.version == gatewayVersion }

// hasStatus reports whether corsd writes the status of the objects of a kind.
func (k *kind) hasStatus() bool { return k.version == corsdVersion }

// newScheme returns the types of all kinds.
func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, k := range slices.Concat([]*kind{policyKind, originSetKind, defaultsKind, namespaceKind}, targetKinds) {
		s.AddKnownTypeWithName(k.version.WithKind(k.name), &resource{})
		s.AddKnownTypeWithName(k.version.WithKind(k.name+"List"), &resourceList{})
		metav1.AddToGroupVersion(s, k.version)
	}
	return s
}
