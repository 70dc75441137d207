package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
)

// result is the record of a run.
type result struct {
	Machine string `json:"machine"`
	Go      string `json:"go"`
	Pinned  bool   `json:"pinned"` // client and server each had a core
	Rows    []row  `json:"rows"`
}

// errMissed is the error of a run that missed a bound.
var errMissed = errors.New("a bound is missed")

// tooNoisy marks a row whose bound is within the noise of the machine.
const tooNoisy = "too noisy to tell"

// report prints the table, writes it, and returns an error if a bound is missed.
func (b *bench) report(rows []row, write bool) error {
	t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "what\tagainst\tmedian\trange\tbound\t")
	missed := 0
	for _, r := range rows {
		var verdict []string
		if !r.Met {
			verdict = append(verdict, "MISSED")
			missed++
		}
		if r.Unsure {
			verdict = append(verdict, tooNoisy)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n",
			r.Name, r.Against, r.number(r.Median), r.spread(), r.limit(), strings.Join(verdict, ", "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if write {
		if err := b.write(rows); err != nil {
			return err
		}
	}
	if missed > 0 {
		return fmt.Errorf("%w: %d of %d", errMissed, missed, len(rows))
	}
	return nil
}

func (r row) number(v float64) string {
	switch r.Unit {
	case "ratio":
		return fmt.Sprintf("%.2f", v)
	case "objects", "bytes":
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f %s", v, r.Unit)
}

func (r row) spread() string {
	if r.Low == r.High {
		return ""
	}
	return r.number(r.Low) + " to " + r.number(r.High)
}

func (r row) limit() string {
	if r.Bound == unbounded {
		return ""
	}
	return r.number(r.Bound)
}

// write writes the run into docs/performance/.
func (b *bench) write(rows []row) error {
	dir := filepath.Join(b.root, "docs", "performance")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(result{machine(), runtime.Version(), b.pinned, rows}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bench.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bench.md"), []byte(markdown(rows)), 0o644); err != nil {
		return err
	}
	return plotRatios(rows, filepath.Join(dir, "bench.svg"))
}

func markdown(rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Written by `make bench` on %s, %s.\n\n", machine(), runtime.Version())
	writeBounds(&b, "what", rows)
	return b.String()
}

// writeBounds writes a table of the rows; title is that of its first column.
func writeBounds(b *strings.Builder, title string, rows []row) {
	fmt.Fprintf(b, "| %s | against | median | range | bound |\n|---|---|---|---|---|\n", title)
	for _, r := range rows {
		limit := r.limit()
		if !r.Met {
			limit += ", **missed**"
		}
		if r.Unsure {
			limit += ", " + tooNoisy
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", r.Name, r.Against, r.number(r.Median), r.spread(), limit)
	}
}

// machine describes the machine. It counts the cores itself: the runtime counts those that this
// process may use, which may be one.
func machine() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return fmt.Sprintf("%s, cores: %d", runtime.GOARCH, runtime.NumCPU())
	}
	model, cores := runtime.GOARCH, 0
	for line := range strings.Lines(string(text)) {
		switch name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) {
		case "processor":
			cores++
		case "model name":
			model = strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("%s, cores: %d", model, cores)
}
