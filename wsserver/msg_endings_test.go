package wsserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// finish is one way to end a connection, with what OnClientDisconnect gets and
// what the peer does.
type finish struct {
	name string
	cfg  wsserver.Config
	// do ends the connection of g; for "go" as a message it is the event.
	do   func(f *finishing)
	want client.CloseInfo // Cause: what errors.Is must find
	peer int              // code of the close frame that the peer gets; 0: none
	also []error          // that errors.Is must find too
	not  []error          // and these not
}

// finishing is what a way to end has to work with.
type finishing struct {
	t   *testing.T
	srv *wsserver.Server[*guest]
	g   *guest
	p   *wstest.Peer
	// in makes f the event of the next message, and sends that.
	in func(f func(g *guest) error)
}

var (
	errBroken = errors.New("the program is broken")
	timeouts  = []error{os.ErrDeadlineExceeded}
)

func (f *finishing) send(frames ...wstest.Frame) { f.p.TryWrite(f.p.Encode(frames...)) }

// finishes are all ways to end. X-02 X-03 X-07 X-09 X-12 X-17 X-18 X-20 K-01 K-06
// K-09 K-10 K-11 S-12 R-06 R-07 R-08
var finishes = []finish{
	// The peer begins.
	{name: "close frame", do: func(f *finishing) { f.send(wstest.Close(1000, "bye")) }, peer: 1000,
		want: client.CloseInfo{Code: 1000, Reason: "bye", Remote: true}},
	{name: "close frame without a code", do: func(f *finishing) { f.send(wstest.EmptyClose()) }, peer: 1005,
		want: client.CloseInfo{Code: 1005, Remote: true}},
	{name: "close frame of an application", do: func(f *finishing) { f.send(wstest.Close(4999, "")) }, peer: 4999,
		want: client.CloseInfo{Code: 4999, Remote: true}},
	{name: "close frame inside a message", do: func(f *finishing) { f.send(wstest.Text("half").Open(), wstest.Close(1001, "")) }, peer: 1001,
		want: client.CloseInfo{Code: 1001, Remote: true}},
	{name: "end of stream", do: func(f *finishing) { f.p.Conn.Close() },
		want: client.CloseInfo{Code: 1006, Remote: true, Cause: io.EOF}},
	{name: "end of stream inside a frame", do: func(f *finishing) { f.p.Write([]byte{0x81}); f.p.Conn.Close() },
		want: client.CloseInfo{Code: 1006, Remote: true, Cause: io.EOF}},
	{name: "half-closed", do: func(f *finishing) { f.p.CloseWrite() },
		want: client.CloseInfo{Code: 1006, Remote: true, Cause: io.EOF}},
	{name: "reset", do: func(f *finishing) { f.p.Drop() },
		want: client.CloseInfo{Code: 1006, Remote: true, Cause: syscall.ECONNRESET}},
	{name: "gone while we write", do: func(f *finishing) {
		for range 20 {
			if f.g.SendBinary(make([]byte, 10_000)) != nil {
				return
			}
		}
		f.p.Drop()
	}, want: client.CloseInfo{Code: 1006, Remote: true, Cause: syscall.ECONNRESET}},

	// The peer breaks the rules.
	{name: "malformed frame", do: func(f *finishing) { f.send(wstest.Frame{Op: 3}) }, peer: 1002,
		want: client.CloseInfo{Code: 1002, Reason: "reserved opcode"}},
	{name: "close code that may not be sent", do: func(f *finishing) { f.send(wstest.Close(1006, "")) }, peer: 1002,
		want: client.CloseInfo{Code: 1002, Reason: "close code may not be sent"}},
	{name: "bad text", do: func(f *finishing) { f.send(wstest.Text("\xff")) }, peer: 1007,
		want: client.CloseInfo{Code: 1007, Reason: "text is not UTF-8", Cause: client.ErrInvalidUTF8}},
	{name: "bad reason", do: func(f *finishing) { f.send(wstest.Close(1000, "\xff")) }, peer: 1007,
		want: client.CloseInfo{Code: 1007, Reason: "close reason is not UTF-8"}},
	{name: "message too big", cfg: wsserver.Config{MaxMessageSize: 3}, do: func(f *finishing) { f.send(wstest.Text("four")) }, peer: 1009,
		want: client.CloseInfo{Code: 1009, Reason: "message too big"}},

	// The program ends it.
	{name: "Close", do: func(f *finishing) { f.g.Close(4000, "why") }, peer: 4000,
		want: client.CloseInfo{Code: 4000, Reason: "why", Cause: client.ErrCloseCalled}, not: []error{client.ErrCloseTimeout}},
	{name: "Close by default", cfg: wsserver.Config{CloseCode: 3001, CloseReason: "as set"}, do: func(f *finishing) { f.g.Close(0, "") }, peer: 3001,
		want: client.CloseInfo{Code: 3001, Reason: "as set", Cause: client.ErrCloseCalled}},
	{name: "CloseAfterFlush", do: func(f *finishing) { f.g.CloseAfterFlush(1001, "") }, peer: 1001,
		want: client.CloseInfo{Code: 1001, Cause: client.ErrCloseCalled}},
	{name: "Close and no answer", do: func(f *finishing) {
		f.g.Close(4000, "")
		f.p.WantClose(4000)
		time.Sleep(time.Minute)
	}, want: client.CloseInfo{Code: 4000, Cause: client.ErrCloseCalled}, also: append(timeouts, client.ErrCloseTimeout)},
	{name: "Close and the peer goes away", do: func(f *finishing) { f.g.Close(4000, ""); f.p.WantClose(4000); f.p.Drop() },
		want: client.CloseInfo{Code: 4000, Cause: client.ErrCloseCalled}},
	{name: "Close without waiting", cfg: wsserver.Config{NoCloseWait: true}, do: func(f *finishing) { f.g.Close(4000, "") }, peer: 4000,
		want: client.CloseInfo{Code: 4000, Cause: client.ErrCloseCalled}, not: []error{client.ErrCloseTimeout}},
	{name: "Disconnect", do: func(f *finishing) { f.srv.Disconnect(f.g.ID(), 4000, "") }, peer: 4000,
		want: client.CloseInfo{Code: 4000, Cause: client.ErrCloseCalled}},
	{name: "DisconnectAll", do: func(f *finishing) { go f.srv.DisconnectAll(context.Background(), 4000, "") }, peer: 4000,
		want: client.CloseInfo{Code: 4000, Cause: client.ErrCloseCalled}},
	{name: "Abort", do: func(f *finishing) { f.g.Abort() },
		want: client.CloseInfo{Code: 1006, Cause: client.ErrAborted}},
	{name: "Close, then Abort", do: func(f *finishing) { f.g.Close(4000, ""); f.g.Abort() },
		want: client.CloseInfo{Code: 4000, Cause: client.ErrCloseCalled}},
	{name: "error of an event", do: func(f *finishing) { f.in(func(*guest) error { return errBroken }) }, peer: 1011,
		want: client.CloseInfo{Code: 1011, Cause: errBroken}},
	{name: "CloseError of an event", do: func(f *finishing) {
		f.in(func(*guest) error { return &client.CloseError{Code: 4000, Reason: "no"} })
	}, peer: 4000, want: client.CloseInfo{Code: 4000, Reason: "no"}},
	{name: "panic of an event", do: func(f *finishing) { f.in(func(*guest) error { panic(errBroken) }) }, peer: 1011,
		want: client.CloseInfo{Code: 1011, Cause: errBroken}},
	{name: "full queue", cfg: wsserver.Config{SendQueue: client.SendQueue{MaxBytes: 1000}}, do: func(f *finishing) {
		for f.g.SendBinary(make([]byte, 900)) == nil {
		}
		for range 5 {
			f.p.TryMessage()
		}
	}, peer: 1008, want: client.CloseInfo{Code: 1008, Reason: "send queue full", Cause: client.ErrQueueFull}},

	// The clocks end it.
	{name: "no pong", do: func(f *finishing) {
		time.Sleep(35 * time.Second)
		f.p.NextFrame()
		f.p.WantClose(1011)
		f.send(wstest.Close(1011, ""))
	},
		want: client.CloseInfo{Code: 1011, Reason: "no answer to a ping", Cause: client.ErrPingTimeout}, also: timeouts},
	{name: "no pong and no answer", do: func(f *finishing) { time.Sleep(time.Hour) },
		want: client.CloseInfo{Code: 1011, Reason: "no answer to a ping", Cause: client.ErrPingTimeout}, also: append(timeouts, client.ErrCloseTimeout)},
	{name: "idle", cfg: wsserver.Config{IdleTimeout: time.Second}, do: func(*finishing) {}, peer: 1001,
		want: client.CloseInfo{Code: 1001, Reason: "idle", Cause: client.ErrIdleTimeout}, also: timeouts},
	{name: "end of life", cfg: wsserver.Config{MaxLifetime: time.Second}, do: func(*finishing) {}, peer: 1012,
		want: client.CloseInfo{Code: 1012, Reason: "end of lifetime", Cause: client.ErrLifetime}, also: timeouts},
	{name: "stalled write", do: func(f *finishing) { f.g.SendBinary(make([]byte, 500_000)); time.Sleep(20 * time.Second) },
		want: client.CloseInfo{Code: 1006, Cause: client.ErrWriteTimeout}, also: timeouts},

	// The server ends.
	{name: "Shutdown", do: func(f *finishing) { go f.srv.Shutdown(context.Background()) }, peer: 1001,
		want: client.CloseInfo{Code: 1001, Reason: "server shuts down", Cause: client.ErrServerShutdown}, not: []error{client.ErrCloseTimeout}},
	{name: "Shutdown in an event", do: func(f *finishing) { f.in(func(*guest) error { return f.srv.Shutdown(context.Background()) }) }, peer: 1001,
		want: client.CloseInfo{Code: 1001, Reason: "server shuts down", Cause: client.ErrServerShutdown}},
	{name: "the server's Close", do: func(f *finishing) { f.srv.Close() }, peer: 1001,
		want: client.CloseInfo{Code: 1001, Reason: "server shuts down", Cause: client.ErrServerShutdown}},
	{name: "the server's Abort", do: func(f *finishing) { f.srv.Abort() },
		want: client.CloseInfo{Code: 1006, Cause: client.ErrServerShutdown}},
}

