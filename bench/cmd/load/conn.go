//go:build linux

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"

	"github.com/icsws/icsws/bench/internal/wire"
)

// conn is one client connection.
type conn struct {
	socket
	sec  *tls.Conn   // nil for ws
	in   wire.Stream // what comes back
	bulk *wire.Bulk  // or this, see generator.sink

	early  []byte  // what came behind the response to the handshake
	sent   int     // messages written or waiting in pend
	owed   int     // messages that may be sent as soon as pend is empty
	stamps []int64 // when each message in flight was sent, by its number
	waits  bool    // the poller watches for room to write
}

// write sends frames; with plain sockets they must not change until pend is
// empty. pend must be empty already.
func (c *conn) write(frames []byte) error {
	if len(c.pend) > 0 {
		return errors.New("load: the server does not read")
	}
	if c.sec != nil {
		_, err := c.sec.Write(frames)
		return err
	}
	c.pend = frames
	return c.push()
}

// plain is where frames are written that may wait behind others.
func (c *conn) plain() io.Writer {
	if c.sec != nil {
		return c.sec
	}
	return &c.socket
}

// recv reads once, or under TLS all there is, because crypto/tls may hold what
// the poller can not see. It returns the messages that came complete.
func (c *conn) recv(buf []byte) (int, error) {
	if c.sec == nil {
		n, err := c.Read(buf)
		if err != nil {
			return 0, ignoreAgain(err)
		}
		return c.feed(buf[:n])
	}
	total := 0
	for {
		n, err := c.sec.Read(buf)
		if err != nil {
			return total, ignoreAgain(err)
		}
		k, err := c.feed(buf[:n])
		total += k
		if err != nil {
			return total, err
		}
	}
}

func (c *conn) feed(p []byte) (int, error) {
	if c.bulk != nil {
		return 0, c.bulk.Feed(p)
	}
	return c.in.Feed(p)
}

func ignoreAgain(err error) error {
	if errors.Is(err, again{}) {
		return nil
	}
	return fmt.Errorf("load: read: %w", err)
}

// tlsConfig trusts anyone, since the certificate is thrown away, and offers one
// key exchange, so that its cost is the same for all servers.
func tlsConfig() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS13,
		CurvePreferences:   []tls.CurveID{tls.X25519},
	}
}

// secure puts TLS on a socket that still blocks.
func (c *conn) secure() error {
	c.sec = tls.Client(&c.socket, tlsConfig())
	if err := c.sec.Handshake(); err != nil {
		return fmt.Errorf("load: TLS: %w", err)
	}
	return nil
}

// upgraded reads the response to the handshake of a connection that still blocks,
// and makes it ready for the poller.
func (c *conn) upgraded(ask wire.Compression) (wire.Deflate, error) {
	read := c.Read
	if c.sec != nil {
		read = c.sec.Read
	}
	head, early, err := readHead(read)
	if err != nil {
		return wire.Deflate{}, err
	}
	c.early = early
	d, err := wire.ParseResponse(head, ask)
	if err != nil {
		return wire.Deflate{}, err
	}
	return d, c.unblock()
}

// readHead reads a response head, and returns what it has read after it.
func readHead(read func([]byte) (int, error)) (head, early []byte, err error) {
	head = make([]byte, 0, 512)
	for wire.HeadEnd(head) == 0 {
		if len(head) >= wire.MaxHead {
			return nil, nil, errors.New("load: the response head is too long")
		}
		if len(head) == cap(head) {
			head = append(head, 0)[:len(head)]
		}
		n, err := read(head[len(head):cap(head)])
		if err != nil {
			return nil, nil, fmt.Errorf("load: handshake: %w", err)
		}
		head = head[:len(head)+n]
	}
	end := wire.HeadEnd(head)
	return head[:end:end], head[end:], nil
}
