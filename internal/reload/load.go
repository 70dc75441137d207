// Package reload compiles policies to an engine, keeps the last good engine live, and replaces it
// when the source of the policies changes or an origin set expires.
package reload

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// Report is the result of reading and compiling policies.
type Report struct {
	// Engine is nil if there is any fault.
	Engine *policy.Engine

	// Faults and Warnings have the order of files, lines and columns.
	Faults   []spec.Diagnostic
	Warnings []spec.Diagnostic

	// Replaced are faults of documents that stand alone, such as resources of a cluster. In the place of such a
	// document another one is live, its last good version or one that allows nobody; the Engine is not nil.
	Replaced []spec.Diagnostic

	// Hash, Skipped and Unreadable are those of [policyfile.Files].
	Hash       string
	Skipped    map[string]int
	Unreadable *spec.Diagnostic

	documents documents         // set by [Built] or a [Reloader]; without meaning if there is any fault
	config    *spec.Config      // set by a [Source]; a [Reloader] keeps it only until the snapshot has it
	files     *policyfile.Files // nil in a report of the Reloader, which must not keep the text of all files
}

// Built returns the report of documents that were compiled to an engine, with the sum of each in the order of
// [spec.Config.Documents]. Computing all of them anew would take a tenth of the time until a change is live.
func Built(engine *policy.Engine, config spec.Config, sums []Sum) *Report {
	r := &Report{Engine: engine, config: &config, documents: make(documents, len(sums))}
	h, i := sha256.New(), 0
	for d := range config.Documents() {
		name := nameOf(d)
		fmt.Fprintf(h, "%s\n%x\n", name, sums[i])
		r.documents[name] = sums[i]
		i++
	}
	r.Hash = hex.EncodeToString(h.Sum(nil))
	return r
}

// Load reads and compiles the policies that paths name, see [policyfile.Read].
func Load(paths []string, opts ...policy.Option) *Report {
	return load(policyfile.Read(paths), opts)
}

// LoadWithInput is Load, in which the path - stands for in, see [policyfile.ReadWithInput].
func LoadWithInput(paths []string, in io.Reader, opts ...policy.Option) *Report {
	return load(policyfile.ReadWithInput(paths, in), opts)
}

// Parse compiles the policies in data, see [policyfile.Parse].
func Parse(name string, data []byte, opts ...policy.Option) *Report {
	return load(policyfile.Parse(name, data), opts)
}

func load(files *policyfile.Files, opts []policy.Option) *Report {
	r := compile(files, opts)
	r.files = files
	return r
}

func compile(files *policyfile.Files, opts []policy.Option) *Report {
	r := &Report{Hash: files.Hash, Skipped: files.Skipped, Unreadable: files.Unreadable}
	if !files.Whole() {
		r.Faults, _ = files.Locate(nil, nil)
		return r
	}
	engine, warnings, err := policy.Compile(files.Config, opts...)
	var faults spec.Faults
	errors.As(err, &faults)
	if r.Faults, r.Warnings = files.Locate(faults, warnings); len(r.Faults) == 0 {
		r.Engine = engine
	}
	return r
}

// Strict returns the report in which each warning with one of the codes is a fault, or each warning
// if there are no codes.
func (r *Report) Strict(codes ...spec.Code) *Report {
	strict := *r
	strict.Faults, strict.Warnings = slices.Clone(r.Faults), nil
	for _, d := range r.Warnings {
		if len(codes) == 0 || slices.Contains(codes, d.Code) {
			strict.Faults = append(strict.Faults, d)
		} else {
			strict.Warnings = append(strict.Warnings, d)
		}
	}
	if len(strict.Faults) > 0 {
		strict.Engine = nil
	}
	return &strict
}

// Positions returns where places stand in the files that the report is about.
func (r *Report) Positions(places []spec.Place) []spec.Position { return r.files.Positions(places) }

// Err returns the faults as an error, nil if there are none.
func (r *Report) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	return spec.Faults(r.Faults)
}

// WriteText writes faults, then warnings, one a line. It writes nothing if there is neither.
func (r *Report) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, d := range r.Faults {
		fmt.Fprintln(out, d.String())
	}
	for _, d := range r.Warnings {
		fmt.Fprintln(out, d.Warning())
	}
	return out.Flush()
}

// WriteJSON writes one object with the lists faults and warnings, which are never null.
func (r *Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		Faults   []spec.Diagnostic `json:"faults"`
		Warnings []spec.Diagnostic `json:"warnings"`
	}{append([]spec.Diagnostic{}, r.Faults...), append([]spec.Diagnostic{}, r.Warnings...)})
}
