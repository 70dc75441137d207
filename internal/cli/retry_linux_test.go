package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
)

// TestRetryWithoutDescriptors: a revocation that cannot be read, for lack of file descriptors, goes
// live once there are some, without a further event.
func TestRetryWithoutDescriptors(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	s := startProcess(t, "--policy", file)
	conn := s.conn()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	verbose := func() string { // always on the same connection
		t.Helper()
		resp, err := client.Get("http://" + s.address("admin is listening") + "/readyz?verbose")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if body := verbose(); strings.Contains(body, "retry") {
		t.Errorf("readyz: %s", body)
	}
	var before unix.Rlimit
	if err := unix.Prlimit(s.process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: 1024}, &before); err != nil {
		t.Fatal(err)
	}
	servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
	s.eventually("the file cannot be read", func() bool {
		return strings.Contains(verbose(), "retry: could not be read ")
	})
	fault := fmt.Sprint(s.waitForLine("policy fault")["diagnostic"])
	if !strings.Contains(fault, "too many open files (source_unreadable)") {
		t.Errorf("logged %s", fault)
	}
	if got := s.verdict(conn, servetest.OldPage); got != "allow" {
		t.Errorf("verdict %s", got)
	}
	if err := unix.Prlimit(s.process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1024, Max: 1024}, nil); err != nil {
		t.Fatal(err)
	}
	s.becomes(conn, servetest.OldPage, "deny")
	s.eventually("logged: live by a retry", func() bool { // the log is written later
		cause := s.waitForLine("policy is live")["cause"]
		return cause == string(source.Retry) || cause == string(source.Changed) // a look at the files may have found it
	})
	s.eventually("no retry is pending", func() bool { return s.metric("corsd_policy_read_retry_pending") == "0" })
}
