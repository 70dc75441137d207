package server

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A Unix socket has its mode from the moment when its file appears, even if the umask is 0.
func TestSocketAppearsWithItsMode(t *testing.T) {
	umask := syscall.Umask(0)
	defer syscall.Umask(umask)
	for _, mode := range []fs.FileMode{0o600, 0o660, 0o666} {
		path := filepath.Join(t.TempDir(), "corsd.sock")
		config := net.ListenConfig{Control: withMode(mode)}
		l, err := config.Listen(t.Context(), "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("when it appears: %v, %v, want %v", info.Mode(), err, mode)
		}
		l.Close()
	}
}

// The umask does not narrow the mode.
func TestSocketModeIsTheFlag(t *testing.T) {
	umask := syscall.Umask(0o077)
	defer syscall.Umask(umask)
	path := filepath.Join(t.TempDir(), "corsd.sock")
	l, err := listen(t.Context(), "unix:"+path, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
