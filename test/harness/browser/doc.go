// Package browser runs real browsers without a window, for tests of the responses that a page can read: Chromium over its
// DevTools protocol, Firefox over WebDriver BiDi.
//
// Each begins with an empty profile. All host names in URLs lead to servers of this machine ([Names]), and no request
// reaches the network.
//
// It knows nothing of CORS, of Envoy and of corsd.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
)

// Browser is a browser that runs.
type Browser interface {
	// Kind returns the kind of the browser.
	Kind() Kind

	// NewProfile returns a profile without cookies, with empty caches and no connections.
	NewProfile(ctx context.Context) (Profile, error)

	// Close ends the browser and removes its files. It has ended when Close returns.
	Close() error
}

// Profile is the state that pages share: cookies, the HTTP cache, cached preflights.
type Profile interface {
	// Open opens a page in a tab of its own, and returns when it has been loaded.
	Open(ctx context.Context, url string) (Page, error)

	// Close closes all tabs of the profile and forgets it.
	Close() error
}

// Page is a page in a tab.
type Page interface {
	// Console returns the messages that the browser wrote to the page's console and that
	// have not been returned before. Frames of other sites are heard from the first call on
	// that finds them.
	Console() []string

	// evaluate returns the value of an expression, which is a promise of a string.
	evaluate(ctx context.Context, expression string) (string, error)
}

// Call calls an asynchronous JavaScript function in the page with one argument,
// and stores its result, both as JSON.
func Call(ctx context.Context, p Page, function string, argument, result any) error {
	arg, err := json.Marshal(argument)
	if err != nil {
		return err
	}
	text, err := p.evaluate(ctx, fmt.Sprintf("(async () => JSON.stringify(await (%s)(%s)))()", function, arg))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), result)
}

// Options are the settings of a browser.
type Options struct {
	// Names leads the names of URLs to servers.
	Names *Names
	// Certificate is trusted for every host name.
	Certificate *Certificate
}
