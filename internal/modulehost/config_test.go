package modulehost

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestParseConfig: a configuration is read, or the error says what to write.
func TestParseConfig(t *testing.T) {
	for _, row := range []struct {
		text string
		want Config
		err  string // a part of it
	}{
		{`{"policy": ["/etc/corsd"]}`, Config{Policy: []string{"/etc/corsd"}, Requests: WithOrigin, Remember: new(true)}, ""},
		{
			` {"policy": ["a", "b"], "snapshot": "/var/s", "requests": "All"}`,
			Config{Policy: []string{"a", "b"}, Snapshot: "/var/s", Requests: All, Remember: new(true)},
			"",
		},
		{`{"policy": ["a"], "remember": false}`, Config{Policy: []string{"a"}, Requests: WithOrigin, Remember: new(false)}, ""},
		{`{"policy": ["a"], "remember": null}`, Config{}, "remember is null; write true or false"},
		{
			`{"policy": ["a"], "admin": "[::1]:0"}`,
			Config{Policy: []string{"a"}, Admin: "[::1]:0", Requests: WithOrigin, Remember: new(true)},
			"",
		},
		{`{"policy": ["a"], "admin": "0.0.0.0:9092"}`, Config{}, `admin is "0.0.0.0:9092"; write a loopback address such as`},
		{`{"policy": ["a"], "admin": "192.0.2.1:9092"}`, Config{}, `admin is "192.0.2.1:9092"; write`},
		{`{"policy": ["a"], "admin": ":9092"}`, Config{}, `admin is ":9092"; write`},
		{`{"policy": ["a"], "admin": "localhost"}`, Config{}, `missing port in address; write a loopback address`},
		{"", Config{}, `filter_config: it is missing; write, for instance, {"policy": ["/etc/corsd"]}`},
		{"  ", Config{}, "it is missing"},
		{`["a"]`, Config{}, "it is no JSON object"},
		{`{}`, Config{}, "policy is required; write"},
		{`{"policy": []}`, Config{}, "policy is required"},
		{`{"policy": "/etc/corsd"}`, Config{}, "cannot unmarshal string"},
		{`{"policy": [""]}`, Config{}, "a path that is empty"},
		{`{"policy": ["-"]}`, Config{}, "a path that is empty or -"},
		{`{"polcy": ["a"]}`, Config{}, `unknown key "polcy" (did you mean policy?): the keys are policy, snapshot, admin, requests, remember`},
		{`{"Policy": ["a"]}`, Config{}, `unknown key "Policy" (did you mean policy?)`},
		{`{"policy": ["a"], "x": 1}`, Config{}, `unknown key "x": the keys are`},
		{`{"policy": ["a"], "requests": "all"}`, Config{}, `requests is "all"; write WithOrigin or All`},
		{`{"policy": ["a"], "requests": ""}`, Config{}, `requests is ""`},
		{`{"policy": ["a"]} {}`, Config{}, "it is no JSON object"},
	} {
		got, err := ParseConfig([]byte(row.text))
		checkError(t, row.text, err, row.err)
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.text, diff)
		}
	}
}

// TestParseRoute: the configuration of a route is a selector.
func TestParseRoute(t *testing.T) {
	for _, row := range []struct{ text, want, err string }{
		{`{"policy": "team-a/shop#rule"}`, "team-a/shop#rule", ""},
		{"", "", `per-route filter_config: it is missing; write, for instance, {"policy": "shop"}`},
		{`{"policy": ""}`, "", "policy is required"},
		{`{"policy": ["shop"]}`, "", "cannot unmarshal array"},
		{`{"selector": "shop"}`, "", `unknown key "selector": the keys are policy`},
	} {
		got, err := ParseRoute([]byte(row.text))
		if checkError(t, row.text, err, row.err); got != row.want {
			t.Errorf("%s: %q, want %q", row.text, got, row.want)
		}
	}
}

func checkError(t *testing.T, text string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if !strings.Contains(got, want) || (got == "") != (want == "") {
		t.Errorf("%s: error %q, want %q", text, got, want)
	}
}
