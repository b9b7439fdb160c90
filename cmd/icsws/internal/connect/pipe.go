package connect

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// pipe is a run between stdin and stdout.
type pipe struct {
	*session
	o     *options
	in    *input
	typed bool // stdin is a terminal: nobody counts on an end of it

	fed  chan error // has the end of feed
	done bool       // stdin is at its end
	late bool       // what is wanted after the end of stdin has not come in time
	err  error      // of stdin
}

func (o *options) pipe(ctx context.Context, env *cli.Env, d dial.Options) error {
	v, done, err := o.pipeView(env)
	if err != nil {
		return err
	}
	defer done()
	p := &pipe{
		session: newSession(d, v), o: o, typed: cli.IsTerminal(env.Stdin), fed: make(chan error, 1),
		in: &input{o: o, r: bufio.NewReaderSize(env.Stdin, 64<<10)},
	}
	if err := p.conn.Start(); err != nil {
		return err
	}
	feeding, stop := context.WithCancel(ctx)
	defer stop()
	// It ends with the end of stdin, or with the first line after stop: a read can not be
	// interrupted.
	go func() { p.fed <- p.feed(feeding) }()
	return p.wait(ctx)
}

func (o *options) pipeView(env *cli.Env) (v view, done func(), err error) {
	if env.JSON {
		return objects{env.Stdout}, func() {}, nil
	}
	f, err := openFolder(o.save)
	if err != nil {
		return nil, nil, err
	}
	l := &lines{status: &status{w: env.Stderr, env: env, o: o}, w: env.Stdout, format: o.format(), save: f}
	return l, f.close, nil
}

// feed sends what stdin has.
func (p *pipe) feed(ctx context.Context) error {
	if err := p.waitOpen(ctx); err != nil {
		return err
	}
	for {
		m, err := p.in.next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = p.deliver(ctx, m)
		}
		if err != nil {
			return err
		}
	}
}

// deliver sends m; with --reconnect it waits for a connection.
func (p *pipe) deliver(ctx context.Context, m client.Message) error {
	for {
		err := p.send(m)
		if !p.o.reconnect || !errors.Is(err, client.ErrClosed) {
			return err
		}
		if err := p.waitOpen(ctx); err != nil {
			return err
		}
	}
}

// waitOpen waits until a connection was opened, since the last call.
func (p *pipe) waitOpen(ctx context.Context) error {
	select {
	case <-p.opened:
		return nil
	case <-p.gone:
		return client.ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wait waits for the end, of whatever kind.
func (p *pipe) wait(ctx context.Context) error {
	var limit <-chan time.Time
	for !p.enough() {
		select {
		case p.err = <-p.fed:
			if p.done = true; p.err == nil {
				limit = p.limit()
			}
		case <-p.arrived:
			if p.done && p.o.wait == 0 {
				limit = p.limit()
			}
		case <-limit:
			p.late = true
		case <-p.gone:
			return p.lost(ctx)
		case <-ctx.Done():
			return p.interrupted(ctx)
		}
	}
	if err := p.close(ctx, client.StatusNormalClosure, ""); err != nil {
		return err
	}
	return p.result(ctx)
}

// enough tells that there is nothing more to wait for.
func (p *pipe) enough() bool {
	switch {
	case p.late, p.err != nil && !errors.Is(p.err, client.ErrClosed): // the end will tell why it is closed
		return true
	case p.o.wait > 0:
		return p.messages.Load() >= p.o.wait && (p.done || p.typed)
	}
	return false
}

// limit is the time for what is wanted after the end of stdin; nil for any.
func (p *pipe) limit() <-chan time.Time {
	d := p.o.waitTime
	if !p.o.flags.Given("wait-time") {
		d = time.Second
		if p.o.wait > 0 {
			d = 30 * time.Second
		}
	}
	if d < 0 {
		return nil
	}
	return time.After(d)
}

// result is what the program ends with after it has closed.
func (p *pipe) result(ctx context.Context) error {
	switch n := p.messages.Load(); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case p.err != nil && !errors.Is(p.err, client.ErrClosed):
		return p.err
	case p.o.wait > n:
		return cli.Fail(cli.TimedOut, "%s in time, of %d", count(int(n), "message"), p.o.wait)
	}
	return p.verdict()
}

// lost is what the program ends with when the connection has ended by itself.
func (p *pipe) lost(ctx context.Context) error {
	if !p.done {
		select {
		case p.err = <-p.fed: // it may have been the reason, or the victim
			p.done = true
		default:
		}
	}
	err := p.verdict()
	n := p.messages.Load()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil, p.o.wait > 0 && n >= p.o.wait && (p.done || p.typed) && p.err == nil:
		return err
	case p.o.wait > n:
		return cli.Fail(cli.Failed, "the server has closed after %s, of %d", count(int(n), "message"), p.o.wait)
	case p.err != nil && !errors.Is(p.err, client.ErrClosed):
		return cli.Fail(cli.Failed, "%s", cli.Printable(p.err.Error()))
	case p.typed, p.done && p.err == nil:
		return nil
	}
	return cli.Fail(cli.Failed, "the server has closed before the end of stdin")
}
