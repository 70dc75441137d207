package reload

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/internal/telemetry"
	"github.com/corsd/corsd/pkg/policy"
)

// reloaderOf returns a reloader of a file or directory.
func reloaderOf(path string, m Metrics, h slog.Handler) *Reloader {
	logger := slog.New(h)
	return New(FromFiles(source.NewFiles([]string{path}, logger)), nil, m, logger)
}

// readNow reads the source for a cause, and reports whether its policy is good.
func (r *Reloader) readNow(cause source.Cause) bool {
	report, torn := r.read(r.known(cause))
	if torn && report == nil { // as reload does, but without waiting until the files settle
		report, _ = r.read("")
	}
	return report != nil && r.apply(report, cause)
}

// expiring returns a policy with an origin set that expires.
func expiring(date string) string {
	return strings.NewReplacer(
		`cors: {allowOrigins: ["`+servetest.OldPage+`"]}`, "cors: {allowOriginSets: [partners]}",
	).Replace(servetest.Allowing(servetest.OldPage)) + fmt.Sprintf(`---
apiVersion: corsd.dev/v1alpha1
kind: OriginSet
metadata: {name: partners}
spec: {origins: ["%s"], expires: "%s"}
`, servetest.OldPage, date)
}

// verdict returns the decision about OldPage.
func (r *Reloader) verdict() string {
	d := r.Engine().Decide(&policy.Request{
		Method: "GET", Scheme: "https", Authority: "api.shop.example", Path: "/", Origin: []string{servetest.OldPage},
	})
	return d.Verdict.String()
}

// eventually waits until a condition holds.
func eventually(t *testing.T, want string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after 30 s: %s", want)
		}
	}
}

// run reloads until the test ends.
func (r *Reloader) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
}

// expiries counts expiries.
type expiries struct {
	Metrics
	n atomic.Int32
}

func (m *expiries) Expired() { m.n.Add(1) }

// TestExpiry: when an origin set expires, the policy is compiled again. Here it went live in the
// past, before the set expired.
func TestExpiry(t *testing.T) {
	t.Parallel()
	file := servetest.Write(t, filepath.Join(t.TempDir(), "policy.yaml"), expiring("2026-01-31"))
	report := Load([]string{file}, policy.At(time.Date(2026, time.January, 30, 12, 0, 0, 0, time.UTC)))
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	log := &servetest.Log{}
	m := &expiries{Metrics: telemetry.New(telemetry.Build{})}
	r := reloaderOf(file, m, slog.NewJSONHandler(log, nil))
	r.engine.Store(report.Engine)
	r.state.read, r.state.Hash = report.Hash, report.Hash
	if got := r.verdict(); got != "allow" {
		t.Fatalf("before the set expires: %s", got)
	}
	r.source.Build("", time.Now()) // as if it had been read before
	r.run(t)
	eventually(t, "the set has expired", func() bool { return r.verdict() == "deny" && m.n.Load() == 1 })
	eventually(t, "the new policy is live", func() bool { return len(log.Entries(t, "policy warning")) > 0 })
	if cause := log.Entries(t, "policy is live")[0]["cause"]; cause != "an origin set expires" {
		t.Errorf("the cause is %v", cause)
	}
	if text := fmt.Sprint(log.Entries(t, "policy warning")[0]["diagnostic"]); !strings.Contains(text, "(origin_set_expired)") {
		t.Errorf("the warning is %s", text)
	}
}

// TestChangeBeforeWatching: there is no event for a change between the first reading and the moment
// from which on the files are watched.
func TestChangeBeforeWatching(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	r := reloaderOf(file, telemetry.New(telemetry.Build{}), slog.DiscardHandler)
	if !r.Start() {
		t.Fatal("the policy is refused")
	}
	before := r.State().Hash
	servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
	r.run(t)
	eventually(t, "the change is live", func() bool { return r.State().Hash != before })
}

// TestExpiryOfRefused: a set expires on its date even if the files are refused by then, and the
// engine before them stays live.
func TestExpiryOfRefused(t *testing.T) {
	t.Parallel()
	file := servetest.Write(t, filepath.Join(t.TempDir(), "policy.yaml"), expiring("2000-01-02"))
	synctest.Test(t, func(t *testing.T) { // at midnight UTC, 2000-01-01
		r := reloaderOf(file, telemetry.New(telemetry.Build{}), slog.DiscardHandler)
		if !r.Start() {
			t.Fatal("the policy is refused")
		}
		servetest.Write(t, file, "no policy\n")
		if r.readNow(source.Changed) || r.verdict() != "allow" {
			t.Fatal("a refused policy went live")
		}
		time.Sleep(24 * time.Hour)
		if r.readNow(causeExpiry) || r.verdict() != "deny" || r.expiry() != nil {
			t.Error("the set has not expired")
		}
	})
}

// TestExpiryTime: the set grants until its date begins in UTC, and no longer. The clock is read
// every hour, since it may be set.
func TestExpiryTime(t *testing.T) {
	t.Parallel()
	file := servetest.Write(t, filepath.Join(t.TempDir(), "policy.yaml"), expiring("2000-01-04"))
	synctest.Test(t, func(t *testing.T) { // at midnight UTC, 2000-01-01
		r := reloaderOf(file, telemetry.New(telemetry.Build{}), slog.DiscardHandler)
		if !r.Start() {
			t.Fatal("the policy is refused")
		}
		reloads := 0
		for expiry := r.expiry(); expiry != nil; expiry = r.expiry() {
			if got := r.verdict(); got != "allow" {
				t.Fatalf("at %s: %s", time.Now().UTC(), got)
			}
			before := time.Now()
			<-expiry
			if waited := time.Since(before); waited < time.Second || waited > time.Hour {
				t.Fatalf("waited %s", waited)
			}
			r.readNow(causeExpiry)
			reloads++
		}
		if got := r.verdict(); got != "deny" {
			t.Errorf("after the set has expired: %s", got)
		}
		if want := time.Date(2000, time.January, 4, 0, 0, 0, 0, time.UTC); !time.Now().Equal(want) || reloads != 72 {
			t.Errorf("it expired at %s, after %d hours; want %s", time.Now().UTC(), reloads, want)
		}
	})
}
