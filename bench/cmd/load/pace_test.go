//go:build linux

package main

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/icsws/icsws/bench/internal/stat"
	"github.com/icsws/icsws/bench/internal/wire"
)

func TestASteadyPlanHasItsRateAndIsAlwaysTheSame(t *testing.T) {
	plan := steady(10*time.Second, 1000, 8, 64)
	if n := len(plan); math.Abs(float64(n)-10_000) > 500 {
		t.Errorf("%d messages in 10 s, want about 10000", n)
	}
	if !slices.Equal(plan, steady(10*time.Second, 1000, 8, 64)) {
		t.Error("another plan the second time")
	}
	inOrder(t, plan, 10*time.Second, 8)
}

func inOrder(t *testing.T, plan []due, d time.Duration, conns int) {
	t.Helper()
	last := int64(0)
	for _, m := range plan {
		if m.at < last || m.at >= int64(d) || m.conn < 0 || m.conn >= conns || m.size < 16 {
			t.Fatalf("message %+v after %d", m, last)
		}
		last = m.at
	}
}

func TestAQuarterOfAChatComesInBurstsOfOneRoom(t *testing.T) {
	const rooms, conns = 16, 128
	plan := chat(20*time.Second, 4000, conns, rooms)
	inOrder(t, plan, 20*time.Second, conns)
	if n := float64(len(plan)); math.Abs(n-80_000) > 4000 {
		t.Errorf("%v messages in 20 s, want about 80000", n)
	}
	at := map[int64][]due{}
	for _, m := range plan {
		at[m.at] = append(at[m.at], m)
	}
	inBursts := 0
	for _, burst := range at {
		if len(burst) < 10 {
			continue
		}
		inBursts += len(burst)
		each := map[int]int{}
		for _, m := range burst {
			each[m.conn]++
			if m.conn%rooms != burst[0].conn%rooms {
				t.Fatalf("a burst in two rooms: %v", burst)
			}
		}
		if len(burst) == conns/rooms*burstEach && (len(each) != conns/rooms || each[burst[0].conn] != burstEach) {
			t.Fatalf("a burst of %v", each)
		}
	}
	if share := float64(inBursts) / float64(len(plan)); math.Abs(share-burstShare) > 0.03 {
		t.Errorf("%.2f of the messages are in bursts, want %v", share, burstShare)
	}
}

// answers sends each message back, whatever its length.
func answers(in io.Reader, out io.Writer) error {
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil {
		return err
	}
	size := int(head[1] & 0x7f)
	if size == 126 {
		long := make([]byte, 2)
		if _, err := io.ReadFull(in, long); err != nil {
			return err
		}
		size = int(binary.BigEndian.Uint16(long))
	}
	p := make([]byte, 4+size)
	if _, err := io.ReadFull(in, p); err != nil {
		return err
	}
	unmask(p[:4], p[4:])
	_, err := out.Write(frame(0x81, p[4:]))
	return err
}

func paced(t *testing.T, talk func(io.Reader, io.Writer) error) *pace {
	t.Helper()
	g := newGenerator(serveOnce(t, talk))
	g.rate = 2000
	p := &pace{generator: g, each: 1, messages: map[int]wire.Stamped{}}
	g.sink = func() wire.Sink { return &wire.Stamps{Each: p.got} }
	if err := g.open(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	return p
}

func TestEveryMessageOfAnOpenLoopIsDelivered(t *testing.T) {
	p := paced(t, answers)
	for range 2 {
		if err := p.run(100 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		n := uint64(len(p.plan(100 * time.Millisecond)))
		if n == 0 || uint64(p.have) != n || p.delay.Total() != n || p.late.Total() != n || p.slowest <= 0 {
			t.Errorf("%d messages, %d deliveries, %d delays", n, p.have, p.delay.Total())
		}
	}
}

// A server that stops for a while delays all that was due meanwhile, not one message.
func TestAPauseCountsForEveryMessageThatWasDue(t *testing.T) {
	const stop = 100 * time.Millisecond
	n := 0
	p := paced(t, func(in io.Reader, out io.Writer) error {
		if n++; n == 50 {
			time.Sleep(stop)
		}
		return answers(in, out)
	})
	if err := p.run(300 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	slow := 0
	for ms := range 101 {
		if p.delay.Quantile(float64(ms)/100) > int64(stop/4) {
			slow = 101 - ms
			break
		}
	}
	if slow < 20 { // of a hundred: a third of the messages were due in the pause
		t.Errorf("%d %% of the messages were delayed", slow)
	}
}

func TestABurstOnOneConnectionWaitsForRoomAndArrives(t *testing.T) {
	p := paced(t, answers)
	p.delay, p.late = &stat.Hist{}, &stat.Hist{}
	plan := make([]due, 2000)
	for i := range plan {
		plan[i] = due{0, 0, 2048}
	}
	p.start = now()
	if n, err := p.send(plan); n != len(plan) || err != nil {
		t.Fatalf("send = %d, %v", n, err)
	}
	for p.have < len(plan) {
		if _, err := p.wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.take(p.conns[0], 5); err != nil { // EPOLLIN and EPOLLOUT
			t.Fatal(err)
		}
	}
}

// What the generator sends late is charged too: the delay counts from when it was due.
func TestADelayCountsFromWhenTheMessageWasDue(t *testing.T) {
	const behind = 50 * time.Millisecond
	p := paced(t, answers)
	p.delay, p.late = &stat.Hist{}, &stat.Hist{}
	p.start = now() - int64(behind)
	if n, err := p.send([]due{{0, 0, 64}, {int64(time.Hour), 0, 64}}); n != 1 || err != nil {
		t.Fatalf("send = %d, %v", n, err)
	}
	for p.have == 0 {
		if _, err := p.wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := p.take(p.conns[0], 1); err != nil { // EPOLLIN
			t.Fatal(err)
		}
	}
	if p.slowest < int64(behind) || p.late.Quantile(0) < int64(behind)*63/64 {
		t.Errorf("a delay of %v, sent late by %v", time.Duration(p.slowest), time.Duration(p.late.Quantile(0)))
	}
}
