package wsserver_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// endings are the ways to end a client from inside of one of its events, with what
// the last event and the peer are told.
var endings = []struct {
	name  string
	do    func(g *guest) error
	local client.StatusCode // in CloseInfo
	peer  client.StatusCode // in the close frame; 1006 for none
	cause func(error) bool
}{
	{"returns an error", func(*guest) error { return io.ErrNoProgress }, 1011, 1011, is(io.ErrNoProgress)},
	{"returns a CloseError", func(*guest) error { return &client.CloseError{Code: 4001, Reason: "bye"} }, 4001, 4001, is(nil)},
	{"returns a CloseError that may not be sent", func(*guest) error { return &client.CloseError{Code: 1005} }, 1011, 1011, is(nil)},
	{"panics", func(*guest) error { panic("oh") }, 1011, 1011, func(err error) bool {
		p, ok := errors.AsType[*client.PanicError](err)
		return ok && p.Value == "oh" && len(p.Stack) > 0
	}},
	{"panics with nil", func(*guest) error { panic(nil) }, 1011, 1011, func(err error) bool {
		_, ok := errors.AsType[*runtime.PanicNilError](err)
		return ok
	}},
	{"ends its goroutine", func(*guest) error { runtime.Goexit(); return nil }, 1011, 1011, is(nil)},
	{"closes", func(g *guest) error { return g.Close(4002, "") }, 4002, 4002, is(client.ErrCloseCalled)},
	{"closes and panics", func(g *guest) error { g.Close(4002, ""); panic("oh") }, 4002, 4002, is(client.ErrCloseCalled)},
	{"closes and ends its goroutine", func(g *guest) error { g.Close(4002, ""); runtime.Goexit(); return nil }, 4002, 4002, is(client.ErrCloseCalled)},
	{"aborts", func(g *guest) error { g.Abort(); return nil }, 1006, 1006, is(client.ErrAborted)},
	{"aborts and returns an error", func(g *guest) error { g.Abort(); return io.ErrNoProgress }, 1006, 1006, is(client.ErrAborted)},
	{"shuts the server down", func(g *guest) error {
		return wsserver.ServerOf(g).Shutdown(context.Background())
	}, 1001, 1001, is(client.ErrServerShutdown)},
	{"aborts the server", func(g *guest) error { return wsserver.ServerOf(g).Abort() }, 1006, 1006, is(client.ErrServerShutdown)},
}

// is makes a test for an error; nil means any.
func is(target error) func(error) bool {
	return func(err error) bool { return err != nil && (target == nil || errors.Is(err, target)) }
}

// E-02, E-03, E-05: exactly one OnClientDisconnect, whatever ended the client, and the
// place is free then.
func TestDisconnectComesExactlyOnce(t *testing.T) {
	for _, tt := range endings {
		for _, event := range []string{"OnClientConnect", "OnMessage"} {
			t.Run(tt.name+" in "+event, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := &desk{}
					want := []string{"new", "connect"}
					if event == "OnMessage" {
						d.message = func(g *guest, _ client.Message) error { return tt.do(g) }
						want = append(want, "message end")
					} else {
						d.connect = tt.do
					}
					var info client.CloseInfo
					d.disconnect = func(_ *guest, i client.CloseInfo) { info = i }
					cfg := wsserver.Config{Banner: banner.Policy{MaxClients: 1, Welcome: "hello"}}
					srv := newServer(t, d, cfg)
					p, _, err := clienttest.TryDial(t, serve(t, srv), "/")
					switch {
					case tt.peer == 1006 && event == "OnClientConnect":
						// The reset may destroy the 101 on its way.
					case err != nil:
						t.Fatal(err)
					case event == "OnMessage":
						p.SendText("end")
						fallthrough
					default:
						if code := p.CloseCode(); code != tt.peer {
							t.Errorf("the peer gets %v, want %v", code, tt.peer)
						}
						p.WaitEnd()
					}
					synctest.Wait()
					d.want(t, append(want, "disconnect "+tt.local.String())...)
					if info.Remote || !tt.cause(info.Cause) {
						t.Errorf("the last event gets %+v (%v)", info, info.Cause)
					}
					if places := wsserver.Places(srv); places != 0 || srv.ClientCount() != 0 {
						t.Errorf("%d places taken, %d clients after the end", places, srv.ClientCount())
					}
				})
			})
		}
	}
}

// E-03, X-20: the end that the peer brings about.
func TestDisconnectAfterThePeer(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   func(p *clienttest.Peer)
		code  client.StatusCode
		cause error
	}{
		{"closes", func(p *clienttest.Peer) { p.Close(4444, "done") }, 4444, nil},
		{"closes without a code", func(p *clienttest.Peer) { p.Close(client.StatusNoCode, "") }, 1005, nil},
		{"resets", func(p *clienttest.Peer) { p.Drop() }, 1006, syscall.ECONNRESET},
		{"ends its stream", func(p *clienttest.Peer) { p.NetConn().Close() }, 1006, io.EOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var info client.CloseInfo
				d.disconnect = func(_ *guest, i client.CloseInfo) { info = i }
				srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{MaxClients: 1}})
				tt.end(clienttest.Dial(t, serve(t, srv), "/"))
				time.Sleep(time.Second)
				synctest.Wait()
				d.want(t, "new", "connect", "disconnect "+tt.code.String())
				if !info.Remote || !is(tt.cause)(info.Cause) {
					t.Errorf("the last event gets %+v (%v)", info, info.Cause)
				}
				if n := wsserver.Places(srv); n != 0 {
					t.Errorf("%d places taken after the end", n)
				}
			})
		})
	}
}

// E-03: the last event itself may do anything; every hook is told nevertheless.
func TestLastEventMayFail(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(g *guest)
	}{
		{"panics", func(*guest) { panic("oh") }},
		{"ends its goroutine", func(*guest) { runtime.Goexit() }},
		{"aborts", func(g *guest) { g.Abort() }},
		{"shuts down", func(g *guest) { wsserver.ServerOf(g).Shutdown(context.Background()) }},
		{"closes the server", func(g *guest) { wsserver.ServerOf(g).Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{disconnect: func(g *guest, _ client.CloseInfo) { tt.do(g) }}
				hooks := []wsserver.Hooks{hook(&d.journal, 1), hook(&d.journal, 2)}
				for i := range hooks {
					tell := hooks[i].OnClientDisconnect
					hooks[i].OnClientDisconnect = func(c client.Client, i client.CloseInfo) { tell(c, i); tt.do(c.(*guest)) }
				}
				srv := newServer(t, d, wsserver.Config{Hooks: hooks, Banner: banner.Policy{MaxClients: 1}})
				p := clienttest.Dial(t, serve(t, srv), "/")
				p.Close(1000, "")
				p.WaitEnd()
				synctest.Wait()
				if n := d.count("disconnect"); n != 1 {
					t.Errorf("the factory is told %d times", n)
				}
				if n := d.count("hook 1 disconnect") + d.count("hook 2 disconnect"); n != 2 {
					t.Errorf("the hooks are told %d times together", n)
				}
				if places := wsserver.Places(srv); places != 0 || srv.ClientCount() != 0 {
					t.Errorf("%d places taken, %d clients after the end", places, srv.ClientCount())
				}
				srv.Shutdown(t.Context())
				ended(t, srv)
			})
		})
	}
}
