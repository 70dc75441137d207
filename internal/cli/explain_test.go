package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/corsd/corsd/internal/servetest"
	"github.com/corsd/corsd/pkg/policy"
)

// call carries out a command in this process.
func call(t *testing.T, in io.Reader, args ...string) (status int, out, messages string) {
	var stdout, stderr bytes.Buffer
	status = Run(t.Context(), args, Stdio{In: in, Out: &stdout, Err: &stderr, Env: func(string) string { return "" }})
	return status, stdout.String(), stderr.String()
}

// TestAdvice: every reason has one sentence, and no two have the same.
func TestAdvice(t *testing.T) {
	given := map[string]policy.Reason{}
	for _, r := range policy.Reasons() {
		a := advice(r)
		if before, taken := given[a]; taken {
			t.Errorf("%s has the advice of %s", r, before)
		}
		given[a] = r
		if !strings.HasSuffix(a, ".") || strings.Count(a, ". ") > 0 || strings.ContainsAny(a, "\n\t") || len(a) < 20 {
			t.Errorf("%s: %q is not a sentence", r, a)
		}
	}
}

// TestExplanationFitsOneScreen: for any request, of a policy that sets every field.
func TestExplanationFitsOneScreen(t *testing.T) {
	const screen = 40
	page := func(args ...string) []string {
		return append([]string{"-H", "Origin: https://www.shop.example"}, args...)
	}
	ask := func(args ...string) []string {
		return append(page("-X", "OPTIONS", "-H", "Access-Control-Request-Private-Network: true"), args...)
	}
	rows := []struct {
		name string
		args []string
		says []string
	}{
		{
			"a granted preflight", ask("-H", "Access-Control-Request-Method: PUT", "https://api.shop.example/cart"),
			[]string{"access-control-allow-private-network: true", "presets ", "verdict  allow"},
		},
		{
			"a granted preflight by a rule for a method", ask("-H", "Access-Control-Request-Method: PUT", "https://api.shop.example/orders/1"),
			[]string{"rule     orders (PathPrefix /orders, PUT); another method may have another rule", "access-control-max-age: 0"},
		},
		{
			"a preflight that lacks headers", ask("-H", "Access-Control-Request-Method: PUT", "-H", "Access-Control-Request-Headers: a,b", "https://api.shop.example/cart"),
			[]string{"reason   header_not_allowed: ", "missing  a, b"},
		},
		{"an actual request", page("https://api.shop.example/cart"), []string{"action   continue: the application responds (200)"}},
		{
			"a tenant",
			[]string{"-H", "Origin: https://acme.app.example", "https://acme.shop.example/"},
			[]string{`(hosts: "{tenant}.shop.example" matches the host)`, "origin   allowed by https://{tenant}.app.example"},
		},
		{
			"a set",
			[]string{"-H", "Origin: https://partner.example", "https://acme.shop.example/"},
			[]string{"origin   allowed by https://partner.example of set partners"},
		},
		{
			"a regular expression",
			[]string{"-H", "Origin: https://pr-7.preview.example", "https://acme.shop.example/"},
			[]string{"origin   allowed by regex "},
		},
		{
			"a WebSocket that is refused",
			[]string{"-H", "Origin: https://evil.example", "-H", "Upgrade: websocket", "https://api.shop.example/"},
			[]string{"class    websocket", "action   respond: 403 at the edge"},
		},
		{"Shadow", page("https://legacy.shop.example/"), []string{"verdict  allow", "action   pass: nothing is changed", "  none\n"}},
		{"no policy", page("https://other.example/"), []string{"policy   none (no policy has the host)", "rule     none\n"}},
		{"no Origin", []string{"https://api.shop.example/cart"}, []string{"class    not_cors", "verdict  none"}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			status, out, messages := call(t, nil, append([]string{"explain", "--policy", "testdata/policy.yaml"}, r.args...)...)
			if status != exitOK || messages != "" {
				t.Fatalf("exit status %d, messages %q", status, messages)
			}
			if n := strings.Count(out, "\n"); n > screen {
				t.Errorf("%d lines, more than %d:\n%s", n, screen, out)
			}
			for _, text := range r.says {
				if !strings.Contains(out, text) {
					t.Errorf("%q is not said:\n%s", text, out)
				}
			}
			if strings.Contains(out, "\x1b") {
				t.Errorf("escape codes without a terminal: %q", out)
			}
		})
	}
}

// cases runs explain --cases over input.
func cases(t *testing.T, in string) []string {
	t.Helper()
	status, out, messages := call(t, strings.NewReader(in), "explain", "--policy", "testdata/policy.yaml", "--cases", "-")
	if status != exitOK || messages != "" {
		t.Fatalf("exit status %d, messages %q", status, messages)
	}
	return strings.SplitAfter(strings.TrimSuffix(out, "\n"), "\n")
}

