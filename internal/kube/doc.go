// Package kube reads policies that are resources of a Kubernetes cluster, and writes their status.
//
// Reader lists and watches CORSPolicy, OriginSet and CORSDefaults, and is a source of package reload. Each
// object stands alone: one that has a fault is replaced by its last good version, or else by a policy for its
// hosts that allows nobody, and all others go live (assemble.go, blame.go). Statuses writes what became of each
// object into its status. Replicas do not talk to each other. They agree since they order objects by age, and since the
// last good version of an object that has a fault is in its status.
//
// A policy with targets is replaced by documents that are derived from Gateways and routes: routing.go has the
// routes at each host, derive.go the matches that a policy names, gaps.go those that no policy names.
package kube
