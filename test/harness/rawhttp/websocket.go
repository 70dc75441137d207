package rawhttp

import (
	"fmt"
	"io"
)

// handshake is what RFC 6455 asks of a WebSocket client, with its own example of a
// key. Over HTTP/2 RFC 8441 asks for no key; but Envoy, up to 1.40, makes up none
// when it passes the handshake on to an HTTP/1.1 server, and that insists.
var handshake = []Field{{"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}

// textFrame is RFC 6455's frame of one whole text message. A client masks what
// it sends; zero is a mask too.
func textFrame(text string) []byte {
	const fin, opText, masked = 0x80, 0x01, 0x80
	if len(text) > 125 {
		panic("longer texts need a longer frame")
	}
	frame := []byte{fin | opText, masked | byte(len(text)), 0, 0, 0, 0}
	return append(frame, text...)
}

// converse sends one text message and returns the answer's.
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