// X-17, E-05: every way to end is told apart, once, by code, reason, side and typed cause;
// and so is the context.
func TestEveryWayToEndIsToldApart(t *testing.T) {
	for _, tt := range finishes {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				end := d.ending()
				srv, g, p := settled(t, d, tt.cfg)
				f := &finishing{t: t, srv: srv, g: g, p: p}
				f.in = func(event func(*guest) error) {
					d.message = func(g *guest, _ client.Message) error { return event(g) }
					p.Send(wstest.Text("go"))
				}
				tt.do(f)
				if tt.peer != 0 {
					p.WantClose(tt.peer)
					p.TryWrite(p.Encode(wstest.Close(1000, "")))
				}
				p.Conn.Close()
				<-g.Done()
				synctest.Wait()
				tt.check(t, end.CloseInfo)
				if cause := context.Cause(g.Context()); cause != end.Cause {
					t.Errorf("the cause of the context is %v, that of the last event %v", cause, end.Cause)
				}
				if n := d.count("disconnect"); n != 1 {
					t.Errorf("%d last events", n)
				}
			})
		})
	}
}

func (tt *finish) check(t *testing.T, got client.CloseInfo) {
	t.Helper()
	if got.Code != tt.want.Code || got.Reason != tt.want.Reason || got.Remote != tt.want.Remote || got.Cause == nil {
		t.Fatalf("%+v, want %+v", got, tt.want)
	}
	if got.Clean() != (got.Code != 1006) || got.String() == "" {
		t.Errorf("Clean is %v of %v", got.Clean(), got)
	}
	if tt.want.Cause != nil && !errors.Is(got.Cause, tt.want.Cause) {
		t.Errorf("the cause is %v, want %v", got.Cause, tt.want.Cause)
	}
	for _, err := range tt.also {
		if !errors.Is(got.Cause, err) {
			t.Errorf("the cause %v is not %v", got.Cause, err)
		}
	}
	for _, err := range tt.not {
		if errors.Is(got.Cause, err) {
			t.Errorf("the cause %v is %v", got.Cause, err)
		}
	}
	ce, isClose := errors.AsType[*client.CloseError](got.Cause)
	if wants := got.Remote && got.Code != 1006; wants && (!isClose || ce.Code != got.Code || ce.Reason != got.Reason) {
		t.Errorf("the cause of a close frame is %v", got.Cause)
	}
	pe, isViolation := errors.AsType[*client.ProtocolError](got.Cause)
	if wants := got.Code == 1002 || got.Code == 1007 || got.Code == 1009; wants != isViolation || wants && pe.Code != got.Code {
		t.Errorf("the cause of %d is %v", got.Code, got.Cause)
	}
	var ev *client.EventError
	var pa *client.PanicError
	if got.Code == 1011 && errors.Is(got.Cause, errBroken) && !errors.As(got.Cause, &ev) && !errors.As(got.Cause, &pa) {
		t.Errorf("the cause of a failed event is %T", got.Cause)
	}
}

