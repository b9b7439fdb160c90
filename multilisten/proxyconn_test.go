package multilisten

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const line4 = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// proxied returns both ends of a connection in memory, whose peer is trusted.
func proxied(t testing.TB, p ProxyPolicy) (conn *ProxyConn, peer net.Conn) {
	t.Helper()
	ours, peer := net.Pipe()
	t.Cleanup(func() { ours.Close(); peer.Close() })
	return &ProxyConn{conn: ours, policy: p.clone(), done: make(chan struct{})}, peer
}

func TestProxyPolicyIsChecked(t *testing.T) { // L: PROXY protocol
	prefix := netip.MustParsePrefix("10.0.0.0/8")
	for _, tt := range []struct {
		policy ProxyPolicy
		want   string // "" = fine
	}{
		{ProxyPolicy{Trusted: []netip.Prefix{prefix}}, ""},
		{ProxyPolicy{}, "Trusted: not set"},
		{ProxyPolicy{Trusted: []netip.Prefix{prefix, {}}}, "Trusted: an invalid prefix"},
		{ProxyPolicy{Trusted: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, "Trusted: write ::ffff:10.0.0.0/104 as a prefix of IPv4"},
		{ProxyPolicy{Trusted: []netip.Prefix{prefix}, Timeout: -1}, "Timeout: -1ns is negative"},
		{ProxyPolicy{Trusted: []netip.Prefix{prefix}, MaxHeader: -1}, "MaxHeader: -1 is not from 0 to 65551"},
		{ProxyPolicy{Trusted: []netip.Prefix{prefix}, MaxHeader: 65552}, "MaxHeader: 65552 is not from 0 to 65551"},
	} {
		err := Validate(Binding{Addr: "127.0.0.1:0", Proxy: &tt.policy})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || err.Error() != "multilisten: binding 0: Proxy."+tt.want) {
			t.Errorf("Validate = %v, want %q", err, tt.want)
		}
	}
	if err := Validate(Binding{Network: "unix", Addr: "/s", Proxy: &ProxyPolicy{}}); err != nil {
		t.Errorf("Validate of a unix socket = %v", err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := (&ProxyPolicy{}).Listener(l); err == nil || err.Error() != "multilisten: Proxy.Trusted: not set" {
		t.Errorf("Listener = %v", err)
	}
}

func TestOnlyListedPeersAreTrusted(t *testing.T) { // L: PROXY protocol
	p := &ProxyPolicy{Trusted: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("fe80::/10"),
	}}
	for addr, want := range map[string]bool{
		"10.255.0.1": true, "11.0.0.1": false, "192.0.2.7": true, "192.0.2.8": false,
		"::ffff:10.0.0.1": true, "::ffff:11.0.0.1": false, "fe80::1%eth0": true, "fe80::1": true, "2001:db8::1": false,
	} {
		a := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1))
		if got := p.trusts(a); got != want {
			t.Errorf("trusts(%s) = %v, want %v", addr, got, want)
		}
	}
	if !p.trusts(&net.UnixAddr{}) || p.trusts(&net.IPAddr{IP: net.IPv4(10, 0, 0, 1)}) || p.trusts(nil) {
		t.Error("want peers of Unix sockets trusted, unknown kinds not")
	}
	if (&ProxyPolicy{}).trusts(tcp("127.0.0.1", 1)) {
		t.Error("a policy without prefixes trusts somebody")
	}
}

