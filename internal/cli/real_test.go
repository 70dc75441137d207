package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestRealCases runs check and explain on policies that were made from public reports and
// configurations, with names replaced. Each script has its source and the right outcome.
func TestRealCases(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:         "testdata/cases",
		WorkdirRoot: t.TempDir(),
		Cmds:        map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "decides": decides},
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, raceOptions)
			return nil
		},
		RequireUniqueNames: true,
		UpdateScripts:      *update,
	})
}

// decides writes, for each line of a file of requests, the verdict, the reason and what a page can
// see of the answer: decides POLICY REQUESTS
func decides(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: decides POLICY REQUESTS")
	}
	ts.Check(ts.Exec("corsd", "explain", "--policy", args[0], "--cases", args[1]))
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var a answerDoc
		ts.Check(json.Unmarshal([]byte(line), &a))
		fmt.Fprint(ts.Stdout(), a.Verdict, " ", a.Reason, " ", a.Action, " ", a.Status)
		for _, name := range []string{"access-control-allow-origin", "access-control-allow-credentials"} {
			for _, value := range a.ResponseHeaders[name] {
				fmt.Fprint(ts.Stdout(), " ", name, "=", value)
			}
		}
		fmt.Fprintln(ts.Stdout())
	}
}
