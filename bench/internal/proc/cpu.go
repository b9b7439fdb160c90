//go:build linux

package proc

import (
	"fmt"
	"math/bits"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"
)

// mask is a set of up to 1024 CPUs, as sched_setaffinity(2) takes it.
type mask [16]uint64

// CPUs returns the numbers of the CPUs that this thread may run on, in order.
func CPUs() ([]int, error) {
	m, err := affinity()
	if err != nil {
		return nil, err
	}
	var cpus []int
	for i, word := range m {
		for ; word != 0; word &= word - 1 {
			cpus = append(cpus, i*64+bits.TrailingZeros64(word))
		}
	}
	return cpus, nil
}

// StartOn starts cmd on one CPU: the calling thread moves there, starts it, which
// inherits the place, and moves back.
func StartOn(cpu int, cmd *exec.Cmd) error {
	if cpu < 0 || cpu >= 64*len(mask{}) {
		return fmt.Errorf("proc: no CPU %d", cpu)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	old, err := affinity()
	if err != nil {
		return err
	}
	var one mask
	one[cpu/64] = 1 << (cpu % 64)
	if err := setAffinity(&one); err != nil {
		return fmt.Errorf("proc: CPU %d: %w", cpu, err)
	}
	err = cmd.Start()
	if e := setAffinity(&old); err == nil {
		err = e
	}
	return err
}

func affinity() (mask, error) {
	var m mask
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(m), uintptr(unsafe.Pointer(&m)))
	if e != 0 {
		return m, fmt.Errorf("proc: CPUs: %w", e)
	}
	return m, nil
}

func setAffinity(m *mask) error {
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(*m), uintptr(unsafe.Pointer(m)))
	if e != 0 {
		return e
	}
	return nil
}