func TestTrustedPeerSaysWhereTheClientIs(t *testing.T) { // L: PROXY protocol
	policy := &ProxyPolicy{Trusted: loopback(), Require: true}
	l := openGroup(t, Binding{Addr: "127.0.0.1:0", Proxy: policy}).Listeners()[0]
	policy.Trusted[0] = netip.Prefix{} // Open has its own
	accepted, dialled := connect(t, l, l.Addr().String())
	io.WriteString(dialled, line4+"hello")
	c, ok := accepted.(*ProxyConn)
	if !ok {
		t.Fatalf("Accept returned a %T, want *ProxyConn", accepted)
	}
	if err := c.Handshake(t.Context()); err != nil {
		t.Fatalf("Handshake = %v", err)
	}
	if c.RemoteAddr().String() != "192.0.2.1:56324" || c.LocalAddr().String() != "198.51.100.1:443" {
		t.Errorf("from %v to %v, want what the header says", c.RemoteAddr(), c.LocalAddr())
	}
	if h := c.Header(); h == nil || h.Version != 1 {
		t.Errorf("Header = %+v", h)
	}
	raw, ok := c.NetConn().(*net.TCPConn)
	if !ok || c.Buffered() != 0 {
		t.Fatalf("NetConn is a %T with %d bytes read, want *net.TCPConn and none", c.NetConn(), c.Buffered())
	}
	if raw.RemoteAddr().String() != dialled.LocalAddr().String() {
		t.Errorf("the raw connection is from %v, want the peer %v", raw.RemoteAddr(), dialled.LocalAddr())
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(raw, buf); err != nil || string(buf) != "hello" {
		t.Errorf("the raw connection reads %q, %v; want what follows the header", buf, err)
	}
	if _, err := c.SyscallConn(); err != nil {
		t.Errorf("SyscallConn = %v", err)
	}
	checkEcho(t, c, dialled)
}

func TestHeaderOfAStrangerIsHisRequest(t *testing.T) { // L: PROXY protocol
	policy := &ProxyPolicy{Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	l := openGroup(t, Binding{Addr: "127.0.0.1:0", Proxy: policy}).Listeners()[0]
	accepted, dialled := connect(t, l, l.Addr().String())
	io.WriteString(dialled, line4)
	if _, ok := accepted.(*net.TCPConn); !ok {
		t.Fatalf("Accept returned a %T, want *net.TCPConn", accepted)
	}
	if accepted.RemoteAddr().String() != dialled.LocalAddr().String() {
		t.Errorf("RemoteAddr = %v, want %v", accepted.RemoteAddr(), dialled.LocalAddr())
	}
	buf := make([]byte, len(line4))
	if _, err := io.ReadFull(accepted, buf); err != nil || string(buf) != line4 {
		t.Errorf("it reads %q, %v; want the header", buf, err)
	}
}

// A socket of both families calls an IPv4 peer ::ffff:127.0.0.1.
func TestPeerOfADualStackSocketIsTrusted(t *testing.T) { // L-01, L: PROXY protocol
	l := openGroup(t, Binding{Addr: ":0", Proxy: &ProxyPolicy{Trusted: loopback()}}).Listeners()[0]
	accepted, dialled := connect(t, l, at(l, "127.0.0.1"))
	io.WriteString(dialled, line4)
	if accepted.RemoteAddr().String() != "192.0.2.1:56324" {
		t.Errorf("RemoteAddr = %v", accepted.RemoteAddr())
	}
}

func TestUnixPeerIsTrusted(t *testing.T) { // L-15, L: PROXY protocol
	path := t.TempDir() + "/s"
	l := openGroup(t, Binding{Network: "unix", Addr: path, Proxy: &ProxyPolicy{Require: true}}).Listeners()[0]
	accepted, dialled := connect(t, l, path)
	io.WriteString(dialled, v2(1, 0x31, unixName("/run/client")+unixName("/run/server")))
	if accepted.RemoteAddr().String() != "/run/client" {
		t.Errorf("RemoteAddr = %v", accepted.RemoteAddr())
	}
	if _, ok := accepted.(*ProxyConn).NetConn().(*net.UnixConn); !ok {
		t.Errorf("NetConn is a %T", accepted.(*ProxyConn).NetConn())
	}
	checkEcho(t, accepted, dialled)
}

func TestAnyListenerCanHaveProxies(t *testing.T) { // L-15, L: PROXY protocol
	inner, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := (&ProxyPolicy{Trusted: loopback()}).Listener(inner)
	if err != nil {
		t.Fatal(err)
	}
	accepted, dialled := connect(t, l, l.Addr().String())
	io.WriteString(dialled, line4)
	if accepted.RemoteAddr().String() != "192.0.2.1:56324" {
		t.Errorf("RemoteAddr = %v", accepted.RemoteAddr())
	}
	l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, want net.ErrClosed", err)
	}
}

func TestSlowProxyStopsNobody(t *testing.T) { // L: PROXY protocol
	l := openGroup(t, Binding{Addr: "127.0.0.1:0", Proxy: &ProxyPolicy{Trusted: loopback()}}).Listeners()[0]
	slow, dialledSlow := connect(t, l, l.Addr().String())
	result := make(chan error)
	go func() { result <- slow.(*ProxyConn).Handshake(t.Context()) }()
	io.WriteString(dialledSlow, line4[:20])

	quick, dialled := connect(t, l, l.Addr().String())
	io.WriteString(dialled, line4)
	if quick.RemoteAddr().String() != "192.0.2.1:56324" {
		t.Errorf("RemoteAddr = %v", quick.RemoteAddr())
	}
	checkEcho(t, quick, dialled)
	select {
	case err := <-result:
		t.Errorf("Handshake = %v before the header was there", err)
	default:
	}
	io.WriteString(dialledSlow, line4[20:])
	if err := <-result; err != nil {
		t.Errorf("Handshake = %v", err)
	}
}

func TestPeerNeedsNoHeaderUnlessRequired(t *testing.T) { // L: PROXY protocol
	const request = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
	for _, require := range []bool{false, true} {
		c, peer := proxied(t, ProxyPolicy{Require: require})
		go io.WriteString(peer, request)
		err := c.Handshake(t.Context())
		if require {
			pe, ok := errors.AsType[*ProxyError](err)
			if !ok || !errors.Is(err, ErrNoProxyHeader) || pe.Timeout() || pe.Peer == nil {
				t.Errorf("Handshake = %v, want a *ProxyError: ErrNoProxyHeader", err)
			}
			if _, again := c.Read(make([]byte, 1)); again != err {
				t.Errorf("Read = %v, want the error of Handshake", again)
			}
			peer.Close()
			continue
		}
		if err != nil || c.Header() != nil || c.RemoteAddr() != c.NetConn().RemoteAddr() {
			t.Fatalf("Handshake = %v, Header = %v, RemoteAddr = %v; want a client of its own", err, c.Header(), c.RemoteAddr())
		}
		if n := c.Buffered(); n == 0 || n > 15 {
			t.Errorf("%d bytes were read, want 1 to 15", n)
		}
		buf := make([]byte, len(request))
		if n, err := c.Read(buf[:3]); n != 3 || err != nil {
			t.Errorf("Read = %d, %v", n, err)
		}
		if _, err := io.ReadFull(c, buf[3:]); err != nil || string(buf) != request {
			t.Errorf("it reads %q, %v", buf, err)
		}
		if c.Buffered() != 0 {
			t.Errorf("%d bytes are left", c.Buffered())
		}
	}
}

func TestLocalHeaderMeansThePeer(t *testing.T) { // L: PROXY protocol
	for _, header := range []string{v2(0, 0, ""), "PROXY UNKNOWN\r\n"} {
		c, peer := proxied(t, ProxyPolicy{Require: true})
		go io.WriteString(peer, header)
		if err := c.Handshake(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.Header() == nil || c.RemoteAddr() != c.NetConn().RemoteAddr() || c.LocalAddr() != c.NetConn().LocalAddr() {
			t.Errorf("%q: from %v to %v, want the connection's own", header, c.RemoteAddr(), c.LocalAddr())
		}
	}
}

func TestHeaderHasItsTime(t *testing.T) { // L: PROXY protocol
	for timeout, want := range map[time.Duration]time.Duration{0: 5 * time.Second, time.Minute: time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			c, peer := proxied(t, ProxyPolicy{Timeout: timeout})
			over := make(chan struct{})
			go func() { // a byte now and then makes no difference
				defer close(over)
				for i := range line4 {
					if _, err := io.WriteString(peer, line4[i:i+1]); err != nil {
						return
					}
					time.Sleep(4 * time.Second)
				}
			}()
			begin := time.Now()
			err := c.Handshake(t.Context())
			pe, ok := errors.AsType[*ProxyError](err)
			if !ok || !pe.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), want.String()) {
				t.Errorf("Handshake = %v, want a timeout of %v", err, want)
			}
			if d := time.Since(begin); d != want {
				t.Errorf("it took %v, want %v", d, want)
			}
			c.Close()
			<-over
		})
	}
}

