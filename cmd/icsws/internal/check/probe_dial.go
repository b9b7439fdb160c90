package check

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
)

// dialler is the prober that package dial is.
type dialler struct{}

func (dialler) open(ctx context.Context, o dial.Options) (session, error) {
	o.NoReconnect, o.PingInterval, o.Logger = true, -1, slog.New(slog.DiscardHandler)
	s := &dialled{pongs: make(chan uint64, 1), gone: make(chan struct{})}
	s.conn = dial.New(o, dial.Handler{
		NewClient: func(dial.OpenInfo) (client.Client, error) { return &patient{session: s}, nil },
		OnClose:   func(_ *dial.Conn, info client.CloseInfo) { s.info = info; close(s.gone) },
	})
	var err error
	if s.open, err = s.conn.Connect(ctx); err != nil {
		return nil, refused(err)
	}
	return s, nil
}

func refused(err error) error {
	e, ok := errors.AsType[*dial.DialError](err)
	if !ok {
		return &refusal{stage: "options", code: "options", exit: cli.Failed, err: err}
	}
	r := &refusal{
		stage: e.Stage.String(), code: e.Reason.Code(), status: e.HTTPStatus, header: e.Header, body: e.Body,
		retryAfter: e.RetryAfter, timeout: e.Timeout(), exit: reach.CodeOfDial(e), err: err,
	}
	if r.status == http.StatusSwitchingProtocols {
		r.status = 0 // the code says what was wrong with it
	}
	return r
}

// dialled is a connection of a dial.Conn that does not connect again.
type dialled struct {
	conn  *dial.Conn
	open  dial.OpenInfo
	sent  uint64
	pongs chan uint64
	seen  atomic.Int64
	gone  chan struct{}    // closed by OnClose
	info  client.CloseInfo // set before
}

// patient is the class: it counts messages and hands pongs on.
type patient struct {
	client.Base
	session *dialled
}

func (p *patient) OnMessage(client.Message) error {
	p.session.seen.Add(1)
	return nil
}

func (p *patient) OnPong(payload []byte) error {
	if len(payload) == 8 {
		select {
		case p.session.pongs <- binary.BigEndian.Uint64(payload):
		default: // nobody has asked
		}
	}
	return nil
}

func (s *dialled) answer() answer {
	return answer{
		header: s.open.Header, protocol: s.open.Protocol, compressed: s.open.Compression,
		remote: s.open.Remote.String(), took: s.open.Timing.Handshake,
	}
}

func (s *dialled) ping(ctx context.Context) (time.Duration, error) {
	s.sent++
	start := time.Now()
	if err := s.conn.Ping(binary.BigEndian.AppendUint64(nil, s.sent)); err != nil {
		return 0, err
	}
	for {
		select {
		case n := <-s.pongs:
			if n == s.sent {
				return time.Since(start), nil
			}
		case <-s.gone:
			return 0, client.ErrClosed
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func (s *dialled) ended() <-chan struct{} { return s.gone }
func (s *dialled) end() client.CloseInfo  { return s.info }
func (s *dialled) messages() int          { return int(s.seen.Load()) }
func (s *dialled) close(ctx context.Context) error {
	return s.conn.Stop(ctx, client.StatusNormalClosure, "")
}
