package wsserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// any close frame answers ours, one that may not be sent too, and ours
// is the one that counts; nothing is sent after it.
func TestAnyCloseFrameIsAnAnswer(t *testing.T) {
	for name, answer := range map[string]wstest.Frame{
		"the same": wstest.Close(4000, "ours"), "another code": wstest.Close(4001, "other"), "no code": wstest.EmptyClose(),
		"an illegal code": wstest.Close(1005, ""), "half a code": {Op: wstest.OpClose, Payload: []byte{1}}, "a bad reason": wstest.Close(1000, "\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				_, g, p := settled(t, d, wsserver.Config{})
				start := time.Now()
				if err := g.Close(4000, "ours"); err != nil {
					t.Fatal(err)
				}
				p.WantClose(4000)
				time.Sleep(2 * time.Second)
				p.Send(answer)
				p.WantEnd()
				p.Conn.Close()
				synctest.Wait()
				want := client.CloseInfo{Code: 4000, Reason: "ours", Cause: client.ErrCloseCalled}
				if end.CloseInfo != want || end.at.Sub(start) != 2*time.Second {
					t.Errorf("the last event gets %v after %v, want %v", end.CloseInfo, end.at.Sub(start), want)
				}
			})
		})
	}
}

// both sides close at once: each has sent a close frame and got one, and that
// is all; whose call came first is told to each event once.
func TestBothSidesCloseAtOnce(t *testing.T) {
	for run := range 50 {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			end := d.ending()
			_, g, p := settled(t, d, wsserver.Config{})
			ours := make(chan error, 1)
			go func() { ours <- g.Close(4000, "ours") }()
			if run%2 == 0 {
				synctest.Wait()
			}
			p.Send(wstest.Close(4001, "theirs"))
			code, _ := p.ReadClose()
			p.WantEnd()
			synctest.Wait()
			err := <-ours
			switch {
			case code == 4000 && err == nil && end.Code == 4000 && !end.Remote:
			case code == 4001 && errors.Is(err, client.ErrClosed) && end.Code == 4001 && end.Remote:
			default:
				t.Errorf("the peer gets %d, Close = %v, the last event %v", code, err, end.CloseInfo)
			}
			if d.count("disconnect") != 1 {
				t.Errorf("events are %v", d.lines())
			}
		})
	}
}

// what arrives behind our close frame is discarded, whatever it is: the end
// comes with the peer's close frame.
func TestDataBehindOurCloseIsDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, g, p := settled(t, d, wsserver.Config{MaxMessageSize: 1000})
		p.Send(wstest.Text("a message ").Open(), wstest.Ping(nil))
		p.WantPong(nil)
		if err := g.Close(4000, ""); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		p.Send(wstest.Continuation([]byte("that ends")), wstest.Text("another"), wstest.Text("\xff"), wstest.Ping([]byte("p")),
			wstest.Binary(make([]byte, 50_000)), wstest.Text("half").Open())
		time.Sleep(3 * time.Second)
		p.Send(wstest.Continuation([]byte("an end")), wstest.Close(4000, ""))
		p.WantClose(4000)
		p.WantEnd()
		synctest.Wait()
		d.want(t, "new", "connect", "disconnect 4000")
		if took := end.at.Sub(start); took != 3*time.Second || errors.Is(end.Cause, client.ErrCloseTimeout) {
			t.Errorf("the end comes after %v with %v", took, end.CloseInfo)
		}
	})
}

