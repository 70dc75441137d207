package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/corsd/corsd/internal/printable"
	"github.com/corsd/corsd/pkg/policy"
)

// writeExplanation prints a decision in one screen.
func writeExplanation(std stdio, o *outcome, d *policy.Explanation) error {
	p := painter{on: colors(std)}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	row(t, "request", "%s %s://%s%s", o.request.Method, o.request.Scheme, o.request.Authority, o.request.Path)
	row(t, "class", "%s", d.Class)
	row(t, "policy", "%s", whichPolicy(o, d))
	row(t, "rule", "%s", whichRule(d))
	if d.Origin != "" {
		row(t, "origin", "allowed by %s", d.Origin)
	}
	fmt.Fprintf(t, "verdict\t%s%s\n", p.verdict(d.Verdict), unchecked(d)) // not a row: it may be coloured
	row(t, "reason", "%s: %s", d.Reason, adviceFor(o, d))
	if d.Nearest != "" {
		row(t, "nearest", "%s (%s)", d.Nearest, d.Difference)
	}
	if len(d.Missing) > 0 {
		row(t, "missing", "%s", clip(strings.Join(d.Missing, ", ")))
	}
	row(t, "action", "%s", whatHappens(o))
	if err := t.Flush(); err != nil {
		return err
	}
	b.WriteString("\n" + p.bold("CORS headers that the client gets") + "\n")
	lines := o.responseHeaders()
	for _, f := range lines {
		fmt.Fprintf(&b, "  %s: %s\n", printable.Text(f.Name), printable.Text(string(f.Value)))
	}
	if len(lines) == 0 {
		b.WriteString("  none\n")
	}
	b.WriteString("\n" + p.bold("settings that apply") + "\n")
	writeSettings(&b, d)
	_, err := io.WriteString(std.out, b.String())
	return err
}

// row writes a line of the table. Documents and command lines may have anything in them.
func row(t io.Writer, name, format string, args ...any) {
	fmt.Fprintf(t, "%s\t%s\n", name, printable.Text(fmt.Sprintf(format, args...)))
}

func writeSettings(b *strings.Builder, d *policy.Explanation) {
	t := tabwriter.NewWriter(b, 0, 4, 2, ' ', 0)
	for _, s := range d.Settings {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", s.Name, printable.Text(clip(s.Value)), printable.Text(source(s)))
	}
	_ = t.Flush() // to a strings.Builder, which does not fail
}

// source names the layer of a setting, and the policy or rule if no rule was chosen.
func source(s policy.Setting) string {
	return cmp.Or(s.Of, s.From)
}

// maxShown bounds a value in the text: a thousand origins are not one screen.
const maxShown = 100

func clip(s string) string {
	if runes := []rune(s); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return s
}

func whichPolicy(o *outcome, d *policy.Explanation) string {
	name := d.Policy()
	if name == "" {
		name = "none"
	}
	switch {
	case o.request.Selector != "":
		return fmt.Sprintf("%s (the selector is %q)", name, o.request.Selector)
	case d.Host == "":
		return name + " (no policy names the host)"
	}
	return fmt.Sprintf("%s (hosts: %q matches the host)", name, d.Host)
}

func whichRule(d *policy.Explanation) string {
	switch {
	case !d.Chosen:
		return "none" + strictness(d)
	case d.Rule() == "":
		return "none matches the path: the policy's own cors applies" + dependence(d)
	}
	return fmt.Sprintf("%s (%s)", d.Rule(), d.Match) + dependence(d)
}

// strictness says which settings hold if no rule was chosen on a host that has policies.
func strictness(d *policy.Explanation) string {
	switch {
	case d.Host == "", d.Reason == policy.ReasonNoRule && d.Policy() != "":
		return ""
	case d.Reason == policy.ReasonNoRule:
		return ": the strictest settings of the host's policies apply"
	}
	return ": the strictest settings of the host's policies and rules apply"
}

// unchecked: a handshake that is not judged passes, whatever the reason says.
func unchecked(d *policy.Explanation) string {
	if d.Class == policy.ClassWebSocket && d.Chosen && !d.ChecksWebSocket() {
		return " (a handshake is not judged: webSocket.originCheck is Disabled)"
	}
	return ""
}

func dependence(d *policy.Explanation) string {
	if d.MethodDependent {
		return "; another method may lead elsewhere, so browsers are not to remember preflights"
	}
	return ""
}

func whatHappens(o *outcome) string {
	switch o.decision.Action() {
	case policy.ActionRespond:
		return fmt.Sprintf("respond: %d at the edge, the application is not asked", o.status())
	case policy.ActionContinue:
		return fmt.Sprintf("continue: the application answers (%d), and its headers are changed", o.status())
	}
	return "pass: nothing is touched"
}

// painter colours words, where colours are on.
type painter struct{ on bool }

func (p painter) verdict(v policy.Verdict) string {
	switch v {
	case policy.VerdictAllow:
		return p.paint("32", v.String())
	case policy.VerdictDeny:
		return p.paint("31", v.String())
	}
	return v.String()
}

func (p painter) bold(s string) string { return p.paint("1", s) }

func (p painter) paint(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// colors: only on a terminal, and not where NO_COLOR is set (no-color.org).
func colors(std stdio) bool {
	f, ok := std.out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && std.env("NO_COLOR") == ""
}
