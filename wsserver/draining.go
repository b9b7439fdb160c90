package wsserver

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/internal/engine"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/logkey"
)

// away counts those who are sent away.
type away struct {
	hints  atomic.Uint64 // given
	closed atomic.Int64  // clients
}

// drain is the closing of all clients over a time. It has one goroutine, which belongs
// to the server and ends when the last client has left.
type drain struct {
	s        *core
	window   time.Duration
	began    time.Time
	first    int           // who was there when it began
	hastened chan struct{} // closed: the rest at once
	hasten   func()
	others   []*engine.Session // peers who are told that they are one too many
	timer    *time.Timer       // the only one
	told     time.Time         // the last event

	mu   sync.Mutex // guards the following
	list []*engine.Session
	over bool // nobody looks at list any more
}

// newDrain is the drain of a Shutdown with ctx; nil without a window.
func (s *core) newDrain(ctx context.Context) *drain {
	window := s.in.Load().cfg.Drain.Window
	if window == 0 {
		return nil
	}
	limit, bounded := ctx.Deadline()
	if event.Inside() { // where ShutdownTimeout counts too
		if most := time.Now().Add(s.in.Load().cfg.ShutdownTimeout); !bounded || most.Before(limit) {
			limit, bounded = most, true
		}
	}
	if bounded {
		left := time.Until(limit)
		margin := left / 4 // for those who are closed last
		if s.in.Load().cfg.CloseTimeout > 0 {
			margin = min(margin, s.in.Load().cfg.CloseTimeout)
		}
		window = max(min(window, left-margin), 0)
	}
	d := &drain{s: s, window: window, hastened: make(chan struct{})}
	d.hasten = sync.OnceFunc(func() { close(d.hastened) })
	return d
}

// beginLocked takes over those who are connected, and who will be in a moment.
func (d *drain) beginLocked() {
	s := d.s
	s.drain, s.end = d, d.add
	s.wg.Add(1)
	for _, sess := range s.runningLocked() {
		if isClient(sess) {
			d.list = append(d.list, sess)
		} else {
			d.others = append(d.others, sess)
		}
	}
	d.first = len(d.list)
}

// isClient tells clients from peers who are told that they are one too many.
func isClient(sess *engine.Session) bool {
	adm := sess.Data.(*admission)
	return adm.counted || adm.relay != nil
}

// add is what becomes of a session that comes when the drain has begun.
func (d *drain) add(sess *engine.Session) {
	d.mu.Lock()
	mine := !d.over && isClient(sess)
	if mine {
		d.list = append(d.list, sess)
	}
	d.mu.Unlock()
	if !mine {
		d.s.sendAway(sess)
	}
}

// order puts those first who are connected longest.
func (d *drain) order() {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortFunc(d.list, func(a, b *engine.Session) int { return cmp.Compare(a.Link.ID, b.Link.ID) })
}

// at is the i-th session. With last, there is an end to it: from then on add closes.
func (d *drain) at(i int, last bool) *engine.Session {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i < len(d.list) {
		return d.list[i]
	}
	d.over = d.over || last
	return nil
}

// due is when the i-th session is closed. Those who came late are last.
func (d *drain) due(i int) time.Time {
	if i >= d.first {
		return d.began.Add(d.window)
	}
	return d.began.Add(time.Duration(float64(d.window) * float64(i) / float64(d.first)))
}

func (d *drain) run() {
	defer d.s.wg.Done()
	d.began = time.Now()
	d.timer = time.NewTimer(0)
	defer d.timer.Stop()
	finished := false
	defer func() {
		if !finished { // OnDrain has ended the goroutine
			d.flush()
		}
	}()
	for _, sess := range d.others {
		d.s.sendAway(sess)
	}
	d.order()
	d.tell(false)
	sent := 0
	for sess := d.at(sent, false); sess != nil; sess = d.at(sent, false) {
		if d.wait(sess, d.due(sent)) {
			d.s.sendAway(sess)
		}
		sent++
	}
	for i := 0; ; i++ {
		sess := d.at(i, true)
		if sess == nil {
			break
		}
		if i >= sent {
			d.s.sendAway(sess)
		}
		for d.present(sess) {
			d.pause(sess, time.Hour, nil)
			d.progress()
		}
	}
	finished = true
	d.tell(true)
}

// flush closes all who are left.
func (d *drain) flush() {
	for i := 0; ; i++ {
		sess := d.at(i, true)
		if sess == nil {
			return
		}
		d.s.sendAway(sess)
	}
}

// present reports whether a session is still a client.
func (d *drain) present(sess *engine.Session) bool {
	if _, ok := d.s.registry.Get(sess.Link.ID); ok {
		return true
	}
	if relayOf(sess) == nil {
		return false
	}
	select {
	case <-sess.Ended():
		return false
	default:
		return true
	}
}

// wait waits until it is time to close a session; false when it has ended before.
func (d *drain) wait(sess *engine.Session, due time.Time) bool {
	for {
		d.progress()
		left := time.Until(due)
		switch {
		case !d.present(sess):
			return false
		case left <= 0 || d.isHastened():
			return true
		}
		d.pause(sess, left, d.hastened)
	}
}

// pause waits until something is to be done: for a session or d.pace at the latest.
func (d *drain) pause(sess *engine.Session, most time.Duration, hastened <-chan struct{}) {
	d.timer.Reset(min(most, time.Until(d.told.Add(d.pace()))))
	select {
	case <-d.timer.C:
	case <-hastened:
	case <-sess.Ended():
	}
}

func (d *drain) isHastened() bool {
	select {
	case <-d.hastened:
		return true
	default:
		return false
	}
}

// pace is the time between two events: a twentieth of the window, and no less than a
// second.
func (d *drain) pace() time.Duration { return max(d.window/20, time.Second) }

// progress tells how far it has come, if it is time for that.
func (d *drain) progress() {
	if time.Since(d.told) >= d.pace() {
		d.tell(false)
	}
}

func (d *drain) tell(over bool) {
	s := d.s
	d.mu.Lock()
	clients := len(d.list)
	d.mu.Unlock()
	info := DrainInfo{
		Clients: clients, Left: s.registry.Len() + s.forwardedNow(), Closed: int(s.away.closed.Load()),
		Elapsed: time.Since(d.began), Window: d.window, Hastened: d.isHastened(), Over: over,
	}
	s.log.Info("drain", logkey.Clients, info.Clients, logkey.Left, info.Left, logkey.Closed, info.Closed,
		logkey.Elapsed, info.Elapsed, logkey.Window, info.Window, logkey.Hastened, info.Hastened, logkey.Over, over)
	if f := s.cfg.Events.OnDrain; f != nil {
		s.user("OnDrain", func() { f(info) })
	}
	d.told = time.Now() // behind it: one that is slow does not come again at once
}
