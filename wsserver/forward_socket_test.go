package wsserver_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// tcpService is a service on a socket, as a target. Its open connections are counted on both
// sides.
type tcpService struct {
	target forward.Target
	open   atomic.Int32 // connections that were dialled and are not closed
}

// counted is a dialled connection.
type counted struct {
	*net.TCPConn
	close func()
}

func (c *counted) Close() error {
	c.close()
	return c.TCPConn.Close()
}

func newTCPService(t testing.TB, config *tls.Config, handle func(net.Conn)) *tcpService {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if config != nil {
		l = tls.NewListener(l, config)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	s := &tcpService{}
	s.target = forward.Target{Host: "127.0.0.1", Port: port, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		s.open.Add(1)
		return &counted{conn.(*net.TCPConn), sync.OnceFunc(func() { s.open.Add(-1) })}, nil
	}}
	return s
}

// F-03: TLS to the target, verified; a wrong certificate is 502.
func TestForwardOverTLS(t *testing.T) {
	ca := wstest.NewCA(t)
	s := newTCPService(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, echoes)
	s.target.TLS = true
	s.target.TLSConfig = &tls.Config{RootCAs: ca.Pool()}
	srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &s.target})
	p := dialTCP(t, open(t, srv), "/")
	p.SendText("hello")
	if got := receiveAll(p, 5); string(got) != "hello" {
		t.Errorf("received %q", got)
	}
	p.Close(1000, "")
	_ = p.WaitEnd()
	eventually(t, "the target to be closed", func() bool { return s.open.Load() == 0 })

	s.target.TLSConfig = nil
	srv = newServerOf(t, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &s.target})
	if r := wstest.DialTCP(t, open(t, srv)).Request(wstest.Upgrade("/")); r.Status != 502 {
		t.Errorf("a certificate of nobody: %d", r.Status)
	}
	eventually(t, "the target to be closed", func() bool { return s.open.Load() == 0 })
}

// F-03: 64 MiB in each direction at once, under each driver, with memory that does not
// depend on it.
func TestLargeTransferTakesLittleMemory(t *testing.T) { onDrivers(t, testLargeTransfer) }

func testLargeTransfer(t *testing.T) {
	total := 64 << 20
	if raceEnabled {
		total = 8 << 20
	}
	s := newTCPService(t, nil, echoes)
	srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &s.target})
	p := wstest.Open(wstest.DialTCP(t, open(t, srv)), "/")
	p.Timeout = time.Minute
	const message = 1 << 20
	frame := p.Encode(wstest.Binary(bytes.Repeat([]byte("0123456789abcdef"), message/16)))
	go func() {
		for range total / message {
			if p.TryWrite(frame) != nil {
				return
			}
		}
	}()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak uint64
	for got, i := 0, 0; got < total; i++ {
		f, err := p.NextFrame()
		if err != nil {
			t.Fatal(err)
		}
		for j, b := range f.Payload {
			if b != "0123456789abcdef"[(got+j)%16] {
				t.Fatalf("byte %d is wrong", got+j)
			}
		}
		if got += len(f.Payload); i%100 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	if peak > before.HeapAlloc+24<<20 {
		t.Errorf("%d MiB went through, and the heap grew by %d", total>>20, peak-before.HeapAlloc)
	}
	p.Send(wstest.Close(1000, ""))
	p.WantClose(1000)
	eventually(t, "the target to be closed", func() bool { return s.open.Load() == 0 && srv.Stats().Forwarded == 0 })
}

// F-03: whoever ends it and how, no connection to the target is left, under each driver.
func TestNoTargetIsLeftOpen(t *testing.T) { onDrivers(t, testNoTargetIsLeftOpen) }

func testNoTargetIsLeftOpen(t *testing.T) {
	s := newTCPService(t, nil, func(conn net.Conn) {
		b := make([]byte, 1)
		if _, err := io.ReadFull(conn, b); err != nil {
			return
		}
		switch b[0] {
		case 'r':
			_ = conn.(*net.TCPConn).SetLinger(0)
		case 'w':
			_, _ = io.Copy(io.Discard, conn)
		case 'f':
			_, _ = conn.Write(make([]byte, 1<<20))
		}
	})
	srv := newServerOf(t, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &s.target, CloseTimeout: 200 * time.Millisecond})
	addr := open(t, srv)
	var peers sync.WaitGroup
	for i := range 40 {
		peers.Go(func() {
			p := wstest.Open(wstest.DialTCP(t, addr), "/")
			p.Send(wstest.Text("rwfc"[i%4 : i%4+1]))
			switch {
			case i%3 == 0:
				p.Drop()
			case i%3 == 1:
				_ = p.TryWrite(p.Encode(wstest.Close(1000, "")))
			}
		})
	}
	peers.Wait()
	q := wstest.Open(wstest.DialTCP(t, addr), "/")
	q.Send(wstest.Text("w"))
	eventually(t, "targets to be reached", func() bool { return srv.Stats().Forwarded > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_ = srv.Shutdown(ctx)
	ended(t, srv)
	if n := s.open.Load(); n != 0 {
		t.Errorf("%d connections to the target are open", n)
	}
}

// BenchmarkForwardedEcho tells what the way by a TCP target costs against an echo of our
// own, for a message of 1 KiB there and back.
func BenchmarkForwardedEcho(b *testing.B) {
	data := make([]byte, 1<<10)
	round := func(p *clienttest.Peer) {
		p.SendBinary(data)
		for got := 0; got < len(data); {
			got += len(p.Receive().Data)
		}
	}
	dialB := func(addr string) *clienttest.Peer {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		return clienttest.Open(b, conn, "/")
	}
	s := newTCPService(b, nil, echoes)
	far := dialB(open(b, newServerOf(b, wsserver.NoClients(), wsserver.Config{Addr: "127.0.0.1:0", Forward: &s.target})))
	near := dialB(open(b, newServerOf(b, wsserver.Class[parrot](), wsserver.Config{Addr: "127.0.0.1:0"})))
	var direct, forwarded time.Duration
	for b.Loop() {
		begin := time.Now()
		round(near)
		middle := time.Now()
		round(far)
		direct, forwarded = direct+middle.Sub(begin), forwarded+time.Since(middle)
	}
	b.ReportMetric(float64(direct.Nanoseconds())/float64(b.N), "direct-ns/op")
	b.ReportMetric(float64(forwarded.Nanoseconds())/float64(b.N), "forwarded-ns/op")
	b.ReportMetric(float64(forwarded)/float64(direct), "ratio")
}
