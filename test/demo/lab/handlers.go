package lab

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// serveDescription sends the lab's profile, configuration and policy file.
func (l *Lab) serveDescription(w http.ResponseWriter, _ *http.Request) {
	respond(w, struct {
		Profile string `json:"profile"`
		Config  string `json:"config"`
		Policy  string `json:"policy"`
	}{l.Profile.Name, "deploy/" + l.Profile.Config, l.Policy})
}

// explained is an exchange with its explanation.
type explained struct {
	Exchange
	Decision *Decision `json:"decision"` // null if corsd was not called
	Command  string    `json:"command"`  // that explains it, in a shell
}

// Exchanges returns the exchanges of an attempt, in the order of their ends, after all have ended.
// Run is the value of the query run=… of the attempt.
func (l *Lab) Exchanges(ctx context.Context, run string) []Exchange { return l.record.await(ctx, run) }

// serveExchanges sends the exchanges of an attempt.
func (l *Lab) serveExchanges(w http.ResponseWriter, r *http.Request) {
	_, live, err := l.follower.look(r.Context(), l.Admin())
	if err != nil && live == nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	all := []explained{}
	for _, x := range l.Exchanges(r.Context(), r.FormValue("of")) {
		e := explained{Exchange: x, Command: shell(explain(l.inTree(l.Policy), &x))}
		if x.Verdict != "" && live != nil {
			d := live.decide(&x)
			e.Decision = &d
		}
		all = append(all, e)
	}
	respond(w, all)
}

// inTree returns the path of a file relative to the source tree, if the file is in it. The user's tree may be at
// another path than the lab's, which can run in a container.
func (l *Lab) inTree(path string) string {
	if relative, err := filepath.Rel(l.root, path); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return path
}

// explain returns the arguments with which corsd explains an exchange's request.
func explain(policy string, x *Exchange) []string {
	args := []string{"explain", "--policy", policy}
	if x.Method != http.MethodGet {
		args = append(args, "-X", x.Method)
	}
	for _, name := range []string{
		"origin", "access-control-request-method", "access-control-request-headers", "sec-fetch-site", "upgrade",
	} {
		if value := x.header(name); value != "" {
			args = append(args, "-H", name+": "+value)
		}
	}
	path, _, _ := strings.Cut(x.Path, "?")
	return append(args, x.Scheme+"://"+x.Authority+path)
}

// shell returns the command line that calls corsd, for a shell in the source tree.
func shell(args []string) string {
	words := []string{"go", "run", "./cmd/corsd"}
	for _, arg := range args {
		if strings.ContainsAny(arg, " '\"$&|;<>()*?[]\\`~#") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// serveExplanation sends corsd's explanation of one exchange of an attempt.
func (l *Lab) serveExplanation(w http.ResponseWriter, r *http.Request) {
	seen, _ := l.record.of(r.FormValue("of"))
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil || n < 0 || n >= len(seen) {
		http.Error(w, "there is no such exchange", http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, l.binary, explain(l.Policy, &seen[n])...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) { // with faults in the policy, corsd prints them and exits with an error
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(output) // fails only if the page is gone
}

// The longest time that a request for the policy waits for a change, and the pause between two looks.
const (
	longestWait = 20 * time.Second
	lookAgain   = 150 * time.Millisecond
)

// servePolicy sends the state of the policy, as soon as its version differs from the one that the page has.
func (l *Lab) servePolicy(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), longestWait)
	defer cancel()
	for {
		state, _, err := l.follower.look(r.Context(), l.Admin())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		if state.Version != r.FormValue("after") {
			respond(w, state)
			return
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			respond(w, state)
			return
		}
	}
}

func respond(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(value) // fails only if the page is gone
}
