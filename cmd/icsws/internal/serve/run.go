package serve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/signal"
	"syscall"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// serve runs a server until ctx ends, and lets the clients go. pages says that browsers
// find something there.
func serve[T client.Client](ctx context.Context, env *cli.Env, o *options, f wsserver.ClientFactory[T], pages bool, change func(*wsserver.Config)) error {
	c, warnings, err := o.server()
	if err != nil {
		return err
	}
	for _, w := range warnings {
		env.Logger.Warn("configuration", "text", w.String())
	}
	c.Logger = env.Logger
	c.FriendlyErrors = true
	// Whoever has read where it listens may close the pipe; clients must not end it then.
	signal.Ignore(syscall.SIGPIPE)
	p := &printer{env: env, verbose: o.verbose}
	p.watch(&c)
	change(&c)
	srv, err := wsserver.New(f, c)
	if err != nil {
		return err
	}
	if err := srv.Listen(ctx); err != nil {
		_ = srv.Close()                        // what did open, under the best effort
		return cli.Fail(cli.Failed, "%w", err) // no connection was wanted
	}
	for _, s := range srv.Listeners().States {
		p.listening(s, pages)
	}
	select {
	case <-ctx.Done():
	case <-srv.Done():
		return errors.Join(errors.New("the server has ended by itself"), srv.LastError())
	}
	clients := srv.ClientCount()
	p.print(event{Event: "stopping", Clients: &clients}, fmt.Sprintf("stopping, clients: %d", clients))
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.shutdownPatience)
	defer cancel()
	if err := srv.Shutdown(late); errors.Is(err, context.DeadlineExceeded) {
		env.Logger.Warn("not every client has taken its leave", "elapsed", o.shutdownPatience)
	} else if err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	p.print(event{Event: "stopped"}, "")
	return nil
}

// listening tells of an address that is open.
func (p *printer) listening(s multilisten.ListenerState, pages bool) {
	if s.State != multilisten.StateListening {
		p.print(event{Event: "not-listening", Text: fmt.Sprint(s.Err)}, fmt.Sprintf("not listening on %s: %v", s.Requested, s.Err))
		return
	}
	scheme, page := "ws", "http"
	if s.TLS {
		scheme, page = "wss", "https"
	}
	at := reachable(s.Bound)
	if s.Network == "unix" {
		at = s.Requested
	}
	e := event{Event: "listening", URL: scheme + "://" + at}
	text := "listening on " + e.URL
	if pages {
		e.Page = page + "://" + at
		text += " and " + e.Page
	}
	p.print(e, text)
}

// reachable is an address that a client on this machine can use: that of all addresses is
// not one.
func reachable(a netip.AddrPort) string {
	if a.Addr().IsUnspecified() {
		return fmt.Sprintf("localhost:%d", a.Port())
	}
	return a.String()
}
