package transport

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
)

// room are connections of one service, each over a wire of its own.
func room(t *testing.T, n int, edit ...func(*Settings)) ([]*recorder, []*fakeWire) {
	t.Helper()
	svc, list, wires := NewService(), make([]*recorder, n), make([]*fakeWire, n)
	for i := range list {
		wires[i] = new(fakeWire)
		list[i] = newRecorderOn(svc, testSettings(edit...), wires[i], nil)
		list[i].idle()
		t.Cleanup(func() {
			list[i].Abort(io.ErrClosedPipe)
			list[i].Finish()
			list[i].Linger()
		})
	}
	return list, wires
}

// flushers counts those that have a goroutine, and the connections that wait for them.
func flushers(svc *Service) (running, waiting int) {
	for i := range svc.lanes {
		f := &svc.lanes[i].flusher
		f.mu.Lock()
		if f.running {
			running++
		}
		waiting += len(f.dirty)
		f.mu.Unlock()
	}
	return running, waiting
}

func wantNoFlushers(t *testing.T, svc *Service) {
	t.Helper()
	if running, waiting := flushers(svc); running != 0 || waiting != 0 {
		t.Errorf("%d flushers are at work, %d connections wait", running, waiting)
	}
}

// What one goroutine sends to many connections, a few messages each, is written with one
// call for each connection.
func TestFlusherGathersWhatOneSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // nobody runs between two sends
		list, wires := room(t, 100)
		for i := range 5 {
			for _, r := range list {
				must(t, r.Send(Frame{First: finBit | opBinary, Payload: []byte{byte('0' + i)}}))
			}
		}
		synctest.Wait()
		for i, w := range wires {
			if w.writes > 2 { // a preemption may come between
				t.Errorf("connection %d: %d writes", i, w.writes)
			}
			wantStory(t, w.written(), "2:0", "2:1", "2:2", "2:3", "2:4")
		}
		wantNoFlushers(t, list[0].svc)
	})
}

// Many who send to the same connection keep their order, each its own, and cost it far
// fewer writes than messages.
func TestFlusherKeepsTheOrderOfEachSender(t *testing.T) {
	list, wires := room(t, 8)
	const senders, each = 16, 200
	var wg sync.WaitGroup
	for id := range senders {
		wg.Go(func() {
			for i := range each {
				for _, r := range list {
					p := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(id)), uint32(i))
					if err := r.Send(Frame{First: finBit | opBinary, Payload: p}); err != nil {
						t.Error(err)
					}
				}
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	for i, r := range list {
		within(t, "all to be written", func() bool { return r.Counters().Buffered == 0 })
		next := [senders]uint32{}
		messages := joined(t, wires[i].written())
		for _, m := range messages {
			id, n := binary.BigEndian.Uint32(m.Data), binary.BigEndian.Uint32(m.Data[4:])
			if n != next[id] {
				t.Fatalf("connection %d: message %d of sender %d, want %d", i, n, id, next[id])
			}
			next[id]++
		}
		if len(messages) != senders*each {
			t.Errorf("connection %d: %d messages", i, len(messages))
		}
	}
	within(t, "the flushers to end", func() bool { running, _ := flushers(list[0].svc); return running == 0 })
	wantNoFlushers(t, list[0].svc)
}

// A burst to a thousand connections is written to the last, and the memory of the lists is
// given back if it was much.
func TestFlusherTakesABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 8 * maxSpare // each lane may have all but a few
		svc := lone()
		list, wires := make([]*Conn, n), make([]fakeWire, n)
		set := testSettings()
		for i := range list {
			list[i] = new(Conn)
			list[i].Init(svc, set, Wire{&wires[i]}, nil, nil, new(recorder))
			list[i].Open()
			list[i].idle()
		}
		for round := range 3 {
			for _, c := range list {
				must(t, c.Send(Frame{First: finBit | opText, Payload: fmt.Append(nil, round)}))
			}
		}
		synctest.Wait()
		for i := range wires {
			wantStory(t, wires[i].written(), "1:0", "1:1", "1:2")
		}
		wantNoFlushers(t, svc)
		f := &svc.lanes[0].flusher
		if f.mu.Lock(); cap(f.spare) > maxSpare || f.dirty != nil && cap(f.dirty) > maxSpare {
			t.Errorf("room for %d and %d connections is kept", cap(f.spare), cap(f.dirty))
		}
		for _, c := range f.spare[:cap(f.spare)] {
			if c != nil {
				t.Fatal("a connection is held on to")
			}
		}
		f.mu.Unlock()
		for _, c := range list {
			c.leaveInput()
		}
	})
}

