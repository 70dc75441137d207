package wire

import (
	"google.golang.org/grpc/codes"

	"github.com/corsd/corsd/pkg/policy"
)

// Passed lets a request of ext_authz go on and adds headers to its response. d is
// nil where there was no decision.
//
// Vary is left to the route: what is added here would replace what upstream says, or
// repeat what the route says. append is false, since unset it means to append.
func (a *Answer) Passed(d *policy.Decision, change *policy.Response) {
	added := 0
	for i := range change.Set {
		if f := &change.Set[i]; f.Name != "vary" {
			added += sizeOf(sizeOf(headerSize(f)) + sizeOf(0))
		}
	}
	b := a.room(sizeOf(0) + sizeOf(added) + checkedSize(d))
	b = appendHead(b, 1, 0)     // status: OK
	b = appendHead(b, 3, added) // ok_response
	for i := range change.Set {
		f := &change.Set[i]
		if f.Name == "vary" {
			continue
		}
		b = appendHead(b, 6, sizeOf(headerSize(f))+sizeOf(0)) // response_headers_to_add
		b = appendCheckedHeader(b, f)
		b = appendHead(b, 2, 0) // append, a BoolValue: false
	}
	a.bytes = appendChecked(b, d)
}

// Denied answers in upstream's place. append stays unset: Envoy drops a header of a
// denial that has it set to true.
func (a *Answer) Denied(d *policy.Decision, change *policy.Response) {
	denied := statusSize
	for i := range change.Set {
		denied += sizeOf(sizeOf(headerSize(&change.Set[i])))
	}
	b := a.room(sizeOf(2) + sizeOf(denied) + checkedSize(d))
	b = append(appendHead(b, 1, 2), 1<<3|varintType, byte(codes.PermissionDenied)) // status
	b = appendHead(b, 2, denied)                                                   // denied_response
	b = appendStatus(b, change.Status)
	for i := range change.Set {
		f := &change.Set[i]
		b = appendHead(b, 2, sizeOf(headerSize(f))) // headers
		b = appendCheckedHeader(b, f)
	}
	a.bytes = appendChecked(b, d)
}

// appendCheckedHeader appends a HeaderValueOption.header. Its value is in value,
// since ext_authz sends one in raw_value empty.
func appendCheckedHeader(dst []byte, f *policy.Field) []byte {
	dst = appendHead(dst, 1, headerSize(f))
	dst = appendBytes(dst, 1, f.Name)
	return appendBytes(dst, 2, f.Value)
}

// The dynamic_metadata of a CheckResponse is field 4.

func checkedSize(d *policy.Decision) int {
	if d == nil {
		return 0
	}
	m := metadataOf(d)
	return sizeOf(m.size)
}

func appendChecked(dst []byte, d *policy.Decision) []byte {
	if d == nil {
		return dst
	}
	m := metadataOf(d)
	return m.appendStruct(appendHead(dst, 4, m.size))
}
