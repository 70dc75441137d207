package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsd/corsd/internal/printable"
	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// inputOnce refuses a command line that reads standard input more than once. Cases is the file of
// --cases, "" if there is none.
func inputOnce(paths []string, cases string) error {
	uses := 0
	for _, path := range paths {
		if path == policyfile.StandardInput {
			uses++
		}
	}
	switch {
	case uses > 1:
		return usagef("- is standard input, which can be read once: write - once, or name a file")
	case uses > 0 && cases == policyfile.StandardInput:
		return usagef("--policy - and --cases - are both standard input: name a file for one of them")
	}
	return nil
}

func atFlag(cmd *cobra.Command, at *string) {
	cmd.Flags().StringVar(at, "at", "",
		"judge the expiry of origin sets at `DATE`, a date or a time in RFC 3339 (default: now)")
}

// momentOf returns the moment of --at: now if it is "", and the beginning of a date in UTC.
func momentOf(at string) (time.Time, error) {
	if at == "" {
		return time.Now(), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if moment, err := time.Parse(layout, at); err == nil {
			return moment.UTC(), nil
		}
	}
	return time.Time{}, usagef("--at %s: write a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z", at)
}

// maxSkippedKinds bounds the kinds that noteSkipped names.
const maxSkippedKinds = 8

// noteSkipped reports the documents of standard input that were skipped. Nobody is to believe that
// they were checked.
func noteSkipped(w io.Writer, skipped map[string]int) error {
	if len(skipped) == 0 {
		return nil
	}
	kinds := make([]string, 0, len(skipped))
	total := 0
	for kind, n := range skipped {
		kinds = append(kinds, kind)
		total += n
	}
	slices.SortFunc(kinds, func(a, b string) int {
		return cmp.Or(cmp.Compare(skipped[b], skipped[a]), strings.Compare(a, b))
	})
	var list []string
	for _, kind := range kinds[:min(len(kinds), maxSkippedKinds)] {
		list = append(list, fmt.Sprintf("%s (%d)", printable.Text(clip(kind)), skipped[kind]))
	}
	if len(kinds) > maxSkippedKinds {
		list = append(list, "…")
	}
	_, err := fmt.Fprintf(w, "corsd: skipped on standard input, not judged: %d, of kind %s\n",
		total, strings.Join(list, ", "))
	return err
}
