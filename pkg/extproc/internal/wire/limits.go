package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// MaxHeaders bounds the header lines of a message. Envoy lets 100 through unless its max_headers_count is set.
	MaxHeaders = 1000
	// maxFields bounds the fields of a message that proto.Unmarshal reads: an empty one has two bytes, and becomes an
	// object of a hundred. A header line has three, with its key and value.
	maxFields = 4 * MaxHeaders
	// maxFieldDepth bounds how deep fields are looked for. Envoy's messages have a third of that.
	maxFieldDepth = 32

	// Buffers that have grown for a message beyond these are not kept: header lines, and bytes.
	keptHeaders = 256
	keptSize    = 16 << 10
)

func checkHeaders(headers []Header) error {
	if len(headers) > MaxHeaders {
		return fmt.Errorf("%d headers, and at most %d are read", len(headers), MaxHeaders)
	}
	return nil
}

// checkFields bounds the fields of a message before it becomes objects. What may be a message counts as one, since a
// field of bytes looks the same: the text of headers hardly ever does.
func checkFields(b []byte) error {
	if n := countFields(b, 0); n > maxFields {
		return fmt.Errorf("more than %d fields in a message", maxFields)
	}
	return nil
}

// countFields returns the number of fields in a message and those within it, 0 if it is not one. It ends with
// the first that is one too many.
func countFields(b []byte, depth int) (count int) {
	if depth > maxFieldDepth {
		return maxFields + 1
	}
	for len(b) > 0 {
		number, kind, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return 0
		}
		size := protowire.ConsumeFieldValue(number, kind, b[tag:])
		if size < 0 {
			return 0
		}
		if count++; kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(b[tag:])
			count += countFields(value, depth+1)
		}
		if count > maxFields {
			return count
		}
		b = b[tag+size:]
	}
	return count
}
