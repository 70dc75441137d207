package source_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/internal/source"
	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// longestPause is how long a program may pause between two writes to a file.
const longestPause = 250 * time.Millisecond

// inPieces writes a file in place, as a program does that pauses after each piece.
func inPieces(t *testing.T, path string, pause time.Duration, pieces ...string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for _, piece := range pieces {
		if _, err := f.WriteString(piece); err != nil {
			t.Error(err)
		}
		time.Sleep(pause)
	}
}

// written writes a file that was last written some time ago.
func written(t *testing.T, path, text string, ago time.Duration) string {
	t.Helper()
	at := time.Now().Add(-ago)
	if err := os.Chtimes(servetest.Write(t, path, text), at, at); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSettle: how long a change waits until it is read.
func TestSettle(t *testing.T) {
	t.Parallel()
	oldPolicy, newPolicy := servetest.Allowing(servetest.OldPage), servetest.Allowing(servetest.NewPage)
	const long, short = time.Hour, source.SettleTime / 3
	configMap := func(t *testing.T, dir, moment, policy string, ago time.Duration) {
		written(t, filepath.Join(dir, moment, "policy.yaml"), policy, ago)
		servetest.Link(t, moment, dir+"/..data")
		if moment == "..1" {
			servetest.Link(t, "..data/policy.yaml", dir+"/policy.yaml")
		}
	}
	before := func(t *testing.T, dir string) { written(t, dir+"/policy.yaml", oldPolicy, long) }
	for _, row := range []struct {
		name    string // a sentence
		before  func(t *testing.T, dir string)
		prepare func(t *testing.T, dir string)
		change  func(t *testing.T, dir string)
		wait    time.Duration
	}{
		{
			"a file that was written before is renamed into place", before,
			func(t *testing.T, dir string) { written(t, dir+"/new", newPolicy, source.SettleTime) },
			func(t *testing.T, dir string) { servetest.Rename(t, dir+"/new", dir+"/policy.yaml") },
			0,
		},
		{
			"a file that was just written is renamed into place", before,
			func(t *testing.T, dir string) { written(t, dir+"/new", newPolicy, short) },
			func(t *testing.T, dir string) { servetest.Rename(t, dir+"/new", dir+"/policy.yaml") },
			source.SettleTime - short,
		},
		{
			"a ConfigMap that was written before is swapped in",
			func(t *testing.T, dir string) { configMap(t, dir, "..1", oldPolicy, long) }, nil,
			func(t *testing.T, dir string) { configMap(t, dir, "..2", newPolicy, long) },
			0,
		},
		{
			"a ConfigMap that was just written is swapped in",
			func(t *testing.T, dir string) { configMap(t, dir, "..1", oldPolicy, long) }, nil,
			func(t *testing.T, dir string) { configMap(t, dir, "..2", newPolicy, 0) },
			source.SettleTime,
		},
		{
			"one of two files was just written", before,
			func(t *testing.T, dir string) { written(t, dir+"/new", newPolicy, long) },
			func(t *testing.T, dir string) {
				servetest.Rename(t, dir+"/new", dir+"/policy.yaml")
				written(t, dir+"/other.yaml", "# nothing\n", 0)
			},
			source.SettleTime,
		},
		{
			"a file is written in place, and given an old time", before, nil,
			func(t *testing.T, dir string) { written(t, dir+"/policy.yaml", newPolicy, long) },
			source.SettleTime,
		},
		{
			"a file is renamed into place beside one that is gone",
			func(t *testing.T, dir string) {
				written(t, dir+"/policy.yaml", oldPolicy, long)
				written(t, dir+"/other.yaml", "# nothing\n", long)
			},
			func(t *testing.T, dir string) { written(t, dir+"/new", newPolicy, long) },
			func(t *testing.T, dir string) {
				servetest.Rename(t, dir+"/new", dir+"/policy.yaml")
				servetest.Rename(t, dir+"/other.yaml", dir+"/other.off")
			},
			source.SettleTime,
		},
		{
			"a file has a time in the future", before, nil,
			func(t *testing.T, dir string) { written(t, dir+"/policy.yaml", newPolicy, -long) },
			source.SettleTime,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				row.before(t, dir)
				l := started(t, dir)
				w, stop := l.withEvents(t)
				if row.prepare != nil {
					row.prepare(t, dir)
				}
				row.change(t, dir)
				w.Errors <- fsnotify.ErrEventOverflow
				if took := l.denied(t); took < row.wait || took > row.wait+source.LookInterval {
					t.Errorf("live after %s, want %s", took, row.wait)
				}
				stop()
			})
		})
	}
}

