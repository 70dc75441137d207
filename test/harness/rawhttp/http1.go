package rawhttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
)

// upgrade has the header lines that request a WebSocket.
var upgrade = []Field{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}

// HTTP1Text returns a request as HTTP/1.1 text.
func HTTP1Text(r Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Path, r.Authority)
	fields := r.Header
	if r.isWebSocket() {
		fields = slices.Concat(fields, upgrade, handshake)
	} else if r.Close {
		fields = slices.Concat(fields, []Field{{"Connection", "close"}})
	}
	for _, f := range fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	b.WriteString("\r\n")
	return b.String()
}

// Raw writes any text, and returns the bytes that the server sends until it closes the connection.
func Raw(ctx context.Context, address, text string) (string, error) {
	conn, err := dial(ctx, address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

func exchange1(conn net.Conn, r Request) (*Response, error) {
	if _, err := io.WriteString(conn, HTTP1Text(r)); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	response, err := readHead(in)
	if err != nil {
		return nil, err
	}
	if response.Status == 101 && r.isWebSocket() {
		response.Body, err = converse(conn, in, r.Text)
		return response, err
	}
	response.Body, err = readBody(in, response, r.Method)
	return response, err
}

// readHead reads up to and including the empty line.
func readHead(in *bufio.Reader) (*Response, error) {
	var r Response
	for {
		line, err := in.ReadString('\n')
		r.Head += line
		if err != nil {
			return nil, fmt.Errorf("the response ends after %q: %w", r.Head, err)
		}
		if line == "\r\n" {
			return &r, r.parseHead()
		}
	}
}

func (r *Response) parseHead() (err error) {
	lines := strings.Split(strings.TrimSuffix(r.Head, "\r\n\r\n"), "\r\n")
	_, rest, _ := strings.Cut(lines[0], " ")
	code, _, _ := strings.Cut(rest, " ")
	if r.Status, err = strconv.Atoi(code); err != nil {
		return fmt.Errorf("status line %q", lines[0])
	}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return fmt.Errorf("header line %q", line)
		}
		r.Header = append(r.Header, lower(Field{name, strings.Trim(value, " \t")}))
	}
	return nil
}

// readBody reads a body of the length that the head declares. If it declares none and the other side closes the
// connection, readBody verifies that no data follows.
func readBody(in *bufio.Reader, r *Response, method string) ([]byte, error) {
	bodiless := method == "HEAD" || r.Status == 204 || r.Status == 304
	length := r.Get("content-length")
	switch {
	case !bodiless && slices.Contains(r.Get("transfer-encoding"), "chunked"):
		return io.ReadAll(httputil.NewChunkedReader(in))
	case !bodiless && len(length) > 0:
		n, err := strconv.ParseUint(length[0], 10, 31)
		if err != nil {
			return nil, err
		}
		body := make([]byte, n)
		_, err = io.ReadFull(in, body)
		return body, err
	case slices.Contains(r.Get("connection"), "close"):
		return io.ReadAll(in)
	}
	return nil, nil
}
