package multilisten

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// handTo puts copies of the descriptors at the numbers from first on, as a parent does,
// and returns what inherit is to be told.
func handTo(t *testing.T, first int, names string, conns ...syscall.Conn) map[string]string {
	t.Helper()
	for i, c := range conns {
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var failed error
		if err := raw.Control(func(fd uintptr) { failed = syscall.Dup3(int(fd), first+i, 0) }); err != nil || failed != nil {
			t.Fatal(errors.Join(err, failed))
		}
	}
	return map[string]string{envFDs: strconv.Itoa(len(conns)), envNames: names, envPID: strconv.Itoa(os.Getpid())}
}

func isOpen(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil
}

func listenOn(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestBindingsTakeWhatWasHanded(t *testing.T) { // socket activation
	const first = 200
	path := t.TempDir() + "/s"
	var parents []syscall.Conn
	for _, a := range [][2]string{{"tcp4", "127.0.0.1:0"}, {"unix", path}, {"tcp4", "127.0.0.2:0"}, {"tcp4", "127.0.0.3:0"}, {"tcp4", "127.0.0.4:0"}} {
		parents = append(parents, listenOn(t, a[0], a[1]).(syscall.Conn))
	}
	addr := func(i int) string { return parents[i].(net.Listener).Addr().String() }
	in, err := inherit(handTo(t, first, "web:sock:web:any:left", parents...), first)
	if err != nil {
		t.Fatal(err)
	}
	for i := range parents {
		if isOpen(first + i) {
			t.Errorf("descriptor %d is still open", first+i)
		}
	}
	opening := "127.0.0.5:0"
	control := func(network, address string, _ syscall.RawConn) error {
		if address != opening {
			t.Errorf("a socket was opened: %s %s", network, address)
		}
		return nil
	}
	g := openWith(t, Options{Inherited: in, Control: control, InBufferSize: 12_000},
		Binding{Activated: "web", Backlog: 7},
		Binding{Activated: "web", Addr: addr(2)},
		Binding{Network: "unix", Addr: path},
		Binding{Name: "any", Addr: "127.0.0.3:0"},
		Binding{Name: "fresh", Addr: "127.0.0.5:0"},
	)
	for i, parent := range []int{0, 2, 1, 3} {
		l := g.Listener(i)
		if l.Addr().String() != addr(parent) {
			t.Fatalf("binding %d has %v, want %s", i, l.Addr(), addr(parent))
		}
		a, b := connect(t, l, l.Addr().String())
		checkEcho(t, a, b)
		if s := g.States()[i]; !s.Inherited || s.InBufferErr != nil {
			t.Errorf("state %+v, want inherited", s)
		}
	}
	if got := queueOf(t, g.Listener(0)).backlog; got != 7 {
		t.Errorf("the backlog is %d, want 7", got)
	}
	if n := receiveBuffer(t, g.Listener(0)); n > 24_000 {
		t.Errorf("the receive buffer has %d bytes, want at most 24000", n)
	}
	if l := g.Listener(0); l.RequestedPort() != l.Bound().Port() || g.States()[0].Network != "tcp4" {
		t.Errorf("RequestedPort = %d of %+v", l.RequestedPort(), g.States()[0])
	}
	if g.Listener(3).RequestedPort() != 0 || g.States()[4].Inherited {
		t.Errorf("RequestedPort = %d, states\n%+v", g.Listener(3).RequestedPort(), g.States())
	}
	if got := in.Names(); !slices.Equal(got, []string{"left"}) {
		t.Errorf("%q are left, want [left]", got)
	}
	rest := in.Listeners()
	if len(rest) != 1 || rest[0].Name != "left" || rest[0].Addr().String() != addr(4) || len(in.Names()) != 0 {
		t.Fatalf("Listeners = %v", rest)
	}
	rest[0].Close()
	opening = "127.0.0.3:0"
	checkGone(t, g, path)
}

// checkGone closes: the socket file is the service manager's, as are activated sockets.
func checkGone(t *testing.T, g *Group, path string) {
	t.Helper()
	l := g.Listener(0)
	l.Close()
	if err := l.Reopen(t.Context()); !errors.Is(err, ErrNotActivated) {
		t.Errorf("Reopen = %v, want ErrNotActivated", err)
	}
	any := g.Listener(3) // asked for any port, and may have another one
	before := any.Bound()
	any.Close()
	if err := any.Reopen(t.Context()); err != nil || g.States()[3].Inherited || any.Bound() == before {
		t.Errorf("Reopen = %v, state %+v; want a socket of its own", err, g.States()[3])
	}
	g.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket file: %v", err)
	}
}

