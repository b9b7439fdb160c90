package transport

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/internal/memnet"
	"github.com/icsws/icsws/internal/wstest"
)

// tcpPair are the two ends of a connection on the loopback interface. size
// bounds the kernel's buffers; 0 leaves them alone.
func tcpPair(t testing.TB, size int) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	near, far = dialled.(*net.TCPConn), accepted.(*net.TCPConn)
	t.Cleanup(func() { near.Close() })
	if size > 0 {
		near.SetReadBuffer(size)
		far.SetWriteBuffer(size)
	}
	near.SetDeadline(time.Now().Add(20 * time.Second))
	return near, far
}

// tlsPair does the handshake between two ends.
func tlsPair(t testing.TB, near, far net.Conn, keys io.Writer, edit ...func(*tls.Config)) (*tls.Conn, *TLS) {
	t.Helper()
	ca := wstest.NewCA(t)
	server := NewTLS(far, &tls.Config{
		Certificates:           []tls.Certificate{ca.Leaf("server.example")},
		SessionTicketsDisabled: true, // so that nothing comes unasked
	})
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(context.Background()) }()
	config := &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example", KeyLogWriter: keys}
	for _, f := range edit {
		f(config)
	}
	client := tls.Client(near, config)
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return client, server
}

// D-14: the client's side of TLS, before a Conn has it: what reads and writes blocks.
func TestClientSideOfTLS(t *testing.T) {
	ca := wstest.NewCA(t)
	near, far := tcpPair(t, 0)
	client := NewTLSClient(near, &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example"})
	server := NewTLS(far, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("server.example")}})
	defer server.Close()
	got := make(chan string, 1)
	go func() {
		b := make([]byte, 5)
		_, _ = io.ReadFull(server, b)
		got <- string(b)
	}()
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "hello" || client.NetConn() != near || len(client.ConnectionState().PeerCertificates) == 0 {
		t.Errorf("%q came over %T", s, client.NetConn())
	}
}

// TestTLSToASlowReader: partial writes below the records, with control frames
// and many senders, over a socket and over a connection that can only block. All
// arrives, decrypts, and is in order.
func TestTLSToASlowReader(t *testing.T) { onDrivers(t, testTLSToASlowReader) }

func testTLSToASlowReader(t *testing.T) {
	for _, kind := range []string{"tcp", "memory"} {
		t.Run(kind, func(t *testing.T) {
			var near, far net.Conn
			if kind == "tcp" {
				near, far = tcpPair(t, 32<<10)
			} else {
				near, far = memnet.Pipe(300)
				defer near.Close()
			}
			peer, secure := tlsPair(t, near, far, nil)
			r := newDriven(t, testSettings(func(s *Settings) { s.Queue.MaxBytes = 1 << 30 }), secure)
			r.serve(t)
			const senders, each = 4, 60
			var wg sync.WaitGroup
			for id := range senders {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(6, uint64(id)))
					for i := range each {
						p := make([]byte, 12+rnd.IntN(500))
						if i%10 == 9 {
							p = make([]byte, 12+rnd.IntN(60_000))
						}
						for j := 12; j < len(p); j += 8 {
							p[j] = byte(rnd.Uint32())
						}
						binary.BigEndian.PutUint32(p, uint32(id))
						binary.BigEndian.PutUint32(p[4:], uint32(i))
						binary.BigEndian.PutUint32(p[8:], crc32.ChecksumIEEE(p[12:]))
						if err := r.Send(Frame{First: finBit | opBinary, Payload: p}); err != nil {
							t.Error(err)
						}
						if i%7 == 0 {
							r.pong([]byte("pong"))
						}
					}
				})
			}
			next := [senders]uint32{}
			for got := 0; got < senders*each; {
				f, err := wstest.ReadFrame(peer, false, 0)
				if err != nil {
					t.Fatalf("after %d messages: %v", got, err)
				}
				if f.Op == wstest.OpPong {
					continue
				}
				id, n := binary.BigEndian.Uint32(f.Payload), binary.BigEndian.Uint32(f.Payload[4:])
				if n != next[id] || binary.BigEndian.Uint32(f.Payload[8:]) != crc32.ChecksumIEEE(f.Payload[12:]) {
					t.Fatalf("sender %d: message %d, want %d, or it is damaged", id, n, next[id])
				}
				next[id]++
				got++
			}
			wg.Wait()
			for end := time.Now().Add(10 * time.Second); r.Counters().Buffered != 0; runtime.Gosched() {
				if time.Now().After(end) {
					t.Fatalf("Buffered = %d when all has arrived", r.Counters().Buffered)
				}
			}
		})
	}
}

