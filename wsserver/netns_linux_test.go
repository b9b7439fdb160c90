package wsserver_test

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/netns"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// Addresses of the namespaces below.
const (
	four, otherFour = "192.0.2.1", "192.0.2.2"
	six, otherSix   = "2001:db8::1", "2001:db8::2"
)

func homes(more ...string) []string {
	return append([]string{four + "/24", otherFour + "/24", six + "/64", otherSix + "/64"}, more...)
}

// peerFrom connects to addr from the address local.
func peerFrom(t *testing.T, local, addr string) *wstest.Peer {
	t.Helper()
	conn, err := connectFrom(t, local, addr)
	if err != nil {
		t.Fatal(err)
	}
	return wstest.Wrap(t, conn)
}

func connectFrom(t *testing.T, local, addr string) (net.Conn, error) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}
	return d.DialContext(t.Context(), "tcp", addr)
}

// arrivals is a factory whose clients tell where they came from.
func arrivals(to chan<- client.Info) wsserver.Factory[*parrot] {
	return wsserver.Factory[*parrot]{
		New:     func(*client.OpenRequest) (*parrot, error) { return &parrot{}, nil },
		Connect: func(p *parrot) error { to <- p.Info(); return nil },
	}
}

// A literal binds its own address and no other; two bindings may have one port; the
// well-known ports go by name. Each client has its real addresses.
func TestEachBindingHasItsAddress(t *testing.T) { // L-01, L-02, L-25, C-12, C-14
	if !netns.Enter(t, homes()...) {
		return
	}
	came := make(chan client.Info, 1)
	srv := newServerOf(t, arrivals(came), wsserver.Config{
		Addr: four + ":http",
		Bindings: []multilisten.Binding{
			{Name: "six", Addr: "[" + six + "]:http"},
			{Name: "high", Addr: otherFour + ":8080"},
		},
	})
	open(t, srv)
	for _, tt := range []struct{ from, to, binding string }{
		{otherFour, four + ":80", four + ":http"},
		{otherSix, "[" + six + "]:80", "six"},
		{four, otherFour + ":8080", "high"},
	} {
		p := wstest.Open(peerFrom(t, tt.from, tt.to), "/")
		info := <-came
		if info.Remote != p.Conn.LocalAddr().(*net.TCPAddr).AddrPort() || info.Local.String() != tt.to || info.Binding != tt.binding {
			t.Errorf("from %s to %s: remote %v, local %v, binding %q", tt.from, tt.to, info.Remote, info.Local, info.Binding)
		}
	}
	for _, addr := range []string{otherFour + ":80", "[" + otherSix + "]:80", "127.0.0.1:80", four + ":8080"} {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("somebody listens on %s", addr)
		}
	}
}

// An empty host is all addresses of both families on one socket; 0.0.0.0 is those of one,
// and leaves the other's to somebody else.
func TestWildcardsMeanTheirFamily(t *testing.T) { // L-01, L-09
	if !netns.Enter(t, homes()...) {
		return
	}
	came := make(chan client.Info, 1)
	both := newServerOf(t, arrivals(came), wsserver.Config{Addr: ":443"})
	open(t, both)
	for _, to := range []string{four, otherFour, six, "::1", "127.0.0.1"} {
		wstest.Open(peerFrom(t, to, net.JoinHostPort(to, "443")), "/")
		if info := <-came; info.Local.Addr().String() != to || info.Remote.Addr().String() != to {
			t.Errorf("to %s: local %v, remote %v", to, info.Local, info.Remote)
		}
	}
	v4 := newServerOf(t, arrivals(came), wsserver.Config{Addr: "0.0.0.0:444"})
	open(t, v4)
	if conn, err := net.Dial("tcp", net.JoinHostPort(six, "444")); err == nil {
		conn.Close()
		t.Error("0.0.0.0 listens on IPv6")
	}
	v6 := newServerOf(t, arrivals(came), wsserver.Config{Addr: "[::]:444"})
	open(t, v6)
	wstest.Open(peerFrom(t, six, net.JoinHostPort(otherSix, "444")), "/")
	<-came
}

