package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/servetest"
)

// TestUnreadable: a file that cannot be read is logged once, though its content is unknown, and read
// as soon as that is possible.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := servetest.Write(t, dir+"/policy.yaml", servetest.Allowing(servetest.OldPage))
	s := start(t, "--policy", file)
	conn := s.conn()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	const message = "policy refused; the last good policy stays live"
	s.waitForLine(message)
	for i := range 5 {
		servetest.Write(t, fmt.Sprintf("%s/other%d", dir, i), "")
		time.Sleep(2 * settleTime)
	}
	if n := len(s.waitForLines(1, message)) + len(s.log.Entries(t, "policy is still refused")); n != 1 {
		t.Errorf("logged %d times: %s", n, s.log)
	}
	servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
	s.becomes(conn, servetest.NewPage, "allow")
}

// TestBadPolicy: a refused policy changes nothing. It is logged once for each content, with every
// fault. /readyz?verbose and the metrics have it until it is corrected.
func TestBadPolicy(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	s := startProcess(t, "--policy", file)
	conn := s.conn()
	live := s.liveLine()
	const refused = `corsd_policy_reloads_total{result="refused"}`
	const message = "policy refused; the last good policy stays live"

	bad := strings.Replace(servetest.Allowing("https://*"), "allowOrigins", "allowCredentials: true, maxAge: -1, allowOrigins", 1)
	put(t, file, bad)
	s.eventually("refused", func() bool { return s.metric(refused) == "1" })
	put(t, file, bad) // the same again, without a SIGHUP
	for times := 2; times <= 3; times++ {
		s.signal(syscall.SIGHUP)
		s.eventually("refused", func() bool { return s.metric(refused) == fmt.Sprint(times) })
	}
	if again := s.waitForLines(2, "policy is still refused"); len(again) != 2 || again[0]["faults"] != 2.0 || again[0]["cause"] != "SIGHUP" {
		t.Errorf("SIGHUP again logs %v", again)
	}
	lines := s.waitForLines(1, message)
	if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["faults"] != 2.0 || lines[0]["cause"] != "file change" {
		t.Errorf("logged %v", lines)
	}
	faults := s.waitForLines(2, "policy fault")
	if len(faults) != 2 {
		t.Fatalf("logged %v", faults)
	}
	_, verbose := s.get("/readyz?verbose")
	for _, code := range []string{"any_origin_with_credentials", "max_age_out_of_range"} {
		if !strings.Contains(fmt.Sprint(faults), "("+code+")") || !strings.Contains(verbose, "("+code+")") {
			t.Errorf("%s is missing: log %v, readyz %s", code, faults, verbose)
		}
	}
	if !strings.HasPrefix(verbose, "ok\n"+live+"\nrefused policy: ") || !strings.Contains(verbose, file+":6:") {
		t.Errorf("readyz: %s", verbose)
	}
	if status, body := s.get("/readyz"); status != 200 || body != "ok\n" {
		t.Errorf("the last good one is live, and readyz is %d %q", status, body)
	}
	if got := s.metric("corsd_policy_last_reload_successful"); got != "0" {
		t.Errorf("last reload successful: %s", got)
	}
	if s.verdict(conn, servetest.OldPage) != "allow" || s.health(conn, "") != serving {
		t.Error("the last good one is not live")
	}

	put(t, file, "") // another content is another message
	s.eventually("the empty file is refused", func() bool { return len(s.log.Entries(t, message)) == 2 })
	if _, verbose := s.get("/readyz?verbose"); !strings.Contains(verbose, "(no_policies)") || strings.Contains(verbose, "max_age") {
		t.Errorf("readyz: %s", verbose)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s.eventually("the missing file is refused", func() bool { return len(s.log.Entries(t, message)) == 3 })
	if _, verbose := s.get("/readyz?verbose"); !strings.Contains(verbose, "(source_unreadable)") {
		t.Errorf("readyz: %s", verbose)
	}
	if got := s.verdict(conn, servetest.OldPage); got != "allow" {
		t.Errorf("verdict %s", got)
	}

	put(t, file, servetest.Allowing(servetest.OldPage)) // as it was: that is worth a line
	s.eventually("recovered", func() bool { return s.metric("corsd_policy_last_reload_successful") == "1" })
	if _, verbose := s.get("/readyz?verbose"); strings.Count(verbose, "\n") != 2 {
		t.Errorf("readyz: %s", verbose)
	}
	s.eventually("the recovery is logged", func() bool { return len(s.log.Entries(t, "policy is live")) == 2 })
	put(t, file, bad)
	s.eventually("refused again, after a good one", func() bool { return len(s.log.Entries(t, message)) == 4 })
}

// TestWarnings: warnings of a policy that goes live are logged.
func TestWarnings(t *testing.T) {
	t.Parallel()
	file := servetest.Write(t, filepath.Join(t.TempDir(), "policy.yaml"), servetest.Allowing(servetest.OldPage+":443"))
	s := start(t, "--policy", file)
	if text := fmt.Sprint(s.waitForLine("policy warning")["diagnostic"]); !strings.Contains(text, file+":6:") || !strings.Contains(text, "(default_port)") {
		t.Errorf("logged %s", text)
	}
}
