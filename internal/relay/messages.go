package relay

import (
	"errors"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wsdial"
)

// messages passes on what a WebSocket target sends: a message that is short and whole at
// once, others in pieces as they come.
func (c *Client) messages() error {
	in := inbound{c: c, buf: buffer{size: 32 << 10}}
	defer in.buf.shrink()
	err := in.run()
	if in.w != nil && err != errEnded {
		in.w.Abort(err) // 1011: a message can not be taken back
	}
	var v *wsdial.ViolationError
	if errors.As(err, &v) {
		c.closeTarget(v.Code, v.Text)
	}
	return err
}

// closeTarget writes a close frame. A target that reads no more gets none, and a message to
// it that is being written ends: the client must not wait for that to hear of the close.
func (c *Client) closeTarget(code uint16, reason string) {
	c.to.conn.lastWrites(time.Now().Add(lingerTime))
	_ = c.to.ws.WriteClose(code, reason)
}

// inbound is what the target says.
type inbound struct {
	c   *Client
	buf buffer
	op  client.Opcode
	w   *client.MessageWriter // of a message that is under way, nil: none
}

func (in *inbound) run() error {
	for {
		h, err := in.c.to.ws.Next()
		if err != nil {
			if err = in.c.readError(err); err != nil {
				return err
			}
			continue
		}
		in.c.touch()
		if h.IsControl() {
			err = in.control(h)
		} else {
			err = in.data(h)
		}
		if err != nil {
			return err
		}
	}
}

// control does what a control frame asks for. Pings and pongs stay on their side.
func (in *inbound) control(h wsdial.Header) error {
	ws := in.c.to.ws
	for {
		p, err := ws.Control()
		switch {
		case err != nil:
			if err = in.c.readError(err); err != nil {
				return err
			}
			continue
		case h.Op == wsdial.Ping:
			ws.Pong(p)
			return nil
		case h.Op == wsdial.Pong:
			return nil
		}
		code, reason, err := wsdial.ParseClose(p)
		if err != nil {
			return err
		}
		in.c.closeTarget(code, reason)
		return &closing{code, reason}
	}
}

func (in *inbound) data(h wsdial.Header) error {
	if h.Op != wsdial.Continuation {
		in.op = client.Opcode(h.Op)
	}
	if in.w == nil && h.Final && h.Length <= uint64(in.buf.size) {
		return in.whole(int(h.Length))
	}
	if in.w == nil {
		in.w = in.c.NewMessage(in.op, -1)
	}
	in.buf.grow()
	defer in.buf.shrink()
	for left := h.Length; left > 0; {
		n, err := in.read(in.buf.bytes())
		if err != nil {
			return err
		}
		left -= uint64(n)
		if _, err := in.w.Write(in.buf.bytes()[:n]); err != nil {
			return in.c.sendError(err)
		}
	}
	if !h.Final {
		if err := in.w.Flush(); err != nil {
			return in.c.sendError(err)
		}
		return nil
	}
	err := in.w.Close()
	in.w = nil
	if err != nil {
		return in.c.sendError(err)
	}
	return nil
}

// whole passes on a message that is one short frame.
func (in *inbound) whole(n int) error {
	if n > smallBuffer {
		in.buf.grow()
		defer in.buf.shrink()
	}
	p := in.buf.bytes()[:n]
	for got := 0; got < n; {
		k, err := in.read(p[got:])
		if err != nil {
			return err
		}
		got += k
	}
	r := in.c.SendWith(in.c.Context(), client.Message{Op: in.op, Data: p}, client.SendOptions{Policy: client.QueueBlock})
	if r.Err != nil {
		return in.c.sendError(r.Err)
	}
	return nil
}

// read reads payload, and waits on where that was only interrupted.
func (in *inbound) read(p []byte) (int, error) {
	for {
		n, err := in.c.to.ws.Read(p)
		if n > 0 {
			in.c.touch()
			return n, nil
		}
		if err = in.c.readError(err); err != nil {
			return 0, err
		}
	}
}
