//go:build linux

package proc

import (
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCPUTimeGrowsWithWork(t *testing.T) {
	before, err := CPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for after := before; after == before; {
		if after, err = CPUTime(os.Getpid()); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the clock stands still")
		}
	}
	if OwnCPUTime() <= 0 {
		t.Error("OwnCPUTime is not above zero")
	}
}

func TestThereIsNoCPUTimeOfNoProcess(t *testing.T) {
	for _, pid := range []int{-1, 0, 1<<22 + 1, 1 << 30} { // pid_max is at most 1<<22
		if d, err := CPUTime(pid); err == nil {
			t.Errorf("CPUTime(%d) = %v without error", pid, d)
		}
	}
}

func TestRSSCountsWhatIsTouched(t *testing.T) {
	before, err := RSS(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	block, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Munmap(block) }()
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	after, err := RSS(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if grown := after - before; grown < size/2 {
		t.Errorf("RSS grew by %d bytes for %d touched", grown, size)
	}
}

func TestThePeakStaysWhenMemoryGoes(t *testing.T) {
	base, err := ResetPeak(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	block, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	if err := syscall.Munmap(block); err != nil {
		t.Fatal(err)
	}
	peak, err := Peak(os.Getpid())
	if err != nil || peak-base < size/2 {
		t.Errorf("Peak = %d, %v; it was %d before %d bytes came and went", peak, err, base, size)
	}
	if again, err := ResetPeak(os.Getpid()); err != nil || again > peak-size/2 {
		t.Errorf("ResetPeak = %d, %v after a peak of %d", again, err, peak)
	}
	if _, err := Peak(1 << 30); err == nil {
		t.Error("a peak of no process")
	}
}

func TestOpenFilesCountsDescriptors(t *testing.T) {
	before, err := OpenFiles(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if after, err := OpenFiles(os.Getpid()); err != nil || after != before+1 {
		t.Errorf("OpenFiles = %d, %v; want %d", after, err, before+1)
	}
}

func TestCollectNeedsAHandler(t *testing.T) {
	if CanCollect(os.Getpid()) {
		t.Skip("SIGUSR2 is caught already")
	}
	if err := Collect(os.Getpid()); err == nil {
		t.Fatal("Collect sent a signal that ends the process")
	}
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR2)
	defer signal.Stop(got)
	if err := Collect(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-got:
	case <-time.After(10 * time.Second):
		t.Fatal("no signal came")
	}
}

func TestReportNeedsAHandler(t *testing.T) {
	cmd := exec.Command("sleep", "10")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if err := Report(cmd.Process.Pid); err == nil {
		t.Error("Report sent a signal that ends the process")
	}
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGUSR1)
	defer signal.Stop(got)
	if err := Report(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-got:
	case <-time.After(10 * time.Second):
		t.Fatal("no signal came")
	}
}

func TestAStartedProcessRunsOnItsCPU(t *testing.T) {
	cpus, err := CPUs()
	if err != nil || len(cpus) == 0 {
		t.Fatalf("CPUs = %v, %v", cpus, err)
	}
	want := cpus[len(cpus)-1]
	var out strings.Builder
	cmd := exec.Command("grep", "Cpus_allowed_list", "/proc/self/status")
	cmd.Stdout = &out
	if err := StartOn(want, cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if f := strings.Fields(out.String()); len(f) != 2 || f[1] != strconv.Itoa(want) {
		t.Errorf("the process says %q, want CPU %d", out.String(), want)
	}
	if now, _ := CPUs(); len(now) != len(cpus) {
		t.Errorf("this thread is left on CPUs %v of %v", now, cpus)
	}
}
