package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/corsd/corsd/test/harness/tools"
)

// Kind is a kind of browser.
type Kind string

// The kinds that can be run.
const (
	Chromium Kind = "Chromium"
	Firefox  Kind = "Firefox"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Chromium, Firefox} }

// looks has the ways to find each kind of browser.
var looks = map[Kind]struct {
	variable string
	commands []string
}{
	Chromium: {"CHROMIUM", []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"}},
	Firefox:  {"FIREFOX", []string{"firefox-esr", "firefox"}},
}

// ErrMissing is the error if the browser is not installed and tests may skip it.
var ErrMissing = errors.New("not on this machine")

// Find returns the path of a browser: the one that its environment variable names (CHROMIUM, FIREFOX), or else the one
// on PATH.
func (k Kind) Find() (string, error) {
	look := looks[k]
	if path := os.Getenv(look.variable); path != "" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("%s=%s: %w", look.variable, path, err)
		}
		return found, nil
	}
	for _, command := range look.commands {
		if path, err := exec.LookPath(command); err == nil {
			return path, nil
		}
	}
	missing := fmt.Sprintf("%s is not on PATH, and %s does not name it", k, look.variable)
	if tools.Complete() {
		return "", fmt.Errorf("%s: a fault, since CORSD_TEST_COMPLETE is set", missing)
	}
	return "", fmt.Errorf("%s: %w", missing, ErrMissing)
}

// Start runs the browser of that kind. It runs until Close is called.
func (k Kind) Start(ctx context.Context, o Options) (Browser, error) {
	path, err := k.Find()
	if err != nil {
		return nil, err
	}
	if k == Firefox {
		return startFirefox(ctx, path, o)
	}
	return startChromium(ctx, path, o)
}
