package wsserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// Rows of docs/compatibility.md that no other file of this package is about:
// sending, receiving, closing one client, and its clocks.

// settled makes a server with one guest on a connection in memory. The guest is
// idle when it returns.
func settled(t *testing.T, d *desk, cfg wsserver.Config) (*wsserver.Server[*guest], *guest, *wstest.Peer) {
	t.Helper()
	var g *guest
	connect := d.connect
	d.connect = func(c *guest) error {
		g = c
		if connect == nil {
			return nil
		}
		return connect(c)
	}
	srv := newServer(t, d, cfg)
	p := wstest.Open(raw(t, serve(t, srv)), "/")
	p.Timeout = 100 * time.Hour // by the clock of the bubble
	synctest.Wait()
	return srv, g, p
}

// ending is with what, and when, the last guest of a desk ended. It is looked at
// behind synctest.Wait, and for one guest at a time.
type ending struct {
	client.CloseInfo
	at time.Time
}

func (d *desk) ending() *ending {
	e := new(ending)
	d.disconnect = func(_ *guest, i client.CloseInfo) { *e = ending{i, time.Now()} }
	return e
}

// S-01, S-02, S-17, R-01: a message arrives with its kind and its bytes; what the
// caller does with them afterwards does not matter. Text that is none is not sent,
// and costs nothing.
func TestSentMessagesArriveAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, g, p := settled(t, &desk{}, wsserver.Config{})
		long := strings.Repeat("wört ", 30_000)
		for _, text := range []string{"", "text", long} {
			if err := g.SendText(text); err != nil {
				t.Errorf("SendText = %v", err)
			}
			p.WantText(text)
		}
		data := []byte{0, 0xff, 0xfe}
		for _, send := range []func() error{
			func() error { return g.SendBinary(data) },
			func() error { return g.Send(client.Binary(data)) },
			func() error { return srv.SendTo(g.ID(), client.Binary(data)).Err },
		} {
			data[0] = 0
			if err := send(); err != nil {
				t.Errorf("sending = %v", err)
			}
			data[0] = 7
			p.WantMessage(wstest.OpBinary, []byte{0, 0xff, 0xfe})
		}
		for what, err := range map[string]error{
			"SendText": g.SendText("\xff"), "Send": g.Send(client.Text("\xff")), "SendTo": srv.SendTo(g.ID(), client.Text("\xff")).Err,
		} {
			if !errors.Is(err, client.ErrInvalidUTF8) {
				t.Errorf("%s of text that is none = %v", what, err)
			}
		}
		if res := srv.SendTo(99, client.Text("x")); !errors.Is(res.Err, client.ErrNoClient) || res.ID != 99 {
			t.Errorf("SendTo nobody = %+v", res)
		}
		p.Send(wstest.Text("still here"))
		p.WantText("still here")
	})
}

// S-01, S-02: many goroutines send at the same time; no message is torn, and those
// of one goroutine keep their order.
func TestSendersDoNotMixUp(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{})
	p := clienttest.Dial(t, serve(t, srv), "/")
	eventually(t, "the client", func() bool { return srv.ClientCount() == 1 })
	const senders, each = 8, 200
	var wg sync.WaitGroup
	for id := range senders {
		wg.Go(func() {
			for i := range each {
				for c := range srv.Clients() {
					text := fmt.Sprintf("%d %d %s", id, i, strings.Repeat("x", i))
					if err := c.SendText(text); err != nil {
						t.Errorf("SendText = %v", err)
					}
				}
			}
		})
	}
	var next [senders]int
	for range senders * each {
		var id, i int
		var tail string
		fmt.Sscanf(string(p.Receive().Data), "%d %d %s", &id, &i, &tail)
		if i != next[id] || tail != strings.Repeat("x", i) {
			t.Fatalf("sender %d: message %d with %d bytes, want %d", id, i, len(tail), next[id])
		}
		next[id]++
	}
	wg.Wait()
}

// S-10: small writes leave at once unless Nagle asks for the delay.
func TestNagleIsOffUnlessAskedFor(t *testing.T) {
	for _, nagle := range []bool{false, true} {
		l := &nagled{Listener: clienttest.NewListener()}
		srv := newServer(t, &desk{}, wsserver.Config{Nagle: nagle})
		serveOn(t, srv, l, srv.Serve)
		p := clienttest.Dial(t, l.Listener, "/")
		p.SendText("x")
		p.Receive()
		l.mu.Lock()
		if got, want := l.delays, map[bool][]bool{false: nil, true: {false}}[nagle]; !slices.Equal(got, want) {
			t.Errorf("Nagle %v: SetNoDelay was called with %v, want %v", nagle, got, want)
		}
		l.mu.Unlock()
	}
}

