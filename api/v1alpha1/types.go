package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// +kubebuilder:resource:shortName=cors,categories=corsd
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Hosts,type=string,JSONPath=`.spec.hosts`
// +kubebuilder:printcolumn:name=Accepted,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name=Reason,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`

// CORSPolicy sets what pages of other origins may do at some hosts.
type CORSPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`

	Spec   CORSPolicySpec   `json:"spec"`
	Status CORSPolicyStatus `json:"status,omitzero"`
}

// +kubebuilder:validation:XValidation:rule=`has(self.hosts) != has(self.targetRefs)`,message=`write hosts or targetRefs, exactly one of the two`
// +kubebuilder:validation:XValidation:rule=`has(self.dangerouslyAllow) && 'AnyOriginWithCredentials' in self.dangerouslyAllow || !has(self.cors) || !has(self.cors.allowOrigins) || !('*' in self.cors.allowOrigins) || !has(self.cors.allowCredentials) || !self.cors.allowCredentials`,message=`"*" lets every site read with credentials: write the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`,fieldPath=`.cors.allowOrigins`
// +kubebuilder:validation:XValidation:rule=`has(self.dangerouslyAllow) && 'AnyOriginWithCredentials' in self.dangerouslyAllow || !has(self.rules) || self.rules.all(r, !has(r.cors) || !has(r.cors.allowOrigins) || !('*' in r.cors.allowOrigins) || !has(r.cors.allowCredentials) || !r.cors.allowCredentials)`,message=`"*" in the allowOrigins of a rule lets every site read with credentials: write the origins that may, or allowCredentials: false; dangerouslyAllow: [AnyOriginWithCredentials] if you must`,fieldPath=`.rules`

// CORSPolicySpec is the spec of a CORSPolicy document, and targets.
type CORSPolicySpec struct {
	spec.PolicySpec `json:",inline"`

	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +optional

	// TargetRefs names Gateways and routes of the same namespace whose hosts the policy governs, in place of hosts:
	// those of a route only for what the route matches.
	TargetRefs []TargetRef `json:"targetRefs,omitzero"`
}

// TargetRef names a Gateway or a route of the same namespace, as the policies of the Gateway API do.
type TargetRef struct {
	// +kubebuilder:validation:Enum=gateway.networking.k8s.io

	// Group is gateway.networking.k8s.io.
	Group string `json:"group"`

	// +kubebuilder:validation:Enum=Gateway;HTTPRoute;GRPCRoute

	// Kind is Gateway, HTTPRoute or GRPCRoute.
	Kind string `json:"kind"`

	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253

	// Name is the name of the Gateway or route.
	Name string `json:"name"`

	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional

	// SectionName names a listener of the Gateway or a rule of the route. Default: all of them.
	SectionName string `json:"sectionName,omitzero"`
}

// +kubebuilder:resource:categories=corsd
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Expires,type=string,JSONPath=`.spec.expires`
// +kubebuilder:printcolumn:name=Accepted,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name=Reason,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`

// OriginSet is a list of origins with a name, for many policies to refer to.
type OriginSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`

	Spec   spec.OriginSetSpec `json:"spec"`
	Status Status             `json:"status,omitzero"`
}

// +kubebuilder:resource:path=corsdefaults,scope=Cluster,categories=corsd
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Accepted,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name=Reason,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`

// CORSDefaults has the settings that every policy inherits. There may be one.
type CORSDefaults struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitzero"`

	Spec   spec.DefaultsSpec `json:"spec"`
	Status Status            `json:"status,omitzero"`
}
