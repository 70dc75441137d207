package rawhttp

import (
	"fmt"
	"io"
)

// handshake has the header lines that RFC 6455 requires of a WebSocket client, with the RFC's
// example of a key. Over HTTP/2, RFC 8441 requires no key. But Envoy, up to 1.40, adds none when it
// forwards the handshake to an HTTP/1.1 server, which requires one.
var handshake = []Field{{"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}

// textFrame returns RFC 6455's frame of one whole text message. A client has to mask its frames; the
// mask is zero.
func textFrame(text string) []byte {
	const fin, opText, masked = 0x80, 0x01, 0x80
	if len(text) > 125 {
		panic("longer texts need a longer frame")
	}
	frame := []byte{fin | opText, masked | byte(len(text)), 0, 0, 0, 0}
	return append(frame, text...)
}

// converse sends one text message and returns the text of the message that it receives.
func converse(out io.Writer, in io.Reader, text string) ([]byte, error) {
	if _, err := out.Write(textFrame(text)); err != nil {
		return nil, err
	}
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, fmt.Errorf("no answer through the WebSocket: %w", err)
	}
	answer := make([]byte, head[1])
	_, err := io.ReadFull(in, answer)
	return answer, err
}
