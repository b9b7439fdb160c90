package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/wstest"
)

// withheld is a connection whose writes are kept while hold is set.
type withheld struct {
	net.Conn
	mu   sync.Mutex // guards the following
	hold bool
	kept []byte
}

func (w *withheld) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.hold {
		return w.Conn.Write(p)
	}
	w.kept = append(w.kept, p...)
	return len(p), nil
}

func (w *withheld) SetWriteDeadline(time.Time) error { return nil }

// TestDataBesideHalfAnAlert: with TLS 1.2 crypto/tls returns data together with the error
// of what it looked for behind it, when that may be the alert that ends the stream.
func TestDataBesideHalfAnAlert(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int
	}{{"a small message", 100}, {"the end of a large frame", 300_000}} {
		t.Run(tt.name, func(t *testing.T) { dataBesideHalfAnAlert(t, tt.size) })
	}
}

func dataBesideHalfAnAlert(t *testing.T, size int) {
	near, far := tcpPair(t, 0)
	ca := wstest.NewCA(t)
	server := NewTLS(far, &tls.Config{
		Certificates: []tls.Certificate{ca.Leaf("server.example")}, MaxVersion: tls.VersionTLS12,
	})
	shaken := make(chan error, 1)
	go func() { shaken <- server.HandshakeContext(context.Background()) }()
	w := &withheld{Conn: near}
	peer := tls.Client(w, &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example"})
	if err := peer.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}

	svc := NewService()
	t.Cleanup(svc.Close)
	r := &recorder{Conn: new(Conn), done: make(chan struct{})}
	r.Init(svc, testSettings(func(s *Settings) { s.Dormant = true }), NewWire(server), nil, nil, r)
	svc.crowded.Store(true) // the socket is ours from the beginning
	r.Attach()
	svc.crowded.Store(false)
	r.Open()
	if _, ok := r.wire.(*sockTLS); !ok {
		t.Fatalf("the wire is a %T", r.wire)
	}
	got := make(chan []byte, 1)
	r.onMessage = func(_ byte, p []byte) { got <- p }
	r.serve(t)

	payload := bytes.Repeat([]byte("icsws"), size/5)
	f := wstest.Binary(payload)
	f.Key = [4]byte{1, 2, 3, 4}
	w.hold = true
	if _, err := peer.Write(f.Append(nil)); err != nil {
		t.Fatal(err)
	}
	data := len(w.kept)
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := near.Write(w.kept[:data-50]); err != nil {
		t.Fatal(err)
	}
	for size > maxRecord && r.bytesIn.Load() < uint64(size-2*maxRecord) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := near.Write(w.kept[data-50 : data+1]); err != nil { // the alert has begun
		t.Fatal(err)
	}
	select {
	case p := <-got:
		if !bytes.Equal(p, payload) {
			t.Errorf("another message of %d bytes came", len(p))
		}
	case <-time.After(3 * time.Second):
		t.Errorf("the message did not come, with %d bytes read of it", r.bytesIn.Load())
	}
	if _, err := near.Write(w.kept[data+1:]); err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		select {
		case <-got:
			t.Error("it came with the rest of the alert")
		case <-r.done:
			t.Error("it never came")
		}
	}
}