// nagled tells what is done to TCP_NODELAY, which the net package has set.
type nagled struct {
	*clienttest.Listener
	mu     sync.Mutex // guards delays
	delays []bool
}

type nagledConn struct {
	net.Conn
	l *nagled
}

func (l *nagled) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return nagledConn{c, l}, err
}

func (c nagledConn) SetNoDelay(on bool) error {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.delays = append(c.l.delays, on)
	return nil
}

// S-17, S-18, S-19, S-20, S-21, S-25: a broadcast goes to those who pass every
// filter, and has a result for each of them.
func TestBroadcastGoesToThoseChosen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Hosts: []hosts.Host{
			{Tag: "red", Names: []string{"red.example"}}, {Tag: "blue", Names: []string{"blue.example"}},
		}})
		l := serve(t, srv)
		all := map[uint64]*clienttest.Peer{}
		uris := map[uint64]string{1: "/a", 2: "/a?x", 3: "/b", 4: "/a"}
		for id := range uint64(4) {
			host := map[bool]string{true: "red.example", false: "blue.example"}[id < 2]
			all[id+1] = clienttest.Dial(t, l, uris[id+1], clienttest.DialOptions{Host: host})
			synctest.Wait()
		}
		second, _ := srv.Client(2)
		for _, tt := range []struct {
			name    string
			filters []wsserver.Filter
			want    []uint64
		}{
			{"everybody", nil, []uint64{1, 2, 3, 4}},
			{"ByURI", []wsserver.Filter{wsserver.ByURI("/a")}, []uint64{1, 4}},
			{"ByURI of two", []wsserver.Filter{wsserver.ByURI("/a", "/b")}, []uint64{1, 3, 4}},
			{"ByTag", []wsserver.Filter{wsserver.ByTag("red")}, []uint64{1, 2}},
			{"ByHostHeader", []wsserver.Filter{wsserver.ByHostHeader("blue.example")}, []uint64{3, 4}},
			{"ByID", []wsserver.Filter{wsserver.ByID(2, 3, 99)}, []uint64{2, 3}},
			{"Except", []wsserver.Filter{wsserver.Except(second)}, []uint64{1, 3, 4}},
			{"Where", []wsserver.Filter{wsserver.Where(func(g *guest) bool { return g.ID() > 2 })}, []uint64{3, 4}},
			{"of another class", []wsserver.Filter{wsserver.Where(func(*tally) bool { return true })}, nil},
			{"two filters", []wsserver.Filter{wsserver.ByTag("red"), wsserver.ByURI("/a")}, []uint64{1}},
			{"nobody", []wsserver.Filter{wsserver.ByURI("/c")}, nil},
		} {
			results, err := srv.BroadcastResults(client.Text(tt.name), tt.filters...)
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			var ids []uint64
			for _, r := range results {
				ids = append(ids, r.ID)
				if r.Err != nil || r.URI != uris[r.ID] || r.PayloadSize != len(tt.name) || r.WireSize != 2+len(tt.name) {
					t.Errorf("%s: result %+v", tt.name, r)
				}
			}
			if slices.Sort(ids); !slices.Equal(ids, tt.want) {
				t.Errorf("%s: results for %v, want %v", tt.name, ids, tt.want)
			}
			if n := srv.Broadcast(client.Text("again"), tt.filters...); n != len(tt.want) {
				t.Errorf("%s: Broadcast = %d", tt.name, n)
			}
			synctest.Wait()
			for id, p := range all {
				want := []string(nil)
				if slices.Contains(tt.want, id) {
					want = []string{tt.name, "again"}
				}
				if got := texts(p.Received()); !slices.Equal(got, want) {
					t.Errorf("%s: client %d receives %q, want %q", tt.name, id, got, want)
				}
			}
		}
	})
}

