package kube

import (
	"fmt"
	"strings"

	"github.com/corsd/corsd/api/v1alpha1"
	"github.com/corsd/corsd/pkg/policy/plan"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// grants are the hosts that the policies of each namespace may name. A nil map allows all of them every host.
type grants map[string][]plan.HostPattern

// parseGrants reads the value of [v1alpha1.HostsAnnotation]. An entry that is not a valid host grants nothing.
func parseGrants(value string) (hosts []plan.HostPattern) {
	for text := range strings.SplitSeq(value, ",") {
		if pattern, err := plan.ParseHost(strings.TrimSpace(text)); err == nil {
			hosts = append(hosts, pattern)
		}
	}
	return hosts
}

// allow reports whether policies of a namespace may name a host.
func (g grants) allow(namespace string, host plan.HostPattern) bool {
	if g == nil {
		return true
	}
	for _, granted := range g[namespace] {
		if granted.Contains(host) {
			return true
		}
	}
	return false
}

// check returns a fault for each host that a version of a policy names and its namespace is not granted.
func (g grants) check(k key, c *spec.Config) (faults []spec.Diagnostic) {
	if g == nil || len(c.Policies) == 0 {
		return nil
	}
	for i, text := range c.Policies[0].Spec.Hosts {
		host, err := plan.ParseHost(text)
		if err != nil || g.allow(k.id.Namespace, host) {
			continue
		}
		faults = append(faults, k.notGranted(text, spec.In(spec.KindPolicy, 0).At("spec", "hosts").Item(i)))
	}
	return faults
}

// notGranted returns the fault of a place that names, or leads to, a host which the namespace of a policy is not
// granted.
func (k key) notGranted(host string, place spec.Place) spec.Diagnostic {
	d := k.fault(spec.CodeHostNotGranted, "is not a host that namespace "+k.id.Namespace+" may name")
	d.Place, d.Value = place, host
	d.Hint = fmt.Sprintf("%s in the annotation %s of the namespace, or a host that it has",
		host, v1alpha1.HostsAnnotation)
	return d
}
