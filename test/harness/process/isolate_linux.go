package process

import (
	"os/exec"
	"syscall"
)

// isolate lets the program end when this process says so, and only then: an
// interrupt from the terminal goes to this process alone, and when this process
// dies, be it by SIGKILL or by the panic of a test that ran out of time, the
// kernel kills the program. (That is tied to the thread that starts the program;
// the Go runtime ends no thread of its own.)
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