func TestHandshakeHeedsItsContext(t *testing.T) { // L: PROXY protocol
	synctest.Test(t, func(t *testing.T) {
		c, _ := proxied(t, ProxyPolicy{})
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		if err := c.Handshake(ctx); !errors.Is(err, why) {
			t.Errorf("Handshake = %v, want the cause of its context", err)
		}
		if err := c.Handshake(t.Context()); !errors.Is(err, why) {
			t.Errorf("the second Handshake = %v, want the same", err)
		}
	})
}

func TestWhoWaitsForAHandshakeHasHisOwnContext(t *testing.T) { // L: PROXY protocol
	synctest.Test(t, func(t *testing.T) {
		c, peer := proxied(t, ProxyPolicy{})
		first := make(chan error)
		go func() { first <- c.Handshake(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Handshake(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Handshake = %v, want context.Canceled", err)
		}
		addr := make(chan net.Addr)
		go func() { addr <- c.RemoteAddr() }()
		io.WriteString(peer, line4)
		if err := <-first; err != nil {
			t.Errorf("the first Handshake = %v", err)
		}
		if a := <-addr; a.String() != "192.0.2.1:56324" {
			t.Errorf("RemoteAddr = %v", a)
		}
	})
}

func TestReadDeadlineIsTheUsersAfterTheHandshake(t *testing.T) { // L: PROXY protocol
	synctest.Test(t, func(t *testing.T) {
		c, peer := proxied(t, ProxyPolicy{})
		c.SetReadDeadline(time.Now().Add(time.Minute))
		go io.WriteString(peer, line4)
		if err := c.Handshake(t.Context()); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("Read = %v after %v, want a timeout after a minute", err, time.Since(begin))
		}
	})
}

// As a server does that closes while a header is awaited.
func TestReadDeadlineEndsTheWaitForTheHeader(t *testing.T) { // L: PROXY protocol
	synctest.Test(t, func(t *testing.T) {
		c, _ := proxied(t, ProxyPolicy{})
		time.AfterFunc(time.Second, func() { c.SetDeadline(time.Unix(1, 0)) })
		begin := time.Now()
		pe, ok := errors.AsType[*ProxyError](c.Handshake(t.Context()))
		if !ok || !pe.Timeout() || time.Since(begin) != time.Second {
			t.Errorf("Handshake = %v after %v, want a timeout after a second", pe, time.Since(begin))
		}
	})
}

// hooked calls a function in each Read.
type hooked struct {
	net.Conn
	inRead func()
}

func (h hooked) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	h.inRead()
	return n, err
}