// An address that the machine does not have is a ListenError that names it; with the best
// effort the others listen.
func TestMissingAddressIsTold(t *testing.T) { // L-01, L-27, O-04
	if !netns.Enter(t, homes()...) {
		return
	}
	cfg := wsserver.Config{Addr: four + ":80", Bindings: []multilisten.Binding{{Addr: "203.0.113.99:80"}}}
	err := newServerOf(t, wsserver.Class[parrot](), cfg).Listen(t.Context())
	var le *multilisten.ListenError
	if !errors.As(err, &le) || !errors.Is(err, syscall.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "203.0.113.99 is not an address of this machine") {
		t.Errorf("Listen = %v", err)
	}
	cfg.ListenPolicy = multilisten.BestEffort
	srv := newServerOf(t, wsserver.Class[parrot](), cfg)
	if err := srv.Listen(t.Context()); !errors.Is(err, syscall.EADDRNOTAVAIL) || !srv.AnyListening() || srv.AllListening() {
		t.Errorf("Listen = %v", err)
	}
	wstest.Open(peerFrom(t, otherFour, four+":80"), "/")
}

// Hosts on addresses of their own have their own certificates without a name in the hello.
func TestHostsByAddress(t *testing.T) { // H-04, A-26
	if !netns.Enter(t, homes()...) {
		return
	}
	ca := wstest.NewCA(t)
	var list []hosts.Host
	for tag, bind := range map[string]string{"four": four, "six": six} {
		cert, key := ca.Files(ca.Leaf(tag+".example", bind))
		list = append(list, hosts.Host{Tag: tag, Names: []string{tag + ".example"}, Bind: bind, TLSPort: 443, Cert: cert, Key: key})
	}
	came := make(chan client.Info, 1)
	srv := newServerOf(t, arrivals(came), wsserver.Config{Hosts: list, RootCAs: ca.Pool()})
	open(t, srv)
	for tag, bind := range map[string]string{"four": four, "six": six} {
		p := peerFrom(t, bind, net.JoinHostPort(bind, "443")).OverTLS(&tls.Config{ServerName: bind, RootCAs: ca.Pool()})
		p.Upgrade(wstest.Upgrade("/").Replace("Host: " + strings.TrimSuffix(net.JoinHostPort(bind, ""), ":")))
		if info := <-came; info.HostTag != tag {
			t.Errorf("%s is host %q", bind, info.HostTag)
		}
	}
}

// Lists, and limits by the prefix of IPv6, mean the addresses that clients really have, also
// those that come to a dual-stack socket.
func TestAddressesOfClientsDecide(t *testing.T) {
	if !netns.Enter(t, homes("2001:db8::3/64", "2001:db8:0:1::1/64", "198.51.100.7/32")...) {
		return
	}
	came := make(chan client.Info, 8)
	srv := newServerOf(t, arrivals(came), wsserver.Config{
		Addr: ":80", AllowedClients: []string{"2001:db8::/32", "192.0.2.0/24"}, DeniedClients: []string{"192.0.2.2"}, MaxPerIP: 2,
	})
	open(t, srv)
	in := func(local, to string) bool {
		conn, err := connectFrom(t, local, net.JoinHostPort(to, "80"))
		if err != nil { // reset before connect has returned
			return false
		}
		t.Cleanup(func() { conn.Close() })
		_, _ = conn.Write(wstest.Upgrade("/").Bytes())
		_, err = conn.Read(make([]byte, 1))
		return err == nil
	}
	for _, tt := range []struct {
		from, to string
		in       bool
	}{
		{four, four, true},
		{otherFour, four, false},       // denied
		{"198.51.100.7", four, false},  // not allowed
		{six, six, true},               // one of its /64
		{otherSix, six, true},          // two
		{"2001:db8::3", six, false},    // three
		{"2001:db8:0:1::1", six, true}, // another /64
		{four, four, true},             // two
		{four, four, false},            // three
	} {
		if got := in(tt.from, tt.to); got != tt.in {
			t.Errorf("from %s to %s: %v, want %v", tt.from, tt.to, got, tt.in)
		}
	}
	st := srv.Stats().Refused
	if st["denied"] != 1 || st["not allowed"] != 1 || st["too many of one address"] != 2 {
		t.Errorf("refused: %v", st)
	}
}
