package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/corsd/corsd/pkg/policy"
)

// maxCaseBytes bounds one line of --cases.
const maxCaseBytes = 1 << 20

// errCase is the error of a line of --cases that is not a valid request.
var errCase = errors.New("not a valid case")

// caseDoc is one request of --cases.
type caseDoc struct {
	Method   *string      `json:"method"`
	URL      string       `json:"url"`
	Headers  headerLines  `json:"headers"`
	Selector string       `json:"selector"`
	Response *responseDoc `json:"response"`
}

// responseDoc is the upstream response.
type responseDoc struct {
	Status  *int        `json:"status"`
	Headers headerLines `json:"headers"`
}

// headerLine is one field line.
type headerLine struct{ name, value string }

// headerLines is a JSON object of header names, each with a value or a list of values. It keeps
// their order.
type headerLines []headerLine

func (h *headerLines) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("headers must be an object of names and values")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		var values []*string // nil for a JSON null
		if err := json.Unmarshal(raw, &values); err != nil || values == nil {
			values = make([]*string, 1)
			if json.Unmarshal(raw, &values[0]) != nil {
				values[0] = nil
			}
		}
		for _, value := range values {
			if value == nil {
				return fmt.Errorf("header %q is neither a string nor a list of strings", name)
			}
			*h = append(*h, headerLine{name.(string), *value})
		}
	}
	return nil
}

// answerDoc is one decision of --cases, and of --format json.
type answerDoc struct {
	Class           string              `json:"class"`
	Verdict         string              `json:"verdict"`
	Reason          string              `json:"reason"`
	Policy          string              `json:"policy"`
	Rule            string              `json:"rule"`
	Action          string              `json:"action"`
	Status          int                 `json:"status"`
	ResponseHeaders map[string][]string `json:"responseHeaders"`
}

// errorDoc is the output for a line that is not a valid request.
type errorDoc struct {
	Error string `json:"error"`
}

func (o *outcome) answer() answerDoc {
	d := &o.decision
	a := answerDoc{
		Class: d.Class.String(), Verdict: d.Verdict.String(), Reason: d.Reason.String(),
		Policy: d.Policy(), Rule: d.Rule(), Action: d.Action().String(), Status: o.status(),
		ResponseHeaders: map[string][]string{},
	}
	for _, f := range o.responseHeaders() {
		a.ResponseHeaders[f.Name] = append(a.ResponseHeaders[f.Name], string(f.Value))
	}
	return a
}

// explainCases writes one line for each line that it reads.
func explainCases(std Stdio, engine *policy.Engine, file string) error {
	in := std.In
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return usagef("--cases: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return usagef("--cases %s: is a directory; write a file of JSON lines", file)
		}
		in = f
	}
	out := bufio.NewWriter(std.Out)
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil && !errors.Is(err, errCase) {
			return errors.Join(err, out.Flush())
		}
		if err := writeJSONLine(out, explainCase(engine, line, err)); err != nil {
			return err
		}
		if r.Buffered() > 0 {
			continue
		}
		if err := out.Flush(); err != nil { // a program that writes line by line waits for each decision
			return err
		}
	}
}

// readLine returns the next line. A line that is too long is skipped, with an errCase.
func readLine(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxCaseBytes {
			return nil, skipLine(r, err)
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			return line, nil
		default:
			return nil, err
		}
	}
}

// skipLine skips the rest of a line.
func skipLine(r *bufio.Reader, err error) error {
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("%w: longer than %d bytes", errCase, maxCaseBytes)
}

func explainCase(engine *policy.Engine, line []byte, err error) any {
	if err != nil {
		return errorDoc{err.Error()}
	}
	x, err := parseCase(line)
	if err != nil {
		return errorDoc{err.Error()}
	}
	return x.decide(engine).answer()
}

func parseCase(line []byte) (*example, error) {
	var doc caseDoc
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: an empty line", errCase)
		}
		return nil, fmt.Errorf("%w: %s", errCase, jsonFault(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) { // d.More would ignore a closing bracket
		return nil, fmt.Errorf("%w: more than one JSON object in the line", errCase)
	}
	x := &example{request: policy.Request{Method: "GET", Selector: doc.Selector}, upstreamStatus: 200}
	if doc.Method != nil {
		x.request.Method = *doc.Method
	}
	if err := x.setURL(doc.URL); err != nil {
		return nil, err
	}
	for _, h := range doc.Headers {
		x.addHeader(h.name, h.value)
	}
	return x, x.setResponse(doc.Response)
}

// jsonFault describes an error in terms of the line, not of Go types.
func jsonFault(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Sprintf("%q must not be a %s", wrong.Field, wrong.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func (x *example) setResponse(doc *responseDoc) error {
	if doc == nil {
		return nil
	}
	if doc.Status != nil {
		if x.upstreamStatus = *doc.Status; *doc.Status < 100 || *doc.Status > 599 {
			return fmt.Errorf("%w: response.status %d is not 100 to 599", errCase, *doc.Status)
		}
	}
	for _, h := range doc.Headers {
		x.upstream = append(x.upstream, policy.Field{Name: strings.ToLower(h.name), Value: []byte(h.value)})
	}
	return nil
}

func writeJSONLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
