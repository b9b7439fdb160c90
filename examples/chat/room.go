package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// maxPast is how many messages a newcomer gets to read.
const maxPast = 50

// Line is what the server tells a page, as JSON.
type Line struct {
	// Kind is "you" for the name that a newcomer got, "banner", "say", "join",
	// "leave", "refused" for a message that was not taken, or "busy".
	Kind string `json:"kind"`
	Who  string `json:"who,omitempty"`
	Body string `json:"body,omitempty"`
	At   int64  `json:"at"`             // milliseconds since 1970, no two the same in a room; 0 for no time
	Here int    `json:"here,omitempty"` // how many are in the room, with "you", "join" and "leave"
}

// text is l as it travels.
func (l Line) text() string {
	b, err := json.Marshal(l)
	if err != nil {
		panic(err) // strings and numbers always have a JSON form
	}
	return string(b)
}

// Room is where the members of one host meet.
type Room struct {
	banner string

	mu   sync.Mutex         // guards the following; held while a line goes out, so that all see one order
	here map[string]*Member // by name in lower case
	past []Line
	last int64 // Line.At of the newest line
}

func newRoom(banner string) *Room {
	return &Room{banner: banner, here: make(map[string]*Member)}
}

// enter gives m a name that nobody here has, tells it what was said, and tells all
// that it came. The banner follows.
func (r *Room) enter(m *Member) error {
	if err := m.SetBanner(Line{Kind: "banner", Body: r.banner}.text()); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m.name = r.freeName(m.name)
	m.inside = true
	r.here[strings.ToLower(m.name)] = m
	if err := m.SendText(Line{Kind: "you", Who: m.name, At: r.now(), Here: len(r.here)}.text()); err != nil {
		return err
	}
	for _, l := range r.past {
		if err := m.SendText(l.text()); err != nil {
			return err
		}
	}
	r.tell(m, Line{Kind: "join", Who: m.name, At: r.now(), Here: len(r.here)})
	return nil
}

// leave tells the others that m went. It may never have been here.
func (r *Room) leave(m *Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !m.inside {
		return
	}
	m.inside = false
	delete(r.here, strings.ToLower(m.name))
	r.tell(m, Line{Kind: "leave", Who: m.name, At: r.now(), Here: len(r.here)})
}

// say tells all what m has to say, and keeps it for who comes later.
func (r *Room) say(m *Member, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := Line{Kind: "say", Who: m.name, Body: body, At: r.now()}
	if len(r.past) == maxPast {
		r.past = slices.Delete(r.past, 0, 1)
	}
	r.past = append(r.past, l)
	r.tell(m, l)
}

// tell sends l to everybody here. A broadcast waits for nobody, so it may be made
// with r.mu held. Who is connected and not inside yet will read l in the past.
func (r *Room) tell(m *Member, l Line) {
	m.Server().Broadcast(client.Text(l.text()), wsserver.Where(func(c *Member) bool {
		return c.room == r && c.inside
	}))
}

// freeName returns name, with a number behind it if it is taken.
func (r *Room) freeName(name string) string {
	free := name
	for n := 2; r.here[strings.ToLower(free)] != nil; n++ {
		free = fmt.Sprintf("%s %d", name, n)
	}
	return free
}

// now is the time for a new line.
func (r *Room) now() int64 {
	r.last = max(r.last+1, time.Now().UnixMilli())
	return r.last
}