// TestTLSHoldsABoundedRemainder: no record is made while ciphertext is held, so
// that what a peer does not read waits as frames above TLS.
func TestTLSHoldsABoundedRemainder(t *testing.T) { onDrivers(t, testTLSHoldsABoundedRemainder) }

func testTLSHoldsABoundedRemainder(t *testing.T) {
	near, far := tcpPair(t, 4096)
	_, secure := tlsPair(t, near, far, nil)
	r := newDriven(t, testSettings(func(s *Settings) { s.Queue.MaxBytes = 1 << 30 }), secure)
	r.serve(t)
	for range 200 {
		if err := r.Send(Frame{First: finBit | opBinary, Payload: make([]byte, 50_000)}); err != nil {
			t.Fatal(err)
		}
	}
	secure.low.mu.Lock()
	defer secure.low.mu.Unlock()
	if n := len(secure.low.held); n > 2*(maxRecord+256) {
		t.Errorf("%d bytes of ciphertext are held", n)
	}
}

// TestTLSKeyUpdateIsAnsweredWhileIdle: the peer asks for new keys while nothing
// is sent or received (RFC 8446 section 4.6.3). The answer does not wait for the
// next message, and what follows is encrypted with the new keys.
func TestTLSKeyUpdateIsAnsweredWhileIdle(t *testing.T) {
	test := func(t *testing.T, near, far net.Conn) {
		var keys bytes.Buffer
		under := &replayConn{Conn: near}
		peer, secure := tlsPair(t, under, far, &keys)
		r := newDriven(t, testSettings(), secure)
		r.serve(t)
		if _, err := near.Write(keyUpdate(t, peer, keys.String())); err != nil {
			t.Fatal(err)
		}
		if err := under.readAhead(); err != nil {
			t.Errorf("the key update is not answered: %v", err)
		}
		r.Send(text("with the new keys"))
		if f, err := wstest.ReadFrame(peer, false, 0); err != nil || string(f.Payload) != "with the new keys" {
			t.Errorf("%q, %v", f.Payload, err)
		}
	}
	t.Run("in memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := memnet.Pipe(0)
			defer near.Close()
			test(t, near, far)
		})
	})
	t.Run("tcp", func(t *testing.T) {
		onDrivers(t, func(t *testing.T) {
			near, far := tcpPair(t, 0)
			test(t, near, far)
		})
	})
}

// replayConn lets a test see that bytes come before TLS reads them.
type replayConn struct {
	net.Conn
	early []byte
}

func (c *replayConn) readAhead() error {
	b := make([]byte, 4096)
	c.Conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	defer c.Conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, err := c.Conn.Read(b)
	c.early = append(c.early, b[:n]...)
	return err
}

func (c *replayConn) Read(p []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.early)
	c.early = c.early[n:]
	return n, nil
}

// keyUpdate is the record in which the client asks for new keys, as its first one
// under its application keys (RFC 8446 sections 4.6.3, 5.2, 7.1).
func keyUpdate(t *testing.T, c *tls.Conn, log string) []byte {
	t.Helper()
	if s := c.ConnectionState(); s.Version != tls.VersionTLS13 || s.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("version %x with suite %x", s.Version, s.CipherSuite)
	}
	_, line, _ := strings.Cut(log, "CLIENT_TRAFFIC_SECRET_0 ")
	line, _, _ = strings.Cut(line, "\n")
	_, secretHex, _ := strings.Cut(line, " ")
	secret, err := hex.DecodeString(secretHex)
	if err != nil || len(secret) == 0 {
		t.Fatalf("no secret in %q", log)
	}
	derive := func(label string, n int) []byte {
		info := fmt.Sprintf("\x00%c%ctls13 %s\x00", n, len("tls13 "+label), label)
		key, err := hkdf.Expand(sha256.New, secret, info, n)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	block, err := aes.NewCipher(derive("key", 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	const handshake, applicationData = 22, 23
	plain := []byte{24, 0, 0, 1, 1, handshake} // key_update, update_requested
	head := []byte{applicationData, 3, 3, 0, byte(len(plain) + aead.Overhead())}
	return aead.Seal(head, derive("iv", 12), plain, head) // the sequence number is 0
}
