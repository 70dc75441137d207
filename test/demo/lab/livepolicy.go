package lab

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/policyfile"
)

// livePolicy is corsd's live policy, as far as it comes from the lab's file.
type livePolicy struct {
	engine    *policy.Engine
	file      string
	lines     []string
	documents []yaml.Node
}

//go:embed policy.yaml
var shipped string

// PolicyState compares the policy files with corsd's live policy.
type PolicyState struct {
	File string `json:"file"`
	Text string `json:"text"` // the file's present content

	// Shipped reports whether the text is that of the source tree, which the cards are about.
	Shipped bool `json:"shipped"`

	// State is "live", "refused", or "pending" while corsd has not read the files yet.
	State string `json:"state"`

	// Faults are those for which corsd has refused the files.
	Faults []string `json:"faults"`

	// Version changes whenever another field does.
	Version string `json:"version"`
}

// follower keeps corsd's live policy, also while the files have another one that corsd has refused.
type follower struct {
	paths []string // as on corsd's command line; the first is the lab's file

	mu   sync.Mutex
	hash string
	live *livePolicy
}

// look reads corsd's readiness and the files.
func (f *follower) look(ctx context.Context, admin string) (PolicyState, *livePolicy, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := readiness(ctx, admin)
	if err != nil {
		return PolicyState{}, f.live, err
	}
	text, err := os.ReadFile(f.paths[0])
	state := PolicyState{
		File:    f.paths[0],
		Text:    string(text),
		Shipped: string(text) == shipped,
		State:   "pending",
		Faults:  []string{},
	}
	if err != nil {
		state.Text = err.Error()
	}
	switch policyfile.Hash(f.paths) {
	case now.live:
		state.State = "live"
		if err := f.keep(now.live, text); err != nil {
			return state, f.live, err
		}
	case now.refused:
		state.State, state.Faults = "refused", now.faults
	}
	state.Version = fmt.Sprintf("%.12s-%s-%d", policyfile.Hash(f.paths), state.State, len(state.Faults))
	return state, f.live, nil
}

// keep compiles the live policy, unless it is the one that f has.
func (f *follower) keep(hash string, text []byte) error {
	if f.hash == hash {
		return nil
	}
	report := reload.Load(f.paths, policy.At(time.Now()))
	if report.Hash != hash {
		return nil // the files have changed again: the next look compiles them
	}
	if err := report.Err(); err != nil {
		return err
	}
	live := &livePolicy{engine: report.Engine, file: f.paths[0], lines: strings.Split(string(text), "\n")}
	if err := yaml.Load(text, &live.documents, yaml.WithAllDocuments()); err != nil {
		return err
	}
	f.hash, f.live = hash, live
	return nil
}

// ready is corsd's report on its policies.
type ready struct {
	live, refused string // hashes
	faults        []string
}

// readiness requests the report from corsd's admin port.
func readiness(ctx context.Context, admin string) (ready, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/readyz?verbose", nil)
	if err != nil {
		return ready{}, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return ready{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return parseReadiness(string(text)), err
}

// parseReadiness reads the response of /readyz?verbose. The lines below the hash of a refused policy
// are its faults.
func parseReadiness(text string) (r ready) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch name, value, _ := strings.Cut(line, ": "); {
		case name == "live policy":
			r.live, _, _ = strings.Cut(value, " ")
		case name == "refused policy":
			r.refused = value
		case r.refused != "":
			r.faults = append(r.faults, line)
		}
	}
	return r
}
