//go:build unix

package wsserver_test

import (
	"fmt"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// keeper keeps the sockets that it accepts.
type keeper struct {
	net.Listener
	mu    sync.Mutex // guards conns
	conns []net.Conn
}

func (k *keeper) Accept() (net.Conn, error) {
	c, err := k.Listener.Accept()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.conns = append(k.conns, c)
	}
	return c, err
}

// S-10: what the kernel says of TCP_NODELAY.
func TestNoDelayOfTheSocket(t *testing.T) { onDrivers(t, testNoDelayOfTheSocket) }

func testNoDelayOfTheSocket(t *testing.T) {
	for _, nagle := range []bool{false, true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		k := &keeper{Listener: l}
		srv := newServer(t, &desk{}, wsserver.Config{Nagle: nagle, Driver: wsserver.DriverGoroutine})
		serveOn(t, srv, k, srv.Serve)
		p := wstest.Open(wstest.DialTCP(t, l.Addr().String()), "/")
		p.Send(wstest.Text("x"))
		p.WantText("x")
		k.mu.Lock()
		sock, err := k.conns[0].(*net.TCPConn).SyscallConn()
		k.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		noDelay, opErr := 0, error(nil)
		if err := sock.Control(func(fd uintptr) {
			noDelay, opErr = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		}); err != nil || opErr != nil {
			t.Fatal(err, opErr)
		}
		if (noDelay != 0) == nagle {
			t.Errorf("Nagle %v: TCP_NODELAY is %d", nagle, noDelay)
		}
	}
}

// S-12, S-18: over sockets: of many peers one does not read. It costs its queue and
// then its connection, and nobody else has to wait.
func TestStalledSocketHoldsUpNobody(t *testing.T) { onDrivers(t, testStalledSocketHoldsUpNobody) }

func testStalledSocketHoldsUpNobody(t *testing.T) {
	const peers, messages = 5, 1200
	ended := make(chan client.CloseInfo, 1)
	d := &desk{disconnect: func(g *guest, i client.CloseInfo) {
		if g.RawURI() == "/stalled" {
			ended <- i
		}
	}}
	srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0", CloseTimeout: 100 * time.Millisecond})
	addr := open(t, srv)
	wstest.Open(wstest.DialTCP(t, addr), "/stalled")
	var all sync.WaitGroup
	read := make(chan struct{}, peers*messages)
	for range peers {
		p := wstest.Open(wstest.DialTCP(t, addr), "/")
		all.Go(func() {
			for i := range messages {
				m, err := p.TryMessage()
				var n int
				fmt.Sscan(string(m.Data[:min(len(m.Data), 10)]), &n)
				if (err != nil || n != i || len(m.Data) != 10_000) && !t.Failed() {
					t.Errorf("message %d is number %d with %d bytes, %v", i, n, len(m.Data), err)
				}
				read <- struct{}{}
			}
		})
	}
	eventually(t, "the clients", func() bool { return srv.ClientCount() == peers+1 })
	for i := range messages { // 12 MB: more than a socket holds
		srv.Broadcast(client.Text(fmt.Sprintf("%-10d%9990d", i, 0)))
		if n := srv.Stats().Buffered; n > (peers+1)*(1<<20) {
			t.Fatalf("%d bytes wait", n)
		}
		for range peers * min(i/50, 1) { // those who read are at most 50 behind
			<-read
		}
	}
	all.Wait()
	select {
	case i := <-ended:
		if i.Code != client.StatusPolicyViolation {
			t.Errorf("the stalled client ends with %v", i)
		}
	case <-time.After(20 * time.Second):
		t.Error("the stalled client stays")
	}
}
