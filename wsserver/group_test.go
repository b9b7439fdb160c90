package wsserver_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// party is a server with guests 1 to n, which are idle.
type party struct {
	*wsserver.Server[*guest]
	desk   *desk
	guests map[uint64]*guest
	peers  map[uint64]*clienttest.Peer
}

func newParty(t *testing.T, n int) *party {
	t.Helper()
	p := &party{desk: &desk{}, guests: map[uint64]*guest{}, peers: map[uint64]*clienttest.Peer{}}
	p.desk.connect = func(g *guest) error { p.guests[g.ID()] = g; return nil }
	p.Server = newServer(t, p.desk, wsserver.Config{})
	l := serve(t, p.Server)
	for id := range uint64(n) {
		p.peers[id+1] = clienttest.Dial(t, l, fmt.Sprintf("/%d", id+1))
		synctest.Wait()
	}
	return p
}

func (p *party) join(t *testing.T, name string, ids ...uint64) {
	t.Helper()
	for _, id := range ids {
		if err := p.Group(name).Join(p.guests[id]); err != nil {
			t.Errorf("%d joins %q: %v", id, name, err)
		}
	}
}

// memberIDs returns the members of a group, sorted.
func memberIDs[T client.Client](g *wsserver.Group[T]) []uint64 {
	var list []uint64
	for c := range g.Members() {
		list = append(list, c.ID())
	}
	slices.Sort(list)
	return list
}

// holds checks what a group says of itself.
func (p *party) holds(t *testing.T, name string, want ...uint64) {
	t.Helper()
	g := p.Group(name)
	if got := memberIDs(g); !slices.Equal(got, want) || g.Len() != len(want) {
		t.Errorf("%q has %v, Len %d; want %v", name, got, g.Len(), want)
	}
	for id, c := range p.guests {
		in := slices.Contains(want, id)
		if g.Has(c) != in || slices.Contains(p.GroupsOf(c), name) != in {
			t.Errorf("%q: Has(%d) = %v, GroupsOf %q; want %v", name, id, g.Has(c), p.GroupsOf(c), in)
		}
	}
}

// C-22: clients join and leave; a group is there while it has members.
func TestGroupHoldsWhoHasJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, 4)
		blue := p.Group("blue")
		if blue.Name() != "blue" || len(p.Groups()) != 0 {
			t.Errorf("Name = %q, Groups = %q before anybody joined", blue.Name(), p.Groups())
		}
		p.holds(t, "blue")
		p.join(t, "blue", 1, 2, 3)
		p.join(t, "blue", 2) // changes nothing
		p.join(t, "", 3, 4)
		p.holds(t, "blue", 1, 2, 3)
		p.holds(t, "", 3, 4)
		if got := p.GroupsOf(p.guests[3]); !slices.Equal(got, []string{"", "blue"}) {
			t.Errorf("3 is in %q", got)
		}
		if !blue.Leave(p.guests[1]) || blue.Leave(p.guests[1]) || blue.Leave(p.guests[4]) {
			t.Error("Leave is not true exactly for a member")
		}
		p.holds(t, "blue", 2, 3)
		for c := range blue.Members() { // the loop may change the group
			blue.Leave(c)
		}
		p.holds(t, "blue")
		if got := p.Groups(); !slices.Equal(got, []string{""}) {
			t.Errorf("the groups are %q", got)
		}
	})
}