// S-21, S-23, S-24: the sizes of a result are those of the message and of what
// travels, compressed or not; a client that is leaving has an error.
func TestResultsHaveBothSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.connect = func(g *guest) error {
			if g.RawURI() == "/leaving" {
				return g.Close(1000, "")
			}
			return nil
		}
		srv := newServer(t, d, wsserver.Config{Compression: client.Compression{Mode: client.CompressionContext}})
		l := serve(t, srv)
		peers := map[string]*wstest.Peer{
			"/plain":   wstest.Open(raw(t, l), "/plain"),
			"/zip":     wstest.OpenDeflate(raw(t, l), "/zip", "permessage-deflate"),
			"/leaving": wstest.Open(raw(t, l), "/leaving"),
		}
		synctest.Wait()
		text := strings.Repeat("again and ", 60)
		results, err := srv.BroadcastResults(client.Text(text))
		if err != nil || len(results) != 3 {
			t.Fatalf("BroadcastResults = %+v, %v", results, err)
		}
		for _, r := range results {
			if r.PayloadSize != len(text) {
				t.Errorf("%s: PayloadSize %d, want %d", r.URI, r.PayloadSize, len(text))
			}
			if r.URI == "/leaving" {
				if !errors.Is(r.Err, client.ErrClosed) || r.WireSize != 0 {
					t.Errorf("of a client that is leaving: %+v", r)
				}
				continue
			}
			f, err := peers[r.URI].NextFrame()
			if err != nil {
				t.Fatal(err)
			}
			f.Unmasked = true
			if wire := len(f.Bytes()); r.Err != nil || r.WireSize != wire || (wire < len(text)) != (r.URI == "/zip") {
				t.Errorf("%+v, and the frame has %d bytes", r, wire)
			}
		}
		for want, m := range map[error]client.Message{client.ErrInvalidUTF8: client.Text("\xff"), client.ErrBadOpcode: {Op: 9}} {
			if results, err := srv.BroadcastResults(m); !errors.Is(err, want) || len(results) != 0 || srv.Broadcast(m) != 0 {
				t.Errorf("what can not be sent: %v, %v", results, err)
			}
		}
	})
}

// S-12, S-18: a peer that does not read is closed with 1008 when its queue is full,
// and the others do not wait for it.
func TestStalledPeerHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		srv := newServer(t, d, wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 10_000}})
		l := serve(t, srv)
		l.SetBuffer(1000)
		stalled, fine := clienttest.Dial(t, l, "/stalled"), clienttest.Dial(t, l, "/fine")
		synctest.Wait()
		stalled.Pause()
		synctest.Wait()
		start := time.Now()
		data := make([]byte, 990)
		for range 30 {
			srv.Broadcast(client.Binary(data))
			if got := fine.Receive(); !bytes.Equal(got.Data, data) || time.Since(start) != 0 {
				t.Fatalf("the other receives %d bytes after %v", len(got.Data), time.Since(start))
			}
		}
		if n := srv.Broadcast(client.Text("x"), wsserver.ByURI("/stalled")); n != 0 {
			t.Errorf("the stalled client still takes messages")
		}
		stalled.Resume()
		if code := stalled.CloseCode(); code != client.StatusPolicyViolation {
			t.Errorf("closed with %v", code)
		}
		stalled.WaitEnd()
		synctest.Wait()
		if !errors.Is(end.Cause, client.ErrQueueFull) || end.Remote || srv.ClientCount() != 1 {
			t.Errorf("the last event gets %v", end.CloseInfo)
		}
	})
}

// S-12: under QueueBlock Send waits for room, or for BlockTimeout; MaxMessages
// bounds as MaxBytes does, and a broadcast never waits.
func TestBlockedSendWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		queue := client.SendQueue{MaxMessages: 2, Policy: client.QueueBlock, BlockTimeout: 3 * time.Second}
		srv := newServer(t, d, wsserver.Config{SendQueue: queue, WriteTimeout: time.Hour})
		l := serve(t, srv)
		l.SetBuffer(1000)
		p := clienttest.Dial(t, l, "/", clienttest.DialOptions{Timeout: time.Hour})
		synctest.Wait()
		p.Pause()
		synctest.Wait()
		send := func() (time.Duration, error) {
			start := time.Now()
			err := g.SendBinary(make([]byte, 2000))
			return time.Since(start), err
		}
		for range 3 { // one on its way, two in the queue
			if took, err := send(); err != nil || took != 0 {
				t.Fatalf("Send = %v after %v", err, took)
			}
			synctest.Wait()
		}
		if took, err := send(); !errors.Is(err, client.ErrQueueFull) || took != 3*time.Second || !g.Connected() {
			t.Errorf("Send = %v after %v; want ErrQueueFull after BlockTimeout, and a client that stays", err, took)
		}
		time.AfterFunc(2*time.Second, p.Resume)
		if took, err := send(); err != nil || took != 2*time.Second {
			t.Errorf("Send = %v after %v, want it when there is room", err, took)
		}
		for range 4 {
			p.Receive()
		}
		p.Pause()
		synctest.Wait()
		start := time.Now()
		for range 5 {
			srv.Broadcast(client.Binary(make([]byte, 2000)))
			synctest.Wait()
		}
		if took := time.Since(start); took != 0 || g.Connected() {
			t.Errorf("a broadcast waits %v, the client is open: %v", took, g.Connected())
		}
		p.Resume()
	})
}

