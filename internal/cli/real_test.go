package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestRealCases runs check and explain on policies that were made from public reports and
// configurations, with names replaced. Each script has its source and the right outcome.
func TestRealCases(t *testing.T) { runScripts(t, "testdata/cases") }

// decides writes, for each line of a file of requests, the verdict, the reason, the action, the status
// and the headers that the client gets: decides POLICY REQUESTS
func decides(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: decides POLICY REQUESTS")
	}
	ts.Check(ts.Exec("corsd", "explain", "--policy", args[0], "--cases", args[1]))
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var a answerDoc
		ts.Check(json.Unmarshal([]byte(line), &a))
		fmt.Fprint(ts.Stdout(), a.Verdict, " ", a.Reason, " ", a.Action, " ", a.Status)
		for _, name := range slices.Sorted(maps.Keys(a.ResponseHeaders)) {
			for _, value := range a.ResponseHeaders[name] {
				fmt.Fprint(ts.Stdout(), "\n  ", name, ": ", value)
			}
		}
		fmt.Fprintln(ts.Stdout())
	}
}
