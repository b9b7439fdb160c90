//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/icsws/icsws/bench/internal/figures"
	"github.com/icsws/icsws/bench/internal/stat"
	"github.com/icsws/icsws/bench/internal/wire"
)

// due is one message of an open loop: it is sent at its time, whatever has become of
// those before it.
type due struct {
	at   int64 // nanoseconds from the start
	conn int   // who sends it
	size int
}

// open loops: their messages are the same for every server.
const seed = 6455

// steady is messages of one size at random times, rate of them a second, from
// connections in no order.
func steady(d time.Duration, rate, conns, size int) []due {
	r := rand.New(rand.NewPCG(seed, uint64(rate)))
	var plan []due
	for at := gap(r, rate); at < int64(d); at += gap(r, rate) {
		plan = append(plan, due{at, r.IntN(conns), size})
	}
	return plan
}

// gap is the time between two messages that know nothing of each other.
func gap(r *rand.Rand, rate int) int64 { return int64(r.ExpFloat64() / float64(rate) * 1e9) }

// A burst is so many messages of every member of one room at once: fewer in all than
// the queue of any library holds.
const (
	burstEach  = 12
	burstShare = 0.25 // of all messages
)

// chat is a trace of a chat: three of four messages come at random times and from
// anybody; the others in bursts, when a whole room talks at once. Most are short.
func chat(d time.Duration, rate, conns, rooms int) []due {
	r := rand.New(rand.NewPCG(seed, uint64(rate)))
	members := conns / rooms
	single := int(float64(rate) * (1 - burstShare))
	pause := int64(float64(members*burstEach) / (float64(rate) * burstShare) * 1e9)
	var plan []due
	next, burst := gap(r, single), pause
	for next < int64(d) || burst < int64(d) {
		if next <= burst {
			plan = append(plan, due{next, r.IntN(conns), chatSize(r)})
			next += gap(r, single)
			continue
		}
		room := r.IntN(rooms)
		for i := range members * burstEach {
			plan = append(plan, due{burst, room + rooms*(i%members), chatSize(r)})
		}
		burst += pause
	}
	return plan
}

// chatSize is what people write, with a few long texts.
func chatSize(r *rand.Rand) int {
	switch p := r.IntN(100); {
	case p < 70:
		return 40
	case p < 95:
		return 200
	}
	return 2048
}

// pace sends at given times and measures each delivery from when its message was due.
type pace struct {
	*generator
	each       int // deliveries of a message
	have, want int
	start      int64
	last       int64 // when the last delivery came
	delay      *stat.Hist
	late       *stat.Hist // how long after it was due a message was sent
	slowest    int64
	messages   map[int]wire.Stamped // by size
}

// paced is the open loop: -rate messages a second for -measure of wall clock, after
// -warm of the same. With -rooms it is a chat, else an echo. A unit is one delivery.
func (g *generator) paced() (figures.Figures, error) {
	f := figures.Figures{Rate: float64(g.rate)}
	p := &pace{generator: g, each: 1, messages: map[int]wire.Stamped{}}
	if g.rooms > 0 {
		if g.options.conns%g.rooms != 0 {
			return f, fmt.Errorf("load: %d connections in %d rooms", g.options.conns, g.rooms)
		}
		p.each = g.options.conns / g.rooms
	}
	g.sink = func() wire.Sink { return &wire.Stamps{Each: p.got} }
	if err := g.open(0); err != nil {
		return f, err
	}
	defer g.close()
	fineTimer()
	time.Sleep(joined)
	if err := p.run(g.warm); err != nil {
		return f, err
	}
	m, err := startMeter(g.pid)
	if err != nil {
		return f, err
	}
	if err := p.run(g.measure); err != nil {
		return f, err
	}
	f.Conns, f.Lost = len(g.conns), p.want-p.have
	f.P50, f.P99, f.P999 = micro(p.delay.Quantile(0.50)), micro(p.delay.Quantile(0.99)), micro(p.delay.Quantile(0.999))
	f.Max, f.Late = micro(p.slowest), micro(p.late.Quantile(0.99))
	return f, m.stop(&f, float64(p.have))
}

func micro(ns int64) float64 { return float64(ns) / 1e3 }

func (p *pace) plan(d time.Duration) []due {
	if p.rooms > 0 {
		return chat(d, p.rate, p.options.conns, p.rooms)
	}
	return steady(d, p.rate, p.options.conns, int(p.size))
}

// got takes a delivery; number is when its message was due.
func (p *pace) got(number int64) {
	p.last = now()
	took := p.last - number
	p.delay.Add(took)
	p.slowest = max(p.slowest, took)
	p.have++
}

// run sends a whole plan, and waits until all has come or nothing comes any more.
func (p *pace) run(d time.Duration) error {
	plan := p.plan(d)
	p.delay, p.late, p.slowest = &stat.Hist{}, &stat.Hist{}, 0
	p.have, p.want = 0, len(plan)*p.each
	p.start = now()
	p.last = p.start
	for sent := 0; p.have < p.want; {
		n, err := p.send(plan[sent:])
		if err != nil {
			return err
		}
		sent += n
		wait := int64(look) * int64(time.Millisecond)
		if sent < len(plan) {
			wait = min(wait, p.start+plan[sent].at-now())
		} else if now()-max(p.last, p.start+int64(d)) > int64(patience) {
			return nil
		}
		ready, err := p.poll.waitNanos(wait)
		if err != nil {
			return err
		}
		for i := range ready {
			c := p.poll.conns[ready[i].Fd]
			if _, err := p.take(c, ready[i].Events); err != nil {
				return err
			}
			if err := p.poll.watch(c); err != nil {
				return err
			}
			n, err := p.send(plan[sent:]) // what became due while reading
			if err != nil {
				return err
			}
			sent += n
		}
		if p.have > p.want {
			return fmt.Errorf("load: %d deliveries of %d", p.have, p.want)
		}
		if now() > p.end {
			return fmt.Errorf("%w: %d of %d messages sent, %d of %d deliveries", errLimit, sent, len(plan), p.have, p.want)
		}
	}
	return nil
}

// send sends what is due and returns how many messages that were.
func (p *pace) send(plan []due) (int, error) {
	for i, m := range plan {
		late := now() - p.start - m.at
		if late < 0 {
			return i, nil
		}
		p.late.Add(late)
		c := p.conns[m.conn]
		if err := c.push(); err != nil {
			return i, err
		}
		if len(c.pend) > maxPend {
			return i, errBehind
		}
		if _, err := c.plain().Write(p.frame(m)); err != nil {
			return i, err
		}
		if err := p.poll.watch(c); err != nil {
			return i, err
		}
	}
	return len(plan), nil
}

// maxPend bounds what waits for a server that does not follow.
const maxPend = 4 << 20

var errBehind = errors.New("load: the server does not follow, 4 MiB wait on a connection")

// frame is the message, stamped with when it is due.
func (p *pace) frame(m due) []byte {
	s, ok := p.messages[m.size]
	if !ok {
		s = wire.NewStamped(m.size)
		p.messages[m.size] = s
	}
	return s.Frame(p.start + m.at)
}
