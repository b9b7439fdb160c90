package transport

import (
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
)

// lone is one lane for all connections.
func lone() *Service {
	svc := NewService()
	svc.lanes = svc.lanes[:1]
	return svc
}

// alarmed is a connection without a network whose alarm the test sets.
func alarmed(t *testing.T, svc *Service, edit ...func(*Settings)) *recorder {
	t.Helper()
	r := newRecorderOn(svc, testSettings(edit...), new(fakeWire), nil)
	r.idle()
	t.Cleanup(func() {
		r.Abort(io.ErrClosedPipe)
		r.Finish()
		r.Linger()
	})
	return r
}

// Alarms come at their time to the nanosecond, in order, whatever their number and whoever
// was set anew or cleared meanwhile.
func TestClockIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 1))
		k := &clock{svc: NewService()}
		// A connection in the state Closed takes no notice of its alarm, and the clock is seen from outside.
		const n = 500
		conns, want := make([]*Conn, n), make([]time.Duration, n)
		for i := range conns {
			conns[i] = &Conn{svc: k.svc, set: testSettings()}
			conns[i].state.Store(3)
		}
		for range 4000 {
			i := rnd.IntN(n)
			at := k.svc.now() + 1 + time.Duration(rnd.IntN(1000))*time.Millisecond
			switch rnd.IntN(5) {
			case 0:
				k.clear(conns[i])
				want[i] = 0
			case 1:
				time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
				synctest.Wait()
			default: // earlier or later than before
				k.set(conns[i], at)
				want[i] = at
			}
			now := k.svc.now()
			for j, c := range conns {
				k.mu.Lock()
				set := c.alarmAt != 0
				k.mu.Unlock()
				if due := want[j] == 0 || want[j] <= now; set == due && want[j] != now {
					t.Fatalf("at %v: the alarm for %v is set: %v", now, want[j], set)
				}
				if want[j] <= now {
					want[j] = 0
				}
			}
		}
		left := slices.DeleteFunc(want, func(d time.Duration) bool { return d == 0 })
		slices.Sort(left)
		for i, at := range left {
			if i > 0 && left[i-1] == at {
				continue // both have rung
			}
			time.Sleep(at - k.svc.now() - 1)
			synctest.Wait()
			k.mu.Lock()
			before := len(k.alarms)
			k.mu.Unlock()
			if time.Sleep(1 * time.Nanosecond); before != len(left)-i {
				t.Fatalf("%d alarms are left before the one at %v, want %d", before, at, len(left)-i)
			}
			synctest.Wait()
		}
		if k.alarms != nil || k.next != 0 {
			t.Errorf("in the end there are %d alarms, the timer is set to %v", len(k.alarms), k.next)
		}
	})
}

// Deadlines of many connections of one lane: each closes at its own time.
func TestClockServesEachConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc, begun := lone(), time.Now()
		const n = 300
		list := make([]*recorder, n)
		for i := range list {
			list[i] = alarmed(t, svc, func(s *Settings) { s.IdleTimeout = time.Duration(1+i*7%n) * time.Second })
		}
		for now := 1; now <= n; now++ {
			time.Sleep(time.Until(begun.Add(time.Duration(now)*time.Second - 1)))
			for range 2 {
				synctest.Wait()
				open := 0
				for _, r := range list {
					if r.State() == stateOpen {
						open++
					}
				}
				if want := n - int(time.Since(begun)/time.Second); open != want {
					t.Fatalf("after %v %d connections are open, want %d", time.Since(begun), open, want)
				}
				time.Sleep(1 * time.Nanosecond)
			}
		}
	})
}

// An alarm that is set earlier comes then, and only then; one that is set later does not
// come before.
func TestClockIsSetAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &clock{svc: NewService()}
		c := &Conn{svc: k.svc, set: testSettings()}
		c.state.Store(3)
		look := func(want bool) {
			t.Helper()
			synctest.Wait()
			k.mu.Lock()
			defer k.mu.Unlock()
			if got := c.alarmAt != 0; got != want {
				t.Errorf("after %v the alarm is set: %v", k.svc.now(), got)
			}
		}
		k.set(c, time.Hour)
		k.set(c, time.Minute)
		time.Sleep(time.Minute - 1)
		look(true)
		time.Sleep(1 * time.Nanosecond)
		look(false)
		k.set(c, 2*time.Minute)
		k.set(c, time.Hour)
		time.Sleep(30 * time.Minute)
		look(true)
		k.clear(c)
		k.clear(c) // twice is once
		look(false)
		k.set(c, k.svc.now()) // now
		time.Sleep(1 * time.Nanosecond)
		look(false)
		k.set(c, 1) // long ago
		time.Sleep(1 * time.Nanosecond)
		look(false)
	})
}

// A connection that has ended has no alarm, however it ended.
func TestEndedConnectionsHaveNoAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := lone()
		clocks := func(s *Settings) {
			s.PingInterval, s.PongTimeout, s.IdleTimeout, s.MaxLifetime = time.Second, time.Second, time.Minute, time.Hour
		}
		for i := range 50 {
			r := newRecorderOn(svc, testSettings(clocks), &fakeWire{end: io.EOF}, nil)
			switch i % 4 {
			case 0:
				r.Abort(io.ErrClosedPipe)
			case 1:
				r.closeWith(client.StatusNormalClosure, "", false, client.ErrCloseCalled)
			case 2:
				r.closeWith(client.StatusNormalClosure, "", true, client.ErrCloseCalled)
			}
			r.Finish()
			r.Linger()
			_ = r.SendControl(opPing, nil)
			r.SetAcceptData(false)
			r.Drop(io.ErrClosedPipe)
		}
		if n := len(svc.lanes[0].clock.alarms); n != 0 {
			t.Errorf("%d alarms are left", n)
		}
	})
}

// The program's PingPayload may take its time: the alarms of others come at theirs, and if its
// connection ends meanwhile, that has none afterwards.
func TestSlowPingPayloadHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc, leave := lone(), make(chan struct{})
		slow := alarmed(t, svc, func(s *Settings) {
			s.PingInterval = time.Second
			s.PingPayload = func() []byte { <-leave; return nil }
		})
		var others []*recorder
		for i := range 20 { // half of them at the same time
			others = append(others, alarmed(t, svc, func(s *Settings) { s.IdleTimeout = time.Duration(1+i%2) * time.Second }))
		}
		for second := range 2 {
			time.Sleep(time.Second)
			synctest.Wait()
			for i, r := range others {
				if open := r.State() == stateOpen; open != (i%2 > second) {
					t.Errorf("after %d s connection %d is open: %v", second+1, i, open)
				}
			}
		}
		slow.closeWith(client.StatusNormalClosure, "", false, client.ErrCloseCalled)
		slow.Finish()
		close(leave)
		synctest.Wait()
		svc.lanes[0].clock.mu.Lock()
		defer svc.lanes[0].clock.mu.Unlock()
		if slow.alarmAt != 0 {
			t.Error("a connection that has ended has an alarm")
		}
	})
}
