package reload

import (
	"slices"

	"github.com/corsd/corsd/pkg/policy/spec"
)

// Config returns the documents that the report is about.
func (r *Report) Config() spec.Config { return r.files.Config }

// With returns the report of a policy without faults with the findings of another comparison added. Places get
// their positions in the policy files.
func (r *Report) With(faults, warnings []spec.Diagnostic) *Report {
	faults, warnings = r.files.Locate(faults, warnings)
	with := *r
	with.Faults = append(slices.Clip(r.Faults), faults...)
	with.Warnings = append(slices.Clip(r.Warnings), warnings...)
	return &with
}
