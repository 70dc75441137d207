// Package lint passes over a [plan.Plan] and reports what is dangerous (faults) or has no effect
// (warnings). It knows nothing of requests.
package lint
