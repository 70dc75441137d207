package page_test

import (
	_ "embed"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/browser"
)

//go:embed testdata/ask.js
var askJS string

// ask is a request of a page.
type ask struct {
	URL         string            `json:"url"` // in tables host and path only
	Method      string            `json:"method"`
	Headers     map[string]string `json:"headers,omitempty"`
	Body        string            `json:"body,omitempty"`
	Credentials string            `json:"credentials,omitempty"`
	Mode        string            `json:"mode,omitempty"`
	Cache       string            `json:"cache,omitempty"` // how the HTTP cache is used; only in batches

	// By is how, XMLHttpRequest or, unset, fetch. Sandboxed asks in a frame whose
	// origin is null.
	By        string `json:"by,omitempty"`
	Sandboxed bool   `json:"sandboxed,omitempty"`

	// Self is the function itself, for the frame.
	Self string `json:"self,omitempty"`
}

// seen is the part of a response that the page sees.
type seen struct {
	Outcome string      `json:"outcome"` // readable, opaque or refused
	URL     string      `json:"url"`     // of the response; only batches set it
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body"`
}

// from asks from a page.
func (a ask) from(t *testing.T, p browser.Page) (got seen) {
	t.Helper()
	if a.Sandboxed {
		a.Self = askJS[strings.Index(askJS, "async"):]
	}
	if err := browser.Call(t.Context(), p, askJS, a, &got); err != nil {
		t.Fatalf("%s %s: %v", a.Method, a.URL, err)
	}
	return got
}

// names returns the names of the headers that the page sees, sorted.
func (s seen) names() []string {
	var all []string
	for _, h := range s.Headers {
		all = append(all, h[0])
	}
	slices.Sort(all)
	return all
}

// asking a URL without its scheme.
func get(url string) ask { return ask{Method: "GET", URL: url} }

func do(method, url string) ask { return ask{Method: method, URL: url} }

func (a ask) with(name, value string) ask {
	a.Headers = map[string]string{name: value}
	return a
}

func (a ask) withCookies() ask { a.Credentials = "include"; return a }

func (a ask) withoutCookies() ask { a.Credentials = "omit"; return a }

func (a ask) withoutCORS() ask { a.Mode = "no-cors"; return a }

func (a ask) byXHR() ask { a.By = "XMLHttpRequest"; return a }

func (a ask) sandboxed() ask { a.Sandboxed = true; return a }

func (a ask) sending(kind, body string) ask {
	a.Body = body
	return a.with("Content-Type", kind)
}

// console waits until the page's console contains a text, and returns all its messages.
func console(p browser.Page, text string) (said string, found bool) {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for _, m := range p.Console() {
			said += m + "\n"
		}
		if strings.Contains(said, text) {
			return said, true
		}
	}
	return said, false
}
