package cli

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/servetest"
)

func modeOf(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// TestSocket: what happens to the path of a Unix socket.
func TestSocket(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string // a sentence
		before func(t *testing.T, path string)
		flags  []string
		mode   os.FileMode // 0 where corsd refuses to start
		want   string      // then, in the message
	}{
		{"a new socket is for the owner and the group", func(*testing.T, string) {}, nil, 0o660, ""},
		{"its mode can be chosen", func(*testing.T, string) {}, []string{"--socket-mode", "0606"}, 0o606, ""},
		{"one of a process that was killed is replaced", func(t *testing.T, path string) {
			l := listenUnix(t, path)
			l.SetUnlinkOnClose(false)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}, nil, 0o660, ""},
		{"one that someone listens on is not", func(t *testing.T, path string) {
			l := listenUnix(t, path)
			t.Cleanup(func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		}, nil, 0, "a process listens on the socket"},
		{"a file is not", func(t *testing.T, path string) { servetest.Write(t, path, "precious") }, nil, 0, "the path exists and is not a socket"},
		{"a directory is not", func(t *testing.T, path string) { servetest.Write(t, filepath.Join(path, "file"), "precious") }, nil, 0, "the path exists and is not a socket"},
		{"a symbolic link is not", func(t *testing.T, path string) {
			if err := os.Symlink(servetest.Write(t, path+".target", "precious"), path); err != nil {
				t.Fatal(err)
			}
		}, nil, 0, "the path exists and is not a socket"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			path := filepath.Join(servetest.ShortDir(t), "corsd.sock")
			r.before(t, path)
			args := append([]string{"serve", "--policy", servetest.PolicyFile(t), "--drain", "0s", "--listen", "unix:" + path}, r.flags...)
			if r.mode == 0 {
				before, _ := os.Lstat(path)
				var log servetest.Log
				if got := Run(t.Context(), args, Stdio{Err: &log, Env: func(string) string { return "" }}); got != exitUsage || !strings.Contains(log.String(), r.want) {
					t.Errorf("exit status %d, want %d:\n%s", got, exitUsage, log.String())
				}
				if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() || before.Size() != after.Size() {
					t.Errorf("the path was touched: %v, %v", after, err)
				}
				return
			}
			t.Cleanup(func() { // runs after corsd has ended
				if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the socket is still there: %v", err)
				}
			})
			s := startWith(t, func(string) string { return "" }, args...)
			if got := s.verdict(s.conn(), servetest.OldPage); got != "allow" {
				t.Errorf("verdict %s", got)
			}
			if got := modeOf(t, path); got != r.mode {
				t.Errorf("mode %o, want %o", got, r.mode)
			}
		})
	}
}

func listenUnix(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestPortTaken: a port in use is a usage error, and no listener is left open.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	socket := filepath.Join(servetest.ShortDir(t), "corsd.sock")
	for _, flag := range []string{"--listen", "--admin"} {
		var log servetest.Log
		args := []string{"serve", "--policy", servetest.PolicyFile(t), "--listen", "unix:" + socket, flag, taken.Addr().String()}
		got := Run(t.Context(), args, Stdio{Err: &log, Env: func(string) string { return "" }})
		if got != exitUsage || !strings.Contains(log.String(), flag+" "+taken.Addr().String()+": ") {
			t.Errorf("exit status %d:\n%s", got, log.String())
		}
		if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the socket is still there: %v", flag, err)
		}
	}
}
