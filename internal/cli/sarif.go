package cli

import (
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The types below are the part of SARIF 2.1.0 (OASIS) that check writes.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string      `json:"id"`
		Short   sarifText   `json:"shortDescription"`
		Help    sarifText   `json:"help"`
		Default sarifConfig `json:"defaultConfiguration"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

// writeSARIF writes a report for code scanning.
func writeSARIF(w io.Writer, report *reload.Report) error {
	driver := sarifDriver{Name: "corsd", Version: buildInfo().version, Rules: []sarifRule{}}
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	add := func(level string, list []spec.Diagnostic) {
		for _, d := range list {
			rule := driver.rule(d.Code, level)
			run.Results = append(run.Results, sarifResult{
				RuleID: string(d.Code), RuleIndex: rule, Level: level, Message: sarifText{sarifMessage(d)},
				Locations: sarifLocations(d.Position),
			})
		}
	}
	add("error", report.Faults)
	add("warning", report.Warnings)
	run.Tool = sarifTool{driver}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// rule returns the index of the rule of a code, and adds it if it is the first of its code.
func (d *sarifDriver) rule(code spec.Code, level string) int {
	if i := slices.IndexFunc(d.Rules, func(r sarifRule) bool { return r.ID == string(code) }); i >= 0 {
		return i
	}
	words := strings.ReplaceAll(string(code), "_", " ")
	page := "docs/policy.md"
	if strings.HasPrefix(string(code), "envoy_") {
		page = "docs/envoy.md"
	}
	d.Rules = append(d.Rules, sarifRule{
		ID: string(code), Short: sarifText{strings.ToUpper(words[:1]) + words[1:]},
		Help:    sarifText{page + " of corsd describes " + string(code) + " and its fix."},
		Default: sarifConfig{level},
	})
	return len(d.Rules) - 1
}

// sarifMessage is the diagnostic without its position and code, which SARIF has in fields.
func sarifMessage(d spec.Diagnostic) string {
	hint := d.Hint
	d.Position, d.Hint = spec.Position{}, ""
	if d.Place.Path != (spec.Path{}) {
		d.Place = spec.Place{Path: d.Place.Path}
	}
	text := strings.TrimSuffix(d.String(), " ("+string(d.Code)+")") + "."
	if hint != "" {
		text += " Hint: " + hint
	}
	return text
}

// sarifLocations returns the location of a position, none if it has no file.
func sarifLocations(p spec.Position) []sarifLocation {
	if p.File == "" {
		return []sarifLocation{}
	}
	location := sarifPhysical{Artifact: sarifArtifact{fileURI(p.File)}}
	if p.Line > 0 {
		location.Region = &sarifRegion{p.Line, p.Column}
	}
	return []sarifLocation{{location}}
}

// fileURI returns the URI of a file, relative to the working directory if the file is below it.
func fileURI(name string) string {
	if filepath.IsAbs(name) {
		dir, err := os.Getwd()
		relative, failed := filepath.Rel(dir, name)
		if err != nil || failed != nil || relative == ".." || strings.HasPrefix(relative, "../") {
			return (&url.URL{Scheme: "file", Path: filepath.ToSlash(name)}).String()
		}
		name = relative
	}
	return (&url.URL{Path: filepath.ToSlash(name)}).String()
}
