package cli

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/corsd/corsd/internal/servetest"
)

// TestShutdown: health is NOT_SERVING at once after SIGTERM. During --drain streams are served,
// including new ones. Then streams under way may end.
func TestShutdown(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(servetest.ShortDir(t), "corsd.sock")
	s := startProcess(t, "--policy", servetest.PolicyFile(t), "--listen", "unix:"+socket, "--drain", "4s")
	address := s.waitForLines(1, "listening")[0]["address"].(string)
	conn := s.dial(address)
	// Nobody ends this watch: it must not hold up the stop.
	watch, err := grpc_health_v1.NewHealthClient(conn).Watch(s.ctx(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := watch.Recv(); err != nil || h.Status != serving {
		t.Fatalf("before: %v, %v", h, err)
	}
	if status, body := s.get("/readyz"); status != 200 || body != "ok\n" {
		t.Errorf("before: readyz is %d %q", status, body)
	}
	underWay := s.stream(conn)
	underWay.Exchange(servetest.RequestOf(servetest.OldPage))

	s.signal(syscall.SIGTERM)
	if h, err := watch.Recv(); err != nil || h.Status != notServing {
		t.Fatalf("watched: %v, %v", h, err)
	}
	for _, name := range healthNames {
		if got := s.health(conn, name); got != notServing {
			t.Errorf("health of %q is %s", name, got)
		}
	}
	for _, target := range []string{address, "unix:" + socket} {
		fresh := s.dial(target)
		if got := s.verdict(fresh, servetest.OldPage); got != "allow" {
			t.Errorf("while draining, by a new connection to %s: verdict %s", target, got)
		}
		x := s.stream(fresh)
		x.Exchange(servetest.RequestOf(servetest.OldPage))
		if got := servetest.AllowOrigin(x.Exchange(servetest.Response())); got != servetest.OldPage {
			t.Errorf("while draining: allows %q", got)
		}
		x.End()
	}
	if status, body := s.get("/readyz"); status != 503 || body != "stopping\n" {
		t.Errorf("while draining: readyz is %d %q", status, body)
	}
	if status, _ := s.get("/livez"); status != 200 {
		t.Errorf("while draining: livez is %d", status)
	}

	s.eventually("no more connections are taken", func() bool {
		c, err := net.Dial("tcp", address)
		return err != nil || c.Close() != nil
	})
	if s.hasEnded() {
		t.Fatal("a stream was under way, and corsd has ended")
	}
	if got := servetest.AllowOrigin(underWay.Exchange(servetest.Response())); got != servetest.OldPage {
		t.Errorf("the stream that was under way: allows %q", got)
	}
	underWay.End()
	s.endsWith(exitOK)
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if lines := s.waitForLines(1, "stopping"); len(lines) != 1 || lines[0]["drain"] != "4s" {
		t.Errorf("logged %v", lines)
	}
}

// TestSilentPeersDelayNoExit: idle connections, to either listener, do not delay the exit.
func TestSilentPeersDelayNoExit(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", servetest.PolicyFile(t))
	for _, listener := range []string{"listening", "admin is listening"} {
		c, err := net.Dial("tcp", s.address(listener))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	s.signal(syscall.SIGTERM)
	s.endsWith(exitOK)
}

// TestInterrupt: SIGINT stops as SIGTERM does.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", servetest.PolicyFile(t))
	s.signal(os.Interrupt)
	s.endsWith(exitOK)
}

// TestSecondSignal: a second signal ends the process at once, unless it comes with the first.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	s := startProcess(t, "--policy", servetest.PolicyFile(t), "--drain", "10m")
	s.signal(syscall.SIGTERM)
	s.waitForLine("stopping")
	first := time.Now()
	for !s.hasEnded() && time.Since(first) < 20*time.Second {
		_ = s.process.Signal(syscall.SIGTERM) // it may have ended by now
		time.Sleep(50 * time.Millisecond)
	}
	s.endsWith(-1) // by the signal
	if took := time.Since(first); took < 900*time.Millisecond {
		t.Errorf("ended %s after the first signal", took)
	}
}
