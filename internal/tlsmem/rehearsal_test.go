package tlsmem

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// fields are the private ones of a connection.
func fields(t testing.TB, c *tls.Conn) (lock *sync.Mutex, rawInput *bytes.Buffer, input *bytes.Reader, hand *bytes.Buffer) {
	t.Helper()
	l, err := layoutOf(reflect.TypeFor[tls.Conn]())
	if err != nil {
		t.Fatal(err)
	}
	p := unsafe.Pointer(c)
	return (*sync.Mutex)(unsafe.Add(p, l.lock)), (*bytes.Buffer)(unsafe.Add(p, l.rawInput)),
		(*bytes.Reader)(unsafe.Add(p, l.input)), (*bytes.Buffer)(unsafe.Add(p, l.hand))
}

// What crypto/tls could become, seen from here: Release breaks something.
func TestRehearsalNoticesWhatGoesWrong(t *testing.T) {
	l, err := layoutOf(reflect.TypeFor[tls.Conn]())
	if err != nil {
		t.Fatal(err)
	}
	conn := reflect.TypeFor[tls.Conn]()
	out, _ := conn.FieldByName("out")
	renewed := renews(t) // else no handshake message comes in parts
	for name, release := range map[string]func(*tls.Conn) int{
		"nothing is freed":      func(*tls.Conn) int { return 0 },
		"the lock is another":   (&layout{out.Offset, l.rawInput, l.input, l.hand}).release,
		"ciphertext elsewhere":  (&layout{l.lock, l.hand, l.input, l.hand}).release,
		"handshakes elsewhere":  (&layout{l.lock, l.rawInput, l.input, l.rawInput}).release,
		"ciphertext is dropped": func(c *tls.Conn) int { _, raw, _, _ := fields(t, c); raw.Reset(); return l.release(c) },
		"plaintext is dropped":  func(c *tls.Conn) int { _, _, in, _ := fields(t, c); in.Reset(nil); return l.release(c) },
		"handshakes are dropped": func(c *tls.Conn) int {
			_, _, _, hand := fields(t, c)
			hand.Reset()
			return l.release(c)
		},
		"plaintext is changed": func(c *tls.Conn) int {
			_, _, in, _ := fields(t, c)
			if in.Len() > 1 {
				_, _ = in.ReadByte()
				in.Reset(append([]byte{'?'}, make([]byte, in.Len())...))
			}
			return l.release(c)
		},
		"it panics": func(*tls.Conn) int { panic("no") },
	} {
		if discover(conn, func(func(*tls.Conn) int) error {
			err := rehearse(release)
			t.Logf("%s: %v", name, err)
			return err
		}) != nil && (renewed || !strings.HasPrefix(name, "handshakes")) {
			t.Errorf("%s, and the rehearsal is content", name)
		}
	}
}

// renews reports whether the rehearsal renews keys here.
func renews(t *testing.T) bool {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	_, err = cipher.NewGCM(block)
	server, _ := rig(t, tls.VersionTLS13)
	return err == nil && server.conn.ConnectionState().CipherSuite == tls.TLS_AES_128_GCM_SHA256
}

// The same over sockets, with the records of a real client in a real network's pieces.
func TestMessagesOverSocketsSurviveRelease(t *testing.T) {
	r := newRehearsal(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		done := make(chan error, 1)
		go func() { done <- echo(listener, &tls.Config{Certificates: []tls.Certificate{r.cert}}) }()
		client, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			want := r.data[:1+i*i%len(r.data)]
			got := make([]byte, len(want))
			if _, err := client.Write(want); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("message %d came back wrong, %v", i, err)
			}
			if Release(client) == 0 {
				t.Errorf("nothing freed after message %d", i)
			}
		}
		_ = client.Close()
		if err := <-done; !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
}

// echo serves one connection.
func echo(listener net.Listener, config *tls.Config) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	server := tls.Server(conn, config)
	defer server.Close()
	b := make([]byte, 3000)
	for {
		n, err := server.Read(b)
		if err != nil {
			return err
		}
		Release(server)
		if _, err := server.Write(b[:n]); err != nil {
			return err
		}
	}
}

// The input says how much is written, how much of it may arrive, and how much is asked
// for; Release comes after everything.
func FuzzReleaseLosesNothing(f *testing.F) {
	f.Add([]byte{1, 1, 1, 255, 255, 255, 3, 0, 90})
	f.Add([]byte("a longer one, which lets records overlap"))
	server, client := rig(f, tls.VersionTLS13)
	f.Fuzz(func(t *testing.T, script []byte) {
		var sent, got []byte
		for ; len(script) >= 3; script = script[3:] {
			size, piece, room := int(script[0])*70, int(script[1])*20, 1+int(script[2])*60
			start := len(sent) % 1000
			if _, err := client.conn.Write(client.data[start : start+size]); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, client.data[start:start+size]...)
			server.end.allow = piece
			got = append(got, readSome(t, server, room)...)
			Release(server.conn)
		}
		for server.end.allow = -1; len(got) < len(sent); Release(server.conn) {
			p := readSome(t, server, len(sent))
			if len(p) == 0 {
				break
			}
			got = append(got, p...)
		}
		if !bytes.Equal(got, sent) {
			t.Fatalf("%d bytes were sent, %d came", len(sent), len(got))
		}
	})
}

func readSome(t *testing.T, s *side, room int) []byte {
	b := make([]byte, room)
	n, err := s.conn.Read(b)
	if e, ok := errors.AsType[net.Error](err); err != nil && (!ok || !e.Timeout()) {
		t.Fatal(err)
	}
	return b[:n]
}
