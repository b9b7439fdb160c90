//go:build linux

package proc

import (
	"fmt"
	"os"
	"syscall"
)

// RaiseFiles raises the limit of open files to the hard limit and returns it.
func RaiseFiles() (int, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	r.Cur = r.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, err
	}
	return int(min(r.Cur, 1<<30)), nil
}

// OpenFiles is the number of descriptors that process pid has open.
func OpenFiles(pid int) (int, error) {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0, fmt.Errorf("proc: files of process %d: %w", pid, err)
	}
	return len(list), nil
}
