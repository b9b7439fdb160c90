package tlsmem

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
)

// side is one TLS connection of a pair.
type side struct {
	*rehearsal
	conn  *tls.Conn
	end   *end
	early bool // something was dropped while a Read ran
}

// drops releases and reports whether there was something.
func (s *side) drops() bool { return s.release(s.conn) > 0 }

var (
	errLost  = errors.New("bytes were lost")
	errWrong = errors.New("bytes differ")
	errEarly = errors.New("dropped what was in use")
	errKept  = errors.New("an idle connection kept its buffers")
)

// expect reads n bytes as they were written from data[i] on, and wants the
// buffers to be free afterwards, or not.
func (s *side) expect(i, n int, free bool) error {
	b := make([]byte, n)
	k, err := s.conn.Read(b)
	if err != nil {
		return err
	}
	if k != n || !bytes.Equal(b, s.data[i:i+n]) {
		return errWrong
	}
	return s.wants(free)
}

// nothing reads when there is not a whole record.
func (s *side) nothing(free bool) error {
	if n, err := s.conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("read %d bytes and %v, want none yet", n, err)
	}
	return s.wants(free)
}

func (s *side) wants(free bool) error {
	switch dropped := s.drops(); {
	case s.early || dropped && !free:
		return errEarly
	case free && !dropped:
		return errKept
	}
	return nil
}

// pending has s receive records of which parts wait: of the header, of the ciphertext,
// of the plaintext, and a whole second record.
func (s *side) pending(from *side) error {
	for _, n := range []int{100, 50} {
		if _, err := from.conn.Write(s.data[:n]); err != nil {
			return err
		}
	}
	steps := []struct {
		allow int
		run   func() error
	}{
		{3, func() error { return s.nothing(false) }},
		{40, func() error { return s.nothing(false) }},
		{-1, func() error { return s.expect(0, 60, false) }},
		{-1, func() error { return s.expect(60, 40, false) }},
		{-1, func() error { return s.expect(0, 50, true) }},
		{-1, func() error { return s.nothing(true) }},
	}
	for _, step := range steps {
		s.end.allow = step.allow
		if err := step.run(); err != nil {
			return err
		}
	}
	return nil
}

// exchange has s receive data that fills from less than one record to several, whole and
// in pieces.
func (s *side) exchange(from *side) error {
	for _, c := range []struct{ size, piece int }{{1, -1}, {700, 300}, {16 << 10, 5000}, {len(s.data), -1}} {
		if _, err := from.conn.Write(s.data[:c.size]); err != nil {
			return err
		}
		if err := s.receive(s.data[:c.size], c.piece); err != nil {
			return err
		}
	}
	return nil
}

// receive reads want, of which a piece more comes whenever there is nothing to read.
func (s *side) receive(want []byte, piece int) error {
	s.end.allow = piece
	for b := make([]byte, len(want)/3+1); len(want) > 0; {
		n, err := s.conn.Read(b)
		if !bytes.HasPrefix(want, b[:n]) {
			return errWrong
		}
		want = want[n:]
		switch waits := errors.Is(err, os.ErrDeadlineExceeded); {
		case err != nil && !waits:
			return err
		case n == 0 && (!waits || len(s.end.in) == 0):
			return errLost
		case waits:
			s.end.allow = piece
		}
		if len(want) > 0 {
			s.drops()
		}
	}
	return s.wants(true)
}
