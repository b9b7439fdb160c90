package wsserver_test

import (
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// listened is how a server comes to its sockets. Where secure, clients speak TLS.
type listened struct {
	name   string
	secure bool
	listen func(t *testing.T, srv *wsserver.Server[*guest], config *tls.Config) (addr string)
}

// allListened are all the ways there are.
func allListened() []listened {
	return []listened{
		{"Listen", false, func(t *testing.T, srv *wsserver.Server[*guest], _ *tls.Config) string { return open(t, srv) }},
		{"Listen with TLS", true, func(t *testing.T, srv *wsserver.Server[*guest], _ *tls.Config) string { return open(t, srv) }},
		{"Serve", false, func(t *testing.T, srv *wsserver.Server[*guest], _ *tls.Config) string {
			l := loopback(t)
			serveOn(t, srv, l, srv.Serve)
			return l.Addr().String()
		}},
		{"Serve of a TLS listener", true, func(t *testing.T, srv *wsserver.Server[*guest], config *tls.Config) string {
			l := loopback(t)
			serveOn(t, srv, tls.NewListener(l, config), srv.Serve)
			return l.Addr().String()
		}},
		{"ServeTLS", true, func(t *testing.T, srv *wsserver.Server[*guest], _ *tls.Config) string {
			l := loopback(t)
			serveOn(t, srv, l, srv.ServeTLS)
			return l.Addr().String()
		}},
		{"ServeHTTP", false, func(t *testing.T, srv *wsserver.Server[*guest], _ *tls.Config) string {
			l := loopback(t)
			serveHandler(t, srv, l)
			return l.Addr().String()
		}},
		{"ServeHTTP with TLS", true, func(t *testing.T, srv *wsserver.Server[*guest], config *tls.Config) string {
			l := loopback(t)
			serveHandler(t, srv, tls.NewListener(l, config))
			return l.Addr().String()
		}},
	}
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// acceptedSocket returns the descriptor, in this process, at the other end of conn.
func acceptedSocket(t *testing.T, conn net.Conn) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	want := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	for _, f := range files {
		fd, _ := strconv.Atoi(f.Name())
		peer, err := syscall.Getpeername(fd)
		if err != nil {
			continue
		}
		var got netip.AddrPort
		switch a := peer.(type) {
		case *syscall.SockaddrInet4:
			got = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
		case *syscall.SockaddrInet6:
			got = netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
		}
		if got == want {
			return fd
		}
	}
	t.Fatalf("no socket has the peer %v", want)
	return 0
}

// sockopts is what the kernel says of a socket; buffers in bytes, times in seconds.
type sockopts struct{ noDelay, in, out, keepAlive, idle, interval, count int }

func optionsOf(t *testing.T, fd int) (o sockopts) {
	t.Helper()
	for _, opt := range []struct {
		level, name int
		value       *int
	}{
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, &o.noDelay},
		{syscall.SOL_SOCKET, syscall.SO_RCVBUF, &o.in},
		{syscall.SOL_SOCKET, syscall.SO_SNDBUF, &o.out},
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, &o.keepAlive},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, &o.idle},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, &o.interval},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, &o.count},
	} {
		var err error
		if *opt.value, err = syscall.GetsockoptInt(fd, opt.level, opt.name); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// S-09, S-10, R-05, K-04, K-05: what the kernel says of a client's socket, whatever
// the way of its connection. The sizes are below every limit of the system, which
// doubles them.
func TestSocketOptionsReachTheKernel(t *testing.T) { onDrivers(t, testSocketOptionsReachTheKernel) }

func testSocketOptionsReachTheKernel(t *testing.T) {
	const in, out = 40_000, 50_000
	config := &tls.Config{Certificates: []tls.Certificate{wstest.NewCA(t).Leaf("server.example")}}
	for _, way := range allListened() {
		accept := func(t *testing.T, cfg wsserver.Config) sockopts {
			cfg.Addr = "127.0.0.1:0"
			if way.secure {
				cfg.TLS = config
			}
			addr := way.listen(t, newServer(t, &desk{}, cfg), config)
			p := wstest.DialTCP(t, addr)
			if way.secure {
				p = p.OverTLS(&tls.Config{InsecureSkipVerify: true})
			}
			p = wstest.Open(p, "/")
			p.Send(wstest.Text("x"))
			p.WantText("x")
			return optionsOf(t, acceptedSocket(t, p.Conn))
		}
		t.Run(way.name, func(t *testing.T) {
			plain := accept(t, wsserver.Config{})
			if plain.in <= 2*in || plain.out <= 2*out && plain.out >= out {
				t.Fatalf("the system's buffers have %d and %d bytes; they prove nothing", plain.in, plain.out)
			}
			if plain.noDelay == 0 || plain.keepAlive == 0 || plain.idle != 15 || plain.interval != 15 || plain.count != 9 {
				t.Errorf("without a setting the kernel has %+v", plain)
			}
			got := accept(t, wsserver.Config{
				Nagle: true, InBufferSize: in, OutBufferSize: out,
				KeepAlive: net.KeepAliveConfig{Idle: 1500 * time.Millisecond, Interval: 2*time.Second + 1, Count: 4},
			})
			if got.in < in || got.in > 2*in || got.out < out || got.out > 2*out {
				t.Errorf("the buffers have %d and %d bytes", got.in, got.out)
			}
			if got.noDelay != 0 || got.keepAlive == 0 || got.idle != 2 || got.interval != 3 || got.count != 4 {
				t.Errorf("the kernel has %+v", got)
			}
			if none := accept(t, wsserver.Config{NoKeepAlive: true}); none.keepAlive != 0 || none.idle != 15 {
				t.Errorf("with NoKeepAlive the kernel has %+v", none)
			}
		})
	}
}

// K-04, K-05: probes are on again where a listener has turned them off, and what is
// zero beside a setting is Go's default.
func TestKeepAliveCorrectsTheListener(t *testing.T) { onDrivers(t, testKeepAliveCorrectsTheListener) }

func testKeepAliveCorrectsTheListener(t *testing.T) {
	for _, tt := range []struct {
		keepAlive net.KeepAliveConfig
		on, idle  int
	}{
		{net.KeepAliveConfig{}, 0, 0},
		{net.KeepAliveConfig{Enable: true}, 1, 15},
		{net.KeepAliveConfig{Count: 2}, 1, 15},
		{net.KeepAliveConfig{Idle: time.Minute}, 1, 60},
	} {
		l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := newServer(t, &desk{}, wsserver.Config{KeepAlive: tt.keepAlive})
		serveOn(t, srv, l, srv.Serve)
		p := wstest.Open(wstest.DialTCP(t, l.Addr().String()), "/")
		got := optionsOf(t, acceptedSocket(t, p.Conn))
		if got.keepAlive != tt.on || tt.on == 1 && got.idle != tt.idle {
			t.Errorf("with %+v the kernel has %+v", tt.keepAlive, got)
		}
	}
}

// K-04: what the kernel can not do is told, with its own error, and the client stays.
func TestKeepAliveBeyondTheKernelIsTold(t *testing.T) {
	onDrivers(t, testKeepAliveBeyondTheKernelIsTold)
}

func testKeepAliveBeyondTheKernelIsTold(t *testing.T) {
	log := &logbook{}
	srv := newServer(t, &desk{}, wsserver.Config{
		Addr: "127.0.0.1:0", KeepAlive: net.KeepAliveConfig{Idle: 24 * time.Hour}, Logger: log.logger(), // at most 32767 s
	})
	addr := open(t, srv)
	for range 2 {
		p := wstest.Open(wstest.DialTCP(t, addr), "/")
		p.Send(wstest.Text("x"))
		p.WantText("x")
	}
	if got := log.lines("level=WARN", "setting=KeepAlive", "binding=127.0.0.1:0", syscall.EINVAL.Error()); len(got) != 1 {
		t.Errorf("the log has %q", got)
	}
}

// Listen sets the receive buffer before the window scale is agreed on, so that
// a small buffer needs none. The scale is the high half of the seventh byte of
// tcp_info; syscall.ICMPv6Filter stands for its first eight words.
func TestListenSetsTheReceiveBufferInTime(t *testing.T) {
	onDrivers(t, testListenSetsTheReceiveBufferInTime)
}

func testListenSetsTheReceiveBufferInTime(t *testing.T) {
	scale := func(size int) int {
		srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0", InBufferSize: size})
		p := wstest.Open(wstest.DialTCP(t, open(t, srv)), "/")
		info, err := syscall.GetsockoptICMPv6Filter(acceptedSocket(t, p.Conn), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		return int(info.Data[1] >> 20 & 15)
	}
	if scale(0) == 0 {
		t.Skip("the system scales no window")
	}
	if n := scale(12_000); n != 0 {
		t.Errorf("the window of a buffer below 64 KiB is scaled by %d bits", n)
	}
}