// a busy peer that its handlers are told of ends with 1013.
func TestBusyPeerEndsWithItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		end := d.ending()
		srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{MaxClients: 1, Mode: banner.UpgradeThenClose, NotifyHandlers: true}})
		l := serve(t, srv)
		wstest.Open(raw(t, l), "/")
		p := wstest.Open(raw(t, l), "/")
		p.TryMessage() // the busy text
		code, reason := p.ReadClose()
		p.Send(wstest.Close(code, ""))
		p.WantEnd()
		synctest.Wait()
		if code != 1013 || end.Code != 1013 || end.Reason != reason || end.Remote || !errors.Is(end.Cause, client.ErrTooBusy) {
			t.Errorf("closed with %d %q, the last event gets %+v", code, reason, end.CloseInfo)
		}
	})
}

// over a socket: a peer that goes away, with what it had sent before.
func TestLossOverASocket(t *testing.T) { onDrivers(t, testLossOverASocket) }

func testLossOverASocket(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *net.TCPConn) error
		want error
	}{
		{"FIN", (*net.TCPConn).CloseWrite, io.EOF},
		{"close", (*net.TCPConn).Close, io.EOF},
		{"reset", func(c *net.TCPConn) error { c.SetLinger(0); return c.Close() }, syscall.ECONNRESET},
	} {
		d := &desk{message: func(*guest, client.Message) error { return nil }}
		done := make(chan client.CloseInfo, 1)
		d.disconnect = func(_ *guest, i client.CloseInfo) { done <- i }
		srv := newServer(t, d, wsserver.Config{Addr: "127.0.0.1:0"})
		p := wstest.Open(wstest.DialTCP(t, open(t, srv)), "/")
		p.Send(wstest.Text("last words"))
		eventually(t, "the message", func() bool { return d.count("message last words") == 1 })
		if err := tt.end(p.Conn.(*net.TCPConn)); err != nil {
			t.Fatal(err)
		}
		if i := <-done; i.Code != 1006 || !i.Remote || i.Clean() || !errors.Is(i.Cause, tt.want) {
			t.Errorf("%s: the last event gets %v", tt.name, i)
		}
	}
}
