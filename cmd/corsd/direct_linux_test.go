package main

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

// directPair gives a connection of a direct listener, and its peer.
func directPair(t *testing.T, network string) (conn, peer net.Conn) {
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
	if conn, err = direct(listener).Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, ok := conn.(*directConn); !ok {
		t.Fatalf("%T, want a directConn", conn)
	}
	deadline := time.Now().Add(20 * time.Second)
	if err := errors.Join(conn.SetDeadline(deadline), peer.SetDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	return conn, peer
}

func onBoth(t *testing.T, test func(t *testing.T, conn, peer net.Conn)) {
	t.Helper()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			conn, peer := directPair(t, network)
			test(t, conn, peer)
		})
	}
}

// More than the socket's buffers hold goes both ways at once, and comes out as it went in.
func TestDirectCarriesAll(t *testing.T) {
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
					return errors.New("other bytes came out")
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// Writes at the same time do not mix, although neither fits into the socket's buffers.
func TestDirectWritesWhole(t *testing.T) {
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

func TestDirectEnds(t *testing.T) {
	buffer := make([]byte, 10)
	onBoth(t, func(t *testing.T, conn, peer net.Conn) {
		if n, err := conn.Read(nil); n != 0 || err != nil {
			t.Errorf("reading into nothing: %d, %v", n, err)
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
		for range 100 { // TCP tells only once the peer has refused something
			if _, err = conn.Write(buffer); err != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("write to a peer that is gone: %v", err)
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

// What is no socket is served as it is.
func TestDirectLeavesOthers(t *testing.T) {
	listener := bufconn.Listen(100)
	defer listener.Close()
	go func() {
		if c, err := listener.DialContext(context.Background()); err == nil {
			c.Close()
		}
	}()
	conn, err := direct(listener).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := conn.(*directConn); ok {
		t.Error("a directConn around no socket")
	}
}
