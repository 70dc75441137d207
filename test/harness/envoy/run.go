package envoy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/corsd/corsd/test/harness/process"
)

// Envoy is a running Envoy.
type Envoy struct {
	*process.Process

	// Address is the address of the listener ingress, host:port.
	Address string

	// Admin is the address of the admin interface, host:port.
	Admin string
}

// Start runs the configuration, with its listener ingress and its admin interface on free ports of this machine. It
// returns when Envoy accepts requests. Its files are in dir. If Envoy is not ready when ctx ends, Start stops it.
func (b Binary) Start(ctx context.Context, c *Config, dir string) (*Envoy, error) {
	return b.StartAt(ctx, c, dir, "127.0.0.1:0")
}

// StartAt is Start with the listener ingress on an address, host:port.
func (b Binary) StartAt(ctx context.Context, c *Config, dir, ingress string) (*Envoy, error) {
	if err := c.SetListener("ingress", ingress); err != nil {
		return nil, err
	}
	if err := c.SetAdmin("127.0.0.1:0"); err != nil {
		return nil, err
	}
	text, err := c.YAML()
	if err != nil {
		return nil, err
	}
	file, admin := filepath.Join(dir, "envoy.yaml"), filepath.Join(dir, "envoy-admin")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return nil, err
	}
	e := &Envoy{}
	// Without hot restart Envoy uses no shared memory. So several can run at once, and none leaves
	// files behind. The process outlives ctx, which limits only the start.
	e.Process, err = process.Start(context.WithoutCancel(ctx), b.Path, "--config-path", file,
		"--admin-address-path", admin, "--concurrency", "1", "--disable-hot-restart",
		"--log-level", "warning", "--file-flush-interval-msec", "5")
	if err != nil {
		return nil, err
	}
	if err := e.Await(ctx, func(ctx context.Context) error { return e.locate(ctx, admin) }); err != nil {
		e.Kill()
		return nil, fmt.Errorf("%w\n%s", err, e.Output())
	}
	return e, nil
}

// Stop ends Envoy. It does not wait for pending requests.
func (e *Envoy) Stop() error { return e.Process.Stop(5 * time.Second) }

// locate waits until Envoy is ready and sets the addresses that the kernel chose.
func (e *Envoy) locate(ctx context.Context, adminFile string) error {
	address, err := os.ReadFile(adminFile)
	if err != nil {
		return err
	}
	e.Admin = string(address)
	if _, err := e.get(ctx, "/ready"); err != nil {
		return err
	}
	e.Address, err = e.listener(ctx, "ingress")
	return err
}

func (e *Envoy) listener(ctx context.Context, name string) (string, error) {
	text, err := e.get(ctx, "/listeners?format=json")
	if err != nil {
		return "", err
	}
	var answer struct {
		Statuses []struct {
			Name  string `json:"name"`
			Local struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return "", err
	}
	for _, l := range answer.Statuses {
		if l.Name == name {
			return fmt.Sprintf("%s:%d", l.Local.Socket.Address, l.Local.Socket.Port), nil
		}
	}
	return "", fmt.Errorf("no listener %s in %s", name, text)
}

// Stats returns the counters and gauges whose names match an RE2 expression.
func (e *Envoy) Stats(ctx context.Context, expression string) (map[string]int, error) {
	text, err := e.get(ctx, "/stats?filter="+url.QueryEscape(expression))
	if err != nil {
		return nil, err
	}
	stats := map[string]int{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if n, err := strconv.Atoi(value); err == nil {
			stats[name] = n
		}
	}
	return stats, nil
}

// ConfigDump returns the configuration that Envoy runs, with endpoints if eds is set.
func (e *Envoy) ConfigDump(ctx context.Context, eds bool) (string, error) {
	if eds {
		return e.get(ctx, "/config_dump?include_eds")
	}
	return e.get(ctx, "/config_dump")
}

// get sends a request to the admin interface.
func (e *Envoy) get(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Admin+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, answer.Status, text)
	}
	return string(text), err
}
