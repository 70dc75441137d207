package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// MaxHeaders bounds the header lines of a message. Envoy passes at most 100 unless its
	// max_headers_count is set.
	MaxHeaders = 1000
	// maxFields bounds the fields of a message that proto.Unmarshal reads. An empty one has two
	// bytes and becomes an object of about a hundred. A header line has three fields, with its key
	// and value.
	maxFields = 4 * MaxHeaders
	// maxFieldDepth bounds the depth to which fields are counted. Envoy's messages have a third of
	// it.
	maxFieldDepth = 32

	// keptHeaders and keptSize bound what a message keeps for the next one: capacity for header
	// lines, and bytes.
	keptHeaders = 256
	keptSize    = 16 << 10
)

func checkHeaders(headers []Header) error {
	if len(headers) > MaxHeaders {
		return fmt.Errorf("a message has %d headers, more than %d", len(headers), MaxHeaders)
	}
	return nil
}

// checkFields bounds the fields of a message before it becomes objects. A field of bytes counts as
// a message if it can be read as one, since both look the same. The text of headers rarely can.
func checkFields(b []byte) error {
	if n := countFields(b, 0); n > maxFields {
		return fmt.Errorf("more than %d fields in a message", maxFields)
	}
	return nil
}

// countFields returns the number of fields in a message and in the messages within it, 0 if it is
// not a message. It stops at maxFields + 1.
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
