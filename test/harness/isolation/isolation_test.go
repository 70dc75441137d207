package isolation

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// mountPoint is a directory that only the process outside makes and removes.
var mountPoint = filepath.Join(os.TempDir(), fmt.Sprintf("corsd-isolation-%d", os.Getppid()))

// lacking is why the tests cannot run inside.
var lacking error

func TestMain(m *testing.M) {
	if Inside() {
		lacking = Enter()
		os.Exit(m.Run())
	}
	point := filepath.Join(os.TempDir(), fmt.Sprintf("corsd-isolation-%d", os.Getpid()))
	status, err := Start(point)
	if lacking = err; err != nil {
		os.Exit(m.Run())
	}
	if _, err := os.Stat(point); err == nil {
		fmt.Println("the mount point is left behind:", point)
		status = 1
	}
	os.Exit(status)
}

// need skips a test also if no test may be skipped: containers that run all others often do not allow namespaces.
func need(t *testing.T) {
	t.Helper()
	if lacking != nil {
		t.Skip(lacking)
	}
}

func TestThereIsOnlyLoopback(t *testing.T) {
	need(t)
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			t.Errorf("there is %s", i.Name)
		}
	}
}

func TestPodsCanListen(t *testing.T) {
	need(t)
	for _, address := range []string{"127.0.0.1:80", "10.244.0.5:80", "10.244.255.254:80"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	if l, err := net.Listen("tcp", "10.245.0.1:80"); err == nil {
		l.Close()
		t.Error("an address outside of Pods can be listened on")
	}
}

func TestBind(t *testing.T) {
	need(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Bind(dir, mountPoint); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(mountPoint, "file")); err != nil {
		t.Error(err)
	}
}
