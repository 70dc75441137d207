package browser

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// Names maps the host:port of a URL to an address of this machine. It is a SOCKS5 proxy (RFC 1928): browsers send it
// names and not addresses, and all their connections go through it, including TLS and WebSockets. So test pages have
// real names and no port. It refuses names that it does not have.
type Names struct {
	listener net.Listener
	open     sync.WaitGroup

	mu      sync.Mutex
	targets map[string]string
}

// NewNames starts the proxy. It ends with Close.
func NewNames() (*Names, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &Names{listener: l, targets: map[string]string{}}
	n.open.Go(n.serve)
	return n, nil
}

// Address returns the address of the proxy, host:port.
func (n *Names) Address() string { return n.listener.Addr().String() }

// Lead maps host:port to an address. The host *.example matches every name below example that has
// no target of its own. Open connections stay as they are.
func (n *Names) Lead(hostport, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.targets[hostport] = address
}

// Close ends the proxy. Connections end when either side closes them.
func (n *Names) Close() error {
	err := n.listener.Close()
	n.open.Wait()
	return err
}

func (n *Names) target(host, port string) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if address, ok := n.targets[net.JoinHostPort(host, port)]; ok {
		return address, true
	}
	for rest, found := host, true; found; {
		if _, rest, found = strings.Cut(rest, "."); found {
			if address, ok := n.targets[net.JoinHostPort("*."+rest, port)]; ok {
				return address, true
			}
		}
	}
	return "", false
}

func (n *Names) serve() {
	for {
		client, err := n.listener.Accept()
		if err != nil { // closed
			return
		}
		go func() {
			defer client.Close()
			_ = n.pass(client) // the browser sees that the connection ends
		}()
	}
}

// Fields of SOCKS5.
const (
	version5       = 5
	commandConnect = 1
	addressIPv4    = 1
	addressName    = 3
	succeeded      = 0
	notAllowed     = 2
	hostUnreach    = 4
	unsupported    = 7
)

// pass speaks SOCKS5 with a client and then copies data in both directions.
func (n *Names) pass(client net.Conn) error {
	if err := greet(client); err != nil {
		return err
	}
	host, port, err := readConnect(client)
	if err != nil {
		return errors.Join(err, reply(client, unsupported))
	}
	address, ok := n.target(host, port)
	if !ok {
		return reply(client, notAllowed)
	}
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return errors.Join(err, reply(client, hostUnreach))
	}
	defer server.Close()
	if err := reply(client, succeeded); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	_, err = io.Copy(client, server)
	return err
}

// greet negotiates SOCKS5 without authentication.
func greet(client net.Conn) error {
	var head [2]byte
	if _, err := io.ReadFull(client, head[:]); err != nil {
		return err
	}
	if head[0] != version5 {
		return fmt.Errorf("not SOCKS5: version %d", head[0])
	}
	if _, err := io.CopyN(io.Discard, client, int64(head[1])); err != nil {
		return err
	}
	_, err := client.Write([]byte{version5, 0})
	return err
}

func readConnect(client net.Conn) (host, port string, err error) {
	var head [4]byte
	if _, err := io.ReadFull(client, head[:]); err != nil {
		return "", "", err
	}
	if head[0] != version5 || head[1] != commandConnect {
		return "", "", fmt.Errorf("not a connection: % x", head)
	}
	size := byte(net.IPv4len)
	if head[3] == addressName {
		var length [1]byte
		if _, err := io.ReadFull(client, length[:]); err != nil {
			return "", "", err
		}
		size = length[0]
	} else if head[3] != addressIPv4 {
		return "", "", fmt.Errorf("address of type %d", head[3])
	}
	rest := make([]byte, int(size)+2)
	if _, err := io.ReadFull(client, rest); err != nil {
		return "", "", err
	}
	host = string(rest[:size])
	if head[3] == addressIPv4 {
		host = net.IP(rest[:size]).String()
	}
	return host, strconv.Itoa(int(binary.BigEndian.Uint16(rest[size:]))), nil
}

func reply(client net.Conn, code byte) error {
	_, err := client.Write([]byte{version5, code, 0, addressIPv4, 0, 0, 0, 0, 0, 0})
	return err
}
