package pump

import (
	"context"
	"log/slog"
	"time"

	"github.com/icsws/icsws/internal/link"
)

// Options are the bounds of a [Loop]. The zero value is good. New panics with an
// [*OptionError] when one is negative.
type Options struct {
	// MaxBytes bounds the messages that wait for the loop, those of all clients together,
	// each with 128 bytes for itself. A reader that finds so many waiting waits, and its
	// peer's TCP connection with it. A message of more than 16 KiB is not copied and does
	// not count: its reader has it, and waits for its event. Zero means 16 MiB.
	MaxBytes int
	// MaxClientBytes is the same for the messages of one client. Zero means 64 KiB.
	MaxClientBytes int
	// MaxPosts bounds the functions of Post that wait; a further one is ErrFull. Zero
	// means 4096.
	MaxPosts int
	// OnPanic gets each panic in a function of Post, Tick or TickFixed, on the goroutine
	// that runs the loop, which goes on in any case. Nil means a line in the log.
	OnPanic func(PanicInfo)
	// Logger gets what OnPanic would; nil means slog.Default.
	Logger *slog.Logger
}

// Loop runs events, one at a time. [New] makes it; the zero value is not a loop. Unless
// it says otherwise a method may be called from any goroutine, and in events.
type Loop struct {
	handle
	q *queue
}

// handle is unexported under this name, and what it has too.
type handle = link.LoopHandle

// New returns a loop that nobody runs yet. It has no goroutine of its own. For a test in
// a testing/synctest bubble it must be made inside of it.
func New(o Options) *Loop {
	q := newQueue(o)
	return &Loop{handle: link.NewLoopHandle(q), q: q}
}

// Run runs everything as it comes, until ctx ends, whose cause it returns, or until the
// loop is closed: then it goes on until the last client that was attached has had its
// OnClientDisconnect, and returns nil. The goroutine that calls it is the owner
// meanwhile. It may be called again. On a loop that is closed it returns [ErrClosed],
// while another goroutine is at it or from inside of an event [ErrRunning].
//
// When ctx ends, what is left waits for the next Run, Drain or Step: so a server whose
// clients are here is shut down before, or while, that happens. See docs/pump.md.
func (l *Loop) Run(ctx context.Context) error { return l.q.serve(ctx) }

// Drain runs what waits, and returns how many events, functions and ticks that were. It
// never waits for more. With max above 0 it runs up to so many. With 0 everybody who
// waits now has one turn, a client one of up to 16 events: it ends even when more keeps
// coming. With less than 0 it goes on until nothing is left but ticks that have had their
// turn and are due again. It panics with
// [ErrRunning] while another goroutine runs the loop or when it is called in an event,
// and returns 0 when the loop is closed.
func (l *Loop) Drain(max int) int { return l.q.drain(max) }

// Step runs one event, function or tick that waits, and reports whether there was one.
// Otherwise it is as Drain.
func (l *Loop) Step() bool { return l.q.drain(1) == 1 }

// C returns the channel from which a value can be received when there is something to
// run, for a select in the program's own main loop; after it call Drain, which puts
// another one there if it leaves something. It is always the same channel, with room
// for one value, and is never closed. Run reads from it too.
func (l *Loop) C() <-chan struct{} { return l.q.ready }

// Post has f run on the loop, behind what waits there by now. It does not wait. The
// error is [ErrFull] or [ErrClosed]; without one f runs exactly once, when the loop is
// run. Close does not change that.
func (l *Loop) Post(f func()) error { return l.q.post(f) }

// Tick has f run every d, from d from now on, until the Ticker is stopped or the loop
// closed. Ticks come before what else waits, so they are late by one event at most, and
// keep to their grid: one that is late does not move the next. Those that are missed,
// because f or an event took long or nobody ran the loop, are left out. now is the time,
// dt that since the last tick, or since Tick. It panics when d is not above 0. On a loop
// that is closed it does nothing.
func (l *Loop) Tick(d time.Duration, f func(now time.Time, dt time.Duration)) *Ticker {
	return l.q.tick(d, 0, f)
}

// TickFixed is Tick for a simulation in steps of one length: now is when the tick was
// due, and dt is always d. Those that were missed are made up for, one right behind the
// other, but not more than most of them at a time: what is beyond that is left out, so
// that a program which is too slow becomes slower and not stuck.
func (l *Loop) TickFixed(d time.Duration, most int, f func(now time.Time, dt time.Duration)) *Ticker {
	return l.q.tick(d, max(most, 1), f)
}

// Close ends the loop; it does not wait. Ticks stop. Post, and attaching a client, are
// [ErrClosed] from now on. Functions that were posted before still run. The clients that
// are attached are closed with 1001 and the cause client.ErrLoopClosed; messages that
// wait are thrown away, as they are after any Close of a client, and their
// OnClientDisconnect follows. Where one wants to keep them, it attaches them to another
// loop first.
//
// A Run that is under way does all that and then returns. Without one a goroutine of the
// loop's does, whenever there is something: still one event at a time, but no longer on
// the program's own goroutine. A second Close does nothing.
func (l *Loop) Close() { l.q.close() }

// Stats returns the present figures.
func (l *Loop) Stats() Stats { return l.q.stats() }
