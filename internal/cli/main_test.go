package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script/*.txtar")

// raceOptions are for the race detector: without them a process sleeps a second before it ends.
const raceOptions = "GORACE=atexit_sleep_ms=0"

// TestMain puts a command corsd on the PATH, for scripts and for tests that send signals.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"corsd": corsd})
}

// corsd is the main function of the command.
func corsd() {
	SilenceGRPC(os.Getenv)
	std := Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Getenv}
	os.Exit(Run(context.Background(), os.Args[1:], std)) //nolint:revive // it is a main function
}

// leakChecked fails when goroutines are left over.
type leakChecked struct{ *testing.M }

func (l leakChecked) Run() int {
	code := l.M.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

func runScripts(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:         dir,
		WorkdirRoot: t.TempDir(), // testscript's own directory is left behind if only some scripts run
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "contains": contains, "decides": decides,
		},
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, raceOptions)
			return nil
		},
		RequireUniqueNames: true,
		UpdateScripts:      *update,
	})
}

// exits runs a command that must end with a status: exits STATUS COMMAND [ARG...]
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	status := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		status, err = ended.ExitCode(), nil
	}
	ts.Check(err)
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("exit status %d, want %s", status, args[0])
	}
}

// contains waits until a file exists and has some text: contains FILE [TEXT]
func contains(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: contains FILE [TEXT]")
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		_, err := os.Stat(ts.MkAbs(args[0]))
		if err == nil && (len(args) == 1 || strings.Contains(ts.ReadFile(args[0]), args[1])) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not after %s: %v", patience, err)
		}
	}
}
