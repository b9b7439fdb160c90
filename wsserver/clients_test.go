package wsserver_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

func ids[T client.Client](srv *wsserver.Server[T]) []uint64 {
	var list []uint64
	for c := range srv.Clients() {
		list = append(list, c.ID())
	}
	slices.Sort(list)
	return list
}

// C-02, C-03, C-04; they cover C-05, C-06, C-07.
func TestClientsAreThoseConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		all := map[uint64]*guest{}
		d.connect = func(g *guest) error { all[g.ID()] = g; return nil }
		srv := newServer(t, d, wsserver.Config{})
		l := serve(t, srv)
		var peers []*clienttest.Peer
		for range 5 {
			peers = append(peers, clienttest.Dial(t, l, "/"))
			synctest.Wait()
		}
		peers[1].Drop()
		peers[3].Close(1000, "")
		synctest.Wait()
		if got := ids(srv); !slices.Equal(got, []uint64{1, 3, 5}) || srv.ClientCount() != 3 {
			t.Errorf("clients are %v, ClientCount %d; want 1, 3, 5", got, srv.ClientCount())
		}
		for id := range uint64(8) {
			c, ok := srv.Client(id)
			want := id%2 == 1 && id < 7
			if ok != want || want && c != all[id] || !want && c != nil {
				t.Errorf("Client(%d) = %v, %v", id, c, ok)
			}
			if g := all[id]; srv.IsClient(g) != want {
				t.Errorf("IsClient(%d) = %v", id, !want)
			}
		}
		other := newServer(t, &desk{}, wsserver.Config{})
		clienttest.Dial(t, serve(t, other), "/")
		synctest.Wait()
		if other.IsClient(all[1]) {
			t.Error("a client of one server is one of another, by its id")
		}
		for range srv.Clients() {
			break // the loop may end early
		}
	})
}

// C-02: no lock is held in the loop: it may do everything, in events too.
func TestLoopOverClientsMayDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var srv *wsserver.Server[*guest]
		d.message = func(g *guest, m client.Message) error {
			for c := range srv.Clients() {
				srv.Broadcast(m)
				for again := range srv.Clients() {
					_ = again.Name()
				}
				if c != g {
					c.Abort()
				}
			}
			return g.Close(1000, "")
		}
		d.disconnect = func(*guest, client.CloseInfo) { ids(srv); srv.ClientCount() }
		srv = newServer(t, d, wsserver.Config{})
		l := serve(t, srv)
		var first *clienttest.Peer
		for range 40 { // more than the registry has shards
			if p := clienttest.Dial(t, l, "/"); first == nil {
				first = p
			}
		}
		synctest.Wait()
		first.SendText("x")
		synctest.Wait()
		if n := srv.ClientCount(); n != 0 || d.count("disconnect") != 40 {
			t.Errorf("%d clients are left, %d have ended", n, d.count("disconnect"))
		}
	})
}

// C-02: a client that stays is seen exactly once, however many come and go.
func TestLoopSeesEachClientOnce(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{})
	l := serve(t, srv)
	for range 20 {
		clienttest.Dial(t, l, "/stay")
	}
	eventually(t, "twenty clients", func() bool { return srv.ClientCount() == 20 })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if p, _, err := clienttest.TryDial(t, l, "/go"); err == nil {
					p.Drop()
				}
			}
		})
	}
	for range 200 {
		seen := map[uint64]int{}
		for c := range srv.Clients() {
			if c.RawURI() == "/stay" {
				seen[c.ID()]++
			}
		}
		for id, n := range seen {
			if n != 1 {
				t.Fatalf("client %d is seen %d times", id, n)
			}
		}
		if len(seen) != 20 {
			t.Fatalf("%d clients are seen, want 20", len(seen))
		}
	}
	wg.Wait()
}
