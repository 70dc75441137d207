package lab

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// serveDescription tells the page what it cannot know from its own address.
func (l *Lab) serveDescription(w http.ResponseWriter, _ *http.Request) {
	respond(w, struct {
		Profile string `json:"profile"`
		Config  string `json:"config"`
		Policy  string `json:"policy"`
	}{l.Profile.Name, "deploy/" + l.Profile.Config, l.Policy})
}

// told is an exchange with what is to be said about it.
type told struct {
	Exchange
	Decision *Decision `json:"decision"` // null where corsd was not asked
	Command  string    `json:"command"`  // that explains it, in a shell
}

// Exchanges gives what an attempt led to, in the order in which it ended, once
// all of it has. Run is the value of the query run=… of the attempt.
func (l *Lab) Exchanges(ctx context.Context, run string) []Exchange { return l.record.await(ctx, run) }

// serveExchanges tells what an attempt led to.
func (l *Lab) serveExchanges(w http.ResponseWriter, r *http.Request) {
	_, live, err := l.follower.look(r.Context(), l.Admin())
	if err != nil && live == nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	all := []told{}
	for _, x := range l.Exchanges(r.Context(), r.FormValue("of")) {
		t := told{Exchange: x, Command: shell(explain(l.Policy, &x))}
		if x.Verdict != "" && live != nil {
			d := live.decide(&x)
			t.Decision = &d
		}
		all = append(all, t)
	}
	respond(w, all)
}

// explain gives the arguments with which corsd explains an exchange's request.
func explain(policy string, x *Exchange) []string {
	args := []string{"explain", "--policy", policy}
	if x.Method != http.MethodGet {
		args = append(args, "-X", x.Method)
	}
	for _, name := range []string{"origin", "access-control-request-method", "access-control-request-headers", "sec-fetch-site", "upgrade"} {
		if value := x.header(name); value != "" {
			args = append(args, "-H", name+": "+value)
		}
	}
	path, _, _ := strings.Cut(x.Path, "?")
	return append(args, x.Scheme+"://"+x.Authority+path)
}

// shell writes a call of corsd for a shell in the source tree.
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

// serveExplanation lets corsd explain one exchange of an attempt.
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
	if err != nil && !errors.As(err, &exit) { // a policy with faults is explained too, by its faults
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(output) // to a page that may have gone
}

// A page that asks for the policy waits for it to change, so long at most.
const (
	longestWait = 20 * time.Second
	lookAgain   = 150 * time.Millisecond
)

// servePolicy tells how the policy is, once its version is another than after.
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
	_ = json.NewEncoder(w).Encode(value) // to a page that may have gone
}
