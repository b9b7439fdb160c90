//go:build linux

package proc

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// CPUTime returns the CPU time, user and system, of all threads that process pid
// has and had. It reads the clock that clock_getcpuclockid(3) names, which counts
// nanoseconds; /proc/PID/stat counts hundredths of a second.
func CPUTime(pid int) (time.Duration, error) {
	if pid <= 0 || pid > 1<<22 { // 0 is the clock of the caller
		return 0, fmt.Errorf("proc: no process %d", pid)
	}
	const sched = 2 // CPUCLOCK_SCHED
	clock := uintptr(uint32(^int32(pid)<<3 | sched))
	var ts syscall.Timespec
	if _, _, e := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0); e != 0 {
		return 0, fmt.Errorf("proc: CPU clock of process %d: %w", pid, e)
	}
	return time.Duration(ts.Nano()), nil
}

// OwnCPUTime is the same of this process.
func OwnCPUTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
