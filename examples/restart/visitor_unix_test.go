//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// visitor is a client that may not be refused.
type visitor struct {
	conn net.Conn
	br   *bufio.Reader
}

// visit connects and opens.
func visit(network, addr, target string) (*visitor, error) {
	conn, err := (&net.Dialer{Timeout: 30 * time.Second}).Dial(network, addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	v := &visitor{conn: conn, br: bufio.NewReader(conn)}
	if _, err := conn.Write(wstest.Upgrade(target).Bytes()); err != nil {
		conn.Close()
		return nil, err
	}
	res, err := http.ReadResponse(v.br, nil)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		err = errors.New(res.Status)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return v, nil
}

// goodbye is a close frame of the server.
type goodbye struct {
	code int
	wait time.Duration
}

func (g *goodbye) Error() string { return fmt.Sprintf("closed with %d, back in %v", g.code, g.wait) }

// ask sends a text and returns who has acknowledged it. The error is a *goodbye if the
// server closes the connection in order.
func (v *visitor) ask(text string) (pid string, err error) {
	// A server that has closed may have gone when this is written: what counts is
	// what it has sent.
	_, werr := v.conn.Write(masked(wstest.Text(text)))
	f, err := wstest.ReadFrame(v.br, false, 0)
	switch {
	case err != nil:
		return "", errors.Join(err, werr)
	case f.Op == wstest.OpClose:
		return "", v.leave(f)
	}
	pid, rest, _ := strings.Cut(string(f.Payload), " ")
	if f.Op != wstest.OpText || rest != text {
		return "", fmt.Errorf("%q is answered by %q", text, f.Payload)
	}
	return pid, nil
}

// leave answers a close frame, which must have a hint, and waits for the end.
func (v *visitor) leave(f wstest.Frame) error {
	code, reason := f.CloseCode()
	wait, ok := client.ReturnHint(reason)
	if !ok || code != int(client.StatusServiceRestart) {
		return fmt.Errorf("closed with %d %q, want 1012 and a hint", code, reason)
	}
	_, _ = v.conn.Write(masked(wstest.Frame{Op: wstest.OpClose, Payload: f.Payload}))
	_, _ = io.Copy(io.Discard, v.br)
	return &goodbye{code, wait}
}

// close says goodbye first. What the server had to say is lost.
func (v *visitor) close() {
	_, _ = v.conn.Write(masked(wstest.Close(1000, "")))
	_, _ = io.Copy(io.Discard, v.br)
	v.conn.Close()
}

func masked(f wstest.Frame) []byte {
	f.Key = [4]byte{1, 2, 3, 4}
	return f.Bytes()
}

// pause is a sleep that ends with ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