// X-02, K-01: CloseAfterFlush delivers a full queue to a peer that reads a little
// at a time, however long that takes, and is bounded by the stall of a write.
func TestCloseAfterFlushToASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		l := serve(t, newServer(t, d, wsserver.Config{CloseTimeout: time.Second, PingInterval: -1}))
		l.SetBuffer(1000)
		p := wstest.Open(raw(t, l), "/")
		synctest.Wait()
		var want []byte
		for i := range 50 {
			data := bytes.Repeat([]byte{byte(i)}, 2000)
			if err := g.SendBinary(data); err != nil {
				t.Fatal(err)
			}
			want = append(want, data...)
		}
		if err := g.CloseAfterFlush(4000, "all of it"); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for len(got) < len(want) {
			time.Sleep(8 * time.Second) // less than WriteTimeout
			m := p.ReadMessage()
			got = append(got, m.Data...)
		}
		if !bytes.Equal(got, want) {
			t.Error("the queue arrives damaged")
		}
		p.WantClose(4000)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(end.Cause, client.ErrCloseTimeout) || end.Code != 4000 {
			t.Errorf("without an answer the last event gets %v", end.CloseInfo)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, g, _ := stalled(t, d, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 5000}})
		start := time.Now()
		if err := g.CloseAfterFlush(4000, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if took := end.at.Sub(start); took < 10*time.Second || took > 12*time.Second || end.Code != 4000 {
			t.Errorf("to a peer that takes nothing it ends after %v with %v", took, end.CloseInfo)
		}
	})
}

// Shutdown sends its close frame behind what is queued, so that a peer
// that reads has all of it; a CloseAfterFlush that was begun goes on.
func TestShutdownDeliversTheQueue(t *testing.T) {
	for _, patient := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			var g *guest
			d.connect = func(c *guest) error { g = c; return nil }
			srv := newServer(t, d, wsserver.Config{})
			l := serve(t, srv)
			l.SetBuffer(1000)
			p := clienttest.Dial(t, l, "/")
			synctest.Wait()
			p.Pause()
			synctest.Wait()
			want := client.CloseError{Code: 1001, Reason: "server shuts down"}
			for i := range 5 {
				if err := g.SendText(fmt.Sprintf("%d %10000d", i, 0)); err != nil {
					t.Fatal(err)
				}
			}
			if patient {
				want = client.CloseError{Code: 4000, Reason: "before"}
				if err := g.CloseAfterFlush(want.Code, want.Reason); err != nil {
					t.Fatal(err)
				}
			}
			time.AfterFunc(3*time.Second, p.Resume)
			start := time.Now()
			if err := srv.Shutdown(context.Background()); err != nil || time.Since(start) != 3*time.Second {
				t.Errorf("Shutdown = %v after %v", err, time.Since(start))
			}
			if e := p.ReceiveClose(); e != want {
				t.Errorf("closed with %v, want %v", &e, &want)
			}
			if n := len(p.Received()); n != 5 {
				t.Errorf("%d of 5 messages arrive", n)
			}
		})
	}
}

// over a socket the peer of an abort sees a reset, and what is queued is lost.
func TestAbortResetsTheSocket(t *testing.T) { onDrivers(t, testAbortResetsTheSocket) }

func testAbortResetsTheSocket(t *testing.T) {
	for _, where := range []string{"handler", "outside"} {
		d := &desk{}
		done := make(chan client.CloseInfo, 1)
		d.disconnect = func(_ *guest, i client.CloseInfo) { done <- i }
		d.message = func(g *guest, _ client.Message) error {
			if err := g.SendText("lost"); err != nil {
				return err
			}
			if where == "handler" {
				g.Abort()
			} else {
				go g.Abort()
			}
			<-g.Done()
			if err := g.SendText("x"); !errors.Is(err, client.ErrClosed) {
				return fmt.Errorf("Send after Abort = %w", err)
			}
			return nil
		}
		p := dialTCP(t, open(t, newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0"})), "/")
		p.SendText("go")
		if err := p.WaitEnd(); err == nil {
			t.Errorf("%s: the stream ends in order", where)
		}
		if i := <-done; i.Code != client.StatusAbnormal || i.Remote || i.Clean() || !errors.Is(i.Cause, client.ErrAborted) {
			t.Errorf("%s: the last event gets %v", where, i)
		}
	}
}
