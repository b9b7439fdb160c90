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
