package rawconn

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/test/bufconn"
)

// pair returns a connection that a [Listener] accepted, and its peer.
func pair(t *testing.T, network string, options Options) (accepted, peer net.Conn) {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if peer, err = net.Dial(network, listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	if accepted, err = Listener(listener, options).Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	deadline := time.Now().Add(20 * time.Second)
	if err := errors.Join(accepted.SetDeadline(deadline), peer.SetDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	return accepted, peer
}

func onBoth(t *testing.T, test func(t *testing.T, conn, peer net.Conn)) {
	t.Helper()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			accepted, peer := pair(t, network, Options{RawSyscalls: true})
			if _, ok := accepted.(*conn); !ok {
				t.Fatalf("the connection is a %T", accepted)
			}
			test(t, accepted, peer)
		})
	}
}

// Both directions carry more than the socket's buffers hold, at once and unchanged.
func TestCarriesAll(t *testing.T) {
	onBoth(t, func(t *testing.T, conn, peer net.Conn) {
		random := rand.NewChaCha8([32]byte{})
		sent := make([]byte, 8<<20)
		_, _ = random.Read(sent) // never fails
		var group errgroup.Group
		for _, ends := range [][2]net.Conn{{conn, peer}, {peer, conn}} {
			group.Go(func() error {
				n, err := ends[0].Write(sent)
				if err == nil && n != len(sent) {
					err = io.ErrShortWrite
				}
				return err
			})
			group.Go(func() error {
				got := make([]byte, len(sent))
				if _, err := io.ReadFull(ends[1], got); err != nil {
					return err
				}
				if !bytes.Equal(got, sent) {
					return errors.New("received other bytes than were sent")
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// Concurrent writes do not mix, although neither fits into the socket's buffers.
func TestWritesWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, conn, peer net.Conn) {
		const size = 1 << 20
		var writers sync.WaitGroup
		for _, b := range []byte("ab") {
			writers.Go(func() {
				if _, err := conn.Write(bytes.Repeat([]byte{b}, size)); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(10 * time.Millisecond) // until the buffers are full, and one writer waits for the other
		got := make([]byte, 2*size)
		if _, err := io.ReadFull(peer, got); err != nil {
			t.Error(err)
		}
		writers.Wait()
		if !bytes.Equal(got[:size], bytes.Repeat(got[:1], size)) {
			t.Error("the two writes are mixed")
		}
	})
}

func TestEnds(t *testing.T) {
	buffer := make([]byte, 10)
	onBoth(t, func(t *testing.T, conn, peer net.Conn) {
		if n, err := conn.Read(nil); n != 0 || err != nil {
			t.Errorf("reading into an empty buffer: %d, %v", n, err)
		}
		if _, err := peer.Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
		if err := peer.Close(); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(buffer); string(buffer[:n]) != "abc" || err != nil {
			t.Errorf("read %q, %v", buffer[:n], err)
		}
		if n, err := conn.Read(buffer); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %d, %v, want io.EOF", n, err)
		}
		var err error
		for range 100 { // TCP reports it once the peer has refused a segment
			if _, err = conn.Write(buffer); err != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("writing to a closed peer: %v", err)
		}
	})
	onBoth(t, func(t *testing.T, conn, _ net.Conn) {
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
	})
	onBoth(t, func(t *testing.T, conn, _ net.Conn) {
		time.AfterFunc(10*time.Millisecond, func() { conn.Close() })
		if _, err := conn.Read(buffer); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed while reading: %v", err)
		}
		if _, err := conn.Write(buffer); !errors.Is(err, net.ErrClosed) {
			t.Errorf("writing after Close: %v", err)
		}
	})
}

// A connection that is not a socket is accepted as it is.
func TestLeavesOthers(t *testing.T) {
	listener := bufconn.Listen(100)
	defer listener.Close()
	go func() {
		if c, err := listener.DialContext(context.Background()); err == nil {
			c.Close()
		}
	}()
	accepted, err := Listener(listener, Options{RawSyscalls: true}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if _, ok := accepted.(*conn); ok {
		t.Error("raw system calls were tried on a connection that is not a socket")
	}
}
