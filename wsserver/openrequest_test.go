package wsserver_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// what NewClient sees.
func TestOpenRequestHasEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var l *clienttest.Listener
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			deadline, bounded := r.Context().Deadline()
			for what, ok := range map[string]bool{
				"id (A-12)":         r.ID == 1 && r.UUID.Version() == 7,
				"URI (A-13)":        r.URI.Path == "/a b" && r.URI.RawQuery == "x=1" && r.RawURI == "/a%20b?x=1",
				"Host (A-14)":       r.HostHeader == "server.example" && r.HostTag == "",
				"Origin (A-15)":     r.Origin == "http://server.example",
				"protocols (A-16)":  slices.Equal(r.SubProtocols, []string{"a", "b", "c"}) && r.SubProtocol() == "c",
				"extensions (A-17)": slices.Equal(r.Extensions, []string{"x-one; p=1, x-two", "x-three"}),
				"headers (A-18)":    slices.Equal(r.Header["X-Own"], []string{"1", "2"}) && r.Header.Get("Upgrade") == "websocket",
				"response (A-20)":   r.ResponseHeader != nil && len(r.ResponseHeader) == 0,
				"addresses":         r.Remote.IsValid() && r.Local.String() == l.Addr().String(),
				"binding":           r.Binding == l.Addr().String() && r.BindingIndex == 0,
				"no TLS":            r.TLS == nil,
				"HandshakeTimeout":  bounded && time.Until(deadline) == 7*time.Second && r.Context().Err() == nil,
			} {
				if !ok {
					t.Errorf("%s is wrong in %+v", what, r)
				}
			}
			return d.guest(), nil
		}
		srv := newServer(t, d, wsserver.Config{SubProtocols: []string{"d", "c", "b"}, HandshakeTimeout: 7 * time.Second})
		l = serve(t, srv)
		wstest.Open(raw(t, l), "/a%20b?x=1", "Origin: http://server.example", "Sec-WebSocket-Protocol: a, b",
			"Sec-WebSocket-Protocol: c", "X-Own: 1", "X-Own:2", "Sec-WebSocket-Extensions: x-one; p=1, x-two",
			"Sec-WebSocket-Extensions: x-three")
		synctest.Wait()
		d.want(t, "new", "connect")
	})
}

// the answer has one sub-protocol that was offered, or none.
func TestSubProtocolOfTheAnswer(t *testing.T) {
	for _, tt := range []struct {
		name            string
		server, offered []string
		require         bool
		selects         string // by NewClient; "-" for no call
		want            string
		status          int
		err             error
	}{
		{"nothing anywhere", nil, nil, false, "-", "", 101, nil},
		{"the server has none", nil, []string{"a"}, false, "-", "", 101, nil},
		{"the client has none", []string{"a"}, nil, false, "-", "", 101, nil},
		{"the server's order counts", []string{"b", "a"}, []string{"a", "b"}, false, "-", "b", 101, nil},
		{"no match", []string{"x"}, []string{"a"}, false, "-", "", 101, nil},
		{"case counts", []string{"A"}, []string{"a"}, false, "-", "", 101, nil},
		{"NewClient chooses another", []string{"b"}, []string{"a", "b"}, false, "a", "a", 101, nil},
		{"NewClient chooses none", []string{"b"}, []string{"a", "b"}, false, "", "", 101, nil},
		{"NewClient invents one", []string{"b"}, []string{"a", "b"}, false, "z", "b", 101, client.ErrNotOffered},
		{"required and there", []string{"b"}, []string{"a", "b"}, true, "-", "b", 101, nil},
		{"required and missing", []string{"b"}, []string{"a"}, true, "-", "", 400, nil},
		{"required and nothing offered", []string{"b"}, nil, true, "-", "", 400, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var selectErr error
				d.newClient = func(r *client.OpenRequest) (*guest, error) {
					if tt.selects != "-" {
						selectErr = r.Select(tt.selects)
					}
					return d.guest(), nil
				}
				srv := newServer(t, d, wsserver.Config{SubProtocols: tt.server, RequireSubProtocol: tt.require, Events: noted(&d.journal)})
				r := wstest.Upgrade("/")
				if tt.offered != nil {
					r = r.With("Sec-WebSocket-Protocol: " + strings.Join(tt.offered, ","))
				}
				res := raw(t, serve(t, srv)).Request(r)
				got, sent := res.Header["Sec-Websocket-Protocol"]
				if res.Status != tt.status || sent != (tt.want != "") || sent && !slices.Equal(got, []string{tt.want}) {
					t.Errorf("answer is %d with %q, want %d with %q", res.Status, got, tt.status, tt.want)
				}
				if !errors.Is(selectErr, tt.err) {
					t.Errorf("Select = %v, want %v", selectErr, tt.err)
				}
				if tt.status == 400 {
					d.want(t, "reject sub-protocol 400")
				}
			})
		})
	}
}

