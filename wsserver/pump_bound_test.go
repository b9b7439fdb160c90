package wsserver_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// flood has a peer send numbered messages of n bytes until it is told to stop, and
// returns how many it could.
func flood(p *wstest.Peer, n int, sent *atomic.Int64, stop *atomic.Bool) {
	for i := 0; !stop.Load(); i++ {
		m := append(fmt.Appendf(nil, "%d ", i), make([]byte, n)...)
		if _, err := p.Conn.Write(p.Encode(wstest.Binary(m))); err != nil {
			return
		}
		sent.Add(1)
	}
}

// E-18: what waits for a loop has a bound in bytes, for each client and for all, and then
// TCP pushes back; when the loop is run again nothing is missing.
func TestWhatWaitsForALoopIsBounded(t *testing.T) {
	for _, tt := range []struct {
		name    string
		o       pump.Options
		clients int
		size    int
		most    int // bytes: the bound and one message
		bufs    int // bytes that the network and a reader hold for each client
	}{
		{"small messages of one client", pump.Options{MaxClientBytes: 10_000}, 1, 10, 10_000 + 192, 80 << 10},
		{"to the byte", pump.Options{MaxClientBytes: 50 * 192}, 1, 10, 50 * 192, 80 << 10},
		{"messages of one client", pump.Options{MaxClientBytes: 10_000}, 1, 1000, 10_000 + 4224, 80 << 10},
		{"large messages of one client", pump.Options{MaxClientBytes: 10_000}, 1, 30_000, 10_000 + 128, 150 << 10},
		{"small messages of all", pump.Options{MaxBytes: 50_000}, 20, 10, 50_000 + 192, 80 << 10},
		{"messages of all", pump.Options{MaxBytes: 50_000, MaxClientBytes: 20_000}, 20, 3000, 50_000 + 4224, 150 << 10},
		{"by default", pump.Options{}, 1, 100, 64<<10 + 384, 80 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				loop := pump.New(tt.o)
				defer loop.Close()
				next := map[*guest]int{}
				d := &desk{}
				d.message = func(g *guest, m client.Message) error {
					var n int
					if fmt.Sscan(string(m.Data), &n); n != next[g] {
						t.Errorf("message %d, want %d", n, next[g])
					}
					next[g]++
					return nil
				}
				srv := newServer(t, d, wsserver.Config{Pump: loop, PingInterval: time.Second})
				l := serve(t, srv)
				var sent atomic.Int64
				var stop atomic.Bool
				var wg sync.WaitGroup
				for range tt.clients {
					p := wstest.Open(raw(t, l), "/")
					p.Timeout = 1000 * time.Hour
					synctest.Wait()
					loop.Drain(-1)
					wg.Go(func() { flood(p, tt.size, &sent, &stop) })
				}
				time.Sleep(time.Hour) // nobody is closed for the silence
				synctest.Wait()
				s := loop.Stats()
				if s.Bytes > tt.most || s.Bytes < tt.most/3 && tt.size < 16<<10 || s.Queued == 0 || s.Clients != tt.clients {
					t.Errorf("%+v, want up to %d bytes", s, tt.most)
				}
				if n := int(sent.Load()) * tt.size; n > tt.most+tt.clients*tt.bufs {
					t.Errorf("%d bytes are sent, up to %d may wait", n, tt.most)
				}
				if n := srv.ClientCount(); n != tt.clients {
					t.Errorf("%d clients are left", n)
				}
				stop.Store(true)
				for range 1000 {
					if synctest.Wait(); loop.Drain(-1) == 0 {
						break
					}
				}
				wg.Wait()
				synctest.Wait()
				loop.Drain(-1)
				got := 0
				for _, n := range next {
					got += n
				}
				if s := loop.Stats(); got != int(sent.Load()) || s.Bytes != 0 || s.Queued != 0 || s.Blocked != 0 {
					t.Errorf("%d of %d messages have come, %+v", got, sent.Load(), s)
				}
			})
		})
	}
}

// E-25: the same for a client that is detached, and its bound is that of its last loop.
func TestWhatWaitsForADetachedClientIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := pump.New(pump.Options{MaxClientBytes: 5000})
		defer loop.Close()
		_, g, p := settledOn(t, &desk{}, loop)
		if err := g.DetachPump(); err != nil {
			t.Fatal(err)
		}
		var sent atomic.Int64
		var stop atomic.Bool
		done := make(chan struct{})
		go func() { defer close(done); flood(p, 100, &sent, &stop) }()
		synctest.Wait()
		if s := loop.Stats(); s.Clients != 0 || s.Bytes != 0 || s.Queued != 0 {
			t.Errorf("the loop it has left: %+v", s)
		}
		if err := g.AttachPump(loop); err != nil {
			t.Fatal(err)
		}
		// It is counted before anything more can be read.
		if s := loop.Stats(); s.Bytes < 5000 || s.Bytes > 5000+384 || s.Queued < 10 {
			t.Errorf("%+v", s)
		}
		stop.Store(true)
		for range 100 {
			synctest.Wait()
			loop.Drain(-1)
		}
		p.Conn.Close()
		<-done
	})
}

