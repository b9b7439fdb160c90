//go:build unix

package wsserver_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// dozing counts the readers of a server that have given their stack back.
func dozing[T client.Client](t testing.TB, srv *wsserver.Server[T]) int {
	if drivingOf(t).driver == wsserver.DriverGoroutine {
		return awaiting()
	}
	return srv.Stats().Dormant
}

// awaiting counts those that wait on a fresh goroutine, under the goroutine driver.
func awaiting() int {
	buf := make([]byte, 4<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "(*socketWire).await(")
}

// A silent client's reader dozes off on a socket; what comes then is received as
// ever, also in the middle of a fragmented message, and the events still follow
// each other on the same client.
func TestSilentClientsDozeAndWake(t *testing.T) { onDriversAtOnce(t, testSilentClientsDozeAndWake) }

func testSilentClientsDozeAndWake(t *testing.T) {
	d := &desk{}
	srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0", PingInterval: -1})
	addr := open(t, srv)
	const n = 30
	var peers []*wstest.Peer
	for i := range n {
		p := wstest.Open(wstest.DialTCP(t, addr), "/")
		if i%3 == 0 {
			p.Send(wstest.Text("first ").Open())
		}
		peers = append(peers, p)
	}
	eventually(t, "all readers doze", func() bool { return dozing(t, srv) == n })
	for round := range 2 {
		for i, p := range peers {
			want := fmt.Sprintf("round %d of %d", round, i)
			switch {
			case i%3 == 0 && round == 0:
				p.Send(wstest.Ping([]byte("p")), wstest.Continuation([]byte("then")))
				p.WantPong([]byte("p"))
				want = "first then"
			default:
				p.Send(wstest.Text(want))
			}
			p.WantText(want)
		}
	}
	eventually(t, "all readers doze again", func() bool { return dozing(t, srv) == n })

	// Every way to end finds a dozing reader.
	peers[0].Send(wstest.Close(4000, "bye"))
	peers[0].WantClose(4000)
	for _, p := range peers[1:10] {
		p.Conn.Close()
	}
	for c := range srv.Clients() {
		switch c.ID() % 3 {
		case 0:
			c.Abort()
		case 1:
			_ = c.Close(client.StatusNormalClosure, "")
		}
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if got := d.count("disconnect"); got != n {
		t.Errorf("%d disconnect events for %d clients", got, n)
	}
}

// Input that comes at the very moment at which the reader is told to doze is not
// lost.
func TestDozingLosesNothing(t *testing.T) { onDriversAtOnce(t, testDozingLosesNothing) }

func testDozingLosesNothing(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
	addr := open(t, srv)
	const n = 40
	done := make(chan error, n)
	for i := range n {
		p := wstest.Open(wstest.DialTCP(t, addr), "/")
		go func() {
			// The sweep comes each second; these come around it.
			time.Sleep(time.Second + time.Duration(i-n/2)*25*time.Millisecond)
			for range 3 {
				if _, err := p.Conn.Write(wstest.Text("x").Bytes()); err != nil {
					done <- err
					return
				}
				_ = p.Conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				if err := readN(p.Conn, 3); err != nil {
					done <- err
					return
				}
				time.Sleep(time.Second)
			}
			done <- nil
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func readN(c net.Conn, n int) error {
	for b := make([]byte, n); len(b) > 0; {
		k, err := c.Read(b)
		if err != nil {
			return err
		}
		b = b[k:]
	}
	return nil
}
