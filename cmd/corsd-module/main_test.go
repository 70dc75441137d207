//go:build cgo

package main

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// TestOneCore: on one core, a reload does not take the only place where Go can decide on a request.
func TestOneCore(t *testing.T) {
	if os.Getenv("GOMAXPROCS") == "1" {
		if n := runtime.GOMAXPROCS(0); n != 2 {
			t.Errorf("%d goroutines run at a time, want 2", n)
		}
		return
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestOneCore$")
	again.Env = append(os.Environ(), "GOMAXPROCS=1")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
