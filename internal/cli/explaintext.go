package cli

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
	"github.com/corsd/corsd/pkg/policy/spec"
)

// writeExplanation prints a decision in one screen.
func writeExplanation(std Stdio, o *outcome, d *policy.Explanation, where *positions) error {
	p := painter{on: colors(std)}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	row(t, "request", "%s %s://%s%s", o.request.Method, o.request.Scheme, o.request.Authority, o.request.Path)
	row(t, "class", "%s", d.Class)
	row(t, "policy", "%s%s", whichPolicy(o, d), at(where.hosts))
	row(t, "rule", "%s%s", whichRule(d), at(where.rule))
	if d.Origin != "" {
		row(t, "origin", "allowed by %s%s", d.Origin, at(where.origin))
	}
	fmt.Fprintf(t, "verdict\t%s%s\n", p.verdict(d.Verdict), unchecked(d)) // not a row, which would escape the colours
	row(t, "reason", "%s: %s", d.Reason, adviceFor(o, d))
	if d.Nearest != "" {
		row(t, "nearest", "%s (%s)", d.Nearest, d.Difference)
	}
	if len(d.Missing) > 0 {
		row(t, "missing", "%s", clip(strings.Join(d.Missing, ", ")))
	}
	if d.Places.Refusing != "" {
		row(t, "setting", "%s%s", d.Places.Refusing, cmp.Or(at(where.refusing), ", which no document sets"))
	}
	row(t, "action", "%s", whatHappens(o))
	if err := t.Flush(); err != nil {
		return err
	}
	b.WriteString("\n" + p.bold("CORS headers that the client receives") + "\n")
	lines := o.responseHeaders()
	for _, f := range lines {
		fmt.Fprintf(&b, "  %s: %s\n", printable.Text(f.Name), printable.Text(string(f.Value)))
	}
	if len(lines) == 0 {
		b.WriteString("  none\n")
	}
	if len(o.request.Origin) == 0 {
		title := "from the Envoy configurations of deploy/, which do not call corsd without an Origin"
		b.WriteString("\n" + p.bold(title) + "\n" + withoutCorsd(d))
	}
	b.WriteString("\n" + p.bold("settings that apply") + "\n")
	writeSettings(&b, d, where)
	_, err := io.WriteString(std.Out, b.String())
	return err
}

// row writes a line of the table. Text of documents and of the command line may contain any byte.
func row(t io.Writer, name, format string, args ...any) {
	fmt.Fprintf(t, "%s\t%s\n", name, printable.Text(fmt.Sprintf(format, args...)))
}

func writeSettings(b *strings.Builder, d *policy.Explanation, where *positions) {
	t := tabwriter.NewWriter(b, 0, 4, 2, ' ', 0)
	for i, s := range d.Settings {
		fmt.Fprintf(t, "  %s\t%s\t%s%s\n", s.Name, printable.Text(clip(s.Value)), printable.Text(layerOf(s)),
			at(where.settings[i]))
	}
	_ = t.Flush() // to a strings.Builder, which does not fail
}

// withoutCorsd returns the headers of a response that Envoy forwards without calling corsd, as the
// table of virtual hosts in docs/envoy.md configures it.
func withoutCorsd(d *policy.Explanation) string {
	switch {
	case d.Reason == policy.ReasonNoPolicy, d.Enforcement() == spec.EnforcementShadow,
		d.Enforcement() == spec.EnforcementDisabled:
		return "  those of the application\n"
	case d.UpstreamHeaders() != spec.UpstreamOverride:
		return "  those of the application\n  vary: Origin\n"
	case d.Public():
		return "  vary: Origin\n  To send \"*\" here too, set it in the virtual host: see docs/cdn.md.\n"
	}
	return "  vary: Origin\n"
}

// layerOf returns the layer of a setting, or its policy or rule if no rule was chosen.
func layerOf(s policy.Setting) string {
	return cmp.Or(s.Of, s.From)
}

// maxShown bounds a value in the text, in characters: a thousand origins do not fit on one screen.
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
		return name + " (no policy has the host)"
	}
	return fmt.Sprintf("%s (hosts: %q matches the host)", name, d.Host)
}

func whichRule(d *policy.Explanation) string {
	switch {
	case !d.Chosen:
		return "none" + strictness(d)
	case d.Rule() == "":
		return "none matches the path; the policy's own cors applies" + dependence(d)
	}
	return fmt.Sprintf("%s (%s)", d.Rule(), d.Match) + dependence(d)
}

// strictness returns which settings apply if no rule was chosen on a host that has policies.
func strictness(d *policy.Explanation) string {
	switch {
	case d.Host == "", d.Reason == policy.ReasonNoRule && d.Policy() != "":
		return ""
	case d.Reason == policy.ReasonNoRule:
		return ": the strictest settings of the host's policies apply"
	}
	return ": the strictest settings of the host's policies and rules apply"
}

// unchecked returns a note if a WebSocket handshake passes whatever the verdict is.
func unchecked(d *policy.Explanation) string {
	if d.Class == policy.ClassWebSocket && d.Chosen && !d.ChecksWebSocket() {
		return " (not enforced on handshakes: webSocket.originCheck is Disabled)"
	}
	return ""
}

func dependence(d *policy.Explanation) string {
	if d.MethodDependent {
		return "; another method may have another rule, so browsers must not cache preflights"
	}
	return ""
}

func whatHappens(o *outcome) string {
	switch o.decision.Action() {
	case policy.ActionRespond:
		return fmt.Sprintf("respond: %d at the edge, without the application", o.status())
	case policy.ActionContinue:
		return fmt.Sprintf("continue: the application responds (%d), and its headers are changed", o.status())
	}
	return "pass: nothing is changed"
}

// painter colours words if colours are on.
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

// colors reports whether to use colours: on a terminal, unless NO_COLOR is set (no-color.org).
func colors(std Stdio) bool {
	f, ok := std.Out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && std.Env("NO_COLOR") == ""
}
