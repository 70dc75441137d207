package isolation

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start starts this program again with the same arguments, inside, and waits for its end. It returns the exit status,
// or an error if the system does not allow the namespaces. A program inside has its files at mountPoint, see [Bind]:
// Start makes the empty directory for it, and removes it afterwards.
func Start(mountPoint string, env ...string) (status int, err error) {
	if err := os.Mkdir(mountPoint, 0o755); err == nil {
		defer os.Remove(mountPoint)
	} else if !errors.Is(err, os.ErrExist) {
		return 0, fmt.Errorf("a program needs its files at %s: %w", mountPoint, err)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(append(os.Environ(), variable+"=1"), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// Enter completes the isolation of a process that is inside: its mounts are not seen outside, and the loopback device
// has the addresses of [Pods].
func Enter() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("loopback device: %w", err)
	}
	return nil
}

// Bind makes the directory from appear at the mount point of [Start].
func Bind(from, mountPoint string) error {
	if err := unix.Mount(from, mountPoint, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s to %s: %w", from, mountPoint, err)
	}
	return nil
}

// Unbind ends [Bind]. It comes before the directory is removed: another one cannot be mounted where a removed one is.
func Unbind(mountPoint string) error { return unix.Unmount(mountPoint, unix.MNT_DETACH) }

// loopback sets the addresses. The kernel accepts connections to every address of a network of the loopback device.
func loopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	for _, step := range []struct {
		device  string
		request uint
		set     func(*unix.Ifreq) error
	}{
		{"lo", unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP); return nil }},
		{"lo:0", unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(Pods.Addr().Next().AsSlice()) }},
		{"lo:0", unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 0, 0}) }},
	} {
		r, err := unix.NewIfreq(step.device)
		if err != nil {
			return err
		}
		if err := errors.Join(step.set(r), unix.IoctlIfreq(socket, step.request, r)); err != nil {
			return err
		}
	}
	return nil
}