func TestAcceptedKeepAliveOfWhatWasHanded(t *testing.T) { // K-04, socket activation
	const first = 220
	in, err := inherit(handTo(t, first, "", listenOn(t, "tcp4", "127.0.0.1:0").(syscall.Conn)), first)
	if err != nil {
		t.Fatal(err)
	}
	l := openWith(t, Options{Inherited: in}, Binding{Activated: "unknown"}).Listeners()[0]
	if got, want := keepAliveOf(t, accepted(t, l)), packageNet(t); got != want {
		t.Errorf("a connection has %v, want %v", got, want)
	}
}

func TestFamiliesOfWhatWasHanded(t *testing.T) { // L-09, socket activation
	needIPv6(t)
	const first = 230
	for network, want := range map[string]endpoint{
		"tcp":  {network: "tcp"},
		"tcp6": {network: "tcp6", ip: netip.MustParseAddr("::")},
		"tcp4": {network: "tcp4", ip: netip.MustParseAddr("0.0.0.0")},
	} {
		parent := listenOn(t, network, ":0")
		in, err := inherit(handTo(t, first, "", parent.(syscall.Conn)), first)
		if err != nil {
			t.Fatal(err)
		}
		want.port = uint16(parent.Addr().(*net.TCPAddr).Port)
		if got := in.rest[0].at; got != want {
			t.Errorf("%s: %+v, want %+v", network, got, want)
		}
		in.Close()
	}
}

func TestWhatIsNoListenerStaysOpen(t *testing.T) { // socket activation
	const first = 240
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	good := listenOn(t, "tcp4", "127.0.0.1:0")
	conn := dial(t, good.Addr())
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	packets := listenOn(t, "unixpacket", t.TempDir()+"/s")
	env := handTo(t, first, "udp:good:conn:file:packets:none",
		udp.(syscall.Conn), good.(syscall.Conn), conn.(syscall.Conn), file, packets.(syscall.Conn))
	env[envFDs] = "6" // the last one is not there
	in, err := inherit(env, first)
	t.Cleanup(func() { in.Close() })
	if got := in.Names(); !slices.Equal(got, []string{"good"}) {
		t.Errorf("Names = %q, want [good]", got)
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 5 {
		t.Fatalf("inherit = %v, want five errors", err)
	}
	for i, want := range []int{0, 2, 3, 4, 5} {
		ie, ok := errors.AsType[*InheritError](joined.Unwrap()[i])
		if !ok || ie.FD != first+want || !strings.Contains(ie.Error(), strconv.Quote(ie.Name)) {
			t.Errorf("error %d = %v, want one of descriptor %d", i, joined.Unwrap()[i], first+want)
		}
		if isOpen(first+want) != (want != 5) {
			t.Errorf("descriptor %d: open is %v", first+want, isOpen(first+want))
		}
		if want == 5 {
			continue
		}
		flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(first+want), syscall.F_GETFD, 0)
		if flags&syscall.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d stays open in children", first+want)
		}
		syscall.Close(first + want)
	}
}

func TestFailedOpenClosesWhatItTook(t *testing.T) { // L-27, socket activation
	const first = 250
	for name, bad := range map[string]Binding{"before": {}, "after": {Addr: taken(t)}} {
		parent := listenOn(t, "tcp4", "127.0.0.1:0")
		in, err := inherit(handTo(t, first, "web", parent.(syscall.Conn)), first)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = Open(t.Context(), Options{Inherited: in}, Binding{Activated: "web"}, bad); err == nil {
			t.Fatal("Open = nil")
		}
		parent.Close()
		g, err := Open(t.Context(), Options{}, Binding{Addr: parent.Addr().String()})
		if err != nil {
			t.Fatalf("it failed %s a socket was opened: %v", name, err)
		}
		g.Close()
	}
}

// A child's copy of the descriptor must not make the socket blocking: it is one socket
// for both processes.
func TestHandingOnLeavesTheSocketAsItIs(t *testing.T) { // handover
	g := openGroup(t, Binding{Name: "web: a", Addr: "127.0.0.1:0"}, Binding{Addr: "127.0.0.2:0"})
	g.CloseOne(1)
	files, err := g.Files()
	if err != nil {
		t.Fatal(err)
	}
	defer closeFiles(files)
	if len(files) != 1 || files[0].Name() != "web_ a" {
		t.Fatalf("Files = %v, want one called web_ a", files)
	}
	fd := files[0].Fd() // which package exec calls
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	if flags&syscall.O_NONBLOCK == 0 {
		t.Fatal("the socket blocks")
	}
	own, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFD, 0)
	if own&syscall.FD_CLOEXEC == 0 {
		t.Error("the copy stays open in every child")
	}
	l := g.Listener(0)
	conns := acceptAll(l)
	c := dial(t, l.Addr())
	checkEcho(t, <-conns, c)
	l.Close()
	<-conns
	if c, err := net.DialTimeout("tcp4", l.Addr().String(), 5*time.Second); err != nil {
		t.Errorf("dial = %v; the file listens on", err)
	} else {
		c.Close()
	}
	if _, err := g.Files(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Files of a closed group = %v, want net.ErrClosed", err)
	}
}
