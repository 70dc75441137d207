package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
)

// explainFlags is the call of explain.
type explainFlags struct {
	policy   []string
	method   string
	headers  []string
	selector string
	cases    string
	format   string
}

func newExplain(std stdio) *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain --policy PATH [flags] URL",
		Short: "Say what the policy decides about a request, and why",
		Long: `explain decides one request as serve would, and prints what decided it, where each
setting comes from, the reason, how to fix it, and the headers of the answer.

With --cases it reads one request a line, as JSON, and prints one decision a line:
  {"method": "GET", "url": "https://api.shop.example/cart",
   "headers": {"Origin": "https://www.shop.example"}, "selector": "",
   "response": {"status": 200, "headers": {"Vary": "Accept-Encoding"}}}`,
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
	flags.StringArrayVar(&f.policy, "policy", nil, "a policy file, or a directory of them (repeat for more)")
	flags.StringVarP(&f.method, "request", "X", "GET", "the request's `METHOD`")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "a request header, `'Name: value'` (repeat for more)")
	flags.StringVar(&f.selector, "selector", "", "the `[NAMESPACE/]POLICY[#RULE]` that Envoy's configuration selects, in place of host and path")
	flags.StringVar(&f.cases, "cases", "", "read requests from `FILE`, one JSON object a line (- for standard input)")
	formatFlag(cmd, &f.format, formatText, formatJSON)
	return cmd
}

// check refuses a call that says too little or too much.
func (f *explainFlags) check(cmd *cobra.Command, args []string) error {
	if err := nonEmpty("--policy", "a path", f.policy); err != nil {
		return err
	}
	switch {
	case len(f.policy) == 0:
		return usagef("explain needs --policy PATH")
	case f.cases != "" && len(args) > 0:
		return usagef("explain takes --cases or a URL, not both")
	case f.cases == "" && len(args) != 1:
		return usagef("explain needs one URL, such as https://api.shop.example/cart")
	case f.method == "":
		return usagef("--request is empty: write a method, such as GET")
	}
	for _, name := range []string{"request", "header", "selector", "format"} {
		if f.cases != "" && cmd.Flags().Changed(name) {
			return usagef("--%s does not go with --cases, where each line says it all", name)
		}
	}
	return nil
}

func explain(std stdio, f *explainFlags, args []string) error {
	var request *exchange
	if f.cases == "" {
		var err error
		if request, err = exchangeOf(f, args[0]); err != nil {
			return usageError{err}
		}
	}
	report := reload.Load(f.policy, policy.At(time.Now()))
	if report.Err() != nil {
		if err := report.WriteText(std.err); err != nil {
			return err
		}
		return errPolicy
	}
	if f.cases != "" {
		return explainCases(std, report.Engine, f.cases)
	}
	result := request.decide(report.Engine)
	if f.format == formatJSON {
		return writeJSONLine(std.out, result.answer())
	}
	explanation := report.Engine.Explain(&request.request)
	return writeExplanation(std, result, &explanation)
}

// exchangeOf makes a request of the command line.
func exchangeOf(f *explainFlags, url string) (*exchange, error) {
	x := &exchange{request: policy.Request{Method: f.method, Selector: f.selector}, upstreamStatus: 200}
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

// exchange is a request, and what upstream answers to it.
type exchange struct {
	request        policy.Request
	upstreamStatus int
	upstream       []policy.Field
}

// setURL takes the URL apart at its delimiters. No URL library may do it: they
// clean paths, and what a policy makes of an unclean one is the question.
func (x *exchange) setURL(url string) error {
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

// onTheWire gives the scheme as Envoy sees it: a handshake of wss: comes by https.
func onTheWire(scheme string) string {
	switch scheme = strings.ToLower(scheme); scheme {
	case "ws":
		return "http"
	case "wss":
		return "https"
	}
	return scheme
}

// addHeader adds a header as curl would send it: Host replaces that of the URL.
func (x *exchange) addHeader(name, value string) {
	switch {
	case strings.EqualFold(name, "host"):
		x.request.Authority = value
	case strings.EqualFold(name, ":protocol"):
		x.request.Protocol = value
	default:
		x.request.AddHeader(name, value)
	}
}

// outcome is a decision and what it does to the exchange.
type outcome struct {
	*exchange
	decision policy.Decision
	change   policy.Response
}

func (x *exchange) decide(e *policy.Engine) *outcome {
	o := &outcome{exchange: x, decision: e.Decide(&x.request)}
	o.decision.Respond(&o.change)
	o.decision.Edit(&o.change, x.upstreamStatus, x.upstream)
	return o
}

// status is what the client gets.
func (o *outcome) status() int {
	if o.decision.Action() == policy.ActionRespond {
		return o.change.Status
	}
	return o.upstreamStatus
}

// responseHeaders are the lines that the client gets of the headers that are
// CORS's business.
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
