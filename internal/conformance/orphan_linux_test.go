package conformance

import (
	"os/exec"
	"syscall"
)

// dieWithUs makes the kernel end the server when the tests end before they can
// stop it, for instance by their time limit.
func dieWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
