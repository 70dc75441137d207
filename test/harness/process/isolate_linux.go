package process

import (
	"os/exec"
	"syscall"
)

// isolate ties the program to this process. An interrupt from the terminal goes only to this process. If this process
// dies, for example by SIGKILL or by the panic of a test that timed out, the kernel kills the program. (That depends on
// the thread that starts the program; the Go runtime does not end its threads by itself.)
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