// messages come whole, in order, one event at a time, and Clone keeps them.
func TestMessagesComeOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var kept []client.Message
		inside := 0
		d.message = func(_ *guest, m client.Message) error {
			inside++
			time.Sleep(time.Second)
			if inside != 1 {
				t.Errorf("%d events at once", inside)
			}
			inside--
			kept = append(kept, m.Clone())
			return nil
		}
		_, _, p := settled(t, d, wsserver.Config{})
		p.Send(wstest.Text("one"), wstest.Text("tw").Open(), wstest.Ping(nil), wstest.Continuation([]byte("o")), wstest.Binary([]byte{3}))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := texts(kept); !slices.Equal(got, []string{"one", "two", "\x03"}) || kept[0].Op != client.OpText || kept[2].Op != client.OpBinary {
			t.Errorf("received %q", got)
		}
	})
}

// hearer has both optional events.
type hearer struct {
	plain
	j *journal
}

func (h *hearer) OnPing(p []byte) error { h.j.add("ping " + string(p)); return nil }
func (h *hearer) OnPong(p []byte) error { h.j.add("pong " + string(p)); return nil }

func (h *hearer) OnMessage(m client.Message) error { h.j.add("message " + string(m.Data)); return nil }

// K-08: pings and pongs are events, in their place between messages;
// with DisablePong a ping is an event and not answered.
func TestPingsAndPongsAreEvents(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var j journal
			f := wsserver.Factory[*hearer]{New: func(*client.OpenRequest) (*hearer, error) { return &hearer{j: &j}, nil }}
			p := wstest.Open(raw(t, serve(t, newServerOf(t, f, wsserver.Config{DisablePong: silent}))), "/")
			p.Send(wstest.Ping([]byte("a")), wstest.Text("b"), wstest.Pong([]byte("c")), wstest.Ping([]byte("d")), wstest.Close(1000, ""))
			if !silent {
				for last := ""; last != "d"; { // the newest counts (RFC 6455 section 5.5.3)
					last = string(p.ReadPong())
				}
			}
			p.WantClose(1000) // and no pong before it
			p.WantEnd()
			synctest.Wait()
			j.want(t, "ping a", "message b", "pong c", "ping d")
		})
	}
}

// the round trip of the server's ping is in Stats.
func TestPongMeasuresTheRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, p := settled(t, &desk{}, wsserver.Config{})
		f, err := p.NextFrame()
		if err != nil || f.Op != wstest.OpPing || g.Stats().RTT != 0 {
			t.Fatalf("frame %+v, %v; round trip %v", f, err, g.Stats().RTT)
		}
		time.Sleep(120 * time.Millisecond)
		p.Send(wstest.Pong([]byte("another")))
		synctest.Wait()
		if rtt := g.Stats().RTT; rtt != 0 {
			t.Errorf("a pong for nothing measures %v", rtt)
		}
		p.Send(wstest.Pong(f.Payload))
		synctest.Wait()
		if rtt := g.Stats().RTT; rtt != 120*time.Millisecond {
			t.Errorf("the round trip is %v", rtt)
		}
	})
}

