package wire

import "github.com/corsd/corsd/pkg/policy"

// metadataNamespace is where ext_proc puts the decision in Envoy's dynamic metadata,
// for %DYNAMIC_METADATA(corsd:reason)% in its access log, if the filter's
// metadata_options let it in. ext_authz puts it under its own name.
const metadataNamespace = "corsd"

// metadata is what is said of a decision, and the size of a google.protobuf.Struct
// of it.
type metadata struct {
	entries [4]entry
	size    int
}

type entry struct{ name, value string }

func metadataOf(d *policy.Decision) metadata {
	m := metadata{entries: [...]entry{{"verdict", d.Verdict.String()}, {"reason", d.Reason.String()}, {"policy", d.Policy()}, {"rule", d.Rule()}}}
	for i := range m.entries {
		e := &m.entries[i]
		m.size += sizeOf(entrySize(e.name, sizeOf(len(e.value))))
	}
	return m
}

// entrySize is that of an entry of a Struct: a name, and a Value of n bytes.
func entrySize(name string, n int) int { return sizeOf(len(name)) + sizeOf(n) }

func (m *metadata) appendStruct(dst []byte) []byte {
	for i := range m.entries {
		e := &m.entries[i]
		value := sizeOf(len(e.value))
		dst = appendHead(dst, 1, entrySize(e.name, value)) // fields
		dst = appendBytes(dst, 1, e.name)                  // key
		dst = appendHead(dst, 2, value)                    // value
		dst = appendBytes(dst, 3, e.value)                 // string_value
	}
	return dst
}

// namedSize is the size of a Struct that has that of the decision in the namespace.
func (m *metadata) namedSize() int {
	return sizeOf(entrySize(metadataNamespace, sizeOf(m.size)))
}

// appendNamed appends the dynamic_metadata of a ProcessingResponse.
func (m *metadata) appendNamed(dst []byte) []byte {
	value := sizeOf(m.size)
	entry := entrySize(metadataNamespace, value)
	dst = appendHead(dst, responseDynamicMetadata, sizeOf(entry))
	dst = appendHead(dst, 1, entry)              // fields
	dst = appendBytes(dst, 1, metadataNamespace) // key
	dst = appendHead(dst, 2, value)              // value
	dst = appendHead(dst, 5, m.size)             // struct_value
	return m.appendStruct(dst)
}
