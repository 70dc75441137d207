package v1alpha1

// The group and version of the resources.
const (
	Group        = "corsd.dev"
	Version      = "v1alpha1"
	GroupVersion = Group + "/" + Version
)

// The plural names of the resources, as in their paths and in RBAC.
const (
	ResourcePolicies   = "corspolicies"
	ResourceOriginSets = "originsets"
	ResourceDefaults   = "corsdefaults"
)

// GatewayGroup is the group of the kinds that targetRefs can name.
const GatewayGroup = "gateway.networking.k8s.io"

// ControllerName names corsd in [CORSPolicyStatus].Ancestors.
const ControllerName = Group + "/corsd"

// HostsAnnotation is the annotation of a Namespace with the hosts that its policies may name, separated by commas: an
// exact name, *.x for every name below x, {t}.x for one more label, or * for every host.
const HostsAnnotation = "corsd.dev/hosts"

// The types of conditions.
const (
	// ConditionAccepted reports whether the object has no fault.
	ConditionAccepted = "Accepted"
	// ConditionProgrammed reports whether the object, or an earlier version of it, takes part in decisions.
	ConditionProgrammed = "Programmed"
	// ConditionResolvedRefs reports whether the objects that this one names exist and have not expired.
	ConditionResolvedRefs = "ResolvedRefs"
)

// The reasons of [ConditionAccepted].
const (
	// ReasonAccepted: the object has no fault.
	ReasonAccepted = "Accepted"
	// ReasonInvalid: the object has a fault. `corsd check` reports the same.
	ReasonInvalid = "Invalid"
	// ReasonConflicted: an older object governs the same requests, or sets the same.
	ReasonConflicted = "Conflicted"
	// ReasonHostNotGranted: the namespace may not name one of the hosts.
	ReasonHostNotGranted = "HostNotGranted"
	// ReasonTargetNotFound: one of targetRefs does not exist.
	ReasonTargetNotFound = "TargetNotFound"
	// ReasonRefNotPermitted: the object names one of another namespace that does not permit it.
	ReasonRefNotPermitted = "RefNotPermitted"
	// ReasonLimitExceeded: all objects together exceed a bound of corsd.
	ReasonLimitExceeded = "LimitExceeded"
)

// The reasons of [ConditionProgrammed].
const (
	// ReasonProgrammed: this version decides.
	ReasonProgrammed = "Programmed"
	// ReasonLastGood: this version has a fault, and the last one that was accepted decides.
	ReasonLastGood = "LastGood"
	// ReasonNoGoodVersion: no version was ever accepted. The hosts are governed, and nobody is allowed.
	ReasonNoGoodVersion = "NoGoodVersion"
)

// The reasons of [ConditionResolvedRefs].
const (
	// ReasonResolvedRefs: all of them exist.
	ReasonResolvedRefs = "ResolvedRefs"
	// ReasonOriginSetNotFound: an OriginSet does not exist.
	ReasonOriginSetNotFound = "OriginSetNotFound"
	// ReasonOriginSetExpired: an OriginSet has expired.
	ReasonOriginSetExpired = "OriginSetExpired"
)
