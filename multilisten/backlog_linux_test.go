package multilisten

import (
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// tcpInfo returns the first eight words of the kernel's tcp_info (tcp(7)). The
// syscall package has no reader of it, but ICMPv6Filter is eight words too.
func tcpInfo(t *testing.T, s syscall.Conn) *syscall.ICMPv6Filter {
	t.Helper()
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var words *syscall.ICMPv6Filter
	var failed error
	if err := raw.Control(func(fd uintptr) {
		words, failed = syscall.GetsockoptICMPv6Filter(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
	}); err != nil || failed != nil {
		t.Fatalf("TCP_INFO: %v, %v", err, failed)
	}
	return words
}

// kernelBacklog returns the length of the accept queue as the kernel keeps it: for a
// listening socket it is in tcpi_sacked, the eighth word (tcp_get_info).
func kernelBacklog(t *testing.T, l *Listener) int {
	t.Helper()
	return int(tcpInfo(t, l).Data[7])
}

func TestBacklogReachesTheKernel(t *testing.T) { // L-12
	somaxconn := readSomaxconn(t)
	for _, tt := range []struct {
		name    string
		backlog int
		want    int
	}{
		{"zero is the most allowed", 0, somaxconn},
		{"as given", 7, min(7, somaxconn)},
		{"capped", somaxconn + 1, somaxconn},
		{"beyond an int of C", math.MaxInt, somaxconn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := openGroup(t, Binding{Addr: "127.0.0.1:0", Backlog: tt.backlog}).Listeners()[0]
			if got := kernelBacklog(t, l); got != tt.want {
				t.Errorf("the kernel has %d, want %d", got, tt.want)
			}
			if got := queueOf(t, l).backlog; got != tt.want {
				t.Errorf("sock_diag has %d, want %d", got, tt.want)
			}
		})
	}
}

func TestReopenKeepsTheBacklog(t *testing.T) { // L-12, L-29
	l := openGroup(t, Binding{Addr: "127.0.0.1:0", Backlog: 3}).Listeners()[0]
	l.Close()
	if err := l.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := kernelBacklog(t, l); got != 3 {
		t.Errorf("the kernel has %d, want 3", got)
	}
}

func TestBacklogOfAUnixSocketReachesTheKernel(t *testing.T) { // L-12
	somaxconn := readSomaxconn(t)
	for backlog, want := range map[int]int{5: min(5, somaxconn), 0: somaxconn} {
		path := t.TempDir() + "/s"
		l := openGroup(t, Binding{Network: "unix", Addr: path, Backlog: backlog}).Listeners()[0]
		if got := queueOf(t, l).backlog; got != want {
			t.Errorf("Backlog %d: the kernel has %d, want %d", backlog, got, want)
		}
		connect(t, l, path)
	}
}

func readSomaxconn(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		t.Skip(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