// TestCaseLines: each line has one of output, whatever it is and however it ends.
func TestCaseLines(t *testing.T) {
	const good = `{"url":"https://other.example/"}`
	padded := func(n int) string { // a case of n bytes
		return strings.Replace(good, `example/`, `example/`+strings.Repeat("x", n-len(good)), 1)
	}
	const pass = `"action":"pass"`
	tooLong := fmt.Sprintf(`{"error":"not a valid case: longer than %d bytes"}`, maxCaseBytes)
	const empty = `{"error":"not a valid case: an empty line"}`
	rows := []struct {
		name string
		in   string
		want []string // of each line of output, a part
	}{
		{"one line", good + "\n", []string{pass}},
		{"the last line without a newline", good + "\n" + good, []string{pass, pass}},
		{"lines that end as on Windows", good + "\r\n" + good + "\r\n", []string{pass, pass}},
		{"a blank line", good + "\n\n" + good, []string{pass, empty, pass}},
		{"a blank line at the end", good + "\n\n", []string{pass, empty}},
		{"a line longer than the reader's buffer", padded(200_000) + "\n" + good, []string{pass, pass}},
		{"a line as long as one may be, with its newline", padded(maxCaseBytes-1) + "\n" + good, []string{pass, pass}},
		{"one byte more", padded(maxCaseBytes) + "\n" + good, []string{tooLong, pass}},
		{"a last line as long as one may be", padded(maxCaseBytes), []string{pass}},
		{"a last line of one byte more", padded(maxCaseBytes + 1), []string{tooLong}},
		{"lines much longer than that", padded(5<<20) + "\n" + padded(3<<20) + "\n" + good + "\n", []string{tooLong, tooLong, pass}},
		{"bytes that are no text", "\x00\xff\n" + good, []string{"not a valid case", pass}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := cases(t, r.in)
			if len(got) != len(r.want) {
				t.Fatalf("%d lines, want %d: %.300q", len(got), len(r.want), got)
			}
			for i, part := range r.want {
				if !strings.Contains(got[i], part) {
					t.Errorf("line %d is %.300q, want %q", i+1, got[i], part)
				}
			}
		})
	}
}

// TestCasesBreakOff: decisions made before the input failed are printed.
func TestCasesBreakOff(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, in := range []string{"", `{"url":"https://other.`, strings.Repeat("x", 2*maxCaseBytes)} {
		reader := io.MultiReader(strings.NewReader(`{"url":"https://other.example/"}`+"\n"+in), iotest.ErrReader(broken))
		status, out, messages := call(t, reader, "explain", "--policy", "testdata/policy.yaml", "--cases", "-")
		if status == exitOK || !strings.Contains(messages, "the disk is gone") || !strings.HasPrefix(out, `{"class":"not_cors"`) || strings.Count(out, "\n") != 1 {
			t.Errorf("exit status %d, out %.200q, messages %.200q", status, out, messages)
		}
	}
}

// brokenPipe takes no more output.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// TestBrokenOutput: a result that cannot be written is not a success.
func TestBrokenOutput(t *testing.T) {
	for _, args := range [][]string{
		{"version"},
		{"check", "testdata/policy.yaml"},
		{"check", "--format", "json", "testdata/policy.yaml"},
		{"explain", "--policy", "testdata/policy.yaml", "https://api.shop.example/"},
		{"explain", "--policy", "testdata/policy.yaml", "--format", "json", "https://api.shop.example/"},
		{"explain", "--policy", "testdata/policy.yaml", "--cases", "-"},
	} {
		var messages bytes.Buffer
		in := strings.NewReader(strings.Repeat(`{"url":"https://other.example/"}`+"\n", 100))
		status := Run(t.Context(), args, Stdio{In: in, Out: brokenPipe{}, Err: &messages, Env: func(string) string { return "" }})
		if status == exitOK || messages.String() != "corsd: broken pipe\n" {
			t.Errorf("%v: exit status %d, messages %q", args, status, &messages)
		}
	}
}

// TestManyCases: any number of cases needs the memory of one.
func TestManyCases(t *testing.T) {
	const lines, most = 100_000, 64 << 20
	in, feed := io.Pipe()
	go func() {
		w := bufio.NewWriter(feed)
		for i := range lines {
			fmt.Fprintf(w, `{"method":"PUT","url":"https://api.shop.example/cart/%d","headers":{"Origin":"%s"}}`+"\n", i, servetest.OldPage)
		}
		_ = feed.CloseWithError(w.Flush()) // always nil
	}()
	runtime.GC()
	before, peak := heap(), uint64(0)
	out := &lineCounter{each: func(n int) {
		if n%5000 == 0 {
			peak = max(peak, heap())
		}
	}}
	began := time.Now()
	status := Run(t.Context(), []string{"explain", "--policy", servetest.PolicyFile(t), "--cases", "-"},
		Stdio{In: in, Out: out, Err: io.Discard, Env: func(string) string { return "" }})
	took, grown := time.Since(began), int64(peak)-int64(before)
	t.Logf("%d cases in %s; the heap grew by %d KiB at the most", lines, took.Round(time.Millisecond), grown>>10)
	switch {
	case status != exitOK || out.lines != lines || out.granted != lines:
		t.Errorf("exit status %d, %d lines, %d grants", status, out.lines, out.granted)
	case took > time.Minute:
		t.Errorf("took %s", took)
	case grown > most:
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// lineCounter counts lines of output, and keeps none of them.
type lineCounter struct {
	lines, granted int
	each           func(lines int)
	rest           []byte // of a line that has not ended
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		line, rest, ended := bytes.Cut(c.rest, []byte("\n"))
		if !ended {
			return len(p), nil
		}
		c.lines++
		if bytes.Contains(line, []byte(`"verdict":"allow"`)) {
			c.granted++
		}
		c.each(c.lines)
		c.rest = append(c.rest[:0], rest...)
	}
}
