package envoypolicy

import (
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The codes of the findings of [Check]. docs/envoy.md has a table of them.
const (
	codeIncomplete      spec.Code = "envoy_incomplete"
	codeFilterMissing   spec.Code = "envoy_filter_missing"
	codeFilterOrder     spec.Code = "envoy_filter_order"
	codeFilterDisabled  spec.Code = "envoy_filter_disabled"
	codeFilterName      spec.Code = "envoy_filter_name"
	codeModeOverride    spec.Code = "envoy_mode_override"
	codeResponseMode    spec.Code = "envoy_response_mode"
	codeForwardRules    spec.Code = "envoy_forward_rules"
	codeMutationRules   spec.Code = "envoy_mutation_rules"
	codeTimeout         spec.Code = "envoy_timeout"
	codeBreakers        spec.Code = "envoy_breakers"
	codeStaticInFilter  spec.Code = "envoy_static_in_filter"
	codeStaticFalse     spec.Code = "envoy_static_false"
	codeStripConflict   spec.Code = "envoy_strip_conflict"
	codeStripMissing    spec.Code = "envoy_strip_missing"
	codeStripIncomplete spec.Code = "envoy_strip_incomplete"
	codeStripUngoverned spec.Code = "envoy_strip_ungoverned"
	codeVaryMissing     spec.Code = "envoy_vary_missing"
	codeResourcePolicy  spec.Code = "envoy_resource_policy"
	codeFailsOpen       spec.Code = "envoy_fails_open"
	codeUnsupported     spec.Code = "envoy_unsupported"
	codeNativeCORS      spec.Code = "envoy_native_cors"
	codeSelectorUnknown spec.Code = "envoy_selector_unknown"
	codeMetadataUnknown spec.Code = "envoy_metadata_unknown"
	codeHostUnserved    spec.Code = "envoy_host_unserved"
)

// WarningCodes lists the codes that warnings may have.
func WarningCodes() []spec.Code {
	return []spec.Code{
		codeIncomplete, codeFilterMissing, codeFilterOrder, codeFilterDisabled, codeResponseMode, codeTimeout,
		codeBreakers, codeStripMissing, codeStripIncomplete, codeStripUngoverned, codeVaryMissing, codeFailsOpen,
		codeUnsupported, codeHostUnserved,
	}
}
