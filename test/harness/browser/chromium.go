package browser

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/corsd/corsd/test/harness/process"
)

// patience is the longest time for a browser to start, and to end.
const patience = 60 * time.Second

type chromium struct {
	ctx    context.Context // of the browser's first tab, which stays open
	cancel context.CancelFunc
	dir    string
	output *process.Output
}

func startChromium(ctx context.Context, path string, o Options) (Browser, error) {
	dir, err := os.MkdirTemp("", "corsd-chromium-")
	if err != nil {
		return nil, err
	}
	c := &chromium{dir: dir, output: &process.Output{}}
	allocator, end := chromedp.NewExecAllocator(context.WithoutCancel(ctx), c.flags(path, o)...)
	var cancel context.CancelFunc
	c.ctx, cancel = chromedp.NewContext(allocator)
	c.cancel = func() { cancel(); end() }
	if err := chromedp.Do(c.ctx); err != nil { // starts the browser
		return nil, errors.Join(fmt.Errorf("start %s: %w\n%s", path, err, c.output), c.Close())
	}
	return c, nil
}

func (c *chromium) flags(path string, o Options) []chromedp.ExecAllocatorOption {
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(c.dir),
		chromedp.CombinedOutput(c.output),
		chromedp.WSURLReadTimeout(patience),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-crash-reporter", true),
	)
	if os.Getuid() == 0 { // Chromium refuses to run its sandbox as root
		flags = append(flags, chromedp.NoSandbox)
	}
	if o.Names != nil {
		flags = append(flags, chromedp.ProxyServer("socks5://"+o.Names.Address()))
	}
	if o.Certificate != nil {
		// With ignore-certificate-errors Chromium would store nothing in the HTTP cache.
		flags = append(flags, chromedp.Flag("ignore-certificate-errors-spki-list", o.Certificate.keyHash()))
	}
	return flags
}

// within returns the context of a tab, which also ends with the context of a caller and after patience.
func within(ctx, tab context.Context) (context.Context, context.CancelFunc) {
	bounded, cancel := context.WithTimeout(tab, patience)
	stop := context.AfterFunc(ctx, cancel)
	return bounded, func() { stop(); cancel() }
}

func (c *chromium) Kind() Kind { return Chromium }

func (c *chromium) Close() error {
	ended := make(chan error, 1)
	go func() { ended <- chromedp.Cancel(c.ctx) }()
	var err error
	select {
	case err = <-ended:
	case <-time.After(10 * time.Second):
		err = errors.New("Chromium did not end when it was asked to, and was killed")
	}
	c.cancel()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, removeAll(c.dir))
}

// removeAll removes a directory. It tries again for some time, because processes that are about to
// end may still write into it.
func removeAll(dir string) (err error) {
	for range 50 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

func (c *chromium) NewProfile(context.Context) (Profile, error) {
	tab, cancel := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(tab); err != nil { // creates the tab
		cancel()
		return nil, fmt.Errorf("new profile: %w", err)
	}
	return &chromiumProfile{chromium: c, ctx: tab, cancel: cancel}, nil
}

type chromiumProfile struct {
	*chromium
	ctx    context.Context // of its first tab, which stays empty
	cancel context.CancelFunc
}

// Close disposes of the browser context with all its tabs.
func (p *chromiumProfile) Close() error {
	p.cancel()
	return nil
}

func (p *chromiumProfile) Open(ctx context.Context, url string) (Page, error) {
	id := chromedp.FromContext(p.ctx).BrowserContextID
	tab, cancel := chromedp.NewContext(p.ctx, chromedp.WithExistingBrowserContext(id))
	page := &chromiumPage{ctx: tab, frames: map[target.ID]bool{}}
	go page.listen(chromedp.Console(tab)) // creates the tab
	bounded, done := within(ctx, tab)
	defer done()
	if err := chromedp.Do(bounded, chromedp.Navigate(url)); err != nil {
		cancel()
		return nil, fmt.Errorf("open %s: %w", url, err)
	}
	return page, nil
}

type chromiumPage struct {
	ctx context.Context

	mu       sync.Mutex // guards the fields below
	messages []string
	frames   map[target.ID]bool // frames of other sites whose messages are collected
}

// listen collects messages until the page is closed.
func (p *chromiumPage) listen(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return
		}
		p.mu.Lock()
		p.messages = append(p.messages, m.Text)
		p.mu.Unlock()
	}
}

// listenToFrames also collects the messages of frames of other sites, which Chromium runs in other
// processes. Their earlier messages are lost.
func (p *chromiumPage) listenToFrames() error {
	targets, err := chromedp.Targets(p.ctx)
	if err != nil {
		return err
	}
	own := chromedp.FromContext(p.ctx).BrowserContextID
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, info := range targets {
		if info.Type != "iframe" || info.BrowserContextID != own || p.frames[info.TargetID] {
			continue
		}
		p.frames[info.TargetID] = true
		frame, _ := chromedp.NewContext(p.ctx, chromedp.WithTargetID(info.TargetID)) // ends with the page
		go p.listen(chromedp.Console(frame))
	}
	return nil
}

func (p *chromiumPage) Console() []string {
	if err := p.listenToFrames(); err != nil {
		return []string{err.Error()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	messages := p.messages
	p.messages = nil
	return messages
}

func (p *chromiumPage) evaluate(ctx context.Context, expression string) (string, error) {
	bounded, done := within(ctx, p.ctx)
	defer done()
	return chromedp.Run(bounded, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
}