// E-18: what waits costs about what it is counted for.
func TestMemoryOfWhatWaitsIsWhatItCounts(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	loop := pump.New(pump.Options{MaxClientBytes: 1 << 20})
	defer loop.Close()
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0", Pump: loop})
	addr := open(t, srv)
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	const clients = 8
	for _, size := range []int{0, 60, 200, 4000, 15_000} {
		before := heap()
		var stop atomic.Bool
		var sent atomic.Int64
		var wg sync.WaitGroup
		var peers []*wstest.Peer
		for range clients {
			p := wstest.Open(wstest.DialTCP(t, addr), "/")
			peers = append(peers, p)
			wg.Go(func() { flood(p, size, &sent, &stop) })
		}
		var last int64 // what is being written leaves garbage
		eventually(t, "the queues to be full and the peers to wait", func() bool {
			was := last
			last = sent.Load()
			time.Sleep(20 * time.Millisecond)
			return loop.Stats().Bytes >= clients<<20 && last == was
		})
		s, cost := loop.Stats(), heap()-before
		if most := s.Bytes*5/4 + clients*(200<<10); cost > most {
			t.Errorf("messages of %d bytes: %d bytes of memory for %d that count", size, cost, s.Bytes)
		}
		stop.Store(true)
		for _, p := range peers {
			p.Conn.Close()
		}
		eventually(t, "the clients to be gone", func() bool {
			loop.Drain(-1)
			return srv.ClientCount() == 0
		})
		wg.Wait()
	}
}

// Clients whose events wait for their loop need no goroutine for that: the readers sleep.
func TestWaitingForALoopTakesNoGoroutine(t *testing.T) {
	for _, driver := range []wsserver.Driver{wsserver.DriverDormant, wsserver.DriverInline} {
		if runtime.GOOS != "linux" {
			continue // there is no such driver
		}
		t.Run(driver.String(), func(t *testing.T) {
			loop := pump.New(pump.Options{})
			defer loop.Close()
			var got atomic.Int64
			d := &desk{}
			d.message = func(*guest, client.Message) error { got.Add(1); return nil }
			srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0", Pump: loop, Driver: driver})
			addr := open(t, srv)
			const clients = 50
			var peers []*wstest.Peer
			for range clients {
				peers = append(peers, wstest.Open(wstest.DialTCP(t, addr), "/"))
			}
			loop.Drain(-1)
			before := runtime.NumGoroutine()
			for _, p := range peers {
				p.Send(wstest.Text("x"), wstest.Text("y"))
			}
			eventually(t, "the readers to sleep", func() bool {
				return srv.Stats().Dormant == clients && loop.Stats().Queued >= 2*clients
			})
			if n := runtime.NumGoroutine(); n > before+clients/5 { // the poller may have got another one
				t.Errorf("%d goroutines, %d before", n, before)
			}
			if loop.Drain(-1); got.Load() != 2*clients {
				t.Errorf("%d messages", got.Load())
			}
		})
	}
}

// Readers that wait for room hold up no others under the inline driver.
func TestBlockedReadersHoldUpNobody(t *testing.T) { onDrivers(t, testBlockedReadersHoldUpNobody) }

func testBlockedReadersHoldUpNobody(t *testing.T) {
	stuck := pump.New(pump.Options{MaxClientBytes: 1})
	defer stuck.Close()
	d := &desk{}
	d.newClient = func(r *client.OpenRequest) (*guest, error) {
		if r.RawURI == "/stuck" {
			r.Pump = stuck
		}
		return d.guest(), nil
	}
	addr := open(t, newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0"}))
	for range 3 * runtime.GOMAXPROCS(0) {
		p := wstest.Open(wstest.DialTCP(t, addr), "/stuck")
		p.Send(wstest.Text("a"), wstest.Text("b"), wstest.Text("c"))
		fine := wstest.Open(wstest.DialTCP(t, addr), "/")
		for range 3 {
			fine.Send(wstest.Text("x"))
			fine.WantText("x")
		}
	}
}

// K-09: a client is not idle while its message waits for the loop, and the time runs anew
// when that is over.
func TestWaitingForALoopIsNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := pump.New(pump.Options{})
		defer loop.Close()
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{Pump: loop, IdleTimeout: 10 * time.Second, PingInterval: -1})
		p := wstest.Open(raw(t, serve(t, srv)), "/")
		p.Timeout = time.Hour
		synctest.Wait()
		loop.Drain(-1)
		time.Sleep(9 * time.Second)
		p.Send(wstest.Text("x"))
		time.Sleep(95 * time.Second)
		synctest.Wait()
		if n := srv.ClientCount(); n != 1 {
			t.Fatalf("%d clients", n)
		}
		loop.Drain(-1)
		p.WantText("x")
		start := time.Now()
		p.WantClose(1001)
		if took := time.Since(start); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("it is closed after %v", took)
		}
	})
}