// Disconnect is Close by id, of a client that there is; the second call
// for a client comes too late.
func TestDisconnectByID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		srv, g, p := settled(t, d, wsserver.Config{})
		if err := srv.Disconnect(g.ID()+1, 4000, ""); !errors.Is(err, client.ErrNoClient) {
			t.Errorf("Disconnect of nobody = %v", err)
		}
		for code, want := range map[client.StatusCode]error{1005: client.ErrBadCloseCode, 1006: client.ErrBadCloseCode, 2999: client.ErrBadCloseCode} {
			if err := srv.Disconnect(g.ID(), code, ""); !errors.Is(err, want) || !g.Connected() {
				t.Errorf("Disconnect with %d = %v", code, err)
			}
		}
		if err := srv.Disconnect(g.ID(), 4321, "you"); err != nil {
			t.Errorf("Disconnect = %v", err)
		}
		if err := srv.Disconnect(g.ID(), 4322, "again"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("second Disconnect = %v", err)
		}
		if code, reason := p.ReadClose(); code != 4321 || reason != "you" {
			t.Errorf("closed with %d %q", code, reason)
		}
		p.Send(wstest.Close(4321, "you"))
		p.WantEnd()
		synctest.Wait()
		if end.Code != 4321 || end.Remote || !end.Clean() || !errors.Is(end.Cause, client.ErrCloseCalled) || errors.Is(end.Cause, client.ErrCloseTimeout) {
			t.Errorf("the last event gets %v", end.CloseInfo)
		}
	})
}

// code 0 is the configured code, with the configured reason unless there
// is one; a long reason is cut between runes.
func TestCloseHasDefaults(t *testing.T) {
	own := wsserver.Config{CloseCode: 4100, CloseReason: "by default"}
	for _, tt := range []struct {
		cfg        wsserver.Config
		code       client.StatusCode
		reason     string
		wantCode   int
		wantReason string
	}{
		{wsserver.Config{}, 0, "", 1000, ""},
		{own, 0, "", 4100, "by default"},
		{own, 0, "mine", 4100, "mine"},
		{own, 1001, "", 1001, ""},
		{own, 3000, strings.Repeat("é", 70), 3000, strings.Repeat("é", 61)},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, g, p := settled(t, &desk{}, tt.cfg)
			if err := g.Close(tt.code, tt.reason); err != nil {
				t.Errorf("Close(%d) = %v", tt.code, err)
			}
			code, reason := p.ReadClose()
			if code != tt.wantCode || reason != tt.wantReason || !utf8.ValidString(reason) {
				t.Errorf("Close(%d, %q) sends %d %q, want %d %q", tt.code, tt.reason, code, reason, tt.wantCode, tt.wantReason)
			}
		})
	}
}

// X-09, K-11: after our close frame the peer has CloseTimeout for its own, or, with
// NoCloseWait, no time at all.
func TestCloseWaitsForTheAnswer(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cfg   wsserver.Config
		after time.Duration // the peer answers
		want  time.Duration
		late  bool // the cause says that no answer came
	}{
		{"no answer", wsserver.Config{}, time.Hour, 5 * time.Second, true},
		{"late answer", wsserver.Config{CloseTimeout: time.Minute}, 50 * time.Second, 50 * time.Second, false},
		{"no answer in its own time", wsserver.Config{CloseTimeout: 2 * time.Second}, time.Hour, 2 * time.Second, true},
		{"not waiting", wsserver.Config{NoCloseWait: true}, time.Hour, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				_, g, p := settled(t, d, tt.cfg)
				start := time.Now()
				if err := g.Close(4000, ""); err != nil {
					t.Fatal(err)
				}
				p.WantClose(4000)
				time.Sleep(tt.after)
				p.TryWrite(wstest.Close(4000, "").Bytes())
				time.Sleep(time.Minute)
				synctest.Wait()
				if took := end.at.Sub(start); took != tt.want || errors.Is(end.Cause, client.ErrCloseTimeout) != tt.late {
					t.Errorf("the end comes after %v with %v, want %v", took, end.Cause, tt.want)
				}
				if end.Code != 4000 || end.Remote {
					t.Errorf("the last event gets %v", end.CloseInfo)
				}
			})
		})
	}
}

// CloseAfterFlush lets a slow peer have the whole queue, Close only what it
// takes within CloseTimeout.
func TestCloseAfterFlushIsPatient(t *testing.T) {
	for _, patient := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			var g *guest
			d.connect = func(c *guest) error { g = c; return nil }
			end := d.ending()
			srv := newServer(t, d, wsserver.Config{CloseTimeout: time.Second, WriteTimeout: time.Minute})
			l := serve(t, srv)
			l.SetBuffer(1000)
			p := clienttest.Dial(t, l, "/")
			synctest.Wait()
			p.Pause()
			synctest.Wait()
			data := make([]byte, 100_000)
			if err := g.SendBinary(data); err != nil {
				t.Fatal(err)
			}
			closing := g.Close
			if patient {
				closing = g.CloseAfterFlush
			}
			if err := closing(4000, "done"); err != nil || g.Connected() || !g.Closing() {
				t.Errorf("closing = %v", err)
			}
			time.Sleep(30 * time.Second)
			synctest.Wait()
			if gone := end.Cause != nil; gone == patient {
				t.Errorf("patient %v: after 30 s the connection is gone: %v", patient, gone)
			}
			p.Resume()
			if !patient {
				if code := p.CloseCode(); code != client.StatusAbnormal {
					t.Errorf("closed with %v", code)
				}
				return
			}
			if m := p.Receive(); !bytes.Equal(m.Data, data) {
				t.Errorf("%d bytes arrive", len(m.Data))
			}
			if e := p.ReceiveClose(); e.Code != 4000 || e.Reason != "done" {
				t.Errorf("closed with %v", &e)
			}
		})
	}
}

