package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// maxHere is how many people a room has place for: all of them are in the list that
// a newcomer gets.
const maxHere = 200

// Room is where people meet. Its members are a group of the server, which sends them
// what is said. Who is here, the room knows by name, and a little longer than the
// group: a name is free again when the others have read that its owner left.
type Room struct {
	key    string // the name of the group
	banner string

	// Guarded by rooms.mu.
	people int         // who have entered or are about to
	empty  time.Time   // since when there are none
	timer  *time.Timer // forgets the room then; nil before

	mu   sync.Mutex        // guards the following; held while a line goes out, so that all see one order
	here map[string]string // names by their lower case
	past history
	last int64 // Line.At of the newest line
}

func newRoom(key, banner string) *Room {
	return &Room{key: key, banner: banner, here: make(map[string]string)}
}

// enter brings m in, tells it what was said, and tells all that it came. What is said
// meanwhile, the server holds back until the banner is out, so m reads everything
// once and in order.
func (r *Room) enter(m *Member) error {
	if err := m.SetBanner(Line{Kind: "banner", Body: r.banner}.text()); err != nil {
		return err
	}
	lines, err := r.admit(m)
	for _, text := range lines {
		if err := m.SendText(text); err != nil {
			return err
		}
	}
	return err
}

// admit gives m a name that nobody here has, and makes it a member. It returns what m
// has to read first; what is said afterwards comes through the group.
func (r *Room) admit(m *Member) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.here) >= maxHere {
		return nil, errRoomFull
	}
	name := r.freeName(m.name)
	if err := r.group(m).Join(m); err != nil {
		return nil, err
	}
	m.name, m.inside = name, true
	r.here[strings.ToLower(name)] = name
	you := Welcome{
		Line:   Line{Kind: "you", Who: name, At: r.now(), Here: len(r.here)},
		People: slices.Sorted(maps.Values(r.here)),
	}
	lines := append([]string{you.text()}, r.past.lines...)
	r.tell(m, Line{Kind: "join", Who: name, At: r.now(), Here: len(r.here)})
	return lines, nil
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
	r.past.add(r.tell(m, Line{Kind: "say", Who: m.name, Body: body, At: r.now()}))
}

// tell sends l to everybody here, and returns it as it travels. A broadcast waits for
// nobody, so it may be made with r.mu held.
func (r *Room) tell(m *Member, l Line) string {
	text := l.text()
	r.group(m).Broadcast(client.Text(text))
	return text
}

func (r *Room) group(m *Member) *wsserver.Group[*Member] { return wsserver.ServerOf(m).Group(r.key) }

// silent reports whether there is nothing to remember.
func (r *Room) silent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.past.lines) == 0
}

// freeName returns name, with a number behind it if it is taken.
func (r *Room) freeName(name string) string {
	free := name
	for n := 2; r.here[strings.ToLower(free)] != ""; n++ {
		free = fmt.Sprintf("%s %d", name, n)
	}
	return free
}

// now is the time for a new line.
func (r *Room) now() int64 {
	r.last = max(r.last+1, time.Now().UnixMilli())
	return r.last
}
