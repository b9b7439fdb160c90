package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/internal/wstest"
)

// dialedPair starts a session that has dialled, and the server's at the other end.
func dialedPair(t *testing.T, near, far net.Conn, d *deflate.Params, dial func(*transport.Settings), got func(*member, client.Message) error) (mine, theirs *Session, ours, others *hall) {
	t.Helper()
	ours, others = newHall(), newHall()
	ours.settings.Dialed = true
	ours.settings.MaxFrame = 5000
	ours.deflate, others.deflate = d, d
	ours.message = got
	if dial != nil {
		dial(&ours.settings)
	}
	// The server's end first: the other greets it at once.
	theirs = others.admitPlain(t, far)
	mine = ours.admitPlain(t, near)
	return mine, theirs, ours, others
}

// admitPlain is admit with the goroutine driver.
func (h *hall) admitPlain(t *testing.T, conn net.Conn) *Session {
	t.Helper()
	e := h.engine()
	s := e.NewSession(Options{Wire: transport.NewWire(conn), Deflate: h.deflate, Zip: client.Compression{Threshold: -1}})
	gone := make(chan struct{})
	s.Data = gone
	if err := s.Bind(&member{message: h.message}); err != nil {
		t.Fatal(err)
	}
	s.Start()
	go s.Run()
	t.Cleanup(func() {
		s.Client.Abort()
		<-gone
		e.Service.Close()
	})
	return s
}

// TestDialedSessionTalksToAServer: messages of every size, in frames and in pieces,
// compressed or not, over memory and over sockets.
func TestDialedSessionTalksToAServer(t *testing.T) {
	for _, zip := range []*deflate.Params{nil, &takeoverParams} {
		for _, network := range []string{"memory", "sockets"} {
			t.Run(fmt.Sprintf("%s, compressed %v", network, zip != nil), func(t *testing.T) {
				near, far := net.Conn(nil), net.Conn(nil)
				if network == "memory" {
					near, far = memnet.Pipe(0)
				} else {
					near, far = socketPair(t)
				}
				got := make(chan []byte, 1)
				mine, _, ours, others := dialedPair(t, near, far, zip, nil, func(_ *member, m client.Message) error {
					got <- bytes.Clone(m.Data)
					return nil
				})
				for _, n := range []int{0, 1, 125, 126, 5000, 5001, 65535, 65536, 400_000} {
					data := make([]byte, n)
					_, _ = rand.Read(data[:n/2])
					check := func(how string, err error) {
						t.Helper()
						if err != nil {
							t.Fatalf("%s of %d bytes: %v", how, n, err)
						}
						if back := <-got; !bytes.Equal(back, data) {
							t.Fatalf("%s of %d bytes came back as %d others", how, n, len(back))
						}
					}
					check("Send", mine.Client.SendBinary(data))
					check("SendReader", mine.Client.SendReader(context.Background(), client.OpBinary, bytes.NewReader(data)))
				}
				if err := mine.Client.Close(4001, "enough"); err != nil {
					t.Fatal(err)
				}
				if i := ours.info(t, mine); i.Code != 4001 || i.Remote {
					t.Errorf("we ended with %v", i)
				}
				others.mu.Lock()
				defer others.mu.Unlock()
				if len(others.infos) == 1 && (others.infos[0].Code != 4001 || others.infos[0].Reason != "enough") {
					t.Errorf("the server saw %v", others.infos[0])
				}
			})
		}
	}
}

// TestDialedSessionRefusesAMask (RFC 6455 section 5.1): and each of its own frames has a
// key of its own.
func TestDialedSessionRefusesAMask(t *testing.T) {
	near, far := memnet.Pipe(0)
	h := newHall()
	h.settings.Dialed = true
	s := h.admitPlain(t, near)
	keys := make(map[[4]byte]bool)
	for range 100 {
		if err := s.Client.SendText("x"); err != nil {
			t.Fatal(err)
		}
		f, err := wstest.ReadFrame(far, true, 0)
		if err != nil || string(f.Payload) != "x" {
			t.Fatalf("%+v, %v", f, err)
		}
		keys[f.Key] = true
	}
	if len(keys) < 99 {
		t.Errorf("100 frames have %d keys", len(keys))
	}
	if n := s.Client.Stats().BytesOut; n != 100*7 {
		t.Errorf("BytesOut = %d, want 700", n)
	}
	if _, err := far.Write(wstest.Text("masked").Bytes()); err != nil {
		t.Fatal(err)
	}
	f, err := wstest.ReadFrame(far, true, 0)
	if err != nil || f.Op != wstest.OpClose || !bytes.HasPrefix(f.Payload, []byte{1002 >> 8, 1002 & 0xff}) {
		t.Errorf("the answer is %+v, %v", f, err)
	}
	_ = far.Close()
	if i := h.info(t, s); i.Code != client.StatusProtocolError {
		t.Error(i)
	}
}

// TestDialedSessionWaitsForTheServerToClose (RFC 6455 section 7.1.1), for a while.
func TestDialedSessionWaitsForTheServerToClose(t *testing.T) {
	near, far := socketPair(t)
	h := newHall()
	h.settings.Dialed = true
	s := h.admitPlain(t, near)
	if _, err := far.Write(wstest.Frame{Op: wstest.OpClose, Unmasked: true, Payload: []byte{1000 >> 8, 1000 & 0xff}}.Bytes()); err != nil {
		t.Fatal(err)
	}
	f, err := wstest.ReadFrame(far, true, 0)
	if err != nil || f.Op != wstest.OpClose {
		t.Fatalf("%+v, %v", f, err)
	}
	if i := h.info(t, s); !i.Remote || i.Code != 1000 {
		t.Error(i)
	}
	_ = far.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := far.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it has ended the stream first: %v", err)
	}
	_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := far.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the stream goes on: %v", err)
	}
}
