// Package v1alpha1 defines the documents of corsd as Kubernetes resources: CORSPolicy, OriginSet and CORSDefaults.
// Their specs are those of package spec, so that one text is a file and a resource. Beside them it has what only
// resources have: targets, status, and the names that the API server knows them by. It has no behaviour.
//
// `make generate` writes the CustomResourceDefinitions in deploy/k8s/crds from these types and from the markers
// ("+kubebuilder") here and in package spec. The types are for their JSON form, and are not runtime.Objects: corsd
// keeps specs as text, since a typed client stops to list and watch a kind if it cannot decode one object.
//
// +groupName=corsd.dev
package v1alpha1
