package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/corsd/corsd/test/harness/process"
)

type firefox struct {
	*process.Process
	dir  string
	bidi *bidi

	mu    sync.Mutex
	pages map[string]*firefoxPage // by their browsing contexts
}

func startFirefox(ctx context.Context, path string, o Options) (_ Browser, err error) {
	dir, err := os.MkdirTemp("", "corsd-firefox-")
	if err != nil {
		return nil, err
	}
	f := &firefox{dir: dir, pages: map[string]*firefoxPage{}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start %s: %w", path, err), f.Close())
		}
	}()
	if err := os.WriteFile(filepath.Join(dir, "user.js"), preferences(o), 0o600); err != nil {
		return nil, err
	}
	f.Process, err = process.Start(context.WithoutCancel(ctx), path,
		"--headless", "--no-remote", "--profile", dir, "--remote-debugging-port", "0")
	if err != nil {
		return nil, err
	}
	return f, f.connect(ctx, o)
}

// preferences returns the profile's preferences. Firefox itself adds those that it recommends for
// automation.
func preferences(o Options) []byte {
	all := map[string]any{
		"app.update.disabledForTesting":              true,
		"datareporting.policy.dataSubmissionEnabled": false,
		"network.captive-portal-service.enabled":     false,
		"network.connectivity-service.enabled":       false,
		"network.http.http3.enable":                  false,
		"toolkit.telemetry.server":                   "",
		"webgl.force-enabled":                        true,
	}
	if o.Names != nil {
		host, port, _ := net.SplitHostPort(o.Names.Address())
		all["network.proxy.type"] = 1
		all["network.proxy.socks"] = host
		all["network.proxy.socks_port"] = json.Number(port)
		all["network.proxy.socks_remote_dns"] = true
	}
	var text strings.Builder
	for name, value := range all {
		v, _ := json.Marshal(value) // of booleans, numbers and strings
		fmt.Fprintf(&text, "user_pref(%q, %s);\n", name, v)
	}
	return []byte(text.String())
}

// connect opens a connection to Firefox, and a session on it.
func (f *firefox) connect(ctx context.Context, o Options) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var url string
	if err := f.Await(ctx, func(context.Context) error {
		url, err = listening(f.Output())
		return err
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, f.Output())
	}
	if f.bidi, err = dialBiDi(ctx, url+"/session", f.addMessage); err != nil {
		return err
	}
	capabilities := map[string]any{"alwaysMatch": map[string]any{"acceptInsecureCerts": o.Certificate != nil}}
	if err := f.bidi.do(ctx, "session.new", map[string]any{"capabilities": capabilities}, nil); err != nil {
		return err
	}
	return f.bidi.do(ctx, "session.subscribe", map[string]any{"events": []string{"log.entryAdded"}}, nil)
}

// listening returns the address that Firefox prints.
func listening(output string) (string, error) {
	_, rest, found := strings.Cut(output, "WebDriver BiDi listening on ")
	url, _, whole := strings.Cut(rest, "\n")
	if !found || !whole {
		return "", errors.New("Firefox does not say where it listens")
	}
	return strings.TrimSpace(url), nil
}

// addMessage adds the message of an event to its page: the browser wrote it to the page's console.
func (f *firefox) addMessage(method string, params json.RawMessage) {
	var entry struct {
		Text   string `json:"text"`
		Source struct {
			Context string `json:"context"`
		} `json:"source"`
	}
	if method != "log.entryAdded" || json.Unmarshal(params, &entry) != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.pages[entry.Source.Context]; p != nil {
		p.messages = append(p.messages, entry.Text)
	}
}

func (f *firefox) Kind() Kind { return Firefox }

func (f *firefox) Close() error {
	var errs []error
	if f.bidi != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		errs = append(errs, f.bidi.do(ctx, "browser.close", struct{}{}, nil))
	}
	if f.Process != nil {
		select {
		case <-f.Exited():
		case <-time.After(10 * time.Second):
		}
		errs = append(errs, f.Stop(10*time.Second))
	}
	if f.bidi != nil {
		f.bidi.close()
	}
	return errors.Join(append(errs, removeAll(f.dir))...)
}

func (f *firefox) NewProfile(ctx context.Context) (Profile, error) {
	p := &firefoxProfile{firefox: f}
	return p, f.bidi.do(ctx, "browser.createUserContext", struct{}{}, p)
}

type firefoxProfile struct {
	*firefox
	UserContext string `json:"userContext"`
}

func (p *firefoxProfile) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.bidi.do(ctx, "browser.removeUserContext", map[string]any{"userContext": p.UserContext}, nil)
}

func (p *firefoxProfile) Open(ctx context.Context, url string) (Page, error) {
	page := &firefoxPage{firefox: p.firefox}
	create := map[string]any{"type": "tab", "userContext": p.UserContext}
	if err := p.bidi.do(ctx, "browsingContext.create", create, page); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.pages[page.Context] = page
	p.mu.Unlock()
	navigate := map[string]any{"context": page.Context, "url": url, "wait": "complete"}
	return page, p.bidi.do(ctx, "browsingContext.navigate", navigate, nil)
}

type firefoxPage struct {
	*firefox
	Context  string   `json:"context"`
	messages []string // guarded by firefox.mu
}

func (p *firefoxPage) Console() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	messages := p.messages
	p.messages = nil
	return messages
}

func (p *firefoxPage) evaluate(ctx context.Context, expression string) (string, error) {
	var got struct {
		Type   string `json:"type"` // success or exception
		Result struct {
			Value string `json:"value"`
		} `json:"result"`
		Exception struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	err := p.bidi.do(ctx, "script.evaluate", map[string]any{
		"expression": expression, "target": map[string]any{"context": p.Context}, "awaitPromise": true,
	}, &got)
	if err == nil && got.Type != "success" {
		err = errors.New(got.Exception.Text)
	}
	return got.Result.Value, err
}
