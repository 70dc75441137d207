package dynmodule

import (
	"encoding/binary"

	"github.com/corsd/corsd/pkg/policy"
)

// Kind is the action that an answer asks of the module.
type Kind uint8

// The values of [Kind].
const (
	// Untouched: request and response pass as they are.
	Untouched Kind = iota
	// Edit: the request continues, and its response is edited by this answer. Responses of status 1xx
	// are not.
	Edit
	// Ask: the request continues, and the headers of its response are passed to [Exchange.Response].
	Ask
	// Respond: the answer is a response in upstream's place, without a body.
	Respond
)

// The flags of an answer.
const (
	// Strip: all access-control-* headers of the response are removed before any is set.
	Strip uint8 = 1 << iota
	// VaryOrigin: Origin is added to Vary of the response, if it is not in it.
	VaryOrigin
	// Panicked: there is no decision, since it has panicked. The response is stripped.
	Panicked
)

// Op is the kind of an item.
type Op uint32

// The values of [Op].
const (
	// Set sets a header of the response, in place of all its lines.
	Set Op = iota
	// Remove removes a header of the response. It has no value.
	Remove
	// Fact is a part of the decision, for dynamic metadata.
	Fact
	// Details are the response code details of Respond. They have no name.
	Details
)

// appendHead appends the head of an answer.
func appendHead(dst []byte, k Kind, flags uint8, d *policy.Decision, status int) []byte {
	dst = append(dst, byte(k), flags, byte(d.Verdict), byte(d.Reason))
	return binary.NativeEndian.AppendUint32(dst, uint32(status))
}

func appendItem[T ~string | ~[]byte](dst []byte, op Op, name string, value T) []byte {
	dst = binary.NativeEndian.AppendUint32(dst, uint32(op))
	dst = binary.NativeEndian.AppendUint32(dst, uint32(len(name)))
	dst = binary.NativeEndian.AppendUint32(dst, uint32(len(value)))
	dst = append(dst, name...)
	return append(dst, value...)
}

// appendResponse appends the headers that a response removes and sets.
func appendResponse(dst []byte, r *policy.Response) []byte {
	for _, name := range r.Remove {
		dst = appendItem(dst, Remove, name, "")
	}
	for _, f := range r.Set {
		dst = appendItem(dst, Set, f.Name, f.Value)
	}
	return dst
}