// C-22, S-18, S-19, S-20: a message to a group goes to the members that pass the
// filters.
func TestBroadcastToGroupGoesToItsMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, 5)
		p.join(t, "blue", 1, 3, 5)
		p.join(t, "red", 2, 3)
		for _, tt := range []struct {
			name, group string
			filters     []wsserver.Filter
			want        []uint64
		}{
			{"all members", "blue", nil, []uint64{1, 3, 5}},
			{"but the sender", "blue", []wsserver.Filter{wsserver.Except(p.guests[1])}, []uint64{3, 5}},
			{"two filters", "blue", []wsserver.Filter{wsserver.Except(p.guests[1]), wsserver.ByURI("/5", "/1", "/2")}, []uint64{5}},
			{"nobody passes", "red", []wsserver.Filter{wsserver.ByURI("/1")}, nil},
			{"no such group", "green", nil, nil},
		} {
			results, err := p.Group(tt.group).BroadcastResults(client.Text(tt.name), tt.filters...)
			var ids []uint64
			for _, r := range results {
				ids = append(ids, r.ID)
				if r.Err != nil || r.URI != fmt.Sprintf("/%d", r.ID) || r.PayloadSize != len(tt.name) || r.WireSize != 2+len(tt.name) {
					t.Errorf("%s: result %+v", tt.name, r)
				}
			}
			if slices.Sort(ids); err != nil || !slices.Equal(ids, tt.want) {
				t.Errorf("%s: sent to %v, %v; want %v", tt.name, ids, err, tt.want)
			}
			if n := p.Group(tt.group).Broadcast(client.Text(tt.name), tt.filters...); n != len(tt.want) {
				t.Errorf("%s: Broadcast = %d, want %d", tt.name, n, len(tt.want))
			}
			synctest.Wait()
			for id, peer := range p.peers {
				if got, in := len(peer.Received()), slices.Contains(tt.want, id); in && got != 2 || !in && got != 0 {
					t.Errorf("%s: %d got %d messages", tt.name, id, got)
				}
			}
		}
		if _, err := p.Group("blue").BroadcastResults(client.Text("\xff")); !errors.Is(err, client.ErrInvalidUTF8) {
			t.Errorf("BroadcastResults of text that is none = %v", err)
		}
	})
}

// C-22: only a connected client of the server joins, from OnClientConnect to its end.
func TestOnlyConnectedClientsJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var srv *wsserver.Server[*guest]
		check := func(when string, g *guest, may bool) {
			t.Helper()
			group := srv.Group(when)
			err := group.Join(g)
			if may && err != nil || !may && !errors.Is(err, client.ErrNoClient) {
				t.Errorf("%s: Join = %v", when, err)
			}
			if group.Has(g) != may || group.Len() > 1 || (group.Len() == 1) != may || slices.Contains(srv.GroupsOf(g), when) != may {
				t.Errorf("%s: Has %v, Len %d, GroupsOf %q", when, group.Has(g), group.Len(), srv.GroupsOf(g))
			}
			if group.Leave(g) != may {
				t.Errorf("%s: Leave = %v", when, !may)
			}
		}
		late := make(chan *guest, 1)
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			g := d.guest()
			check("NewClient", g, false)
			return g, nil
		}
		d.connect = func(g *guest) error {
			if g.RawURI() == "/busy" {
				check("OnClientConnect over the limit", g, false)
				return nil
			}
			check("OnClientConnect", g, true)
			done := make(chan struct{})
			go func() { check("another goroutine", g, true); close(done) }()
			<-done
			return nil
		}
		d.message = func(g *guest, _ client.Message) error {
			check("OnMessage", g, true)
			_ = g.Close(1000, "")
			check("closing", g, true)
			return nil
		}
		d.disconnect = func(g *guest, _ client.CloseInfo) { check("OnClientDisconnect", g, false); late <- g }
		create := func(c client.Client, _ *client.OpenRequest) error {
			check("OnClientCreate", c.(*guest), false)
			return nil
		}
		srv = newServer(t, d, wsserver.Config{
			Hooks:  []wsserver.Hooks{{OnClientCreate: create}},
			Banner: banner.Policy{MaxClients: 1, Mode: banner.UpgradeThenClose, TooBusy: "full", NotifyHandlers: true},
		})
		l := serve(t, srv)
		p := clienttest.Dial(t, l, "/")
		synctest.Wait()
		clienttest.Dial(t, l, "/busy").CloseCode()
		check("ended over the limit", <-late, false)
		p.SendText("x")
		p.CloseCode()
		check("ended", <-late, false)
		check("nil", nil, false)
		check("never bound", d.guest(), false)

		other := newServer(t, &desk{newClient: func(*client.OpenRequest) (*guest, error) { return &guest{desk: &desk{}}, nil }}, wsserver.Config{})
		ol := serve(t, other)
		for range 3 {
			clienttest.Dial(t, ol, "/")
		}
		clienttest.Dial(t, l, "/")
		synctest.Wait()
		if got, others := ids(srv), ids(other); !slices.Equal(got, []uint64{3}) || !slices.Contains(others, 3) {
			t.Errorf("the ids are %v, of the other server %v; want a 3 in both", got, others)
		}
		for g := range other.Clients() {
			check("another server", g, false)
		}
		if got := srv.Groups(); len(got) != 0 {
			t.Errorf("groups %q are left", got)
		}
	})
}

