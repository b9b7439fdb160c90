package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

// member is a peer that is in a room.
type member struct {
	*clienttest.Peer
	t      *testing.T
	name   string   // that the room gave it
	people []string // who was there when it came, itself included
	past   []Line   // that it got to read
}

// join comes into the lobby of a host, and reads up to its own arrival.
func join(t *testing.T, l *clienttest.Listener, host, name string) *member {
	t.Helper()
	return joinRoom(t, l, host, "", name)
}

// joinRoom is join for the room at a path, such as "/garden".
func joinRoom(t *testing.T, l *clienttest.Listener, host, room, name string) *member {
	t.Helper()
	target := "/chat" + room + "?" + url.Values{"name": {name}}.Encode()
	m := &member{Peer: clienttest.Dial(t, l, target, clienttest.DialOptions{Host: host}), t: t}
	var you Welcome
	if err := json.Unmarshal(m.Receive().Data, &you); err != nil || you.Kind != "you" || you.Who == "" {
		t.Fatalf("%s got %+v first, %v", name, you, err)
	}
	m.name, m.people = you.Who, you.People
	for {
		line := m.next()
		if line.Kind == "banner" {
			break
		}
		m.past = append(m.past, line)
	}
	if line := m.next(); line.Kind != "join" || line.Who != m.name || line.Here != you.Here || line.Here != len(m.people) {
		t.Fatalf("%s got %+v behind the banner", m.name, line)
	}
	return m
}

func decode(t *testing.T, m client.Message) (l Line) {
	t.Helper()
	if err := json.Unmarshal(m.Data, &l); err != nil || m.Op != client.OpText {
		t.Fatalf("received %v %q: %v", m.Op, m.Data, err)
	}
	return l
}

func (m *member) next() Line {
	m.t.Helper()
	return decode(m.t, m.Receive())
}

// gets checks the next line, whatever its time.
func (m *member) gets(want Line) {
	m.t.Helper()
	got := m.next()
	if got.At = 0; got != want {
		m.t.Fatalf("%s got %+v, want %+v", m.name, got, want)
	}
}

func (m *member) hears(who, body string) {
	m.t.Helper()
	m.gets(Line{Kind: "say", Who: who, Body: body})
}

func TestTwoMembersTalk(t *testing.T) { // E-02, E-03, O-24, S-18
	l := serve(t, 0)
	ada := join(t, l, "localhost", "Ada")
	bob := join(t, l, "localhost", "  Bob \t B. ")
	ada.gets(Line{Kind: "join", Who: "Bob B.", Here: 2})
	ada.SendText(" hello <b>Bob</b>\nhow are you? ")
	ada.SendText(" \n ") // says nothing
	bob.SendText("grüße, 👋")
	for _, m := range []*member{ada, bob} {
		lines := map[string]bool{m.next().Body: true, m.next().Body: true}
		if !lines["hello <b>Bob</b>\nhow are you?"] || !lines["grüße, 👋"] {
			t.Errorf("%s read %v", m.name, lines)
		}
	}
	bob.Close(client.StatusNormalClosure, "")
	ada.gets(Line{Kind: "leave", Who: "Bob B.", Here: 1})
}

func TestRoomsAreApart(t *testing.T) { // H-08
	l := serve(t, 0)
	ada := join(t, l, "localhost", "Ada")
	lou := join(t, l, "lounge.localhost", "Ada")
	if lou.name != "Ada" {
		t.Errorf("a name of the other room is taken: %s", lou.name)
	}
	ada.SendText("one")
	ada.hears("Ada", "one")
	lou.SendText("two")
	lou.hears("Ada", "two")
	ada.SendText("three")
	ada.hears("Ada", "three")
}

func TestNamesAreUnique(t *testing.T) {
	l := serve(t, 0)
	first := join(t, l, "localhost", "Ada")
	second := join(t, l, "localhost", "ada")
	if third := join(t, l, "localhost", "ADA"); second.name != "ada 2" || third.name != "ADA 3" {
		t.Errorf("the names are %s and %s", second.name, third.name)
	}
	second.Close(client.StatusNormalClosure, "")
	first.gets(Line{Kind: "join", Who: "ada 2", Here: 2})
	first.gets(Line{Kind: "join", Who: "ADA 3", Here: 3})
	first.gets(Line{Kind: "leave", Who: "ada 2", Here: 2})
	if again := join(t, l, "localhost", "Ada"); again.name != "Ada 2" {
		t.Errorf("a name that is free again: %s", again.name)
	}
}

func TestNewcomersReadTheLastMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serve(t, 0)
		ada := join(t, l, "localhost", "Ada")
		for n := range maxPast + 2 {
			time.Sleep(pause)
			ada.SendText(fmt.Sprint(n))
			ada.hears("Ada", fmt.Sprint(n))
		}
		bob := join(t, l, "localhost", "Bob")
		if len(bob.past) != maxPast {
			t.Fatalf("Bob reads %d messages, want %d", len(bob.past), maxPast)
		}
		var last int64
		for i, line := range bob.past {
			if line.Kind != "say" || line.Body != fmt.Sprint(i+2) || line.At <= last {
				t.Errorf("message %d is %+v", i, line)
			}
			last = line.At
		}
	})
}

func TestWhoIsNotLetIn(t *testing.T) {
	l := serve(t, 0)
	for _, tt := range []struct {
		name, target string
		status       int
	}{
		{"without a name", "/chat", http.StatusBadRequest},
		{"with spaces for a name", "/chat?name=%20%20", http.StatusBadRequest},
		{"with a long name", "/chat?name=" + strings.Repeat("x", maxName+1), http.StatusBadRequest},
		{"with a control character", "/chat?name=a%00b", http.StatusBadRequest},
		{"with a direction override", "/chat?name=a%E2%80%AEb", http.StatusBadRequest},
		{"with a name that is not UTF-8", "/chat?name=%ff", http.StatusBadRequest},
		{"at another path", "/?name=Ada", http.StatusNotFound},
		{"at a path that begins alike", "/chats?name=Ada", http.StatusNotFound},
		{"in a room without a name", "/chat/?name=Ada", http.StatusBadRequest},
		{"in a room in a room", "/chat/a/b?name=Ada", http.StatusBadRequest},
		{"in a room with a hidden slash", "/chat/a%2Fb?name=Ada", http.StatusBadRequest},
		{"in a room with other letters", "/chat/caf%C3%A9?name=Ada", http.StatusBadRequest},
		{"in a room with a long name", "/chat/" + strings.Repeat("x", maxRoomName+1) + "?name=Ada", http.StatusBadRequest},
		{"in a room and without a name", "/chat/garden", http.StatusBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, res, err := clienttest.TryDial(t, l, tt.target, clienttest.DialOptions{Host: "localhost"})
			if !errors.Is(err, clienttest.ErrRefused) || res.StatusCode != tt.status {
				t.Fatalf("answer %v, %v; want status %d", res, err, tt.status)
			}
			if body, err := io.ReadAll(res.Body); err != nil || len(body) < 10 {
				t.Errorf("body %q, %v; want a sentence", body, err)
			}
		})
	}
	joinRoom(t, l, "localhost", "/"+strings.Repeat("x", maxRoomName), "Ada")
	if m := join(t, l, "localhost", strings.Repeat("ß", maxName)); m.name != strings.Repeat("ß", maxName) {
		t.Errorf("the longest name came to be %s", m.name)
	}
}

func TestTooFastIsRefusedAndThenClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serve(t, 0)
		ada := join(t, l, "localhost", "Ada")
		bob := join(t, l, "localhost", "Bob")
		ada.gets(Line{Kind: "join", Who: "Bob", Here: 2})
		for range burst {
			ada.SendText("x")
			ada.hears("Ada", "x")
			bob.hears("Ada", "x")
		}
		ada.SendText("too fast")
		if line := ada.next(); line.Kind != "refused" {
			t.Fatalf("one too many gets %+v", line)
		}
		time.Sleep(pause)
		ada.SendText("rested")
		ada.hears("Ada", "rested")
		bob.hears("Ada", "rested")

		for range patience + 1 {
			ada.SendText("flood")
		}
		if got := ada.CloseCode(); got != client.StatusPolicyViolation {
			t.Errorf("closed with %v", got)
		}
		bob.gets(Line{Kind: "leave", Who: "Ada", Here: 1})
	})
}

func TestMessagesHaveALimit(t *testing.T) {
	l := serve(t, 0)
	ada := join(t, l, "localhost", "Ada")
	longest := strings.Repeat("👋", maxBody)
	ada.SendText(longest)
	ada.hears("Ada", longest)
	ada.SendText(strings.Repeat("x", maxBody+1))
	if line := ada.next(); line.Kind != "refused" {
		t.Errorf("a long message gets %+v", line)
	}
	ada.SendText(longest + "x")
	if got := ada.CloseCode(); got != client.StatusMessageTooBig {
		t.Errorf("closed with %v", got)
	}
}

func TestBinaryIsNotTalk(t *testing.T) {
	ada := join(t, serve(t, 0), "localhost", "Ada")
	ada.SendBinary([]byte("hello"))
	if got := ada.CloseCode(); got != client.StatusUnsupportedData {
		t.Errorf("closed with %v", got)
	}
}
