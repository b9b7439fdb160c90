package link

import "reflect"

// Loop is the inside of a pump.Loop: it runs the events of clients elsewhere than on
// their readers. All methods may be called from any goroutine. None of them waits, and
// only Book and Close call back.
type Loop interface {
	// Join counts s in, which is told when the loop closes; false when it has closed.
	Join(s Seat) bool
	// Leave counts s out.
	Leave(s Seat)
	// Schedule has s.Run called, also when the loop is closed. Until then it must not be
	// called for s again.
	Schedule(s Seat)
	// Take books an event of so many bytes for s. When there is no room it returns false,
	// and s.Room will be called.
	Take(s Seat, bytes int) bool
	// Book books what there must be room for; negative numbers give room back.
	Book(events, bytes int)
	// ClientBytes bounds what waits for one client.
	ClientBytes() int
	// Defer has f.FlushSoon called when the turn of the loop is over, or earlier; false
	// when there is no turn now.
	Defer(f Flusher) bool
	// Hurry is asked by Run after each event: true has it return.
	Hurry() bool
}

// Seat is a client's place in a loop.
type Seat interface {
	// Run runs up to max events and returns how many, and whether Run is to be called
	// again.
	Run(max int) (ran int, again bool)
	// Room tells that Take may succeed now.
	Room()
	// Closed tells that the loop was closed.
	Closed()
}

// Flusher has something to send that waits for company.
type Flusher interface{ FlushSoon() }

// LoopHandle makes a type that embeds it a loop for LoopOf, and for nobody else: its
// method can not be called, and not be written elsewhere.
type LoopHandle struct{ loop Loop }

// NewLoopHandle returns a handle on l.
func NewLoopHandle(l Loop) LoopHandle { return LoopHandle{l} }

func (h *LoopHandle) inside() Loop { return h.loop }

// LoopOf returns the inside of a *pump.Loop that pump.New has made, nil for anything
// else.
func LoopOf(v any) Loop {
	h, ok := v.(interface{ inside() Loop })
	if r := reflect.ValueOf(v); !ok || r.Kind() == reflect.Pointer && r.IsNil() {
		return nil
	}
	return h.inside()
}
