// Package browser runs real browsers without a window, for tests of the responses that a page can read. It controls
// Chromium over its DevTools protocol and Firefox over WebDriver BiDi.
//
// Each begins with an empty profile. All host names in URLs lead to servers of this machine ([Names]), and no request
// reaches the network.
//
// The package does not depend on CORS, Envoy or corsd.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
)

// Browser is a running browser.
type Browser interface {
	// Kind returns the kind of the browser.
	Kind() Kind

	// NewProfile returns a profile without cookies, with empty caches and no connections.
	NewProfile(ctx context.Context) (Profile, error)

	// Close ends the browser, waits until it has ended, and removes its files.
	Close() error
}

// Profile is the state that pages share: cookies, the HTTP cache, cached preflights.
type Profile interface {
	// Open opens a page in a new tab, and returns when the page has been loaded.
	Open(ctx context.Context, url string) (Page, error)

	// Close closes all tabs of the profile and deletes the profile.
	Close() error
}

// Page is a page in a tab.
type Page interface {
	// Console returns the messages that the browser wrote to the page's console and that have not
	// been returned before. Messages of a frame of another site are included only after a call
	// that found the frame.
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
	// Names maps the names of URLs to servers.
	Names *Names
	// Certificate is trusted for every host name.
	Certificate *Certificate
}
