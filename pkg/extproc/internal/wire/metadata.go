package wire

import (
	"strings"

	"github.com/corsd/corsd/pkg/policy"
)

// metadataNamespace is where ext_proc puts the decision in Envoy's dynamic metadata,
// for %DYNAMIC_METADATA(corsd:reason)% in its access log, if the filter's
// metadata_options let it in. ext_authz puts it under its own name.
const metadataNamespace = "corsd"

// metadata is what is said of a decision, and the size of a google.protobuf.Struct
// of it.
type metadata struct {
	outcome      []byte // verdict and reason, encoded
	policy, rule string
	ahead        []policy.Field // see tell
	size         int
}

func metadataOf(d *policy.Decision) metadata {
	m := metadata{outcome: outcomes[d.Verdict][d.Reason], policy: d.Policy(), rule: d.Rule()}
	m.size = len(m.outcome) + fieldSize("policy", m.policy) + fieldSize("rule", m.rule)
	return m
}

// tell adds response headers for the virtual host to set, as in
// %DYNAMIC_METADATA(corsd:allow-origin)%.
func (m *metadata) tell(ahead []policy.Field) {
	m.ahead = ahead
	for i := range ahead {
		m.size += fieldSize(aheadName(&ahead[i]), ahead[i].Value)
	}
}

// aheadName is short: Envoy keeps a name of up to 22 bytes without allocating.
func aheadName(f *policy.Field) string { return strings.TrimPrefix(f.Name, "access-control-") }

func (m *metadata) appendStruct(dst []byte) []byte {
	dst = appendField(appendField(append(dst, m.outcome...), "policy", m.policy), "rule", m.rule)
	for i := range m.ahead {
		dst = appendField(dst, aheadName(&m.ahead[i]), m.ahead[i].Value)
	}
	return dst
}

// outcomes are the fields for each verdict and reason.
var outcomes = func() (all [3][][]byte) {
	for _, verdict := range []policy.Verdict{policy.VerdictNone, policy.VerdictAllow, policy.VerdictDeny} {
		for _, reason := range policy.Reasons() {
			fields := appendField(appendField(nil, "verdict", verdict.String()), "reason", reason.String())
			all[verdict] = append(all[verdict], fields)
		}
	}
	return all
}()

// shortValue is less than a value has with which a length takes two bytes.
const shortValue = 100

// entrySize is that of an entry of a Struct: a name, and a Value of n bytes.
func entrySize(name string, n int) int { return sizeOf(len(name)) + sizeOf(n) }

func fieldSize[T ~string | ~[]byte](name string, value T) int {
	return sizeOf(entrySize(name, sizeOf(len(value))))
}

// appendField appends a field of a Struct.
func appendField[T ~string | ~[]byte](dst []byte, name string, value T) []byte {
	if n := len(value); n < shortValue {
		dst = append(dst, 1<<3|bytesType, byte(len(name)+n+6), 1<<3|bytesType, byte(len(name)))
		dst = append(dst, name...)
		return append(append(dst, 2<<3|bytesType, byte(n+2), 3<<3|bytesType, byte(n)), value...)
	}
	size := sizeOf(len(value))
	dst = appendHead(dst, 1, entrySize(name, size)) // fields
	dst = appendBytes(dst, 1, name)                 // key
	dst = appendHead(dst, 2, size)                  // value
	return appendBytes(dst, 3, value)               // string_value
}

// namedSize is the size of a Struct that has that of the decision in the namespace.
func (m *metadata) namedSize() int {
	return sizeOf(entrySize(metadataNamespace, sizeOf(m.size)))
}

// appendNamed appends the dynamic_metadata of a ProcessingResponse.
func (m *metadata) appendNamed(dst []byte) []byte {
	if n := m.size; n < shortValue {
		entry := n + len(metadataNamespace) + 6
		dst = append(dst, responseDynamicMetadata<<3|bytesType, byte(entry+2), 1<<3|bytesType, byte(entry), 1<<3|bytesType, byte(len(metadataNamespace)))
		dst = append(append(dst, metadataNamespace...), 2<<3|bytesType, byte(n+2), 5<<3|bytesType, byte(n))
		return m.appendStruct(dst)
	}
	value := sizeOf(m.size)
	entry := entrySize(metadataNamespace, value)
	dst = appendHead(dst, responseDynamicMetadata, sizeOf(entry))
	dst = appendHead(dst, 1, entry)              // fields
	dst = appendBytes(dst, 1, metadataNamespace) // key
	dst = appendHead(dst, 2, value)              // value
	dst = appendHead(dst, 5, m.size)             // struct_value
	return m.appendStruct(dst)
}
