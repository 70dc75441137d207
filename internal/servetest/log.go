package servetest

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
)

// Log is a writer that keeps JSON log lines.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write is that of [io.Writer].
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Events returns the log without the refusals of requests, of which there are many.
func (l *Log) Events() string {
	var b strings.Builder
	for line := range strings.Lines(l.String()) {
		if !strings.Contains(line, `"msg":"refused"`) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Entries returns the complete lines with a message.
func (l *Log) Entries(t testing.TB, msg string) []map[string]any {
	t.Helper()
	var entries []map[string]any
	for line := range strings.Lines(l.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			if strings.HasSuffix(line, "\n") {
				t.Fatalf("log line %q: %v", line, err)
			}
			continue // it is still being written
		}
		if e["msg"] == msg {
			entries = append(entries, e)
		}
	}
	return entries
}