// K-01, K-02, K-12: a peer that takes nothing for WriteTimeout is reset; one that
// takes a little now and then is not. A stall is measured to within an eighth.
func TestStalledWriteHasItsTime(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  time.Duration
		own  time.Duration // of the client
		sip  time.Duration // the peer takes a little each
		want time.Duration // 0: it stays
	}{
		{"by default", 0, 0, 0, 10 * time.Second},
		{"of the server", 3 * time.Second, 0, 0, 3 * time.Second},
		{"of the client", time.Minute, 2 * time.Second, 0, 2 * time.Second},
		{"off for the client", 3 * time.Second, -1, 0, 0},
		{"off", -1, 0, 0, 0},
		{"sipping", 3 * time.Second, 0, 2 * time.Second, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				var g *guest
				d.connect = func(c *guest) error { g = c; c.SetWriteTimeout(tt.own); return nil }
				srv := newServer(t, d, wsserver.Config{WriteTimeout: tt.cfg, PingInterval: -1})
				l := serve(t, srv)
				l.SetBuffer(1000)
				p := wstest.Open(raw(t, l), "/")
				synctest.Wait()
				start := time.Now()
				if err := g.SendBinary(make([]byte, 200_000)); err != nil {
					t.Fatal(err)
				}
				_ = p.Conn.SetReadDeadline(time.Time{})
				for n := 0; tt.sip > 0 && n < 50; n++ {
					time.Sleep(tt.sip)
					if _, err := p.Conn.Read(make([]byte, 100)); err != nil {
						t.Fatalf("the peer reads %v", err)
					}
				}
				if tt.sip == 0 {
					time.Sleep(100 * time.Second)
				}
				synctest.Wait()
				switch took := end.at.Sub(start); {
				case tt.want == 0:
					if end.Cause != nil {
						t.Errorf("it ends after %v with %v", took, end.Cause)
					}
				case took < tt.want*7/8 || took > tt.want*9/8 || end.Code != 1006 || end.Remote || !errors.Is(end.Cause, client.ErrWriteTimeout):
					t.Errorf("it ends after %v with %v, want %v", took, end.CloseInfo, tt.want)
				}
			})
		})
	}
}

// K-01: the same over a socket, where writing never blocks a goroutine.
func TestStalledSocketIsReset(t *testing.T) { onDrivers(t, testStalledSocketIsReset) }

func testStalledSocketIsReset(t *testing.T) {
	d := &desk{}
	done := make(chan client.CloseInfo, 1)
	d.connect = func(g *guest) error { return g.SendBinary(make([]byte, 32<<20)) }
	d.disconnect = func(_ *guest, i client.CloseInfo) { done <- i }
	srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0", WriteTimeout: 50 * time.Millisecond})
	wstest.Open(wstest.DialTCP(t, open(t, srv)), "/") // reads no more
	select {
	case i := <-done:
		if i.Code != 1006 || i.Remote || !errors.Is(i.Cause, client.ErrWriteTimeout) {
			t.Errorf("the last event gets %v", i)
		}
	case <-time.After(20 * time.Second):
		t.Error("the client stays")
	}
}