// What a reader at work sends to others and to itself: the others get theirs at once, it
// gets its own when it has read all; those who end, are closed or are written to otherwise
// meanwhile are not harmed.
func TestFlusherAndReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, wires := room(t, 5)
		self := list[0]
		self.active.Store(true) // inside of an event
		for _, r := range list {
			must(t, r.Send(text("hello")))
		}
		list[1].Abort(io.ErrClosedPipe)
		list[2].closeWith(client.StatusNormalClosure, "", false, client.ErrCloseCalled)
		must(t, list[3].Send(bytesOf('L', largeFrame))) // overtakes nothing
		_ = list[3].SendControl(opPing, []byte("p"))
		synctest.Wait()
		if out := wires[0].written(); len(out) != 0 {
			t.Errorf("the reader's own are written before it has read all: %q", out)
		}
		self.idle()
		wantStory(t, wires[0].written(), "1:hello")
		wantStory(t, wires[2].written(), "1:hello", "8:\x03\xe8")
		wantStory(t, wires[3].written(), "1:hello", fmt.Sprintf("2:L*%d", largeFrame), "9:p")
		wantStory(t, wires[4].written(), "1:hello")
		wantNoFlushers(t, self.svc)
	})
}

// A connection that takes nothing does not hold up the others of its lane.
func TestFlusherIsNotHeldUpByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list, wires := room(t, 50)
		wires[7].take = func(int) int { return 0 }
		wires[7].gate = make(chan struct{})
		for range 3 {
			for _, r := range list {
				must(t, r.Send(text("x")))
			}
			synctest.Wait()
		}
		for i, w := range wires {
			if out := w.written(); i != 7 && len(out) != 9 || i == 7 && len(out) != 0 {
				t.Errorf("connection %d has %q", i, out)
			}
		}
		close(wires[7].gate)
		synctest.Wait()
		wantStory(t, wires[7].written(), "1:x", "1:x", "1:x")
		wantNoFlushers(t, list[0].svc)
	})
}

// Under Settings.Sent user code runs where something is written, and may take its time: the
// flusher is not where it runs.
func TestSlowSentHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc, leave := lone(), make(chan struct{})
		inside := 0
		slow := &sayer{sent: func() { inside++; <-leave }}
		slow.start(svc, testSettings(func(s *Settings) { s.Sent = true }))
		other := newRecorderOn(svc, testSettings(), new(fakeWire), nil)
		other.idle()
		for range 20 { // the reader goes in and out while others send
			go func() { _ = slow.Send(text("slow")) }()
			go func() { slow.active.Store(true); slow.idle() }()
		}
		synctest.Wait()
		must(t, other.Send(text("quick")))
		synctest.Wait()
		if n := other.Counters().Buffered; n != 0 || inside == 0 {
			t.Errorf("%d bytes wait for another's OnSent, which was called %d times", n, inside)
		}
		close(leave)
		time.Sleep(time.Second)
		for _, c := range []*Conn{slow.Conn, other.Conn} {
			c.Abort(io.ErrClosedPipe)
			c.Finish()
			c.Linger()
		}
	})
}

// sayer is a recorder whose Sent does something.
type sayer struct {
	recorder
	sent func()
}

func (r *sayer) Sent(byte, int) { r.sent() }

func (r *sayer) start(svc *Service, set *Settings) {
	r.Conn = new(Conn)
	r.Init(svc, set, Wire{new(fakeWire)}, nil, nil, r)
	r.Attach()
	r.Open()
	r.idle()
}