// the status, headers and body of a rejection are the answer.
func TestRejectErrorIsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		header := http.Header{"Www-Authenticate": {`Basic realm="x"`, "Digest"}, "Content-Type": {"application/json"}, "Connection": {"keep-alive"}}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			r.ResponseHeader.Set("X-Of-The-101", "1")
			return nil, &client.RejectError{Status: 401, Header: header, Body: "{}"}
		}
		l := serve(t, newServer(t, d, wsserver.Config{}))
		p := raw(t, l)
		res := p.Request(wstest.Upgrade("/"))
		if res.Status != 401 || res.Body != "{}" || res.Header.Get("Content-Type") != "application/json" ||
			!slices.Equal(res.Header["Www-Authenticate"], header["Www-Authenticate"]) || res.Header.Get("X-Of-The-101") != "" {
			t.Errorf("answer is %+v", res)
		}
		p.WantEnd()
		d.newClient = func(*client.OpenRequest) (*guest, error) { return nil, &client.RejectError{Status: 403} }
		if res := raw(t, l).Request(wstest.Upgrade("/")); res.Status != 403 || res.Body != "Forbidden" {
			t.Errorf("without a body the answer is %d %q", res.Status, res.Body)
		}
		d.newClient = func(*client.OpenRequest) (*guest, error) { return nil, errors.New("password of the database") }
		if res := raw(t, l).Request(wstest.Upgrade("/")); res.Status != 500 || strings.Contains(res.Body, "password") {
			t.Errorf("for another error the answer is %d %q", res.Status, res.Body)
		}
	})
}

// the 101 carries the lines that NewClient adds, and no line that it may not.
func TestResponseHeaderOfThe101(t *testing.T) {
	for _, tt := range []struct {
		name, header, value string
		status              int
	}{
		{"cookie", "Set-Cookie", "a=b; HttpOnly", 101},
		{"line break", "X-A", "a\r\nX-B: b", 500},
		{"bare line feed", "X-A", "a\nX-B: b", 500},
		{"name with a line break", "X-A\r\nX-B", "b", 500},
		{"of the handshake", "Sec-WebSocket-Accept", "x", 500},
		{"of the connection", "Upgrade", "h2c", 500},
		{"length", "Content-Length", "3", 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, log := &desk{}, logbook{}
				d.newClient = func(r *client.OpenRequest) (*guest, error) {
					r.ResponseHeader[tt.header] = []string{tt.value}
					return d.guest(), nil
				}
				hooks := []wsserver.Hooks{hook(&d.journal, 1)}
				srv := newServer(t, d, wsserver.Config{Logger: log.logger(), Hooks: hooks, Events: noted(&d.journal)})
				res := raw(t, serve(t, srv)).Request(wstest.Upgrade("/"))
				if res.Status != tt.status || tt.status == 101 && res.Header.Get(tt.header) != tt.value || res.Header.Get("X-B") != "" {
					t.Errorf("answer is %d %v", res.Status, res.Header)
				}
				if tt.status == 500 {
					d.want(t, "new", "reject failed 500")
					if len(log.lines("ResponseHeader")) == 0 {
						t.Error("the log does not say what is wrong")
					}
				}
			})
		})
	}
}

// the context of the open request ends with the handshake's time,
// and when the server stops.
func TestOpenRequestContextEnds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		end     func(srv *wsserver.Server[*guest])
		cause   error
		after   time.Duration
		status  int
	}{
		{"HandshakeTimeout", 0, func(*wsserver.Server[*guest]) {}, context.DeadlineExceeded, 10 * time.Second, 503},
		{"Shutdown", time.Hour, func(srv *wsserver.Server[*guest]) { srv.Shutdown(context.Background()) }, wsserver.ErrServerClosed, time.Second, 503},
		{"Shutdown without a time limit", -1, func(srv *wsserver.Server[*guest]) { srv.Shutdown(context.Background()) }, wsserver.ErrServerClosed, time.Second, 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{}
				var start time.Time
				d.newClient = func(r *client.OpenRequest) (*guest, error) {
					<-r.Context().Done()
					if cause := context.Cause(r.Context()); !errors.Is(cause, tt.cause) || time.Since(start) != tt.after {
						t.Errorf("the context ends with %v after %v, want %v after %v", cause, time.Since(start), tt.cause, tt.after)
					}
					return d.guest(), nil
				}
				srv := newServer(t, d, wsserver.Config{HandshakeTimeout: tt.timeout})
				l := serve(t, srv)
				start = time.Now()
				time.AfterFunc(time.Second, func() { tt.end(srv) })
				_, res, err := clienttest.TryDial(t, l, "/", clienttest.DialOptions{Timeout: time.Minute})
				if res == nil || res.StatusCode != tt.status {
					t.Errorf("dialling = %v, want status %d", err, tt.status)
				}
				synctest.Wait()
				d.want(t, "new")
			})
		})
	}
}

// C-20, E-01: a client whose handshake is refused after OnClientCreate has ended:
// nobody waits for its Done in vain.
func TestRefusedClientHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var g client.Client
		waits := wsserver.Hooks{OnClientCreate: func(c client.Client, _ *client.OpenRequest) error {
			g = c
			go func() { <-c.Context().Done(); d.add("done") }()
			return nil
		}}
		refuses := wsserver.Hooks{OnClientCreate: func(client.Client, *client.OpenRequest) error {
			return &client.RejectError{Status: 403}
		}}
		l := serve(t, newServer(t, d, wsserver.Config{Hooks: []wsserver.Hooks{waits, refuses}}))
		if _, res, err := clienttest.TryDial(t, l, "/"); res == nil || res.StatusCode != 403 {
			t.Errorf("dialling = %v", err)
		}
		synctest.Wait()
		d.want(t, "new", "done")
		if g.Connected() || !errors.Is(g.SendText("x"), client.ErrClosed) {
			t.Error("the client looks open")
		}
	})
}
