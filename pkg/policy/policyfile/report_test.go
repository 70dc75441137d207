package policyfile_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy/spec"
)

func TestWriteJSON(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing wrong gives empty lists", head + granting, `{"faults":[],"warnings":[]}`},
		{
			"a fault has all fields, also empty ones", head + "  hosts: [a.example]\n  rules: {}\n",
			`{"faults":[{"file":"p.yaml","line":6,"column":10,"path":"spec.rules","value":"","code":"wrong_type","message":"is a mapping where a list is needed","hint":"lines that begin with \"- \""}],"warnings":[]}`,
		},
		{
			"a fault of the whole file has no line", "",
			`{"faults":[{"file":"p.yaml","line":0,"column":0,"path":"","value":"","code":"no_policies","message":"there is no CORSPolicy","hint":"a document of kind CORSPolicy"}],"warnings":[]}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			if err := reload.Parse("p.yaml", []byte(test.text)).WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
			var compact strings.Builder
			if err := json.NewEncoder(&compact).Encode(json.RawMessage(b.String())); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(compact.String()); got != test.want {
				t.Errorf("JSON = %s\nwant %s", got, test.want)
			}
		})
	}
}

const withWarning = head + "  hosts: [a.example]\n  cors: {allowOrigins: [\"https://A.example\"]}\n"

func TestStrict(t *testing.T) {
	report := reload.Parse("p.yaml", []byte(withWarning))
	if len(report.Faults) != 0 || len(report.Warnings) != 1 || report.Engine == nil || report.Err() != nil {
		t.Fatalf("report = %+v", report)
	}
	if got := text(t, report); !strings.HasPrefix(got, "p.yaml:6:25: warning: spec.cors.allowOrigins[0]: \"https://A.example\" ") {
		t.Errorf("warning = %s", got)
	}
	strict := report.Strict()
	if len(strict.Faults) != 1 || len(strict.Warnings) != 0 || strict.Engine != nil || strict.Hash != report.Hash {
		t.Errorf("strict = %+v", strict)
	}
	if got := text(t, strict); strings.Contains(got, "warning: ") {
		t.Errorf("strict fault = %s", got)
	}
	if len(report.Warnings) != 1 || report.Engine == nil {
		t.Errorf("Strict changed the report: %+v", report)
	}
	clean := reload.Parse("p.yaml", []byte(head+granting))
	if strict := clean.Strict(); strict.Engine == nil || strict.Err() != nil {
		t.Errorf("without warnings: %+v", strict)
	}
}

func TestErr(t *testing.T) {
	report := reload.Parse("p.yaml", []byte("- a\n---\n- b\n"))
	var failed spec.Faults
	if err := report.Err(); !errors.As(err, &failed) || len(failed) != 2 {
		t.Fatalf("error = %v", err)
	}
	want := "p.yaml:1:1: is a list where a mapping is needed (wrong_type); hint: {apiVersion: …, kind: …, metadata: …, spec: …}\np.yaml:3:1: is a list where a mapping is needed (wrong_type); hint: {apiVersion: …, kind: …, metadata: …, spec: …}"
	if got := report.Err().Error(); got != want {
		t.Errorf("error:\n%s\nwant:\n%s", got, want)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestWriteFails(t *testing.T) {
	report := reload.Parse("p.yaml", []byte(withWarning))
	if report.WriteText(failingWriter{}) == nil || report.WriteJSON(failingWriter{}) == nil {
		t.Error("an error of the writer was lost")
	}
}
