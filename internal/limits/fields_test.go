package limits

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"
)

// The counter counts what hpack decodes, however the block is cut.
func TestFieldsAreCounted(t *testing.T) {
	text := rapid.OneOf(rapid.StringN(0, 10, 40), rapid.Just(""), rapid.Just(strings.Repeat("~", 127)),
		rapid.Just(strings.Repeat("\xff", 128)), rapid.Just(strings.Repeat("a", 5000)))
	name := rapid.OneOf(rapid.SampledFrom([]string{":path", "origin", "te", "x-a", "accept-charset"}), text)
	rapid.Check(t, func(t *rapid.T) {
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		fields := rapid.IntRange(0, 40).Draw(t, "fields")
		for range fields {
			if rapid.IntRange(0, 9).Draw(t, "resize") == 0 {
				encoder.SetMaxDynamicTableSize(rapid.Uint32Range(0, 4096).Draw(t, "size"))
			}
			_ = encoder.WriteField(hpack.HeaderField{ // into memory
				Name: name.Draw(t, "name"), Value: text.Draw(t, "value"), Sensitive: rapid.Bool().Draw(t, "sensitive"),
			})
		}
		var c fieldCounter
		for b := block.Bytes(); len(b) > 0; {
			n := rapid.IntRange(1, len(b)).Draw(t, "piece")
			c.count(b[:n])
			b = b[n:]
		}
		if c.fields != fields || c.state != atField {
			t.Errorf("%d fields are counted of %d; state %d", c.fields, fields, c.state)
		}
	})
}

// For any bytes, the state of the counter stays valid.
func FuzzFieldCounter(f *testing.F) {
	f.Add([]byte{0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x3f, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		var c fieldCounter
		c.count(b)
		if c.fields < 0 || c.fields > len(b) || c.n < 0 || c.state > inString {
			t.Errorf("%+v", c)
		}
	})
}
