package main

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

const (
	maxName = 20   // runes
	maxBody = 1000 // runes

	burst    = 8                      // so many messages at once,
	pause    = 500 * time.Millisecond // then one in this time
	patience = 20                     // messages too fast, one after the other, until the end
)

var (
	_ wsserver.ClientFactory[*Member] = (*Chat)(nil)
	_ client.Client                   = (*Member)(nil)
)

// Chat is the factory. Each virtual host has rooms of its own.
type Chat struct {
	places map[string]place // by the tag of the host
	rooms  *rooms
}

// NewClient lets in who calls ws://host/chat/garden?name=Ada, which is into the room
// garden, or ws://host/chat?name=Ada, which is into the lobby.
func (c *Chat) NewClient(r *client.OpenRequest) (*Member, error) {
	room := lobby
	if r.URI.Path != "/chat" {
		path, found := strings.CutPrefix(r.URI.Path, "/chat/")
		if !found {
			return nil, r.Reject(http.StatusNotFound, "the chat is at /chat?name=Ada, a room of it at /chat/garden?name=Ada")
		}
		var err error
		if room, err = roomName(path); err != nil {
			return nil, r.Reject(http.StatusBadRequest, err.Error())
		}
	}
	name, err := cleanName(r.URI.Query().Get("name"))
	if err != nil {
		return nil, r.Reject(http.StatusBadRequest, err.Error())
	}
	return &Member{place: c.places[r.HostTag], wanted: room, name: name}, nil
}

// OnClientConnect brings m into its room. A browser's script sees no status of a
// refused handshake, so who finds no place is told here.
func (c *Chat) OnClientConnect(m *Member) (err error) {
	if m.room, err = c.rooms.enter(m.place, m.wanted); err == nil {
		err = m.room.enter(m)
	}
	if full, ok := errors.AsType[*client.CloseError](err); ok {
		_ = m.SendText(Line{Kind: "busy", Body: full.Reason}.text())
	}
	return err
}

// OnClientDisconnect takes m out.
func (c *Chat) OnClientDisconnect(m *Member, _ client.CloseInfo) {
	if m.room == nil {
		return
	}
	m.room.leave(m)
	c.rooms.leave(m.room)
}

var errName = errors.New("a name has 1 to 20 visible characters")

// cleanName returns s with single spaces only.
func cleanName(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errName
	}
	s = strings.Join(strings.Fields(s), " ")
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if n := utf8.RuneCountInString(s); n == 0 || n > maxName || strings.ContainsFunc(s, hidden) {
		return "", errName
	}
	return s, nil
}

// Member is the client class. What it sends is the text of a message; what it
// gets is a [Line] as JSON.
type Member struct {
	client.Base
	place  place
	wanted string // the name of the room
	room   *Room  // nil until there is one
	name   string // the wished one until it is in the room
	inside bool   // it is in the room
	pace   pace
}

// OnMessage says m to the room.
func (m *Member) OnMessage(msg client.Message) error {
	if msg.Op != client.OpText {
		return &client.CloseError{Code: client.StatusUnsupportedData, Reason: "a message is text"}
	}
	ok, err := m.pace.spend(time.Now())
	body := strings.TrimSpace(string(msg.Data))
	switch {
	case err != nil:
		return err
	case !ok:
		return m.refuse("That was too fast: wait a moment.")
	case utf8.RuneCountInString(body) > maxBody:
		return m.refuse("That was too long: a message has up to 1000 characters.")
	case body != "":
		m.room.say(m, body)
	}
	return nil
}

// refuse tells m alone that its message was not taken.
func (m *Member) refuse(why string) error {
	return m.SendText(Line{Kind: "refused", Body: why}.text())
}

// pace bounds how fast one member talks. The zero value is rested.
type pace struct {
	rested time.Time // when the whole burst is free again
	excess int       // messages too fast in a row
}

var errFlood = &client.CloseError{Code: client.StatusPolicyViolation, Reason: "too many messages"}

// spend reports whether another message may be said now; the error ends the
// connection of a member that does not stop.
func (p *pace) spend(now time.Time) (bool, error) {
	if p.rested.Before(now) {
		p.rested = now
	}
	if p.rested.Sub(now) > (burst-1)*pause {
		if p.excess++; p.excess > patience {
			return false, errFlood
		}
		return false, nil
	}
	p.rested = p.rested.Add(pause)
	p.excess = 0
	return true, nil
}
