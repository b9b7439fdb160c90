package wsserver_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// K-06: by default a ping comes after 30 s of silence, and 1011 10 s later, both to
// the moment.
func TestDefaultPingTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, _, p := settled(t, d, wsserver.Config{})
		time.Sleep(7 * time.Second)
		p.Send(wstest.Text("x"))
		p.WantText("x")
		start := time.Now()
		if f, err := p.NextFrame(); err != nil || f.Op != wstest.OpPing || time.Since(start) != 30*time.Second {
			t.Fatalf("frame %+v, %v after %v", f, err, time.Since(start))
		}
		code, _ := p.ReadClose()
		if took := time.Since(start); code != 1011 || took != 40*time.Second {
			t.Errorf("closed with %d after %v", code, took)
		}
		p.Send(wstest.Close(1011, ""))
		p.WantEnd()
		synctest.Wait()
		if !errors.Is(end.Cause, client.ErrPingTimeout) || errors.Is(end.Cause, client.ErrCloseTimeout) || end.at.Sub(start) != 40*time.Second {
			t.Errorf("the last event gets %v after %v", end.CloseInfo, end.at.Sub(start))
		}
	})
}

// K-06: each single byte is life, wherever it belongs: in the middle of a header, of
// a payload, of a message, of a control frame.
func TestAnyByteIsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, g, p := settled(t, d, wsserver.Config{})
		// The answers to the server's pings would be life too; nothing is read.
		in := p.Encode(wstest.Text("slow").Open(), wstest.Ping([]byte("pp")), wstest.Continuation([]byte("ly")))
		in = append(in, wstest.Binary(nil).Header(1<<17)...)
		in = append(in, make([]byte, 20)...)
		for _, b := range in {
			time.Sleep(39 * time.Second) // past the ping, before the end of its time
			p.Write([]byte{b})
		}
		synctest.Wait()
		if !g.Connected() {
			t.Fatal("the connection has ended")
		}
		start := time.Now()
		time.Sleep(time.Hour)
		synctest.Wait()
		if took := end.at.Sub(start); took != 45*time.Second || !errors.Is(end.Cause, client.ErrPingTimeout) { // with the time for an answer
			t.Errorf("then it ends after %v with %v", took, end.CloseInfo)
		}
	})
}

// K-06, K-09: nothing is wrong with a peer whose messages wait for a handler that
// runs for minutes; behind it the clocks begin anew.
func TestLongHandlersAreNotThePeersFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		d.message = func(*guest, client.Message) error { time.Sleep(10 * time.Minute); return nil }
		_, g, p := settled(t, d, wsserver.Config{IdleTimeout: 2 * time.Minute})
		p.Send(wstest.Text("a"), wstest.Text("b"))
		start := time.Now()
		time.Sleep(20*time.Minute + 5*time.Second)
		synctest.Wait()
		if !g.Connected() || d.count("message") != 2 {
			t.Fatal("the connection has ended with the long events")
		}
		time.Sleep(time.Hour) // no pong comes
		synctest.Wait()
		quiet := end.at.Sub(start) - 20*time.Minute
		if !errors.Is(end.Cause, client.ErrPingTimeout) || quiet < 10*time.Second || quiet > 75*time.Second {
			t.Errorf("%v of silence behind them end it with %v", quiet, end.CloseInfo)
		}
	})
}

// K-06: a large message that comes slowly is life all the time, and so is one that
// the peer takes slowly, though its pongs wait behind what it still has to read.
func TestLargeMessagesInFlightAreLife(t *testing.T) {
	for _, size := range []int{50_000, 1 << 20} {
		t.Run(fmt.Sprintf("in %d", size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				var got atomic.Int64
				d.message = func(_ *guest, m client.Message) error { got.Store(int64(len(m.Data))); return nil }
				_, _, p := settled(t, d, wsserver.Config{})
				in := wstest.Binary(make([]byte, size)).Bytes()
				for n := len(in) / 50; len(in) > 0; {
					n = min(n, len(in))
					p.Write(in[:n])
					in = in[n:]
					time.Sleep(25 * time.Second)
				}
				synctest.Wait()
				if end.Cause != nil || got.Load() != int64(size) {
					t.Errorf("%d bytes were received, %v", got.Load(), end.CloseInfo)
				}
			})
		})
		t.Run(fmt.Sprintf("out %d", size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				var g *guest
				d.connect = func(c *guest) error { g = c; return nil }
				l := serve(t, newServer(t, d, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 8 << 20}}))
				l.SetBuffer(2000)
				p := raw(t, l)
				p.Timeout = 1000 * time.Hour
				wstest.Open(p, "/")
				synctest.Wait()
				for range 3 {
					if err := g.SendBinary(make([]byte, size)); err != nil {
						t.Fatal(err)
					}
				}
				left := 3 * (size + 4)
				buf := make([]byte, 3*size/100)
				for left > 0 { // some 15 minutes in all
					time.Sleep(9 * time.Second)
					_ = p.Conn.SetReadDeadline(time.Time{})
					n, err := p.Conn.Read(buf)
					if err != nil {
						t.Fatalf("with %d bytes to come: %v, %v", left, err, end.CloseInfo)
					}
					left -= n
					for more := len(buf) - n; more > 0 && left > 0; more -= n { // what fits behind it
						synctest.Wait()
						if n, err = p.Conn.Read(buf[:min(more, left)]); err != nil {
							synctest.Wait()
							t.Fatalf("with %d bytes to come: %v, %v", left, err, end.CloseInfo)
						}
						left -= n
					}
				}
			})
		})
	}
}

// K-06: lost is who does not answer, not who is slow to take: nine of ten seconds of
// grace are enough, again and again.
func TestSlowPongsAreInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, _, p := settled(t, d, wsserver.Config{})
		for range 20 {
			f, err := p.NextFrame()
			if err != nil || f.Op != wstest.OpPing {
				t.Fatalf("frame %+v, %v, %v", f, err, end.CloseInfo)
			}
			time.Sleep(10*time.Second - time.Nanosecond)
			p.Send(wstest.Pong(f.Payload))
			synctest.Wait()
		}
	})
}

// K-07, E-15: a payload function that panics, or calls its server, costs no more than
// its ping.
func TestPingPayloadMayDoAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var srv *wsserver.Server[*guest]
		calls := 0
		srv = newServer(t, d, wsserver.Config{PingPayload: func() []byte {
			if calls++; calls == 1 {
				panic("no payload")
			}
			return fmt.Append(nil, srv.Broadcast(client.Text("from a ping")), srv.Stats().Clients)
		}})
		p := clienttest.Dial(t, serve(t, srv), "/")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if calls < 5 || len(p.Received()) == 0 || srv.ClientCount() != 1 {
			t.Errorf("%d calls, %d clients", calls, srv.ClientCount())
		}
	})
}
