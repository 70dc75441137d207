// Package process runs a program beside a test. It keeps the output of the program, and ends it by its id.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a program that was started.
type Process struct {
	name   string
	cmd    *exec.Cmd
	output Output
	exited chan struct{}
	err    error // the reason why it ended; valid after exited is closed
}

// Start starts a program. Stop and Kill end it. It also ends when ctx is done and, on Linux, when this
// process dies.
func Start(ctx context.Context, path string, args ...string) (*Process, error) {
	p := &Process{name: filepath.Base(path), exited: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, path, args...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.WaitDelay = time.Second
	isolate(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// Stop sends SIGTERM to the program, and kills it if it is still running after grace. It returns an error unless the
// exit status is 0.
func (p *Process) Stop(grace time.Duration) error {
	select {
	case <-p.exited:
		return p.ended()
	default:
	}
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return p.ended()
	case <-time.After(grace):
		p.Kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM and was killed", p.name, grace)
	}
}

// Kill kills the program and waits until it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only if the program has ended already
	<-p.exited
}

// Signal sends a signal. It does nothing if the program has ended.
func (p *Process) Signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s)
}

// ID returns the program's process ID.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Exited returns a channel that is closed when the program has ended, for any reason.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Output returns all that the program has printed so far.
func (p *Process) Output() string { return p.output.String() }

// Lines returns the whole lines that the program has printed so far.
func (p *Process) Lines() []string {
	lines := strings.Split(p.Output(), "\n")
	return lines[:len(lines)-1]
}

// Await calls ready every few milliseconds until it returns nil. It fails when ctx is done or the
// program has ended.
func (p *Process) Await(ctx context.Context, ready func(context.Context) error) error {
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return errors.Join(p.ended(), err)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.name, err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (p *Process) ended() error {
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%s ended: %w", p.name, p.err)
}

// Output collects the output of a program while others read it.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
