package policyfile_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// hostileSize is that of the inputs below, in bytes.
const hostileSize = 4 << 20

func filled(unit string) string { return strings.Repeat(unit, hostileSize/len(unit)) }

// numbered fills the size with units that have a number of their own.
func numbered(format string) string {
	var b strings.Builder
	for i := 0; b.Len() < hostileSize; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func aliasBomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 60; i++ {
		alias := fmt.Sprintf("*a%d", i-1)
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(alias+", ", 10), ", "))
	}
	return b.String()
}

const policyHead = "apiVersion: corsd.dev/v1alpha1\nkind: CORSPolicy\nmetadata: {name: a}\nspec:\n"

// TestHostileFiles limits the cost of files that are made to be expensive. Each needs less than 2 s and
// 260 MB of heap on two idle cores. The test allows more, since other tests run at the same time.
func TestHostileFiles(t *testing.T) {
	if testing.Short() || policyfile.RaceEnabled {
		t.Skip("takes some seconds, or minutes and ten times the memory with the race detector")
	}
	tests := []struct {
		name string
		text func() string
		code spec.Code
	}{
		{"a flow list of scalars", func() string { return "[" + filled("a,") + "]" }, spec.CodeLimitExceeded},
		{"a flow list of scalars below a key", func() string { return "spec: {x: [" + filled("a,") + "]}" }, spec.CodeLimitExceeded},
		{"a flow mapping without values", func() string { return "x: {" + filled("a,") + "}" }, spec.CodeLimitExceeded},
		{"a flow mapping of colons", func() string { return "{" + filled(":,") + "}" }, spec.CodeLimitExceeded},
		{"pairs in a flow list", func() string { return "x: [" + filled(": ,") + "]" }, spec.CodeLimitExceeded},
		{"empty lists in a list", func() string { return "x: [" + filled("[],") + "]" }, spec.CodeLimitExceeded},
		{"empty lists in a JSON list", func() string { return "[" + filled("[],") + "[]]" }, spec.CodeLimitExceeded},
		{"brackets without end", func() string { return filled("[") }, spec.CodeLimitExceeded},
		{"braces without end", func() string { return filled("{") }, spec.CodeLimitExceeded},
		{"brackets below a key", func() string { return "a: " + strings.Repeat("[", 300_000) }, spec.CodeLimitExceeded},
		{"sequences of sequences", func() string { return filled("- - - - ") }, spec.CodeLimitExceeded},
		{"entries without value", func() string { return filled("- \n") }, spec.CodeLimitExceeded},
		{"a block list of scalars", func() string { return filled("- a\n") }, spec.CodeLimitExceeded},
		{"complex keys", func() string { return filled("? ") }, spec.CodeLimitExceeded},
		{"keys of one mapping", func() string { return numbered("k%d: 1\n") }, spec.CodeLimitExceeded},
		{"the same key", func() string { return filled("a: 1\n") }, spec.CodeLimitExceeded},
		{"lists that are anchors of themselves", func() string { return filled("&a [*a,") }, spec.CodeLimitExceeded},
		{"a list that holds itself", func() string { return "x: &a [*a]" }, spec.CodeSyntax},
		{"anchors", func() string { return "x: [" + numbered("&a%d a,") + "]" }, spec.CodeLimitExceeded},
		{"aliases of aliases", func() string { return aliasBomb() }, spec.CodeLimitExceeded},
		{"aliases of one large list", func() string {
			return "x: &x [" + strings.Repeat("a,", 50_000) + "]\ny: [" + strings.Repeat("*x,", 50_000) + "]"
		}, spec.CodeLimitExceeded},
		{"tags", func() string { return "x: [" + filled("!a a,") + "]" }, spec.CodeLimitExceeded},
		{"tags on nothing", func() string { return filled("!a ") }, spec.CodeLimitExceeded},
		{"quoted scalars in a row", func() string { return filled("'' ") }, spec.CodeLimitExceeded},
		{"a quote without end", func() string { return "a: \"" + filled("a\n ") }, spec.CodeSyntax},
		{"comments only", func() string { return filled("# c\n") }, spec.CodeLimitExceeded},
		{"comments before each entry", func() string { return "x:\n" + filled(" # c\n - a\n") }, spec.CodeLimitExceeded},
		{"comments in a block scalar", func() string { return "x: |\n a\n" + filled("# a\n") }, spec.CodeLimitExceeded},
		{"blank lines", func() string { return filled("\n") + "a" }, spec.CodeWrongType},
		{"a long key", func() string { return filled("a") + ": b" }, spec.CodeUnknownField},
		{"a long quoted key", func() string { return policyHead + "  ? \"" + filled("a") + "\"\n  : b" }, spec.CodeUnknownField},
		{"a long value", func() string { return policyHead + "  rules: " + filled("a ") }, spec.CodeWrongType},
		{"a long anchor", func() string { return "a: *" + filled("a") }, spec.CodeSyntax},
		{"tiny documents", func() string { return filled("--- a\n") }, spec.CodeLimitExceeded},
		{"empty documents", func() string { return filled("---\n") }, spec.CodeLimitExceeded},
		{"ends of documents", func() string { return filled("...\n") }, spec.CodeLimitExceeded},
		{"directives", func() string { return filled("%YAML 1.1\n") }, spec.CodeSyntax},
		{"wrong types", func() string { return policyHead + "  hosts:\n" + strings.Repeat("  - 1\n", 450_000) }, spec.CodeWrongType},
		{"unknown fields", func() string {
			return policyHead + "  rules:\n" + strings.Repeat("  - x: 1\n", 120_000)
		}, spec.CodeUnknownField},
		{"invalid origins", func() string {
			return policyHead + "  hosts: [a.example]\n  cors:\n    allowOrigins:\n" + strings.Repeat("    - https://a.example/\n", 170_000)
		}, spec.CodeOriginInvalid},
		{"expressions of large classes", func() string {
			return policyHead + "  hosts: [a.example]\n  cors:\n    allowOriginRegexes:\n" + numbered("    - https://x%d"+strings.Repeat(`\pL`, 300)+"\n")
		}, spec.CodeLimitExceeded},
		{"expressions of large classes in any case", func() string {
			return policyHead + "  hosts: [a.example]\n  cors:\n    allowOriginRegexes:\n" + numbered(`    - https://x%d(?i)\pL\PN\p{Greek}[^\pL]`+"\n")
		}, spec.CodeLimitExceeded},
		{"a long name that is not ASCII", func() string {
			return policyHead + "  hosts: [\"" + numbered("ä%dö") + "\"]\n  cors: {}\n"
		}, spec.CodeHostInvalid},
		{"names that are not ASCII", func() string {
			return policyHead + "  hosts: [a.example]\n  cors:\n    allowOrigins:\n" + numbered("    - https://ä%d"+strings.Repeat("ö", 100)+"\n")
		}, spec.CodeOriginInvalid},
		{"presets that do not exist", func() string {
			return policyHead + "  hosts: [a.example]\n  cors:\n    presets:\n" + numbered("    - x%d\n")
		}, spec.CodeValueInvalid},
		{"presets for many rules", func() string {
			return policyHead + "  hosts: [a.example]\n  cors:\n    presets:\n" + strings.Repeat("    - mcp\n", 100_000) +
				"  rules:\n" + strings.Repeat("  - name: a\n", 100_000)
		}, spec.CodeDuplicateName},
		{"rules with presets under a long list", func() string {
			var rules strings.Builder
			for i := range 20_000 {
				fmt.Fprintf(&rules, "  - match:\n      path:\n        value: /r%d\n    cors:\n      presets:\n      - mcp\n", i)
			}
			return policyHead + "  hosts: [a.example]\n  cors:\n    exposeHeaders:\n" + strings.Repeat("    - x\n", 60_000) + "  rules:\n" + rules.String() + "  - x: 1\n"
		}, spec.CodeUnknownField},
		{"JSON of strings", func() string { return "[" + filled(`"",`) + `""]` }, spec.CodeLimitExceeded},

		// The dearest that the count before the parser lets pass.
		{"a document of flow entries", func() string { return "[" + strings.Repeat("a a\n,", 180_000) + "]" }, spec.CodeWrongType},
		{"a document of flow pairs", func() string { return "{" + strings.Repeat("a: 1,", 109_000) + "}" }, spec.CodeLimitExceeded},
		{"a document of tagged flow entries", func() string { return "[" + strings.Repeat("&a !b '',", 109_000) + "]" }, spec.CodeWrongType},
		{"items with comments", func() string { return strings.Repeat("- # c\n a\n", 270_000) }, spec.CodeWrongType},
		{"quoted scalars and aliases in a row", func() string { return "[" + strings.Repeat(`""*a `, 249_000) + "]" }, spec.CodeSyntax},
		{"as many nodes as are allowed", func() string { return strings.Repeat("- a\n", 499_999) }, spec.CodeWrongType},

		{"line breaks of other alphabets", func() string { return filled("\u2028") + "a: b: c" }, spec.CodeSyntax},
		{"bytes that are no text", func() string { return filled("a") + "\xff" }, spec.CodeSyntax},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := []byte(test.text())
			report, seconds, heap := measure(func() *reload.Report { return reload.Parse("hostile.yaml", data) })
			t.Logf("%.2f s, %d MB of heap, %d bytes, %d faults", seconds, heap>>20, len(data), len(report.Faults))
			if !has(report.Faults, test.code) {
				t.Errorf("faults = %.3v, want one with code %s", report.Faults, test.code)
			}
			if len(report.Faults) > policyfile.MaxFindings+1 {
				t.Errorf("%d faults are listed", len(report.Faults))
			}
			if seconds > 60 {
				t.Errorf("took %.1f s", seconds)
			}
			if heap > 400<<20 {
				t.Errorf("took %d MB of heap", heap>>20)
			}
		})
	}
}

func has(list []spec.Diagnostic, code spec.Code) bool {
	for _, d := range list {
		if d.Code == code {
			return true
		}
	}
	return false
}

// measure returns the duration of f and the largest heap meanwhile, with its garbage. It samples the
// heap every few milliseconds.
func measure(f func() *reload.Report) (report *reload.Report, seconds float64, heap uint64) {
	runtime.GC()
	var done atomic.Bool
	peak := make(chan uint64)
	go func() {
		var most uint64
		var m runtime.MemStats
		for !done.Load() {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			time.Sleep(2 * time.Millisecond)
		}
		peak <- most
	}()
	start := time.Now()
	report = f()
	seconds = time.Since(start).Seconds()
	done.Store(true)
	return report, seconds, <-peak
}
