package main

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/icsws/icsws/client"
)

const (
	lobby       = "lobby" // where one is who names no room
	maxRoomName = 32      // bytes

	// memory is how long the messages of a room without people are kept, so that who
	// loses the connection finds them again.
	memory = 15 * time.Minute
)

var errRoomName = errors.New("a room's name has 1 to 32 letters from a to z, digits and hyphens")

// Who finds no place gets these.
var (
	errNoRoom   = &client.CloseError{Code: client.StatusTryAgainLater, Reason: "All rooms are taken."}
	errRoomFull = &client.CloseError{Code: client.StatusTryAgainLater, Reason: "This room is full."}
)

// roomName returns s in lower case, in which the names of rooms are compared.
func roomName(s string) (string, error) {
	strange := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	}
	if s == "" || len(s) > maxRoomName || strings.ContainsFunc(s, strange) {
		return "", errRoomName
	}
	return strings.ToLower(s), nil
}

// rooms are the rooms of all hosts. A room is made for the first who comes. One
// without people goes at once when nothing was said in it, else after a while; or
// earlier, the one that has been empty for longest first, when there are as many as
// there may be and another one is wanted.
type rooms struct {
	max int

	mu  sync.Mutex // guards the following, and in each Room what it says; taken before a Room's
	all map[string]*Room
}

func newRooms(max int) *rooms { return &rooms{max: max, all: make(map[string]*Room)} }

// enter returns the room of that name and counts one more in it, until leave. The
// error is errNoRoom.
func (s *rooms) enter(p place, name string) (*Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := p.Tag + "/" + name
	r := s.all[key]
	if r == nil {
		if len(s.all) >= s.max && !s.forgetOldestLocked() {
			return nil, errNoRoom
		}
		r = newRoom(key, p.banner(name))
		s.all[key] = r
	}
	r.people++
	if r.timer != nil {
		r.timer.Stop()
	}
	return r, nil
}

// leave counts one less in r.
func (s *rooms) leave(r *Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.people--
	switch {
	case r.people > 0:
	case r.silent():
		delete(s.all, r.key)
	default:
		r.empty = time.Now()
		r.timer = time.AfterFunc(memory, func() { s.forget(r) })
	}
}

// forget drops a room that has been empty for long enough, unless somebody came just
// now.
func (s *rooms) forget(r *Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.people == 0 && time.Since(r.empty) >= memory && s.all[r.key] == r {
		delete(s.all, r.key)
	}
}

func (s *rooms) forgetOldestLocked() bool {
	var oldest *Room
	for _, r := range s.all {
		if r.people == 0 && (oldest == nil || r.empty.Before(oldest.empty)) {
			oldest = r
		}
	}
	if oldest == nil {
		return false
	}
	oldest.timer.Stop()
	delete(s.all, oldest.key)
	return true
}
