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

// livePolicy is the policy that corsd has live, as far as it stands in the
// lab's file.
type livePolicy struct {
	engine    *policy.Engine
	file      string
	lines     []string
	documents []yaml.Node
}

//go:embed policy.yaml
var shipped string

// PolicyState is how the policy files stand to what corsd has live.
type PolicyState struct {
	File string `json:"file"`
	Text string `json:"text"` // of the file as it is now

	// Shipped says that the text is that of the source tree, which the cards are about.
	Shipped bool `json:"shipped"`

	// State is "live", "refused", or "pending" while corsd has not read the files yet.
	State string `json:"state"`

	// Faults are corsd's, where it has refused what the files say.
	Faults []string `json:"faults"`

	// Version changes with all of this.
	Version string `json:"version"`
}

// follower knows the policy that corsd has live, also while the files say
// something else that corsd has refused.
type follower struct {
	paths []string // as corsd was given them; the first is the lab's file

	mu   sync.Mutex
	hash string
	live *livePolicy
}

// look asks corsd and reads the files.
func (f *follower) look(ctx context.Context, admin string) (PolicyState, *livePolicy, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	said, err := readiness(ctx, admin)
	if err != nil {
		return PolicyState{}, f.live, err
	}
	text, err := os.ReadFile(f.paths[0])
	state := PolicyState{File: f.paths[0], Text: string(text), Shipped: string(text) == shipped, State: "pending", Faults: []string{}}
	if err != nil {
		state.Text = err.Error()
	}
	switch policyfile.Hash(f.paths) {
	case said.live:
		state.State = "live"
		if err := f.take(said.live, text); err != nil {
			return state, f.live, err
		}
	case said.refused:
		state.State, state.Faults = "refused", said.faults
	}
	state.Version = fmt.Sprintf("%.12s-%s-%d", policyfile.Hash(f.paths), state.State, len(state.Faults))
	return state, f.live, nil
}

// take keeps what is live, for as long as it is.
func (f *follower) take(hash string, text []byte) error {
	if f.hash == hash {
		return nil
	}
	report := reload.Load(f.paths, policy.At(time.Now()))
	if report.Hash != hash {
		return nil // changed again, which the next look will see
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

// ready is what corsd says of its policies.
type ready struct {
	live, refused string // hashes
	faults        []string
}

// readiness asks corsd's admin for the policy that is live.
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

// parseReadiness reads the answer of /readyz?verbose. Below the hash of a refused
// policy stand its faults, one a line.
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
