package corpus_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/corsd/corsd/internal/dynmoduletest"
	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/dynmodule"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/test/conformance/corpus"
)

var moduleSeeds = flag.Int("module-seeds", 60, "compare the module with ext_proc on the samples of this many seeds")

// TestModule compares what clients get by the dynamic module with what they get by ext_proc:
// 2,600 seeds are a million decisions.
func TestModule(t *testing.T) {
	compared := 0
	for seed := range uint64(*moduleSeeds) {
		s := corpus.Make(seed, cases)
		report := reload.Parse("policy.yaml", []byte(s.Policy))
		if report.Err() != nil {
			continue
		}
		o := dynmodule.Options{
			Engine: func() *policy.Engine { return report.Engine }, Logger: slog.New(slog.DiscardHandler),
		}
		m, err := dynmodule.New(o)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(s.Cases) {
			selector, request, status, upstream := readCase(t, line)
			got, err := dynmoduletest.Run(m, selector, request, status, upstream)
			if err != nil {
				t.Fatal(err)
			}
			want, err := dynmoduletest.ByExtProc(o, selector, request, status, upstream)
			if err != nil {
				t.Fatal(err)
			}
			want.Asked = got.Asked
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d, %s (-ext_proc +module):\n%s", seed, line, diff)
			}
			compared++
		}
	}
	if t.Logf("%d decisions", compared); compared < *moduleSeeds*cases/2 {
		t.Errorf("%d decisions of %d seeds", compared, *moduleSeeds)
	}
}

// readCase reads a case as Envoy would have got it. A case without a response is answered with status 200.
func readCase(t *testing.T, line string) (selector string, request []policy.Field, status int, upstream []policy.Field) {
	t.Helper()
	var c struct {
		URL, Method, Selector string
		Headers               map[string]any
		Response              struct {
			Status  int
			Headers map[string]any
		}
	}
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		t.Fatal(err)
	}
	scheme, rest, _ := strings.Cut(c.URL, "://")
	path := ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest, path = rest[:i], rest[i:]
	}
	for name, value := range map[string]string{":method": c.Method, ":scheme": scheme, ":authority": rest, ":path": path} {
		request = append(request, policy.Field{Name: name, Value: []byte(value)})
	}
	if status = c.Response.Status; status == 0 {
		status = 200
	}
	return c.Selector, append(request, fieldsOf(c.Headers)...), status, fieldsOf(c.Response.Headers)
}

func fieldsOf(headers map[string]any) (fields []policy.Field) {
	for name, value := range headers {
		values, isList := value.([]any)
		if !isList {
			values = []any{value}
		}
		for _, v := range values {
			fields = append(fields, policy.Field{Name: strings.ToLower(name), Value: fmt.Append(nil, v)})
		}
	}
	return fields
}