// C-22: whatever ends a client, in its last event it is in no group any more, and
// what is sent to the group there goes to the others.
func TestEndedClientsHaveLeftTheirGroups(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(g *guest, p *clienttest.Peer)
	}{
		{"Close", func(g *guest, _ *clienttest.Peer) { _ = g.Close(1000, "") }},
		{"Abort", func(g *guest, _ *clienttest.Peer) { g.Abort() }},
		{"the peer closes", func(_ *guest, p *clienttest.Peer) { p.Close(1000, "") }},
		{"the peer is gone", func(_ *guest, p *clienttest.Peer) { p.Drop() }},
		{"an event fails", func(_ *guest, p *clienttest.Peer) { p.SendText("fail") }},
		{"an event panics", func(_ *guest, p *clienttest.Peer) { p.SendText("panic") }},
		{"the server closes it", func(g *guest, _ *clienttest.Peer) { _ = wsserver.ServerOf(g).Disconnect(g.ID(), 4000, "") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newParty(t, 3)
				p.join(t, "blue", 1, 2, 3)
				p.join(t, "own", 2)
				p.desk.message = func(_ *guest, m client.Message) error {
					if string(m.Data) == "panic" {
						panic("in the event")
					}
					return errors.New("of the event")
				}
				p.desk.disconnect = func(g *guest, _ client.CloseInfo) {
					p.holds(t, "blue", 1, 3)
					if n := p.Group("blue").Broadcast(client.Text("2 left")); n != 2 {
						t.Errorf("the last event sends to %d, want 2", n)
					}
					if got := p.Groups(); !slices.Equal(got, []string{"blue"}) {
						t.Errorf("the groups are %q", got)
					}
				}
				tt.end(p.guests[2], p.peers[2])
				synctest.Wait()
				p.desk.disconnect = nil
				for _, id := range []uint64{1, 3} {
					if m := p.peers[id].Receive(); string(m.Data) != "2 left" {
						t.Errorf("%d received %q", id, m.Data)
					}
				}
				p.holds(t, "blue", 1, 3)
			})
		})
	}
}

// C-22: so with a client that failed in OnClientConnect, and with the end of the
// server.
func TestFailedClientsAndClosedServersLeaveNoGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var srv *wsserver.Server[*guest]
		d.connect = func(g *guest) error {
			if err := srv.Group("blue").Join(g); err != nil {
				t.Error(err)
			}
			if g.RawURI() == "/fail" {
				return errors.New("after joining")
			}
			return nil
		}
		srv = newServer(t, d, wsserver.Config{})
		l := serve(t, srv)
		clienttest.Dial(t, l, "/fail").CloseCode()
		clienttest.Dial(t, l, "/")
		clienttest.Dial(t, l, "/")
		synctest.Wait()
		if n := srv.Group("blue").Len(); n != 2 {
			t.Errorf("%d members, want 2", n)
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got := srv.Groups(); len(got) != 0 {
			t.Errorf("groups %q are left", got)
		}
	})
}

