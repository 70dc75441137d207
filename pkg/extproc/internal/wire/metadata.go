package wire

import "github.com/corsd/corsd/pkg/policy"

// metadataNamespace is where ext_proc puts the decision in Envoy's dynamic metadata,
// for %DYNAMIC_METADATA(corsd:reason)% in its access log, if the filter's
// metadata_options let it in. ext_authz puts it under its own name.
const metadataNamespace = "corsd"

// said is what the metadata says of a decision.
func said(d *policy.Decision) [4][2]string {
	return [...][2]string{{"verdict", d.Verdict.String()}, {"reason", d.Reason.String()}, {"policy", d.Policy()}, {"rule", d.Rule()}}
}

// structSize is the size of a google.protobuf.Struct of the decision.
func structSize(d *policy.Decision) int {
	n := 0
	for _, e := range said(d) {
		n += sizeOf(entrySize(e[0], sizeOf(len(e[1]))))
	}
	return n
}

// entrySize is that of an entry of a Struct: a name, and a Value of n bytes.
func entrySize(name string, n int) int { return sizeOf(len(name)) + sizeOf(n) }

func appendStruct(dst []byte, d *policy.Decision) []byte {
	for _, e := range said(d) {
		value := sizeOf(len(e[1]))
		dst = appendHead(dst, 1, entrySize(e[0], value)) // fields
		dst = appendBytes(dst, 1, e[0])                  // key
		dst = appendHead(dst, 2, value)                  // value
		dst = appendBytes(dst, 3, e[1])                  // string_value
	}
	return dst
}

// namedSize is the size of a Struct that has that of the decision in the namespace.
func namedSize(d *policy.Decision) int {
	return sizeOf(entrySize(metadataNamespace, sizeOf(structSize(d))))
}

// appendNamed appends the dynamic_metadata of a ProcessingResponse.
func appendNamed(dst []byte, d *policy.Decision) []byte {
	size := structSize(d)
	value := sizeOf(size)
	entry := entrySize(metadataNamespace, value)
	dst = appendHead(dst, responseDynamicMetadata, sizeOf(entry))
	dst = appendHead(dst, 1, entry)              // fields
	dst = appendBytes(dst, 1, metadataNamespace) // key
	dst = appendHead(dst, 2, value)              // value
	dst = appendHead(dst, 5, size)               // struct_value
	return appendStruct(dst, d)
}
