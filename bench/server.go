package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/corsd/corsd/test/harness/process"
)

// server is a process that is measured. It listens on a Unix socket, as a server beside
// Envoy does. It has its own core.
type server struct {
	name    string
	process *process.Process
	listen  string
	admin   string // host:port; "" for the floor
}

// The names of the servers. deployed runs corsd with the environment that the image, the manifests
// and docker-compose.yml set.
const (
	bare     = "corsd, bare"
	deployed = "corsd, as deployed"
	floor    = "no-op server"
	// fromResources is deployed with policies of the API server in a kubeconfig, and the permission to name every host.
	fromResources = "corsd, from resources"
)

// live is the message of a policy that goes live.
const live = "policy is live"

// start starts a server by its name, and waits until it listens.
func (b *bench) start(ctx context.Context, name, policy string) (*server, error) {
	b.started++
	s := &server{name: name, listen: "unix:" + filepath.Join(b.dir, fmt.Sprintf("%d.sock", b.started))}
	words := b.command(name, policy, s.listen)
	path, err := exec.LookPath(words[0])
	if err != nil {
		return nil, err
	}
	if s.process, err = process.Start(ctx, path, words[1:]...); err != nil {
		return nil, err
	}
	b.running = append(b.running, s)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute) // reading the largest policy is slow
	defer cancel()
	err = s.process.Await(ctx, func(ctx context.Context) error {
		network, address := split(s.listen)
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, s.process.Output())
	}
	if name == floor {
		return s, nil
	}
	return s, s.process.Await(ctx, func(context.Context) error {
		lines := s.logged("admin is listening")
		if len(lines) == 0 {
			return errors.New("corsd has not logged the address of its metrics")
		}
		s.admin = lines[0].Address
		return nil
	})
}

// command returns the command line of a server.
func (b *bench) command(name, policy, listen string) (words []string) {
	if b.pinned {
		words = []string{"taskset", "-c", b.core}
	}
	switch name {
	case floor:
		words = append(words, b.self, "-serve-noop", listen)
	case deployed:
		words = append([]string{"env", "GODEBUG=gcshrinkstackoff=1"}, words...)
		fallthrough
	case bare:
		words = append(words, b.serve("--policy", policy, "--listen", listen)...)
	case fromResources:
		words = append([]string{"env", "GODEBUG=gcshrinkstackoff=1"}, words...)
		words = append(words, b.serve("--kubernetes", "--kubeconfig", policy, "--kubernetes-host-grants=false",
			"--listen", listen)...)
	}
	return words
}

func (b *bench) serve(flags ...string) []string {
	return append([]string{b.corsd, "serve", "--admin", "127.0.0.1:0", "--log-level", "info", "--drain", "0"}, flags...)
}

// entry is a line of corsd's log.
type entry struct {
	Time         time.Time
	Msg, Address string
}

// logged returns the lines of corsd's log with a message.
func (s *server) logged(message string) (lines []entry) {
	for _, line := range s.process.Lines() {
		var e entry
		if json.Unmarshal([]byte(line), &e) == nil && e.Msg == message {
			lines = append(lines, e)
		}
	}
	return lines
}

func (s *server) stop() error {
	if s.name == floor {
		s.process.Kill()
		return nil
	}
	return s.process.Stop(40 * time.Second)
}

// cpu returns the processor time of the process so far.
func (s *server) cpu() (time.Duration, error) { return cpuOfProcess(s.process.ID()) }

// cpuOfProcess returns the sum of the processor times of all threads, in nanoseconds. The sum in
// /proc/PID/stat has ticks of 10 ms. Threads that have ended are not counted, but neither Go nor
// Envoy ends threads that work.
func cpuOfProcess(id int) (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", id))
	if err != nil || len(threads) == 0 {
		return 0, fmt.Errorf("no threads of process %d: %w", id, err)
	}
	var total time.Duration
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has ended just now
		}
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n)
	}
	return total, nil
}

// memory returns the resident memory and its peak, in bytes.
func (s *server) memory() (now, peak int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.ID()))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "VmRSS":
			_, err = fmt.Sscan(value, &kilobytes)
			now = kilobytes << 10
		case "VmHWM":
			_, err = fmt.Sscan(value, &kilobytes)
			peak = kilobytes << 10
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return now, peak, nil
}

// forgetPeak resets the peak of the memory to the present value.
func (s *server) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.process.ID()), []byte("5"), 0)
}

// metric returns the value of a metric of corsd without labels.
func (s *server) metric(name string) (float64, error) {
	response, err := http.Get("http://" + s.admin + "/metrics")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}
