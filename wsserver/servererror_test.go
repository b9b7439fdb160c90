package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// E-12 with E-13: an event that returns an error is told with its client, and the end of
// that follows.
func TestErrorsOfEventsAreToldWithTheirClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		full := errors.New("disk full")
		d.message = func(*guest, client.Message) error { return full }
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			if r.URI.Path == "/fail" {
				return nil, full
			}
			return d.guest(), nil
		}
		var got []*wsserver.ServerError
		srv := newServer(t, d, wsserver.Config{Events: wsserver.Events{OnError: func(e *wsserver.ServerError) {
			d.add("error")
			got = append(got, e)
		}}})
		l := serve(t, srv)
		p := clienttest.Dial(t, l, "/")
		p.SendText("x")
		p.WaitEnd()
		synctest.Wait()
		d.want(t, "new", "connect", "message x", "error", "disconnect 1011 internal error")
		if len(got) != 1 {
			t.Fatalf("%d errors", len(got))
		}
		e := got[0]
		if e.Op != "event" || e.Event != "OnMessage" || e.Conn != 1 || e.Client == nil || e.Client.ID() != 1 || !errors.Is(e, full) || e.Code() != "error/event" ||
			!strings.Contains(e.Error(), "client 1") || wsserver.CodeOf(fmt.Errorf("x: %w", e)) != "error/event" {
			t.Errorf("%+v: %v, %s", e, e, e.Code())
		}
		if srv.LastError() != error(e) {
			t.Errorf("LastError = %v", srv.LastError())
		}
		clienttest.TryDial(t, l, "/fail")
		synctest.Wait()
		if e := got[len(got)-1]; len(got) != 2 || e.Op != "handshake" || e.Event != "NewClient" || e.Client != nil || e.Code() != "error/handshake" || !errors.Is(e, full) {
			t.Errorf("%+v", e)
		}
	})
}

// O-04: a friendly text is a sentence that says what to do; errors.Is and errors.As work
// for both.
func TestFriendlyErrorsAreSentences(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}
	op := func(err error) error {
		return &net.OpError{Op: "listen", Net: "tcp", Addr: addr, Err: os.NewSyscallError("bind", err)}
	}
	bound := func(err error) error {
		return &multilisten.ListenError{Binding: multilisten.Binding{Addr: "127.0.0.1:80"}, Err: op(err)}
	}
	for _, tt := range []struct {
		e     wsserver.ServerError
		want  []string
		never string
	}{
		{wsserver.ServerError{Op: "listen", Err: bound(errno(syscall.EADDRINUSE, 10048))}, []string{"port 80 of 127.0.0.1", "stop it, or choose another port"}, "bind"},
		{wsserver.ServerError{Op: "listen", Err: bound(errno(syscall.EACCES, 10013))}, []string{"port 80 of 127.0.0.1", "below 1024", "CAP_NET_BIND_SERVICE"}, "bind"},
		{wsserver.ServerError{Op: "listen", Err: bound(errno(syscall.EADDRNOTAVAIL, 10049))}, []string{"127.0.0.1 is no address of this machine"}, "Port"},
		{wsserver.ServerError{Op: "accept", Binding: "main", Err: op(errno(syscall.EMFILE, 10024))}, []string{"Too many files", "LimitNOFILE", "Banner.MaxClients"}, "accept4"},
		{wsserver.ServerError{Op: "accept", Binding: "main", Err: op(errno(syscall.ENOBUFS, 10055))}, []string{"memory"}, "bind"},
		{wsserver.ServerError{Op: "accept", Binding: "main", Err: &net.OpError{Op: "accept", Err: fs.ErrClosed}}, []string{"Accepting clients on main failed: file already closed."}, "wsserver"},
		{wsserver.ServerError{Op: "listen", Err: context.DeadlineExceeded}, []string{"Listening took too long."}, "deadline"},
		{wsserver.ServerError{Op: "event", Event: "OnMessage", Conn: 7, Err: &client.EventError{Event: "OnMessage", Err: fs.ErrExist}}, []string{"The event OnMessage of client 7 failed: file already exists."}, "client:"},
		{wsserver.ServerError{Op: "listen", Err: errors.Join(bound(errno(syscall.EADDRINUSE, 10048)), bound(errno(syscall.EACCES, 10013)))}, []string{"another port. ", "CAP_NET_BIND_SERVICE"}, "\n"},
		{wsserver.ServerError{Op: "handshake", Event: "NewClient", Err: fs.ErrExist}, []string{"The handshake, in NewClient, failed"}, "wsserver"},
		{wsserver.ServerError{Op: "certificate", Err: errors.New("hosts: key gone.")}, []string{"Replacing a certificate failed: key gone."}, "hosts:"},
	} {
		got := tt.e.Friendly()
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%q has not %q", got, want)
			}
		}
		if strings.Contains(got, tt.never) || !strings.HasSuffix(got, ".") || got[:1] != strings.ToUpper(got[:1]) {
			t.Errorf("%q is no sentence, or has %q", got, tt.never)
		}
		if tt.e.Error() == got {
			t.Errorf("the technical text is the friendly one: %q", got)
		}
	}
}

// O-04: Config.FriendlyErrors decides what Error says, of Listen, OnError and LastError.
func TestFriendlyErrorsAreChosenByTheConfiguration(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, friendly := range []bool{false, true} {
		cfg := wsserver.Config{Addr: taken.Addr().String(), FriendlyErrors: friendly}
		err := newServer(t, &desk{}, cfg).Listen(t.Context())
		var own *multilisten.ListenError
		var system *net.OpError
		if !errors.As(err, &own) || !errors.As(err, &system) || wsserver.CodeOf(err) != "error/listen" {
			t.Errorf("friendly %v: %v, %s", friendly, err, wsserver.CodeOf(err))
		}
		_, port, _ := net.SplitHostPort(taken.Addr().String())
		if strings.HasPrefix(fmt.Sprint(err), "Another program") != friendly || !strings.Contains(fmt.Sprint(err), port) {
			t.Errorf("friendly %v: %v", friendly, err)
		}
		cfg.Addr, cfg.ListenPolicy = "127.0.0.1:0", multilisten.BestEffort
		cfg.Bindings = []multilisten.Binding{{Addr: taken.Addr().String()}}
		srv := newServer(t, &desk{}, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- srv.ListenAndServe(ctx) }()
		eventually(t, "an error", func() bool { return srv.LastError() != nil })
		if text := srv.LastError().Error(); strings.HasPrefix(text, "Another program") != friendly {
			t.Errorf("friendly %v: LastError = %s", friendly, text)
		}
		cancel()
		<-done
	}
}

// errno is a number of the system that the test runs on.
func errno(unix syscall.Errno, winsock uintptr) error {
	if os.PathSeparator == '\\' {
		return syscall.Errno(winsock)
	}
	return unix
}