// C-22: who joins in OnClientConnect can be given the past there: what is sent to
// the group from then on follows, behind the banner, without gap and in order.
func TestNewcomersGetTheGroupsMessagesBehindTheBanner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var srv *wsserver.Server[*guest]
		d.connect = func(g *guest) error {
			group := srv.Group("blue")
			group.Broadcast(client.Text("before")) // is not for who is no member yet
			if err := group.Join(g); err != nil {
				t.Error(err)
			}
			group.Broadcast(client.Text("one"))
			done := make(chan struct{})
			go func() { group.Broadcast(client.Text("two")); close(done) }()
			<-done
			return g.SendText("the past")
		}
		srv = newServer(t, d, wsserver.Config{Banner: banner.Policy{Welcome: "welcome"}})
		p := clienttest.Dial(t, serve(t, srv), "/")
		synctest.Wait()
		srv.Group("blue").Broadcast(client.Text("three"))
		for _, want := range []string{"the past", "welcome", "one", "two", "three"} {
			if m := p.Receive(); string(m.Data) != want {
				t.Errorf("received %q, want %q", m.Data, want)
			}
		}
	})
}

// masked redefines what the server might be tempted to ask.
type masked struct{ plain }

func (*masked) ID() uint64            { return 1 }
func (*masked) UUID() uuid.UUID       { return uuid.UUID{} }
func (*masked) Server() client.Server { return nil }
func (*masked) Connected() bool       { return false }

// C-22: what a class calls ID does not matter.
func TestGroupsDoNotAskTheClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServerOf(t, wsserver.Class[masked](), wsserver.Config{})
		l := serve(t, srv)
		for range 3 {
			clienttest.Dial(t, l, "/")
		}
		synctest.Wait()
		group := srv.Group("blue")
		for c := range srv.Clients() {
			if err := group.Join(c); err != nil || !group.Has(c) || len(srv.GroupsOf(c)) != 1 {
				t.Errorf("Join = %v, Has %v, GroupsOf %q", err, group.Has(c), srv.GroupsOf(c))
			}
		}
		if n := group.Broadcast(client.Text("x")); n != 3 || group.Len() != 3 {
			t.Errorf("sent to %d of %d members, want 3", n, group.Len())
		}
		if group.Join(nil) == nil || group.Join(new(masked)) == nil {
			t.Error("a client that is none joins")
		}
	})
}

// C-22: a server of an interface has groups of it.
func TestGroupsOfSeveralClasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServerOf(t, wsserver.Factory[client.Client]{New: func(r *client.OpenRequest) (client.Client, error) {
			if r.URI.Path == "/masked" {
				return new(masked), nil
			}
			return new(plain), nil
		}}, wsserver.Config{})
		l := serve(t, srv)
		clienttest.Dial(t, l, "/masked")
		clienttest.Dial(t, l, "/plain")
		synctest.Wait()
		group := srv.Group("blue")
		for c := range srv.Clients() {
			if err := group.Join(c); err != nil {
				t.Error(err)
			}
		}
		classes := map[string]int{}
		for c := range group.Members() {
			classes[fmt.Sprintf("%T", c)]++
		}
		if classes["*wsserver_test.masked"] != 1 || classes["*wsserver_test.plain"] != 1 || group.Join(nil) == nil {
			t.Errorf("the members are %v", classes)
		}
	})
}

