package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

func TestRoomsOfOneHostAreApart(t *testing.T) { // C-22
	l := serve(t, 0)
	ada := joinRoom(t, l, "localhost", "/garden", "Ada")
	eve := joinRoom(t, l, "localhost", "/lobby", "Ada") // the lobby has a path too
	bob := joinRoom(t, l, "localhost", "/GARDEN", "Bob")
	joinRoom(t, l, "lounge.localhost", "/garden", "Ada")
	ada.gets(Line{Kind: "join", Who: "Bob", Here: 2})
	ada.SendText("in the garden")
	for _, m := range []*member{ada, bob} {
		m.hears("Ada", "in the garden")
	}
	bob.Close(client.StatusNormalClosure, "")
	ada.gets(Line{Kind: "leave", Who: "Bob", Here: 1})
	lou := join(t, l, "localhost", "Lou")
	eve.gets(Line{Kind: "join", Who: "Lou", Here: 2})
	if len(lou.past) != 0 {
		t.Errorf("who comes to the lobby reads %+v", lou.past)
	}
}

func TestNewcomersAreToldWhoIsHere(t *testing.T) {
	l := serve(t, 0)
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"Bob", []string{"Bob"}},
		{"Ada", []string{"Ada", "Bob"}},
		{"ada", []string{"Ada", "Bob", "ada 2"}},
	} {
		if m := join(t, l, "localhost", tt.name); !slices.Equal(m.people, tt.want) {
			t.Errorf("%s is told of %q, want %q", tt.name, m.people, tt.want)
		}
	}
}

func TestHistoryHasBounds(t *testing.T) {
	for _, tt := range []struct {
		name             string
		size, count      int // of the messages
		kept, first, sum int
	}{
		{"few", 100, 3, 3, 0, 300},
		{"too many", 100, maxPast + 7, maxPast, 7, 100 * maxPast},
		{"too large", 10_000, 9, maxPastBytes / 10_000, 9 - maxPastBytes/10_000, 10_000 * (maxPastBytes / 10_000)},
		{"one for all", maxPastBytes, 3, 1, 2, maxPastBytes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var h history
			for n := range tt.count {
				h.add(fmt.Sprintf("%-*d", tt.size, n))
			}
			first, _ := strconv.Atoi(strings.TrimSpace(h.lines[0]))
			if len(h.lines) != tt.kept || first != tt.first || h.bytes != tt.sum {
				t.Errorf("%d messages of %d bytes from %d on; want %d of %d from %d on",
					len(h.lines), h.bytes, first, tt.kept, tt.sum, tt.first)
			}
		})
	}
}

// What a newcomer gets at once fits into the queue of one who reads nothing yet.
func TestLargestPastFitsIntoTheQueue(t *testing.T) {
	l := serve(t, 0)
	var talkers []*member
	widest := strings.Repeat("<", maxBody) // six bytes each in JSON
	for n := range 2 {                     // what they say fits into the queue too
		talkers = append(talkers, join(t, l, "localhost", fmt.Sprint(strings.Repeat("<", maxName-1), n)))
	}
	for _, m := range talkers {
		for range burst {
			m.SendText(widest)
		}
	}
	for range len(talkers) * burst { // until all is said
		for line := talkers[0].next(); line.Kind != "say"; line = talkers[0].next() {
		}
	}
	size := len(Welcome{People: slices.Repeat([]string{strings.Repeat("<", maxName)}, maxHere)}.text())
	bob := join(t, l, "localhost", "Bob")
	for _, line := range bob.past {
		size += len(line.text())
	}
	if n := len(bob.past); n < 5 || size > 128<<10 {
		t.Errorf("%d messages and the list of people have %d bytes, half of the queue has %d", n, size, 128<<10)
	}
}

// However a newcomer and what is said meet, it reads everything from some message on,
// once and in order.
func TestNewcomersMissNothingAndReadNothingTwice(t *testing.T) {
	const said = 1500
	srv, l := serveWith(t, options{maxRooms: 1})
	joinRoom(t, l, "localhost", "/garden", "Ada")
	var ada *Member
	for ada = range srv.Clients() {
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range said {
			ada.room.say(ada, fmt.Sprint(n)) // faster than her peer may
		}
	})
	for range 4 {
		wg.Go(func() {
			for range 8 {
				newcomer := clienttest.Dial(t, l, "/chat/garden?name=Bob", clienttest.DialOptions{Host: "localhost"})
				last := -1
				for last < said-1 {
					m, err := newcomer.TryReceive()
					if err != nil {
						t.Error(err)
						return
					}
					line := decode(t, m)
					if line.Kind != "say" {
						continue
					}
					n, _ := strconv.Atoi(line.Body)
					if last >= 0 && n != last+1 {
						t.Errorf("message %d follows %d", n, last)
						return
					}
					last = n
				}
				newcomer.Drop()
			}
		})
	}
	wg.Wait()
}

func TestEmptyRoomsAreForgottenAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serve(t, 0)
		visit := func(name string) []Line {
			t.Helper()
			m := joinRoom(t, l, "localhost", "/garden", name)
			m.SendText("I am " + name)
			m.hears(name, "I am "+name)
			m.Close(client.StatusNormalClosure, "")
			m.WaitEnd()
			synctest.Wait()
			return m.past
		}
		visit("Ada")
		time.Sleep(memory - time.Second)
		if past := visit("Bob"); len(past) != 1 || past[0].Body != "I am Ada" {
			t.Errorf("Bob reads %+v, want what Ada said", past)
		}
		time.Sleep(memory - time.Second) // longer than that since Ada left
		if past := visit("Eve"); len(past) != 2 {
			t.Errorf("Eve reads %+v, want two messages", past)
		}
		time.Sleep(memory + time.Second)
		if past := visit("Lou"); len(past) != 0 {
			t.Errorf("Lou reads %+v", past)
		}
	})
}

func TestRoomsHaveALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, l := serveWith(t, options{maxRooms: 3})
		talk := func(room string) { // and go
			m := joinRoom(t, l, "localhost", room, "Ada")
			m.SendText("x")
			m.hears("Ada", "x")
			m.Drop()
			synctest.Wait()
			time.Sleep(time.Second)
		}
		remembered := func(room string) bool {
			m := joinRoom(t, l, "localhost", room, "Ada")
			m.Drop()
			synctest.Wait()
			time.Sleep(time.Second)
			return len(m.past) > 0
		}
		talk("/a")
		talk("/b")
		talk("/c")
		joinRoom(t, l, "localhost", "/d", "Ada") // takes the place of a, which is empty for longest
		if !remembered("/c") || !remembered("/b") {
			t.Error("the wrong room is forgotten")
		}
		joinRoom(t, l, "localhost", "/a", "Ada") // takes the place of c
		joinRoom(t, l, "localhost", "/b", "Ada") // is still there
		joinRoom(t, l, "localhost", "/d", "Bob") // others may come to the rooms that there are
		joinRoom(t, l, "localhost", "/A", "Bob") // by any spelling
		late := clienttest.Dial(t, l, "/chat/c?name=Eve", clienttest.DialOptions{Host: "localhost"})
		if line := decode(t, late.Receive()); line.Kind != "busy" || line.Body != errNoRoom.Reason {
			t.Errorf("one room too many is told %+v", line)
		}
		if got := late.CloseCode(); got != client.StatusTryAgainLater {
			t.Errorf("closed with %v", got)
		}
		synctest.Wait()
		if got := srv.Groups(); !slices.Equal(got, []string{"commons/a", "commons/b", "commons/d"}) {
			t.Errorf("the groups are %q", got)
		}
	})
}

func TestTheRoomThatIsEmptyForLongestGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRooms(5)
		for n := range 40 {
			r, err := s.enter(places[0], fmt.Sprint(n))
			if err != nil {
				t.Fatal(err)
			}
			r.past.add("x")
			s.leave(r)
			time.Sleep(time.Second)
			for old := range n + 1 {
				if _, there := s.all[fmt.Sprintf("commons/%d", old)]; there != (old > n-5) {
					t.Fatalf("after room %d the room %d is there: %v", n, old, there)
				}
			}
		}
	})
}

// A room in which nothing was said takes nobody's place.
func TestSilentRoomsAreForgottenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := serveWith(t, options{maxRooms: 2})
		m := joinRoom(t, l, "localhost", "/a", "Ada")
		m.SendText("remember this")
		m.hears("Ada", "remember this")
		m.Drop()
		for n := range 5 {
			joinRoom(t, l, "localhost", fmt.Sprintf("/silent-%d", n), "Ada").Drop()
			synctest.Wait()
		}
		if m := joinRoom(t, l, "localhost", "/a", "Ada"); len(m.past) != 1 {
			t.Errorf("what is left of the room is %+v", m.past)
		}
	})
}

func TestRoomHasALimitOfPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, l := serveWith(t, options{maxRooms: 100})
		first := join(t, l, "localhost", "Ada")
		for range maxHere - 1 {
			clienttest.Dial(t, l, "/chat?name=Ada", clienttest.DialOptions{Host: "localhost"})
		}
		synctest.Wait()
		late := clienttest.Dial(t, l, "/chat?name=Eve", clienttest.DialOptions{Host: "localhost"})
		if line := decode(t, late.Receive()); line.Kind != "busy" || line.Body != errRoomFull.Reason {
			t.Errorf("one too many is told %+v", line)
		}
		if got := late.CloseCode(); got != client.StatusTryAgainLater {
			t.Errorf("closed with %v", got)
		}
		joinRoom(t, l, "localhost", "/garden", "Eve") // where there is place
		first.Drop()
		synctest.Wait()
		if m := join(t, l, "localhost", "Eve"); len(m.people) != maxHere || srv.Group("commons/lobby").Len() != maxHere {
			t.Errorf("%d people, %d members; want %d", len(m.people), srv.Group("commons/lobby").Len(), maxHere)
		}
	})
}

func TestMaxRoomsIsAtLeastOne(t *testing.T) {
	if _, err := newServer(options{}); err == nil || !strings.Contains(err.Error(), "-max-rooms") {
		t.Errorf("newServer without rooms = %v", err)
	}
}
