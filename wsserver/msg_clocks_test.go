package wsserver_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// K-01: the time of a write begins anew with each byte that moves; it ends no
// earlier, and at most an eighth later. The connection is reset, and whoever sends then gets ErrClosed.
func TestStallEndsToWithinAnEighth(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Second, 40 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			want := timeout
			if want == 0 {
				want = 10 * time.Second
			}
			d := &desk{}
			end := d.ending()
			var g *guest
			d.connect = func(c *guest) error { g = c; return nil }
			l := serve(t, newServer(t, d, wsserver.Config{WriteTimeout: timeout, PingInterval: -1}))
			l.SetBuffer(1000)
			p := wstest.Open(raw(t, l), "/")
			synctest.Wait()
			if err := g.SendBinary(make([]byte, 100_000)); err != nil {
				t.Fatal(err)
			}
			var last time.Time
			for range 30 {
				time.Sleep(want * 2 / 3)
				last = time.Now()
				_ = p.Conn.SetReadDeadline(time.Time{})
				if _, err := p.Conn.Read(make([]byte, 1)); err != nil {
					t.Fatalf("the peer reads %v, %v", err, end.CloseInfo)
				}
			}
			time.Sleep(10 * want)
			synctest.Wait()
			if took := end.at.Sub(last); took < want || took > want*9/8 || !errors.Is(end.Cause, client.ErrWriteTimeout) || end.Code != 1006 || end.Remote {
				t.Errorf("%v after the last byte it ends with %v, want %v", took, end.CloseInfo, want)
			}
			if err := g.SendText("x"); !errors.Is(err, client.ErrClosed) {
				t.Errorf("Send after the end = %v", err)
			}
		})
	}
}

// K-02: SetWriteTimeout holds from the next stall on, also for what is queued; 0
// restores the server's.
func TestWriteTimeoutOfOneClient(t *testing.T) {
	for _, tt := range []struct {
		calls []time.Duration
		want  time.Duration // 0: it stays
	}{{[]time.Duration{2 * time.Second}, 2 * time.Second}, {[]time.Duration{2 * time.Second, 0}, 20 * time.Second}, {[]time.Duration{-1}, 0}} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			end := d.ending()
			var g *guest
			d.connect = func(c *guest) error { g = c; return nil }
			l := serve(t, newServer(t, d, wsserver.Config{WriteTimeout: 20 * time.Second, PingInterval: -1}))
			l.SetBuffer(1000)
			wstest.Open(raw(t, l), "/")
			synctest.Wait()
			for _, d := range tt.calls {
				g.SetWriteTimeout(d)
			}
			start := time.Now()
			if err := g.SendBinary(make([]byte, 100_000)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			took := end.at.Sub(start)
			if stays := end.Cause == nil; stays != (tt.want == 0) || !stays && (took < tt.want || took > tt.want*9/8) {
				t.Errorf("with %v it ends after %v: %v", tt.calls, took, end.CloseInfo)
			}
		})
	}
}

// K-09: only whole or begun data messages hold the idle clock back, to the moment:
// not pings, pongs, or what we send.
func TestIdleIsToTheMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{message: func(*guest, client.Message) error { return nil }}
		end := d.ending()
		_, g, p := settled(t, d, wsserver.Config{IdleTimeout: time.Minute, PingInterval: -1})
		time.Sleep(59 * time.Second)
		p.Send(wstest.Binary(nil)) // an empty message is one
		start := time.Now()
		for range 5 {
			time.Sleep(11 * time.Second)
			p.Send(wstest.Ping(nil), wstest.Pong(nil))
			if err := g.SendText("x"); err != nil {
				t.Fatal(err)
			}
		}
		for {
			f, err := p.NextFrame()
			if err != nil {
				t.Fatal(err)
			}
			if f.Op == wstest.OpClose {
				break
			}
		}
		p.Send(wstest.Close(1001, ""))
		synctest.Wait()
		if took := end.at.Sub(start); took != time.Minute || end.Code != 1001 || !errors.Is(end.Cause, client.ErrIdleTimeout) {
			t.Errorf("it ends after %v with %v", took, end.CloseInfo)
		}
	})
}