// TestHalfWritten: a file that is written in place with pauses goes live as a whole.
func TestHalfWritten(t *testing.T) {
	t.Parallel()
	more := "---\n" + strings.NewReplacer("name: shop", "name: more", "api.shop", "more.shop").
		Replace(servetest.Allowing(servetest.OldPage))
	file := servetest.Write(t, filepath.Join(t.TempDir(), "policy.yaml"), servetest.Allowing(servetest.OldPage)+more)
	synctest.Test(t, func(t *testing.T) {
		l := started(t, file)
		w, stop := l.withEvents(t)
		began := time.Now()
		go inPieces(t, file, longestPause, servetest.Allowing(servetest.NewPage), "---\n", more[4:], "# one\n", "# two\n")
		synctest.Wait()
		w.Errors <- fsnotify.ErrEventOverflow
		l.denied(t)
		if took := time.Since(began); took < 4*longestPause+source.SettleTime || took > source.MaxSettleTime {
			t.Errorf("live after %s", took)
		}
		lines := l.log.Entries(t, "policy is live")
		if len(lines) != 2 || !strings.HasPrefix(fmt.Sprint(lines[1]["summary"]), "policies: 2,") {
			t.Errorf("logged %v", lines)
		}
		stop()
	})
}

// TestChangedForEver: a file that never stops changing is read all the same, and that is logged.
func TestChangedForEver(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		l := started(t, file)
		w, stop := l.withEvents(t)
		pieces := []string{servetest.Allowing(servetest.NewPage)}
		for range 40 {
			pieces = append(pieces, "# more\n")
		}
		began := time.Now()
		go inPieces(t, file, longestPause, pieces...)
		synctest.Wait()
		w.Errors <- fsnotify.ErrEventOverflow
		l.denied(t)
		if took := time.Since(began); took < source.MaxSettleTime || took > source.MaxSettleTime+source.LookInterval {
			t.Errorf("live after %s", took)
		}
		if len(l.log.Entries(t, "policy files keep changing; reading them all the same")) != 1 {
			t.Errorf("logged %s", l.log)
		}
		time.Sleep(time.Minute) // until the writer has ended
		stop()
	})
}

// TestChangedWhileRead: what is read while files change does not go live, but they are read again
// only once.
func TestChangedWhileRead(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		l := started(t, file)
		w, stop := l.withEvents(t)
		servetest.Write(t, file, "half")
		reads := 0
		l.files.ReadBy(func(paths []string) *policyfile.Files {
			files := policyfile.Read(paths)
			reads++
			servetest.Write(t, file, servetest.Allowing(servetest.NewPage)+strings.Repeat("#\n", reads))
			return files
		})
		w.Errors <- fsnotify.ErrEventOverflow
		l.denied(t)
		if refused := l.State().Refused; reads != 2 || refused != "" {
			t.Errorf("%d reads, refused %q", reads, refused)
		}
		stop()
	})
}

// TestChangedWhileHashed: files that have changed by the time they are to be read are left to settle, and read once.
func TestChangedWhileHashed(t *testing.T) {
	t.Parallel()
	file := servetest.PolicyFile(t)
	synctest.Test(t, func(t *testing.T) {
		l := started(t, file)
		var changes atomic.Bool
		l.files.HashBy(func(paths []string) string {
			if changes.Load() {
				servetest.Write(t, file, servetest.Allowing(servetest.NewPage))
			}
			return policyfile.Hash(paths)
		})
		w, stop := l.withEvents(t)
		changes.Store(true)
		reads := 0
		l.files.ReadBy(func(paths []string) *policyfile.Files {
			reads++
			return policyfile.Read(paths)
		})
		began := time.Now()
		w.Errors <- fsnotify.ErrEventOverflow
		l.denied(t)
		if took := time.Since(began); reads != 1 || took < source.SettleTime {
			t.Errorf("%d reads, live after %s", reads, took)
		}
		if strings.Contains(l.log.String(), "while they were read") {
			t.Errorf("logged %s", l.log)
		}
		stop()
	})
}
