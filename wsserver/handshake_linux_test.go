package wsserver_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"syscall"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// lean opens and ends connections without allocating, so that what is counted is the
// server's.
type lean struct {
	t       testing.TB
	to      syscall.SockaddrInet4
	request []byte
	buf     [1024]byte
}

func newLean(t testing.TB, addr netip.AddrPort) *lean {
	return &lean{t: t, to: syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}, request: []byte(
		"GET /chat?room=1 HTTP/1.1\r\nHost: server.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nUser-Agent: lean\r\n\r\n")}
}

var maskedClose = []byte{0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8}

// handshake connects, upgrades, and says and hears goodbye, until the server has closed.
func (l *lean) handshake() {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	l.check(err)
	defer syscall.Close(fd)
	l.check(syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 10}))
	l.check(syscall.Connect(fd, &l.to))
	_, err = syscall.Write(fd, l.request)
	l.check(err)
	for n := 0; !bytes.HasSuffix(l.buf[:n], []byte("\r\n\r\n")); {
		n += l.read(fd, l.buf[n:])
	}
	_, err = syscall.Write(fd, maskedClose)
	l.check(err)
	n := 0
	for {
		k := l.read(fd, l.buf[n:])
		if k == 0 {
			break
		}
		n += k
	}
	if n != 4 || l.buf[0] != 0x88 || l.buf[2] != 0x03 || l.buf[3] != 0xe8 {
		l.t.Fatalf("the server says %x and closes", l.buf[:n])
	}
}

func (l *lean) read(fd int, p []byte) int {
	for {
		n, err := syscall.Read(fd, p)
		if err == syscall.EINTR {
			continue
		}
		l.check(err)
		return n
	}
}

func (l *lean) check(err error) {
	if err != nil {
		l.t.Fatal(err)
	}
}

type mute struct{ client.Base }

func (*mute) OnMessage(client.Message) error { return nil }

// served listens on a port of 127.0.0.1 for as long as t runs.
func served(t testing.TB, f wsserver.ClientFactory[*mute]) netip.AddrPort {
	srv, err := wsserver.New(f, wsserver.Config{
		Addr: "127.0.0.1:0", PingInterval: -1, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Shutdown(context.WithoutCancel(t.Context())) })
	return srv.Bound()[0]
}

// BenchmarkHandshake is a connection from accept to its end, and the system calls of
// its client: with a factory that may look at the request, and with one that does not.
func BenchmarkHandshake(b *testing.B) {
	for _, bb := range []struct {
		name    string
		factory wsserver.ClientFactory[*mute]
	}{
		{"Factory", wsserver.Factory[*mute]{New: func(*client.OpenRequest) (*mute, error) { return &mute{}, nil }}},
		{"Class", wsserver.Class[mute]()},
	} {
		b.Run(bb.name, func(b *testing.B) {
			l := newLean(b, served(b, bb.factory))
			b.ReportAllocs()
			for b.Loop() {
				l.handshake()
			}
		})
	}
}