// K-09, K-10, K-06: the clocks do not wait for each other; the first that is due ends
// the connection, with the peer's time to answer.
func TestFirstClockThatIsDue(t *testing.T) {
	for _, tt := range []struct {
		name     string
		cfg      wsserver.Config
		from, to time.Duration
		code     client.StatusCode
	}{
		{"ping", wsserver.Config{IdleTimeout: time.Hour, MaxLifetime: time.Hour}, 40 * time.Second, 40 * time.Second, 1011},
		{"idle", wsserver.Config{IdleTimeout: 35 * time.Second, MaxLifetime: time.Hour}, 35 * time.Second, 35 * time.Second, 1001},
		{"life", wsserver.Config{IdleTimeout: time.Hour, MaxLifetime: 20 * time.Second}, 18 * time.Second, 20 * time.Second, 1012},
		{"life alone", wsserver.Config{MaxLifetime: 48 * time.Hour, PingInterval: -1}, 43 * time.Hour, 48 * time.Hour, 1012},
		{"none", wsserver.Config{PingInterval: -1}, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				_, g, _ := settled(t, d, tt.cfg)
				start := time.Now()
				time.Sleep(100 * time.Hour)
				synctest.Wait()
				if tt.code == 0 {
					if end.Cause != nil || !g.Connected() {
						t.Errorf("it ends with %v", end.CloseInfo)
					}
					return
				}
				took := end.at.Sub(start) - 5*time.Second // CloseTimeout
				if took < tt.from || took > tt.to || end.Code != tt.code || end.Remote || !errors.Is(end.Cause, client.ErrCloseTimeout) {
					t.Errorf("it ends after %v with %v, want %d after %v to %v", took, end.CloseInfo, tt.code, tt.from, tt.to)
				}
			})
		})
	}
}

// K-10: the lifetime ends in the middle of a handler and of a stalled queue too, and
// by CloseTimeout later everything is over.
func TestLifetimeWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		d.message = func(g *guest, _ client.Message) error {
			for start := time.Now(); ; time.Sleep(time.Second) {
				if !g.Connected() {
					if age := time.Since(start); age < 54*time.Second || age > 61*time.Second {
						t.Errorf("the handler sees the end after %v", age)
					}
					return nil
				}
			}
		}
		_, _, p := settled(t, d, wsserver.Config{MaxLifetime: time.Minute})
		p.Send(wstest.Text("go"))
		p.WantClose(1012)
		p.Send(wstest.Close(1012, ""))
		p.WantEnd()
		synctest.Wait()
		if !errors.Is(end.Cause, client.ErrLifetime) {
			t.Errorf("the last event gets %v", end.CloseInfo)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		cfg := blocking(5000)
		cfg.MaxLifetime = time.Minute
		_, g, _ := stalled(t, d, cfg)
		start := time.Now()
		if err := g.SendText("waits"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Send = %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if took := end.at.Sub(start); took < 59*time.Second || took > 65*time.Second || end.Code != 1012 {
			t.Errorf("it ends after %v with %v", took, end.CloseInfo)
		}
	})
}

// K-11: CloseTimeout bounds what is queued, the close frame and the answer together.
func TestCloseTimeoutBoundsItAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, g, p := stalled(t, d, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 5000}, CloseTimeout: 3 * time.Second})
		start := time.Now()
		if err := g.Close(4000, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if took := end.at.Sub(start); took != 3*time.Second || end.Code != 4000 || !errors.Is(end.Cause, client.ErrCloseTimeout) {
			t.Errorf("with a full queue it ends after %v with %v", took, end.CloseInfo)
		}
		p.Resume()
	})
	synctest.Test(t, func(t *testing.T) { // a negative one waits for ever
		d := &desk{}
		end := d.ending()
		_, g, p := settled(t, d, wsserver.Config{CloseTimeout: -1})
		start := time.Now()
		if err := g.Close(4000, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		p.Send(wstest.Close(4000, ""))
		p.WantClose(4000)
		synctest.Wait()
		if took := end.at.Sub(start); took != 24*time.Hour || !errors.Is(end.Cause, client.ErrCloseCalled) {
			t.Errorf("it ends after %v with %v", took, end.CloseInfo)
		}
	})
}
