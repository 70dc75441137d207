package policyfile

import "github.com/corsd/corsd/pkg/policy/spec"

// Bounds of the input. More is limit_exceeded. Rules and origins are bounded by
// [spec.MaxRules] and [spec.MaxOrigins].
const (
	// MaxFileBytes bounds one file.
	MaxFileBytes = 16 << 20
	// MaxTotalBytes bounds all files of one [Read]: their text is kept as long as the [Files],
	// to find the positions of faults.
	MaxTotalBytes = 256 << 20
	// MaxFiles bounds the files of one directory.
	MaxFiles = 1_000
	// MaxDocuments bounds the documents of one file, empty ones included.
	MaxDocuments = 10_000
	// MaxNesting bounds how deep lists and mappings of a document are nested.
	MaxNesting = 64
	// MaxKeys bounds the keys of one mapping.
	MaxKeys = 10_000
	// MaxNodes bounds the keys, values, lists and mappings of one document, each
	// alias counting as the nodes of its value.
	MaxNodes = 500_000
	// MaxFindings bounds the faults that a report lists, and its warnings.
	MaxFindings = 1_000
)

// limits holds the bounds above, so that a test can reach those that take long.
type limits struct {
	fileBytes, totalBytes int64
	files, documents      int
	nesting, keys, nodes  int
	rules, origins        int
	findings              int
}

func defaultLimits() limits {
	return limits{
		fileBytes:  MaxFileBytes,
		totalBytes: MaxTotalBytes,
		files:      MaxFiles,
		documents:  MaxDocuments,
		nesting:    MaxNesting,
		keys:       MaxKeys,
		nodes:      MaxNodes,
		rules:      spec.MaxRules,
		origins:    spec.MaxOrigins,
		findings:   MaxFindings,
	}
}
