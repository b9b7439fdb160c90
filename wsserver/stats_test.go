package wsserver_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// O-20: the figures of a server, of clients that are there and that are gone.
func TestStatsCountEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{Banner: banner.Policy{Welcome: "12345"}})
		l := serve(t, srv)
		if st := srv.Stats(); st.Accepted != 0 || st.Clients != 0 || len(st.Refused) != 0 {
			t.Errorf("at first: %+v", st)
		}
		stays, goes := clienttest.Dial(t, l, "/"), clienttest.Dial(t, l, "/")
		for _, p := range []*clienttest.Peer{stays, goes} {
			p.SendText("123")
			p.Receive()
			p.Receive()
		}
		one := srv.Stats()
		if one.MessagesIn != 2 || one.MessagesOut != 4 || one.BytesIn < 2*(6+3) || one.BytesOut < 2*(2+5+2+3) || one.Clients != 2 || one.Connected != 2 {
			t.Errorf("with two clients: %+v", one)
		}
		raw(t, l).Write([]byte("GET"))
		clienttest.TryDial(t, l, "/", clienttest.DialOptions{Origin: "https://evil.example"})
		goes.Close(1000, "")
		goes.WaitEnd()
		synctest.Wait()
		two := srv.Stats()
		if two.Accepted != 4 || two.Clients != 1 || two.Pending != 1 || two.Connected != 2 || two.Disconnected != 1 ||
			two.Refused["origin"] != 1 || two.MessagesIn != 2 || two.MessagesOut != 4 || two.BytesIn != one.BytesIn+8 || two.BytesOut != one.BytesOut+4 {
			t.Errorf("with one gone, one refused, one in handshake: %+v", two)
		}
		data, err := json.Marshal(two)
		if err != nil || !strings.Contains(string(data), `"origin":1`) {
			t.Errorf("as JSON: %s, %v", data, err)
		}
	})
}

// O-20: what comes in one piece with the handshake counts like what comes later.
func TestStatsCountWhatComesWithTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{})
		p := raw(t, serve(t, srv))
		frame := p.Encode(wstest.Text("early"))
		p.Write(append(wstest.Upgrade("/").Bytes(), frame...))
		p.ReadUpgraded()
		p.WantText("early")
		p.Send(wstest.Text("later"))
		p.WantText("later")
		if st := srv.Stats(); st.MessagesIn != 2 || st.BytesIn != uint64(2*len(frame)) {
			t.Errorf("%d messages of %d bytes are counted, want 2 of %d", st.MessagesIn, st.BytesIn, 2*len(frame))
		}
	})
}

// O-20: what waits for a peer is Buffered, here and in the client.
func TestBufferedIsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		srv := newServer(t, d, wsserver.Config{})
		l := serve(t, srv)
		l.SetBuffer(1000)
		p := clienttest.Dial(t, l, "/")
		synctest.Wait()
		p.Pause()
		if err := g.SendBinary(make([]byte, 50_000)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := srv.Stats().Buffered; n < 40_000 || n > 50_004 || g.BufferedAmount() != n || g.Stats().Buffered != n {
			t.Errorf("Buffered is %d, of the client %d", n, g.BufferedAmount())
		}
		p.Resume()
		p.Receive()
		synctest.Wait()
		if n := srv.Stats().Buffered; n != 0 {
			t.Errorf("Buffered is %d at the end", n)
		}
	})
}

// O-01: the log says what happens, with the connection, and no secrets.
func TestLogTellsTheLifeAndNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := &desk{}, logbook{}
		d.message = func(*guest, client.Message) error { return errors.New("disk full") }
		srv := newServer(t, d, wsserver.Config{Logger: log.logger()})
		l := serve(t, srv)
		secret := http.Header{"Authorization": {"Bearer hush"}, "Cookie": {"session=hush"}, "X-Api-Key": {"hush"}}
		p := clienttest.Dial(t, l, "/?token=hush", clienttest.DialOptions{Header: secret})
		p.SendText("the secret hush")
		if e := p.ReceiveClose(); e.Code != 1011 || e.Reason != "" {
			t.Errorf("closed with %v", &e)
		}
		clienttest.TryDial(t, l, "/?token=hush", clienttest.DialOptions{Header: secret, Origin: "https://evil.example"})
		p.WaitEnd()
		synctest.Wait()
		for _, want := range [][]string{
			{"WARN", "event failed", "conn=1", "disk full", "remote="},
			{"INFO", "refused", "reason=origin", "status=403", "evil.example", "setting=AllowedOrigins"},
			{"DEBUG", "disconnected", "conn=1", "code=close/event-error", "status=1011", "cause=", "remote_close=false"},
		} {
			if len(log.lines(want...)) != 1 {
				t.Errorf("no line with %q in\n%s", want, log.lines())
			}
		}
		if found := log.lines("hush"); len(found) != 0 {
			t.Errorf("the log has the secret: %q", found)
		}
	})
}

// O-01, L-01: the first lines name the real addresses.
func TestLogNamesTheAddress(t *testing.T) {
	var log logbook
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0", Logger: log.logger()})
	addr := open(t, srv)
	if len(log.lines("INFO", "listening", "addr="+addr, "tls=false")) != 1 {
		t.Errorf("the log is %q", log.lines())
	}
}

// O-05: the errors of the package can be told apart, and from those of others.
func TestErrorsAreTyped(t *testing.T) {
	cause := errors.New("cause")
	for err, is := range map[error]error{
		wsserver.ErrServerClosed: http.ErrServerClosed,
		&wsserver.ServerError{Op: "accept", Binding: "b", Err: cause}: cause,
		&wsserver.ConfigError{Field: "Addr", Err: cause}:              cause,
	} {
		if !errors.Is(err, is) || !strings.HasPrefix(err.Error(), "wsserver: ") {
			t.Errorf("%v is no %v", err, is)
		}
	}
	if got := (&wsserver.ServerError{Op: "http", Err: cause}).Error(); got != "wsserver: http: cause" {
		t.Errorf("without a binding: %q", got)
	}
}

// A-24, K-06: half-open peers are found by their silence and give their places back.
func TestHalfOpenPeersAreFound(t *testing.T) { onDrivers(t, testHalfOpenPeersAreFound) }

func testHalfOpenPeersAreFound(t *testing.T) {
	d := &desk{}
	srv := newServer(t, d, wsserver.Config{
		Addr: "127.0.0.1:0", Banner: banner.Policy{MaxClients: 20},
		PingInterval: 20 * time.Millisecond, PongTimeout: 20 * time.Millisecond, CloseTimeout: 20 * time.Millisecond,
	})
	addr := open(t, srv)
	for range 20 {
		wstest.Open(wstest.DialTCP(t, addr), "/") // never reads again
	}
	eventually(t, "all of them to be gone", func() bool { return wsserver.Places(srv) == 0 && d.count("disconnect 1011") == 20 })
}

// in memory, with the times of the defaults.
func TestHalfOpenPeersAreFoundInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{MaxClients: 20}})
		l := serve(t, srv)
		for range 20 {
			wstest.Open(raw(t, l), "/") // never reads again
		}
		synctest.Wait()
		if n := srv.ClientCount(); n != 20 {
			t.Fatalf("%d clients", n)
		}
		time.Sleep(46 * time.Second) // 30 s of silence, 10 s of grace, 5 s for the close frame
		synctest.Wait()
		if srv.ClientCount() != 0 || wsserver.Places(srv) != 0 || d.count("disconnect 1011") != 20 {
			t.Errorf("%d clients, %d places, %d ended", srv.ClientCount(), wsserver.Places(srv), d.count("disconnect 1011"))
		}
	})
}