func TestHeaderThatCameJustInTimeCounts(t *testing.T) { // L: PROXY protocol
	synctest.Test(t, func(t *testing.T) {
		c, peer := proxied(t, ProxyPolicy{})
		c.conn = hooked{c.conn, func() { c.expire(os.ErrDeadlineExceeded) }}
		go io.WriteString(peer, "PROXY UNKNOWN\r\nx")
		if err := c.Handshake(t.Context()); err != nil {
			t.Fatalf("Handshake = %v", err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("Read = %d, %v; want what follows", n, err)
		}
	})
}

func TestReadDeadlineDoesNotProlongTheWait(t *testing.T) { // L: PROXY protocol
	synctest.Test(t, func(t *testing.T) {
		c, _ := proxied(t, ProxyPolicy{})
		c.expire(io.ErrNoProgress)
		c.SetReadDeadline(time.Now().Add(time.Hour))
		begin := time.Now()
		if err := c.Handshake(t.Context()); !errors.Is(err, io.ErrNoProgress) || time.Since(begin) != 0 {
			t.Errorf("Handshake = %v after %v, want an error at once", err, time.Since(begin))
		}
	})
}

func TestPeerThatLeavesIsToldApart(t *testing.T) { // L: PROXY protocol
	for sent, want := range map[string]error{"": io.EOF, "PROXY ": io.ErrUnexpectedEOF} {
		c, peer := proxied(t, ProxyPolicy{})
		go func() { io.WriteString(peer, sent); peer.Close() }()
		if err := c.Handshake(t.Context()); !errors.Is(err, want) {
			t.Errorf("after %q Handshake = %v, want %v", sent, err, want)
		}
	}
	c, _ := proxied(t, ProxyPolicy{})
	go c.Close()
	if err := c.Handshake(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("after Close Handshake = %v", err)
	}
}

func TestHeaderIsNilBeforeItWasRead(t *testing.T) { // L: PROXY protocol
	c, peer := proxied(t, ProxyPolicy{})
	if c.Header() != nil {
		t.Error("Header is there before the handshake")
	}
	if _, err := c.SyscallConn(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SyscallConn of a pipe = %v, want ErrUnsupported", err)
	}
	go io.Copy(io.Discard, peer)
	if _, err := c.Write([]byte("x")); err != nil { // it waits for nothing
		t.Errorf("Write = %v", err)
	}
}
