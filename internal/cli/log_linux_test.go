package cli

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/corsd/corsd/internal/servetest"
)

// TestStopWithoutReader: a process whose standard error is a full pipe that nobody reads
// answers refusals, stops on SIGTERM, and stops in time.
func TestStopWithoutReader(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// The burst of refusals that is logged is larger than this.
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("corsd", append(anywhere[:len(anywhere):len(anywhere)], "--policy", servetest.PolicyFile(t))...)
	cmd.Stderr, cmd.Env = w, append(os.Environ(), raceOptions)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, log: &servetest.Log{}, ended: make(chan struct{}), process: cmd.Process}
	go func() {
		defer close(s.ended)
		_ = cmd.Wait() // the status has the result
		s.status = cmd.ProcessState.ExitCode()
	}()
	defer func() {
		_ = cmd.Process.Kill() // it may have ended by now
		<-s.ended
	}()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(r)
	for line := ""; !strings.Contains(line, `"admin is listening"`); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if _, err := s.log.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	conn := s.conn()
	for range 10_000 { // from here on nobody reads
		if got := s.verdict(conn, servetest.NewPage); got != "deny" {
			t.Fatalf("verdict %s", got)
		}
	}
	began := time.Now()
	s.signal(syscall.SIGTERM)
	s.endsWith(exitOK)
	t.Logf("ended after %s", time.Since(began))
}
