package dial

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"time"
)

// reach connects to the server, or to its proxy and through that.
func (a *attempt) reach(l *line) (net.Conn, *DialError) {
	p, e := a.chooseProxy()
	switch {
	case e != nil:
		return nil, e
	case p != nil:
		return a.tunnel(l, p)
	}
	conn, e := a.connect(a.to.addr())
	if e != nil {
		return nil, e
	}
	l.watch(a.ctx, conn)
	return conn, nil
}

// connect opens a connection to an address.
func (a *attempt) connect(addr string) (net.Conn, *DialError) {
	begun := time.Now()
	if a.o.Dial != nil {
		conn, err := a.ownDial(addr)
		a.timing.Connect += time.Since(begun)
		if err != nil {
			e := a.fail(stageOf(err), err)
			if e.Reason == ReasonOther {
				e.Reason = ReasonUser
			}
			return nil, e
		}
		return conn, nil
	}
	var asked time.Time
	var resolve time.Duration
	ctx := httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{ // on this goroutine
		DNSStart: func(httptrace.DNSStartInfo) { asked = time.Now() },
		DNSDone:  func(httptrace.DNSDoneInfo) { resolve += time.Since(asked) },
	})
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	a.timing.Resolve += resolve
	if err != nil && stageOf(err) == StageResolve {
		return nil, a.fail(StageResolve, err)
	}
	a.timing.Connect += time.Since(begun) - resolve
	if err != nil {
		return nil, a.fail(StageConnect, err)
	}
	return conn, nil
}

// ownDial calls Options.Dial.
func (a *attempt) ownDial(addr string) (conn net.Conn, err error) {
	err = guarded(func() (err error) { conn, err = a.o.Dial(a.ctx, "tcp", addr); return err })
	if err == nil && conn == nil {
		err = errors.New("Options.Dial returned neither a connection nor an error")
	}
	if err != nil {
		return nil, err
	}
	return conn, nil
}

func stageOf(err error) Stage {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return StageResolve
	}
	return StageConnect
}

// dialFunc is a proxy.ContextDialer.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func (f dialFunc) Dial(network, addr string) (net.Conn, error) {
	return f(context.Background(), network, addr)
}

func (f dialFunc) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return f(ctx, network, addr)
}
