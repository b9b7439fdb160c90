package wsserver_test

import (
	"fmt"
	"math"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// O-20: hosts and bindings have figures of their own, which add up to those of the server.
func TestHostsAndBindingsAreCounted(t *testing.T) {
	onDrivers(t, func(t *testing.T) {
		d := &desk{}
		d.message = func(g *guest, m client.Message) error { return g.Send(m) }
		srv := newServer(t, d, wsserver.Config{Hosts: []hosts.Host{
			{Tag: "a", Names: []string{"a.example"}, Port: -1}, {Tag: "b", Names: []string{"b.example"}, Port: -1},
		}})
		one, two := serve(t, srv), serve(t, srv)
		dial := func(l *clienttest.Listener, host string) *clienttest.Peer {
			return clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: host})
		}
		stays, leaves := dial(one, "a.example"), dial(two, "b.example")
		for _, p := range []*clienttest.Peer{stays, leaves, leaves} {
			p.SendText("hello")
			p.Receive()
		}
		clienttest.TryDial(t, two, "/", clienttest.DialOptions{Host: "b.example", Origin: "https://evil.example"})
		clienttest.TryDial(t, two, "/", clienttest.DialOptions{Host: "c.example"})
		leaves.Close(1000, "")
		leaves.WaitEnd()
		eventually(t, "the end of one", func() bool { return srv.ClientCount() == 1 })
		st := srv.Stats()
		type figures struct {
			clients               int
			connected, gone, no   uint64
			messagesIn, messagesO uint64
		}
		of := func(p wsserver.PartStats) figures {
			return figures{p.Clients, p.Connected, p.Disconnected, p.Refused, p.MessagesIn, p.MessagesOut}
		}
		for name, want := range map[string]figures{"a": {1, 1, 0, 0, 1, 1}, "b": {0, 1, 1, 1, 2, 2}, "": {0, 0, 0, 1, 0, 0}} {
			if got := of(st.Hosts[name]); got != want {
				t.Errorf("host %q has %+v, want %+v", name, got, want)
			}
		}
		for l, want := range map[net.Listener]figures{one: {1, 1, 0, 0, 1, 1}, two: {0, 1, 1, 2, 2, 2}} {
			if got := of(st.Bindings[l.Addr().String()]); got != want {
				t.Errorf("binding %v has %+v, want %+v", l.Addr(), got, want)
			}
		}
		if st.Closed["close/peer"] != 1 {
			t.Errorf("ends are %v", st.Closed)
		}
		for _, parts := range []map[string]wsserver.PartStats{st.Hosts, st.Bindings} {
			in, out := uint64(0), uint64(0)
			for _, p := range parts {
				in, out = in+p.BytesIn, out+p.BytesOut
			}
			if in != st.BytesIn || out != st.BytesOut {
				t.Errorf("%d bytes in and %d out, in all %d and %d", in, out, st.BytesIn, st.BytesOut)
			}
		}
	})
}

// O-20: every message is in the histograms once, however it came and went.
func TestHistogramsHaveEveryMessage(t *testing.T) {
	onDrivers(t, func(t *testing.T) {
		d := &desk{}
		d.message = func(g *guest, m client.Message) error { return g.Send(m) }
		srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0", PingInterval: -1})
		if err := srv.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := dialTCP(t, srv.Addrs()[0].String(), "/")
		sizes := []int{0, 1, 16, 17, 64, 65, 1 << 10, 8 << 10, 70_000, 300_000}
		sum := 0
		for range 3 {
			for _, n := range sizes { // all at once, so that they are batches
				p.SendBinary(make([]byte, n))
				sum += n
			}
			for range sizes {
				p.Receive()
			}
		}
		p.SendFragments(client.Message{Op: client.OpText, Data: []byte(strings.Repeat("x", 100))}, 10, 20)
		p.Receive()
		total := uint64(3*len(sizes) + 2)
		srv.Broadcast(client.Text("everybody"))
		p.Receive()
		// The last message comes with the end.
		last := wstest.Text("bye").Append(nil)
		last = wstest.Frame{Op: wstest.OpClose, Payload: []byte{3, 0xe8}, Key: [4]byte{1}}.Append(last)
		if _, err := p.NetConn().Write(last); err != nil {
			t.Fatal(err)
		}
		p.WaitEnd()
		eventually(t, "the end", func() bool { return srv.ClientCount() == 0 })
		st := srv.Stats()
		if h := st.ReceivedSizes; h.Total() != total || h.Total() != st.MessagesIn || h.Sum != uint64(sum+103) || h.Counts[0] != 10 || h.Counts[1] != 6 {
			t.Errorf("received are %+v, %d messages", h, st.MessagesIn)
		}
		if h := st.SentSizes; h.Total() != total+1 || h.Total() != st.MessagesOut || h.Sum >= st.BytesOut || h.Sum <= uint64(sum) {
			t.Errorf("sent are %+v, %d messages", h, st.MessagesOut)
		}
		if h := st.ReceivedSizes; h.Quantile(0) != 16 || h.Quantile(1) != 1<<20 || (wsserver.Histogram{}).Quantile(0.5) != 0 {
			t.Errorf("quantiles are %d and %d", h.Quantile(0), h.Quantile(1))
		}
		if h := (wsserver.Histogram{Limits: []uint64{16}, Counts: []uint64{0, 1}}); h.Quantile(0.5) != math.MaxUint64 {
			t.Errorf("beyond the last limit is %d", h.Quantile(0.5))
		}
	})
}

// O-20: what waits for a slow peer is seen in the histogram of the queue.
func TestQueuesAreSeenInTheirHistogram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.message = func(g *guest, _ client.Message) error {
			for range 10 {
				_ = g.SendBinary(make([]byte, 10_000))
			}
			return nil
		}
		srv := newServer(t, d, wsserver.Config{})
		l := clienttest.NewListener()
		l.SetBuffer(1000)
		serveOn(t, srv, l, srv.Serve)
		p := clienttest.Dial(t, l, "/")
		p.Pause()
		p.SendText("go")
		time.Sleep(time.Second)
		h := srv.Stats().QueuedSizes
		if h.Total() < 8 || h.Quantile(0.9) != 256<<10 || h.Sum < 8*10_000 {
			t.Errorf("the queue was %+v", h)
		}
		p.Resume()
		for range 10 {
			p.Receive()
		}
	})
}

// O-20: bindings that come and go do not fill the memory.
func TestBindingsAreBounded(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{})
	for i := range 300 {
		l := &namedListener{clienttest.NewListener(), fmt.Sprint("10.0.0.1:", i)}
		ended := make(chan error)
		go func() { ended <- srv.Serve(l) }()
		p := clienttest.Dial(t, l.Listener, "/")
		l.Close()
		<-ended
		p.Close(1000, "")
		p.WaitEnd()
	}
	st := srv.Stats()
	if n := len(st.Bindings); n > 257 || st.Bindings["(others)"].Connected != 300-256 {
		t.Errorf("%d bindings, others are %+v", n, st.Bindings["(others)"])
	}
}

type namedListener struct {
	*clienttest.Listener
	name string
}

func (n *namedListener) Addr() net.Addr  { return n }
func (n *namedListener) Network() string { return "tcp" }
func (n *namedListener) String() string  { return n.name }
