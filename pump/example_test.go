package pump_test

import (
	"context"
	"fmt"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// World is what all players share. Only the loop touches it.
type World struct {
	players map[*Player]bool
	steps   int
}

// Player is the client class.
type Player struct {
	client.Base
	world *World
}

// OnMessage may use the world: no other event, and no tick, runs meanwhile.
func (p *Player) OnMessage(m client.Message) error {
	return p.SendText(fmt.Sprintf("%d players, step %d", len(p.world.players), p.world.steps))
}

// Step is what a tick does.
func (w *World) Step(now time.Time, dt time.Duration) {
	w.steps++
	for p := range w.players {
		_ = p.SendText("tick")
	}
}

// All events of a server, and the ticks, run on the goroutine of main.
func Example() {
	w := &World{players: make(map[*Player]bool)}
	loop := pump.New(pump.Options{})
	srv, err := wsserver.New(wsserver.Factory[*Player]{
		New:        func(*client.OpenRequest) (*Player, error) { return &Player{world: w}, nil },
		Connect:    func(p *Player) error { w.players[p] = true; return nil },
		Disconnect: func(p *Player, _ client.CloseInfo) { delete(w.players, p) },
	}, wsserver.Config{Addr: "127.0.0.1:0", Pump: loop})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond) // a signal, in real life
	defer cancel()
	if err := srv.Listen(ctx); err != nil {
		fmt.Println(err)
		return
	}
	context.AfterFunc(ctx, func() {
		_ = srv.Shutdown(context.Background()) // the last events run on the loop
		loop.Close()
	})
	loop.Tick(time.Second/30, w.Step)
	fmt.Println(loop.Run(context.Background()))
	// Output: <nil>
}

// A program whose main loop comes round by itself, such as that of a window.
func ExampleLoop_Drain() {
	loop := pump.New(pump.Options{})
	for n := range 3 {
		_ = loop.Post(func() { fmt.Println("event", n) })
	}
	for frame := range 2 {
		fmt.Println("frame", frame, "after", loop.Drain(0), "events")
	}
	// Output:
	// event 0
	// event 1
	// event 2
	// frame 0 after 3 events
	// frame 1 after 0 events
}

// The end of a server whose events run here: the loop is run until the last of them.
func ExampleLoop_Close() {
	loop := pump.New(pump.Options{})
	srv, err := wsserver.New(wsserver.Class[Echo](), wsserver.Config{Pump: loop})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	context.AfterFunc(ctx, func() {
		sctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		fmt.Println(srv.Shutdown(sctx)) // on another goroutine: the last events run on the loop
		loop.Close()
	})
	_ = loop.Post(cancel) // a signal, in real life
	fmt.Println(loop.Run(context.Background()))
	// Output:
	// <nil>
	// <nil>
}

// Echo is a class.
type Echo struct{ client.Base }

func (e *Echo) OnMessage(m client.Message) error { return e.Send(m) }

// A player is handed on to the loop of the room that it enters: the event that moves it is
// the last one on the old loop.
func ExampleLoop() {
	hall, cave := pump.New(pump.Options{}), pump.New(pump.Options{})
	srv, err := wsserver.New(wsserver.Factory[*Walker]{
		New:        func(*client.OpenRequest) (*Walker, error) { return &Walker{next: cave}, nil },
		Connect:    func(*Walker) error { return nil },
		Disconnect: func(*Walker, client.CloseInfo) {},
	}, wsserver.Config{Pump: hall})
	fmt.Println(srv != nil, err)
	// Output: true <nil>
}

// Walker is the client class.
type Walker struct {
	client.Base
	next *pump.Loop
}

// OnMessage moves the player on.
func (w *Walker) OnMessage(client.Message) error { return w.AttachPump(w.next) }

// A program with a main loop of its own runs the events where it likes.
func ExampleLoop_C() {
	loop := pump.New(pump.Options{})
	go func() { _ = loop.Post(func() { fmt.Println("on the main goroutine") }) }()
	quit := time.After(time.Minute)
	select {
	case <-loop.C():
		fmt.Println(loop.Drain(-1), "event")
	case <-quit:
	}
	// Output:
	// on the main goroutine
	// 1 event
}

// A simulation goes on in equal steps, whatever the machine is up to.
func ExampleLoop_TickFixed() {
	loop := pump.New(pump.Options{})
	n := 0
	loop.TickFixed(time.Millisecond, 5, func(_ time.Time, dt time.Duration) {
		if n++; n == 10 {
			fmt.Println(n, "steps of", dt)
			loop.Close()
		}
	})
	fmt.Println(loop.Run(context.Background()))
	// Output:
	// 10 steps of 1ms
	// <nil>
}
