package v1alpha1

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Bounds of a status. What is more is cut.
const (
	MaxDiagnostics = 32
	MaxAncestors   = 16
	MaxHosts       = 256
)

// Status is what corsd made of an object.
type Status struct {
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8

	// Conditions are Accepted, Programmed and ResolvedRefs, each with the generation that it is about.
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32

	// Diagnostics are the first faults and warnings of the object, as `corsd check` prints them.
	Diagnostics []Diagnostic `json:"diagnostics,omitempty"`

	// +optional

	// LastAccepted is the last version without a fault. It is set while a newer one is refused, so that a corsd that
	// starts in the meantime decides as the others do.
	LastAccepted *LastAccepted `json:"lastAccepted,omitzero"`
}

// CORSPolicyStatus is what corsd made of a policy.
type CORSPolicyStatus struct {
	Status `json:",inline"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256

	// Hosts are those that targetRefs led to.
	Hosts []string `json:"hosts,omitempty"`

	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16

	// Ancestors are the conditions for each Gateway that targetRefs led to, as in the policies of the Gateway API.
	Ancestors []AncestorStatus `json:"ancestors,omitempty"`
}

// Severity is whether a diagnostic keeps the object from being accepted.
//
// +kubebuilder:validation:Enum=Fault;Warning
type Severity string

// The values of [Severity].
const (
	SeverityFault   Severity = "Fault"
	SeverityWarning Severity = "Warning"
)

// Diagnostic is one fault or warning.
type Diagnostic struct {
	// Severity is Fault or Warning.
	Severity Severity `json:"severity"`

	// Code names the kind of fault or warning. docs/policy.md lists them.
	Code string `json:"code"`

	// Path is the field, such as spec.cors.allowOrigins[0].
	Path string `json:"path,omitempty"`

	// Value is what stands there.
	Value string `json:"value,omitempty"`

	// Message says what is wrong with it.
	Message string `json:"message"`

	// Hint is what to write instead.
	Hint string `json:"hint,omitempty"`
}

// LastAccepted is a version of an object that had no fault.
type LastAccepted struct {
	// Generation is the metadata.generation of the version.
	Generation int64 `json:"generation"`

	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields

	// Spec is the spec of the version. Fields that this CustomResourceDefinition does not know are kept: a newer corsd
	// may have written them.
	Spec json.RawMessage `json:"spec"`
}

// AncestorStatus has the JSON form of the Gateway API's PolicyAncestorStatus.
type AncestorStatus struct {
	// AncestorRef names the Gateway or route.
	AncestorRef AncestorRef `json:"ancestorRef"`

	// ControllerName is the name of the controller that wrote this element.
	ControllerName string `json:"controllerName"`

	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8

	// Conditions are those of the policy as far as it concerns this ancestor.
	Conditions []metav1.Condition `json:"conditions"`
}

// AncestorRef names an object as the Gateway API's ParentReference does.
type AncestorRef struct {
	Group       string `json:"group,omitempty"`
	Kind        string `json:"kind,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName,omitempty"`
}