// K-06, K-07: silence is answered with a ping, and silence after that with 1011; any
// byte is a sign of life.
func TestSilentPeerIsPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		_, _, p := settled(t, d, wsserver.Config{PingInterval: 20 * time.Second, PongTimeout: 5 * time.Second})
		start := time.Now()
		ping := func(at time.Duration) []byte {
			t.Helper()
			f, err := p.NextFrame()
			if took := time.Since(start); err != nil || f.Op != wstest.OpPing || took != at {
				t.Fatalf("frame %+v, %v after %v; want a ping after %v", f, err, took, at)
			}
			return f.Payload
		}
		first := ping(20 * time.Second)
		p.Send(wstest.Pong(first))
		second := ping(40 * time.Second)
		if len(first) != 8 || len(second) != 8 || bytes.Equal(first, second) {
			t.Errorf("payloads %x and %x, want a counter", first, second)
		}
		time.Sleep(4 * time.Second)
		p.Write(wstest.Text("half").Bytes()[:3]) // no pong, but life
		ping(64 * time.Second)
		code, _ := p.ReadClose()
		if took := time.Since(start); code != 1011 || took != 69*time.Second {
			t.Errorf("closed with %d after %v", code, took)
		}
		p.WantEnd()
		synctest.Wait()
		if !errors.Is(end.Cause, client.ErrPingTimeout) || end.Remote {
			t.Errorf("the last event gets %v", end.CloseInfo)
		}
	})
}

// K-06, K-07: what a ping carries, and that it can be turned off.
func TestPingPayloadIsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := bytes.Repeat([]byte("p"), 200)
		_, _, p := settled(t, &desk{}, wsserver.Config{PingPayload: func() []byte { return long }})
		start := time.Now()
		if f, err := p.NextFrame(); err != nil || f.Op != wstest.OpPing || !bytes.Equal(f.Payload, long[:125]) || time.Since(start) != 30*time.Second {
			t.Errorf("frame %+v, %v after %v", f, err, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, _, p := settled(t, &desk{}, wsserver.Config{PingInterval: -1})
		time.Sleep(24 * time.Hour)
		p.WantSilence()
	})
	synctest.Test(t, func(t *testing.T) { // pings without a limit to their answer
		_, g, p := settled(t, &desk{}, wsserver.Config{PongTimeout: -1})
		for range 5 {
			if f, err := p.NextFrame(); err != nil || f.Op != wstest.OpPing {
				t.Fatalf("frame %+v, %v", f, err)
			}
		}
		if !g.Connected() {
			t.Error("the client is gone")
		}
	})
}

// K-09: a client without messages is closed with 1001; pongs are no messages.
func TestIdleClientIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		srv := newServer(t, d, wsserver.Config{IdleTimeout: time.Minute, PingInterval: 10 * time.Second})
		p := clienttest.Dial(t, serve(t, srv), "/", clienttest.DialOptions{Timeout: time.Hour})
		for range 3 {
			time.Sleep(50 * time.Second)
			p.SendText("x")
			p.Receive()
		}
		start := time.Now()
		if e := p.ReceiveClose(); e.Code != client.StatusGoingAway || time.Since(start) != time.Minute {
			t.Errorf("closed with %v after %v", &e, time.Since(start))
		}
		p.WaitEnd()
		synctest.Wait()
		if !errors.Is(end.Cause, client.ErrIdleTimeout) || end.Remote {
			t.Errorf("the last event gets %v", end.CloseInfo)
		}
	})
}

// K-10: a connection ends with 1012 at MaxLifetime, or up to a tenth earlier.
func TestLifetimeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.disconnect = func(_ *guest, i client.CloseInfo) {
			if !errors.Is(i.Cause, client.ErrLifetime) || i.Remote {
				t.Errorf("the last event gets %v", i)
			}
		}
		l := serve(t, newServer(t, d, wsserver.Config{MaxLifetime: 100 * time.Minute}))
		start, differ := time.Now(), map[time.Duration]bool{}
		var peers []*clienttest.Peer
		for range 20 {
			peers = append(peers, clienttest.Dial(t, l, "/", clienttest.DialOptions{Timeout: 3 * time.Hour}))
		}
		time.Sleep(90*time.Minute - time.Second)
		if n := d.count("disconnect"); n != 0 {
			t.Errorf("%d have ended", n)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex // guards differ
		for _, p := range peers {
			wg.Go(func() {
				_, err := p.TryReceive()
				age := time.Since(start)
				if e, ok := errors.AsType[*client.CloseError](err); !ok || e.Code != client.StatusServiceRestart || age < 90*time.Minute || age > 100*time.Minute {
					t.Errorf("closed with %v after %v", err, age)
				}
				mu.Lock()
				defer mu.Unlock()
				differ[age] = true
			})
		}
		wg.Wait()
		if len(differ) < 10 {
			t.Errorf("20 clients end at %d moments", len(differ))
		}
	})
}
