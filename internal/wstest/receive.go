package wstest

import "fmt"

// NextFrame reads one frame, passing over the judgement of whole messages.
func (p *Peer) NextFrame() (Frame, error) {
	p.bound()
	var allowed byte
	if p.Agreement != nil {
		allowed = RSV1
	}
	return ReadFrame(p.br, p.server, allowed)
}

// step reads one frame and files it under what it is part of.
func (p *Peer) step() {
	if p.err != nil {
		return
	}
	f, err := p.NextFrame()
	if err == nil && p.closing != nil {
		err = fmt.Errorf("%w: opcode %d after the close frame", ErrBadFrame, f.Op)
	}
	if err == nil {
		err = p.file(f)
	}
	p.err = err
}

func (p *Peer) file(f Frame) error {
	switch f.Op {
	case OpPing:
		_ = p.TryWrite(p.Encode(Pong(f.Payload))) // reading meets the same error
		return nil
	case OpPong:
		p.pongs = append(p.pongs, f.Payload)
		return nil
	case OpClose:
		p.closing = &f
		return CheckClose(f)
	}
	p.joiner.Inflater = p.Inflater
	m, whole, err := p.joiner.Add(f)
	if whole {
		p.messages = append(p.messages, m)
	}
	return err
}

// TryMessage returns the next message, and the reason when none comes: what the
// connection says, or "closed with ..." after a close frame. Pings are answered
// on the way; pongs are kept for WantPong.
func (p *Peer) TryMessage() (Message, error) {
	for len(p.messages) == 0 {
		if p.err != nil {
			return Message{}, p.err
		}
		if p.closing != nil {
			code, reason := p.closing.CloseCode()
			return Message{}, fmt.Errorf("wstest: closed with %d %q", code, reason)
		}
		p.step()
	}
	m := p.messages[0]
	p.messages = p.messages[1:]
	return m, nil
}
