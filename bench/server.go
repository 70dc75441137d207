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

// server is a process that is measured. It listens on a Unix socket, as one beside
// Envoy does, and has a core of its own.
type server struct {
	name    string
	process *process.Process
	listen  string
	admin   string // host:port; "" for the floor
}

// How corsd is started. The setting of deployed can come from the environment only:
// the image, the manifests and docker-compose.yml set it.
const (
	bare     = "corsd, bare"
	deployed = "corsd, as deployed"
	floor    = "no-op server"
)

// start starts a server by its name, and waits until it listens.
func (b *bench) start(ctx context.Context, name, policy string) (*server, error) {
	b.started++
	s := &server{name: name, listen: "unix:" + filepath.Join(b.dir, fmt.Sprintf("%d.sock", b.started))}
	var words []string
	if b.pinned {
		words = []string{"taskset", "-c", b.core}
	}
	switch name {
	case floor:
		words = append(words, b.self, "-serve-noop", s.listen)
	case deployed:
		words = append([]string{"env", "GODEBUG=gcshrinkstackoff=1"}, words...)
		fallthrough
	case bare:
		words = append(words, b.corsd, "serve", "--policy", policy, "--listen", s.listen, "--admin", "127.0.0.1:0", "--log-level", "info", "--drain", "0")
	}
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
		said := s.logged("admin is listening")
		if len(said) == 0 {
			return errors.New("it has not said where its metrics are")
		}
		s.admin = said[0].Address
		return nil
	})
}

// entry is a line of corsd's log.
type entry struct {
	Time         time.Time
	Msg, Address string
}

// logged returns the lines of corsd's log with a message.
func (s *server) logged(message string) (said []entry) {
	for _, line := range s.process.Lines() {
		var e entry
		if json.Unmarshal([]byte(line), &e) == nil && e.Msg == message {
			said = append(said, e)
		}
	}
	return said
}

func (s *server) stop() error {
	if s.name == floor {
		s.process.Kill()
		return nil
	}
	return s.process.Stop(40 * time.Second)
}

// cpu is the time that the process has had so far.
func (s *server) cpu() (time.Duration, error) { return cpuOfProcess(s.process.ID()) }

// cpuOfProcess adds up the time on a processor of all threads, in nanoseconds, which
// /proc/PID/stat has in ticks of 10 ms only. A thread that has ended is lost, but
// neither Go nor Envoy ends any that works.
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

// memory is the resident memory, and the most that it has been, in bytes.
func (s *server) memory() (now, most int64, err error) {
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
			most = kilobytes << 10
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return now, most, nil
}

// forgetPeak lets the most that the memory has been begin anew.
func (s *server) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.process.ID()), []byte("5"), 0)
}

// metric reads a metric of corsd without labels.
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