// C-22: many goroutines join, leave, broadcast and disconnect. What each client did
// itself holds at every moment, and what others do to it while it ends leaves no
// trace.
func TestGroupsHoldInTheCrowd(t *testing.T) {
	const clients, rounds = 12, 60
	d := &desk{message: func(*guest, client.Message) error { return nil }}
	arrived := make(chan *guest, clients)
	d.connect = func(g *guest) error { arrived <- g; return nil }
	var srv *wsserver.Server[*guest]
	d.disconnect = func(g *guest, _ client.CloseInfo) {
		if got := srv.GroupsOf(g); len(got) != 0 {
			t.Errorf("in its last event %d is in %q", g.ID(), got)
		}
		if err := srv.Group("own 0").Join(g); !errors.Is(err, client.ErrNoClient) {
			t.Errorf("in its last event %d joins: %v", g.ID(), err)
		}
	}
	srv = newServer(t, d, wsserver.Config{})
	l := serve(t, srv)
	var wg sync.WaitGroup
	for n := range clients {
		peer := clienttest.Dial(t, l, "/")
		g := <-arrived
		wg.Go(func() { // the client's own groups: nobody else touches them
			rnd := rand.New(rand.NewPCG(uint64(n), 0))
			model := map[string]bool{}
			for range rounds {
				name := fmt.Sprintf("own %d", rnd.IntN(4))
				group := srv.Group(name)
				if rnd.IntN(2) == 0 {
					if err := group.Join(g); err != nil {
						t.Errorf("Join = %v", err)
					}
					model[name] = true
				} else {
					if got := group.Leave(g); got != model[name] {
						t.Errorf("Leave = %v, want %v", got, model[name])
					}
					delete(model, name)
				}
				group.Broadcast(client.Text("x"))
				seen := 0
				for c := range group.Members() {
					if c == g {
						seen++
					}
				}
				if seen > 1 || (seen == 1) != model[name] || group.Has(g) != model[name] || len(srv.GroupsOf(g)) < len(model) {
					t.Errorf("seen %d times, Has %v, want %v", seen, group.Has(g), model[name])
				}
			}
			if n%2 == 0 {
				g.Abort()
			} else {
				peer.Drop()
			}
		})
		wg.Go(func() { // others push it about, past its end
			for i := range rounds {
				group := srv.Group(fmt.Sprintf("any %d", i%3))
				_ = group.Join(g)
				group.Broadcast(client.Text("y"), wsserver.Except(g))
				if i%5 == 0 {
					group.Leave(g)
				}
				srv.Groups()
			}
		})
	}
	wg.Wait()
	eventually(t, "all to be gone", func() bool { return srv.Stats().Disconnected == clients })
	if got := srv.Groups(); len(got) != 0 {
		t.Errorf("groups %q are left", got)
	}
}

// A broadcast to a few of many, in a group and with a filter.
func BenchmarkBroadcastToTenOf10000(b *testing.B) {
	srv := newServerOf(b, wsserver.Class[plain](), wsserver.Config{PingInterval: -1})
	l := serve(b, srv)
	for i := range 10_000 {
		if p := wstest.Open(raw(b, l), fmt.Sprintf("/%v", i < 10)); i < 10 {
			_ = p.Conn.SetDeadline(time.Time{})
			go io.Copy(io.Discard, p.Conn)
		}
	}
	ten := srv.Group("ten")
	for c := range srv.Clients() {
		if c.RawURI() == "/true" {
			_ = ten.Join(c)
		}
	}
	m := client.Text("a message of some sixty bytes, as it might be said in a room")
	for name, broadcast := range map[string]func() int{
		"group":  func() int { return ten.Broadcast(m) },
		"filter": func() int { return srv.Broadcast(m, wsserver.ByURI("/true")) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if n := broadcast(); n != 10 {
					b.Fatalf("sent to %d", n)
				}
				if i%1000 == 999 { // broadcasts do not wait for readers
					b.StopTimer()
					for c := range ten.Members() {
						eventually(b, "the queue to empty", func() bool { return c.BufferedAmount() == 0 })
					}
					b.StartTimer()
				}
			}
		})
	}
	b.Run("join and leave", func(b *testing.B) {
		all := srv.Group("all")
		var c *plain
		for c = range srv.Clients() {
			_ = all.Join(c)
		}
		b.ReportAllocs()
		for b.Loop() {
			all.Leave(c)
			_ = all.Join(c)
		}
	})
}
