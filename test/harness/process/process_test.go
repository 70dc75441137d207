package process_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/process"
)

func start(t *testing.T, script string) *process.Process {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	p, err := process.Start(t.Context(), sh, "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestStop(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         string // part of the error, "" for none
	}{
		{"a program that ends on SIGTERM is stopped without error", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done", ""},
		{"a program that fails on SIGTERM is reported", "trap 'exit 3' TERM; echo up; while :; do sleep 0.01; done", "exit status 3"},
		{"a program that ignores SIGTERM is killed", "trap '' TERM; echo up; while :; do sleep 0.01; done", "was killed"},
		{"a program that had failed before is reported", "echo up; exit 4", "exit status 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tt.script)
			awaitOutput(t, p, "up")
			if strings.Contains(tt.script, "exit 4") {
				<-p.Exited()
			}
			err := p.Stop(300 * time.Millisecond)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Stop: %v, want %q", err, tt.want)
			}
			select {
			case <-p.Exited():
			default:
				t.Error("the program is still there")
			}
		})
	}
}

func TestAwaitEndsWithTheProgram(t *testing.T) {
	p := start(t, "exit 7")
	never := func(context.Context) error { return errors.New("not yet") }
	err := p.Await(t.Context(), never)
	if err == nil || !strings.Contains(err.Error(), "exit status 7") || !strings.Contains(err.Error(), "not yet") {
		t.Errorf("Await: %v", err)
	}
}

func TestLinesAreWhole(t *testing.T) {
	p := start(t, `printf 'one\ntwo\nthr'; sleep 10`)
	awaitOutput(t, p, "thr")
	if got := strings.Join(p.Lines(), "|"); got != "one|two" {
		t.Errorf("Lines: %q", got)
	}
}

func awaitOutput(t *testing.T, p *process.Process, want string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(p.Output(), want) {
			return
		}
	}
	t.Fatalf("the program printed %q, never %q", p.Output(), want)
}
