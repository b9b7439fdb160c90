package clienttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
)

// scripted is a class whose events are what a test says.
type scripted struct {
	client.Base
	onMessage func(c *scripted, m client.Message) error
	heard     []string
}

func (c *scripted) OnMessage(m client.Message) error {
	if c.onMessage == nil {
		return c.Send(m)
	}
	return c.onMessage(c, m)
}

func (c *scripted) OnPing(p []byte) error { c.heard = append(c.heard, "ping "+string(p)); return nil }
func (c *scripted) OnPong(p []byte) error { c.heard = append(c.heard, "pong "+string(p)); return nil }

// deaf has no optional event.
type deaf struct{ client.Base }

func (c *deaf) OnMessage(client.Message) error { return nil }

// on makes a connected client with that OnMessage.
func on(t *testing.T, f func(c *scripted, m client.Message) error, opts ...Options) (*scripted, *Recorder) {
	t.Helper()
	c := &scripted{onMessage: f}
	return c, Connect(t, c, opts...)
}

func TestRecorderDeliversAndKeepsMessages(t *testing.T) { // S-01, S-02
	_, rec := on(t, nil)
	if err := errors.Join(rec.Text("ä"), rec.Binary([]byte{0xff}), rec.Message(client.Text(""))); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v", texts(rec.Sent()))
	if want := `[text "ä" binary "\xff" text ""]`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	rec.Sent()[0].Data[0] = 'x'
	if string(rec.Sent()[0].Data) != "ä" {
		t.Error("Sent returns its own memory")
	}
}

func texts(list []client.Message) []string {
	var out []string
	for _, m := range list {
		out = append(out, fmt.Sprintf("%v %q", m.Op, m.Data))
	}
	return out
}

func TestKeptDataIsFoundOut(t *testing.T) {
	var kept, cloned client.Message
	_, rec := on(t, func(c *scripted, m client.Message) error {
		kept, cloned = m, m.Clone()
		return nil
	})
	p := []byte("mine")
	if err := rec.Binary(p); err != nil {
		t.Fatal(err)
	}
	if string(p) != "mine" || string(cloned.Data) != "mine" || string(kept.Data) == "mine" {
		t.Errorf("the test's bytes %q, the clone %q, kept without Clone %q", p, cloned.Data, kept.Data)
	}
}

func TestMessagesThatNoServerLetsThrough(t *testing.T) {
	calls := 0
	_, rec := on(t, func(*scripted, client.Message) error { calls++; return nil })
	if err := rec.Text("\xff"); !errors.Is(err, client.ErrInvalidUTF8) {
		t.Errorf("invalid UTF-8: %v", err)
	}
	if err := rec.Message(client.Message{Op: 8}); !errors.Is(err, client.ErrBadOpcode) {
		t.Errorf("opcode 8: %v", err)
	}
	if err := rec.Ping(make([]byte, 126)); err == nil {
		t.Error("a ping of 126 bytes is delivered")
	}
	if calls > 0 {
		t.Errorf("OnMessage ran %d times", calls)
	}
}

func TestPingAndPongReachTheirEvents(t *testing.T) {
	c, rec := on(t, nil)
	if err := errors.Join(rec.Ping([]byte("a")), rec.Pong([]byte("b"))); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.heard, ", "); got != "ping a, pong b" {
		t.Errorf("heard %s", got)
	}
	rec = Connect(t, new(deaf))
	if err := errors.Join(rec.Ping(nil), rec.Pong(nil)); err != nil {
		t.Errorf("a class without the events: %v", err)
	}
}

func TestWhatAnEventReturnsIsTheCloseFrame(t *testing.T) { // E-15
	broken := errors.New("disk full")
	for _, tt := range []struct {
		name  string
		event func() error
		want  error // what Message returns wraps it
		frame client.CloseError
	}{
		{"an error", func() error { return broken }, broken, client.CloseError{Code: 1011}},
		{"a close error", func() error { return &client.CloseError{Code: 4001, Reason: "no"} }, nil, client.CloseError{Code: 4001, Reason: "no"}},
		{"a close error that may not be sent", func() error { return &client.CloseError{Code: 1006} }, nil, client.CloseError{Code: 1011}},
		{"a panic", func() error { panic(broken) }, broken, client.CloseError{Code: 1011}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, rec := on(t, func(*scripted, client.Message) error { return tt.event() })
			err := rec.Text("x")
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Text = %v, want %v", err, tt.want)
			}
			if got := rec.Closed(); got == nil || *got != tt.frame {
				t.Errorf("Closed = %v, want %v", got, tt.frame)
			}
			if err := rec.Text("y"); !errors.Is(err, client.ErrClosed) || !c.Closing() {
				t.Errorf("the next message: %v", err)
			}
		})
	}
}

