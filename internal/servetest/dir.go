package servetest

import (
	"os"
	"testing"
)

// ShortDir returns a directory whose name leaves room for that of a Unix socket, which is limited to about
// 100 bytes.
func ShortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "corsd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
