//go:build linux

package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// RSS returns the resident memory of process pid in bytes. It walks the page
// tables (smaps_rollup), since the kernel's running counters lag behind.
func RSS(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, fmt.Errorf("proc: memory of process %d: %w", pid, err)
	}
	kib, ok := field(text, "Rss:")
	n, err := strconv.ParseInt(kib, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("proc: memory of process %d: no Rss in smaps_rollup", pid)
	}
	return n << 10, nil
}

// ResetPeak makes the resident memory of now the peak of process pid, and returns it
// in bytes, as the kernel counts it; see [Peak].
func ResetPeak(pid int) (int64, error) {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		return 0, fmt.Errorf("proc: peak of process %d: %w", pid, err)
	}
	return status(pid, "VmRSS:")
}

// Peak is the most memory, in bytes, that was resident in process pid since
// [ResetPeak].
func Peak(pid int) (int64, error) { return status(pid, "VmHWM:") }

func status(pid int, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("proc: memory of process %d: %w", pid, err)
	}
	kib, _ := field(text, name)
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("proc: memory of process %d: no %s in its status", pid, name)
	}
	return n << 10, nil
}

// catches reports whether process pid catches a signal, which would end it otherwise.
func catches(pid int, s syscall.Signal) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	mask, _ := field(text, "SigCgt:")
	caught, err := strconv.ParseUint(mask, 16, 64)
	return err == nil && caught&(1<<(s-1)) != 0
}

// CanCollect reports whether process pid catches SIGUSR2.
func CanCollect(pid int) bool { return catches(pid, syscall.SIGUSR2) }

// Collect asks process pid by SIGUSR2 to collect garbage and to give back what is
// free; see CanCollect.
func Collect(pid int) error { return ask(pid, syscall.SIGUSR2) }

// Report asks process pid by SIGUSR1 to collect garbage and to write the file of its
// memory's parts.
func Report(pid int) error { return ask(pid, syscall.SIGUSR1) }

func ask(pid int, s syscall.Signal) error {
	if !catches(pid, s) {
		return fmt.Errorf("proc: process %d does not catch %s", pid, signalName(s))
	}
	return syscall.Kill(pid, s)
}

func signalName(s syscall.Signal) string {
	if s == syscall.SIGUSR1 {
		return "SIGUSR1"
	}
	return "SIGUSR2"
}

// field returns the first word after name in a file of "name: value" lines.
func field(text []byte, name string) (string, bool) {
	for line := range bytes.Lines(text) {
		words := bytes.Fields(line)
		if len(words) >= 2 && string(words[0]) == name {
			return string(words[1]), true
		}
	}
	return "", false
}
