package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	policy   []string
	method   string
	headers  []string
	selector string
	cases    string
	format   string
	at       string
}

func newExplain(std Stdio) *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain --policy PATH [flags] URL",
		Short: "Show the decision about a request, and the reason",
		Long: `explain decides one request as serve would. It prints the policy and rule that
apply, the source of each setting, the reason, a fix, and the response headers.

With --cases it reads requests, one JSON object per line, and prints a decision
for each:
  {"method": "GET", "url": "https://api.shop.example/cart",
   "headers": {"Origin": "https://www.shop.example"}, "selector": "",
   "response": {"status": 200, "headers": {"Vary": "Accept-Encoding"}}}

The PATH - is standard input, as for check.`,
		Example: `  corsd explain --policy policy/ -H 'Origin: https://www.shop.example' https://api.shop.example/cart
  corsd explain --policy policy/ -X OPTIONS -H 'Origin: https://www.shop.example' \
      -H 'Access-Control-Request-Method: PUT' https://api.shop.example/cart
  corsd explain --policy policy/ --cases requests.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd, args); err != nil {
				return err
			}
			return explain(std, &f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.policy, "policy", nil, "a policy file, or a directory of them (repeatable)")
	flags.StringVarP(&f.method, "request", "X", "GET", "the request's `METHOD`")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "a request header, `'Name: value'` (repeatable)")
	flags.StringVar(&f.selector, "selector", "",
		"the `[NAMESPACE/]POLICY[#RULE]` that Envoy's configuration selects, instead of host and path")
	flags.StringVar(&f.cases, "cases", "", "read requests from `FILE`, one JSON object per line (- for standard input)")
	atFlag(cmd, &f.at)
	formatFlag(cmd, &f.format, formatText, formatJSON)
	return cmd
}

// check refuses a command line with too few or too many arguments.
func (f *explainFlags) check(cmd *cobra.Command, args []string) error {
	if err := nonEmpty("--policy", "a path", f.policy); err != nil {
		return err
	}
	switch {
	case len(f.policy) == 0:
		return usagef("explain needs --policy PATH")
	case f.cases != "" && len(args) > 0:
		return usagef("explain accepts --cases or a URL, not both")
	case f.cases == "" && len(args) != 1:
		return usagef("explain needs one URL, such as https://api.shop.example/cart")
	case f.method == "":
		return usagef("--request is empty: write a method, such as GET")
	}
	if err := inputOnce(f.policy, f.cases); err != nil {
		return err
	}
	for _, name := range []string{"request", "header", "selector", "format"} {
		if f.cases != "" && cmd.Flags().Changed(name) {
			return usagef("--%s cannot be combined with --cases, where each line has it", name)
		}
	}
	return nil
}

func explain(std Stdio, f *explainFlags, args []string) error {
	var request *example
	if f.cases == "" {
		var err error
		if request, err = exampleOf(f, args[0]); err != nil {
			return usageError{err}
		}
	}
	at, err := momentOf(f.at)
	if err != nil {
		return err
	}
	report := reload.LoadWithInput(f.policy, std.In, policy.At(at))
	if err := noteSkipped(std.Err, report.Skipped); err != nil {
		return err
	}
	if report.Err() != nil {
		if err := report.WriteText(std.Err); err != nil {
			return err
		}
		return errPolicy
	}
	if f.cases != "" {
		return explainCases(std, report.Engine, f.cases)
	}
	result := request.decide(report.Engine)
	explanation := report.Engine.Explain(&request.request)
	where := locate(report, &explanation)
	if f.format == formatJSON {
		return writeJSONLine(std.Out, placedAnswerDoc{result.answer(), where.docs(&explanation)})
	}
	return writeExplanation(std, result, &explanation, where)
}

// exampleOf returns the request of the command line.
func exampleOf(f *explainFlags, url string) (*example, error) {
	x := &example{request: policy.Request{Method: f.method, Selector: f.selector}, upstreamStatus: 200}
	if err := x.setURL(url); err != nil {
		return nil, err
	}
	for _, line := range f.headers {
		name, value, found := strings.Cut(line, ":")
		if strings.HasPrefix(line, ":") { // :protocol
			name, value, found = strings.Cut(line[1:], ":")
			name = ":" + name
		}
		if !found || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("-H %q: write 'Name: value'", line)
		}
		x.addHeader(name, strings.Trim(value, " \t"))
	}
	return x, nil
}

// example is a request to explain, and the upstream response to it.
type example struct {
	request        policy.Request
	upstreamStatus int
	upstream       []policy.Field
}

// setURL splits the URL at its delimiters. URL libraries clean paths, and explain is also for paths
// that are not clean.
func (x *example) setURL(url string) error {
	scheme, rest, found := strings.Cut(url, "://")
	if !found || scheme == "" {
		return fmt.Errorf("url %q has no scheme: write https://api.shop.example/cart", url)
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	target, _, _ := strings.Cut(rest[end:], "#")
	x.request.Scheme, x.request.Authority, x.request.Path = onTheWire(scheme), rest[:end], target
	return nil
}

// onTheWire returns the scheme that Envoy sees: the handshake of wss: is an https request.
func onTheWire(scheme string) string {
	switch scheme = strings.ToLower(scheme); scheme {
	case "ws":
		return "http"
	case "wss":
		return "https"
	}
	return scheme
}

// addHeader adds a header as curl does: Host replaces that of the URL.
func (x *example) addHeader(name, value string) {
	switch {
	case strings.EqualFold(name, "host"):
		x.request.Authority = value
	case strings.EqualFold(name, ":protocol"):
		x.request.Protocol = value
	default:
		x.request.AddHeader(name, value)
	}
}

// outcome is a decision and its effect on the example.
type outcome struct {
	*example
	decision policy.Decision
	change   policy.Response
}

func (x *example) decide(e *policy.Engine) *outcome {
	o := &outcome{example: x, decision: e.Decide(&x.request)}
	o.decision.Respond(&o.change)
	o.decision.Edit(&o.change, x.upstreamStatus, x.upstream)
	return o
}

// status returns the status that the client receives.
func (o *outcome) status() int {
	if o.decision.Action() == policy.ActionRespond {
		return o.change.Status
	}
	return o.upstreamStatus
}

// responseHeaders returns the CORS headers that the client receives.
func (o *outcome) responseHeaders() []policy.Field {
	var lines []policy.Field
	if o.decision.Action() != policy.ActionRespond {
		for _, f := range o.upstream {
			if isCORSHeader(f.Name) && !o.changes(f.Name) {
				lines = append(lines, f)
			}
		}
	}
	return append(lines, o.change.Set...)
}

func isCORSHeader(name string) bool {
	return name == "vary" || strings.HasPrefix(name, "access-control-")
}

func (o *outcome) changes(name string) bool {
	for _, removed := range o.change.Remove {
		if removed == name {
			return true
		}
	}
	for _, f := range o.change.Set {
		if f.Name == name {
			return true
		}
	}
	return false
}