func TestPanicIsTyped(t *testing.T) {
	c, rec := on(t, func(*scripted, client.Message) error { panic("boom") })
	p, ok := errors.AsType[*client.PanicError](rec.Text("x"))
	if !ok || p.Event != "OnMessage" || p.Value != "boom" || !strings.Contains(string(p.Stack), "TestPanicIsTyped") {
		t.Errorf("Text = %v", p)
	}
	info := rec.Disconnect(client.CloseInfo{})
	if info.Cause != error(p) || context.Cause(c.Context()) != error(p) {
		t.Errorf("cause %v", info.Cause)
	}
}

func TestClosedClientSendsNothing(t *testing.T) {
	c, rec := on(t, nil)
	if err := c.Close(1005, ""); !errors.Is(err, client.ErrBadCloseCode) {
		t.Errorf("Close(1005) = %v", err)
	}
	if err := c.Close(1000, "\xff"); !errors.Is(err, client.ErrInvalidUTF8) {
		t.Errorf("Close with a bad reason = %v", err)
	}
	if rec.Closed() != nil || !c.Connected() {
		t.Error("closed by a call that failed")
	}
	if err := c.Close(4000, strings.Repeat("ä", 100)); err != nil {
		t.Fatal(err)
	}
	if got := rec.Closed(); got.Code != 4000 || got.Reason != strings.Repeat("ä", 61) {
		t.Errorf("closed with %v", got)
	}
	for name, err := range map[string]error{
		"Send": c.SendText("x"), "Close": c.Close(1000, ""), "CloseAfterFlush": c.CloseAfterFlush(0, ""), "Message": rec.Text("x"),
		"Ping": rec.Ping(nil),
	} {
		if !errors.Is(err, client.ErrClosed) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close = %v", name, err)
		}
	}
	if len(rec.Sent()) > 0 {
		t.Errorf("sent %v", texts(rec.Sent()))
	}
}

func TestDisconnectTellsWhoBegan(t *testing.T) { // E-05, X-20
	lost := errors.New("reset")
	for _, tt := range []struct {
		name  string
		close func(c *scripted)
		info  client.CloseInfo
		want  string
	}{
		{"the peer is gone", nil, client.CloseInfo{}, "remote 1006 connection lost: EOF"},
		{"as told", nil, client.CloseInfo{Code: 1006, Remote: true, Cause: lost}, "remote 1006 connection lost: reset"},
		{"the peer closed", nil, client.CloseInfo{Code: 1001, Remote: true}, "remote 1001 going away: client: close 1001 going away"},
		{"we did", func(c *scripted) { _ = c.Close(0, "") }, client.CloseInfo{Code: 1001, Remote: true}, "local 1000 normal closure: client: closed by the program"},
		{"we aborted", func(c *scripted) { c.Abort() }, client.CloseInfo{}, "local 1006 connection lost: client: aborted by the program"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, rec := on(t, nil)
			if tt.close != nil {
				tt.close(c)
			}
			info := rec.Disconnect(tt.info)
			if info.String() != tt.want {
				t.Errorf("Disconnect = %v, want %s", info, tt.want)
			}
			if again := rec.Disconnect(client.CloseInfo{Code: 4000}); again != info {
				t.Errorf("the second Disconnect = %v", again)
			}
			<-c.Done()
			if got := context.Cause(c.Context()); got != info.Cause {
				t.Errorf("cause of the context = %v", got)
			}
		})
	}
}

func TestEndedClientKeepsItsFacts(t *testing.T) { // C-09
	c, rec := on(t, nil, Options{ID: 7, URI: "/a?b=c", SubProtocol: "v2", Header: map[string][]string{"x-mine": {"1", "2"}}})
	rec.Disconnect(client.CloseInfo{})
	if c.ID() != 7 || c.Name() != "7" || c.URI().Query().Get("b") != "c" || c.SubProtocol() != "v2" {
		t.Errorf("facts %+v", c.Info())
	}
	if got := fmt.Sprint(c.Header()["X-Mine"], c.OfferedProtocols()); got != "[1 2] [v2]" {
		t.Errorf("header %s", got)
	}
	if err := c.Flush(); !errors.Is(err, client.ErrClosed) || c.Connected() || !c.Closing() {
		t.Errorf("Flush = %v", err)
	}
	if err := c.SetBanner("late"); !errors.Is(err, client.ErrConnected) {
		t.Errorf("SetBanner = %v", err)
	}
}

func TestAbortInAnEventEndsTheContextAtOnce(t *testing.T) {
	during := false
	c, rec := on(t, func(c *scripted, m client.Message) error {
		c.Abort()
		during = c.Context().Err() != nil
		return c.Send(m)
	})
	if err := rec.Text("x"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Send after Abort = %v", err)
	}
	if !during || !errors.Is(context.Cause(c.Context()), client.ErrAborted) {
		t.Errorf("context done during the event: %v, after it: %v", during, context.Cause(c.Context()))
	}
	if got := rec.Closed(); got == nil || got.Code != client.StatusAbnormal {
		t.Errorf("Closed = %v", got)
	}
}

