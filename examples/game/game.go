package main

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

const (
	maxName = 16      // bytes and runes
	fair    = 2       // inputs of one pilot for each tick, on average
	maxRush = 300     // inputs beyond that: what a network keeps for five seconds comes at once
	slow    = 4 << 10 // bytes that wait for a pilot; one with more gets nothing until it has taken them
)

var (
	_ wsserver.ClientFactory[*Pilot] = (*Game)(nil)
	_ client.Client                  = (*Pilot)(nil)
)

// Game joins the arena and the pilots. All of it, and of the arena, is touched on the
// goroutine of the loop only: by the events of the pilots and by the ticks. So there is
// no lock.
type Game struct {
	loop   *pump.Loop
	arena  *Arena
	pilots map[int]*Pilot // by slot
	frame  frame
	out    []byte // the memory of the last message
	skips  uint64 // messages that slow pilots did not get
}

// NewGame returns a game for so many pilots. Play starts it.
func NewGame(loop *pump.Loop, pilots int, seed uint64) *Game {
	return &Game{loop: loop, arena: NewArena(pilots, 700, seed), pilots: make(map[int]*Pilot)}
}

// Play has the loop run a tick every thirtieth of a second. Up to three that are missed
// are made up for; then the game is slower than the clock.
func (g *Game) Play() *pump.Ticker {
	return g.loop.TickFixed(time.Second/ticks, 3, func(time.Time, time.Duration) { g.tick() })
}

// tick moves the arena, and tells every pilot what is new: in one message, which leaves
// with one write.
func (g *Game) tick() {
	start := time.Now()
	g.arena.Step()
	g.frame.look(g.arena)
	for slot, p := range g.pilots {
		p.rush = max(p.rush-fair, 0)
		if p.BufferedAmount() > slow {
			g.skips++
			continue // what it misses is in the next one: that tells what differs from the last it got
		}
		g.out = p.view.append(g.out[:0], &g.frame, slot, p.last.number)
		_ = p.SendBinary(g.out) // a pilot that is leaving needs none
	}
	g.frame.work = uint16(min(time.Since(start)/(10*time.Microsecond), 1<<16-1))
}

// Pilot is the client class.
type Pilot struct {
	client.Base
	game *Game
	name string
	slot int
	in   bool // it has a slot
	bot  bool // it says so
	view view
	last input
	rush int // inputs beyond those that are fair
}

// NewClient lets in who calls ws://host/play?name=Ada. It runs beside the loop, so it
// touches nothing of the game.
func (g *Game) NewClient(r *client.OpenRequest) (*Pilot, error) {
	if r.URI.Path != "/play" {
		return nil, r.Reject(http.StatusNotFound, "the game is at /play?name=Ada")
	}
	name, err := cleanName(r.URI.Query().Get("name"))
	if err != nil {
		return nil, r.Reject(http.StatusBadRequest, err.Error())
	}
	return &Pilot{game: g, name: name, bot: r.URI.Query().Get("bot") == "1"}, nil
}

var (
	errName = errors.New("a name has 1 to 16 bytes and nothing that can not be seen")
	errFull = &client.CloseError{Code: client.StatusTryAgainLater, Reason: "The arena is full."}
	errRush = &client.CloseError{Code: client.StatusPolicyViolation, Reason: "too many inputs"}
	errBad  = &client.CloseError{Code: client.StatusUnsupportedData, Reason: errWire.Error()}
)

// cleanName returns s with single spaces only.
func cleanName(s string) (string, error) {
	s = strings.Join(strings.Fields(s), " ")
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if s == "" || len(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, hidden) {
		return "", errName
	}
	return s, nil
}

// OnClientConnect brings p into the arena.
func (g *Game) OnClientConnect(p *Pilot) error {
	if p.slot, p.in = g.arena.Enter(p.name); !p.in {
		return errFull
	}
	g.pilots[p.slot] = p
	if p.bot {
		g.frame.bots++
	}
	return p.SendBinary(hello{p.slot, side, ticks}.append(nil))
}

// OnClientDisconnect takes p out.
func (g *Game) OnClientDisconnect(p *Pilot, _ client.CloseInfo) {
	if p.in {
		delete(g.pilots, p.slot)
		if p.bot {
			g.frame.bots--
		}
		g.arena.Leave(p.slot)
	}
}

// OnMessage steers.
func (p *Pilot) OnMessage(m client.Message) error {
	in, err := readInput(m.Data)
	if err != nil || m.Op != client.OpBinary {
		return errBad
	}
	if p.rush++; p.rush > maxRush {
		return errRush
	}
	p.last = in
	p.game.arena.Steer(p.slot, in.heading, in.power)
	return nil
}