func TestBannerGoesOutOnce(t *testing.T) {
	c, rec := on(t, nil, Options{Banner: "welcome"})
	if err := errors.Join(c.SendText("first"), c.SetBanner("hello")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetBanner("\xff"); !errors.Is(err, client.ErrInvalidUTF8) {
		t.Errorf("SetBanner = %v", err)
	}
	rec.Greet()
	rec.Greet()
	if err := c.SetBanner("late"); !errors.Is(err, client.ErrConnected) {
		t.Errorf("SetBanner after Greet = %v", err)
	}
	if got := fmt.Sprint(texts(rec.Sent())); got != `[text "first" text "hello"]` {
		t.Errorf("sent %s", got)
	}
	_, rec = on(t, nil, Options{Banner: "welcome"})
	_ = rec.Text("x")
	if got := fmt.Sprint(texts(rec.Sent())); got != `[text "welcome" text "x"]` {
		t.Errorf("the first event sent %s", got)
	}
}

func TestStatsCount(t *testing.T) { // O-20
	synctest.Test(t, func(t *testing.T) {
		c, rec := on(t, nil)
		time.Sleep(time.Hour)
		_ = rec.Binary(make([]byte, 200)) // masked 208, echoed 204
		_ = rec.Ping([]byte("1234"))      // 10, pong 6
		s := c.Stats()
		if s.MessagesIn != 1 || s.MessagesOut != 1 || s.BytesIn != 218 || s.BytesOut != 210 || time.Since(s.LastRead) != 0 {
			t.Errorf("stats %+v", s)
		}
		_ = c.Close(0, "")
		if n := c.Stats().BytesOut; n != 214 {
			t.Errorf("with the close frame %d bytes", n)
		}
	})
}

func TestEventsDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, most := 0, 0
		c, rec := on(t, func(c *scripted, m client.Message) error {
			n++
			most = max(most, n)
			time.Sleep(time.Second)
			n--
			return c.Send(m)
		})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { _ = rec.Text("x") })
			wg.Go(func() { _ = c.SendText("y"); rec.Sent(); rec.Closed(); c.Stats() })
		}
		wg.Wait()
		rec.Disconnect(client.CloseInfo{})
		if most != 1 || len(rec.Sent()) != 20 {
			t.Errorf("%d events at once, %d messages sent", most, len(rec.Sent()))
		}
	})
}

func TestConnectionEndsWithTheTest(t *testing.T) {
	var c *scripted
	t.Run("inner", func(t *testing.T) { c, _ = on(t, nil) })
	if got := context.Cause(c.Context()); got != io.EOF {
		t.Errorf("cause %v", got)
	}
}

func TestRequestIsAHandshake(t *testing.T) {
	r := Request(t, "/chat?name=ada", Options{
		HostTag: "chat", Origin: "https://chat.example", SubProtocols: []string{"v1", "v2"}, SubProtocol: "v2",
		Header: map[string][]string{"Sec-WebSocket-Extensions": {"permessage-deflate"}},
	})
	if r.ID == 0 || r.URI.Query().Get("name") != "ada" || r.RawURI != "/chat?name=ada" || r.HostTag != "chat" || r.HostHeader != "server.example" {
		t.Errorf("request %+v", r)
	}
	if r.SubProtocol() != "v2" || r.Select("v1") != nil || !errors.Is(r.Select("v3"), client.ErrNotOffered) {
		t.Errorf("sub-protocol %q", r.SubProtocol())
	}
	if r.Header.Get("Origin") != r.Origin || len(r.Extensions) != 1 || r.ResponseHeader == nil || r.Context().Err() != nil {
		t.Errorf("header %v", r.Header)
	}
}

// failing is a testing.TB whose Fatalf is looked at.
type failing struct {
	testing.TB
	text string
}

func (f *failing) Helper()                   {}
func (f *failing) Cleanup(func())            {}
func (f *failing) Fatalf(s string, a ...any) { f.text = fmt.Sprintf(s, a...); runtime.Goexit() }

func TestMistakesOfTheTestEndIt(t *testing.T) {
	bound := new(deaf)
	Connect(t, bound)
	for name, call := range map[string]func(tb testing.TB){
		"had a connection": func(tb testing.TB) { Connect(tb, bound) },
		"client is nil":    func(tb testing.TB) { Connect(tb, nil) },
		"2 Options":        func(tb testing.TB) { Connect(tb, new(deaf), Options{}, Options{}) },
		"LowWater":         func(tb testing.TB) { Connect(tb, new(deaf), Options{SendQueue: client.SendQueue{LowWater: -1}}) },
		"invalid URI":      func(tb testing.TB) { Request(tb, "chat") },
		"not offered":      func(tb testing.TB) { Request(tb, "/", Options{SubProtocols: []string{"a"}, SubProtocol: "b"}) },
	} {
		f := &failing{TB: t}
		var wg sync.WaitGroup
		wg.Go(func() { call(f) })
		wg.Wait()
		if !strings.Contains(f.text, name) {
			t.Errorf("%s: the test is told %q", name, f.text)
		}
	}
}
