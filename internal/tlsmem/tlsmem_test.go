package tlsmem

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"unsafe"
	"weak"
)

// rig returns a joined pair on which nothing is released but by the test.
func rig(t testing.TB, version uint16) (server, client *side) {
	t.Helper()
	r := newRehearsal(t)
	server, client, err := r.newPair(version, nil)
	if err != nil {
		t.Fatal(err)
	}
	server.end.read, client.end.read = nil, nil
	return server, client
}

func newRehearsal(t testing.TB) *rehearsal {
	t.Helper()
	cert, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return &rehearsal{func(*tls.Conn) int { return 0 }, cert, bytes.Repeat([]byte("0123456789"), 4000)}
}

func send(t testing.TB, from, to *side, n int) {
	t.Helper()
	if _, err := from.conn.Write(from.data[:n]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if k, err := to.conn.Read(b); k != n || err != nil || !bytes.Equal(b, to.data[:n]) {
		t.Fatalf("read %d bytes, %v", k, err)
	}
}

// unsupported has Release find nothing until the test ends.
func unsupported(t *testing.T) {
	found := known
	known = func() *layout { return nil }
	t.Cleanup(func() { known = found })
}

// With a new Go version this is the test that says that the package does nothing any
// more, and connections are larger.
func TestThisToolchainIsSupported(t *testing.T) {
	if l, err := layoutOf(reflect.TypeFor[tls.Conn]()); err != nil {
		t.Fatal(err)
	} else if err := rehearse(l.release); err != nil {
		t.Fatal(err)
	}
	if !Supported() {
		t.Error("not supported, though the rehearsal is content")
	}
}

func TestReleaseFreesAnIdleConnectionOnce(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server, client := rig(t, version)
		for range 3 {
			send(t, client, server, 1000)
			if n := Release(server.conn); n < 1000 {
				t.Errorf("freed %d bytes", n)
			}
			if n := Release(server.conn); n != 0 {
				t.Errorf("freed %d bytes a second time", n)
			}
		}
	}
	if Release(nil) != 0 {
		t.Error("freed something of no connection")
	}
	if Release(tls.Server(&end{}, nil)) != 0 {
		t.Error("freed something of a connection without a handshake")
	}
}

// watched remembers the memory that crypto/tls reads into.
type watched struct {
	*end
	memory weak.Pointer[byte]
}

func (w *watched) Read(p []byte) (int, error) {
	w.memory = weak.Make(&p[0])
	return w.end.Read(p)
}

// Plaintext that was read lies in the same memory, which all fields must forget.
func TestReleasedMemoryIsCollected(t *testing.T) {
	r := newRehearsal(t)
	a, b := newDuplex()
	w := &watched{end: a}
	server := tls.Server(w, &tls.Config{Certificates: []tls.Certificate{r.cert}})
	client := tls.Client(b, &tls.Config{InsecureSkipVerify: true})
	if err := handshake(client, server, b, a); err != nil {
		t.Fatal(err)
	}
	send(t, &side{rehearsal: r, conn: client}, &side{rehearsal: r, conn: server}, 100)
	runtime.GC()
	if w.memory.Value() == nil {
		t.Fatal("the connection did not keep its buffer: this test proves nothing")
	}
	Release(server)
	runtime.GC()
	if w.memory.Value() != nil {
		t.Error("the buffer is still referred to")
	}
	runtime.KeepAlive(server)
}

func TestReleaseDoesNothingWithoutSupport(t *testing.T) {
	server, client := rig(t, tls.VersionTLS13)
	send(t, client, server, 1000)
	unsupported(t)
	if Supported() || Release(server.conn) != 0 {
		t.Error("something was freed")
	}
	l, _ := layoutOf(reflect.TypeFor[tls.Conn]())
	if l.release(server.conn) == 0 {
		t.Error("the buffers were gone")
	}
}

func TestWhatFailsIsNotSupported(t *testing.T) {
	conn := reflect.TypeFor[tls.Conn]()
	content := func(func(*tls.Conn) int) error { return nil }
	if discover(conn, content) == nil {
		t.Error("not supported, though all is well")
	}
	for name, l := range map[string]*layout{
		"an error":       discover(conn, func(func(*tls.Conn) int) error { return errors.New("no") }),
		"a panic":        discover(conn, func(func(*tls.Conn) int) error { panic("no") }),
		"another struct": discover(reflect.TypeFor[net.Dialer](), content),
		"no struct":      discover(reflect.TypeFor[int](), content),
	} {
		if l != nil {
			t.Errorf("supported after %s", name)
		}
	}
}

func TestOtherLayoutsAreRefused(t *testing.T) {
	type half struct {
		Err error
		sync.Mutex
	}
	type buffers struct { //lint:ignore U1000 found by reflection
		rawInput bytes.Buffer //lint:ignore U1000 likewise
		hand     bytes.Buffer //lint:ignore U1000 likewise
	}
	var good struct {
		in       half
		rawInput bytes.Buffer
		input    bytes.Reader
		hand     bytes.Buffer
	}
	l, err := layoutOf(reflect.TypeOf(&good).Elem())
	if err != nil || *l != (layout{unsafe.Offsetof(good.in.Mutex), unsafe.Offsetof(good.rawInput), unsafe.Offsetof(good.input), unsafe.Offsetof(good.hand)}) {
		t.Errorf("the layout is %v, %v", l, err)
	}
	for name, other := range map[string]any{
		"no lock": struct {
			in             struct{ err error }
			rawInput, hand bytes.Buffer
			input          bytes.Reader
		}{},
		"a lock of another type": struct {
			in             struct{ Mutex sync.RWMutex }
			rawInput, hand bytes.Buffer
			input          bytes.Reader
		}{},
		"the lock elsewhere": struct {
			in             *half
			rawInput, hand bytes.Buffer
			input          bytes.Reader
		}{},
		"no in": struct {
			rawInput, hand bytes.Buffer
			input          bytes.Reader
		}{},
		"no rawInput": struct {
			in    half
			hand  bytes.Buffer
			input bytes.Reader
		}{},
		"rawInput elsewhere": struct {
			in       half
			rawInput *bytes.Buffer
			hand     bytes.Buffer
			input    bytes.Reader
		}{},
		"no input": struct {
			in             half
			rawInput, hand bytes.Buffer
		}{},
		"input of another type": struct {
			in             half
			rawInput, hand bytes.Buffer
			input          bytes.Buffer
		}{},
		"hand of another type": struct {
			in       half
			rawInput bytes.Buffer
			hand     []byte
			input    bytes.Reader
		}{},
		"buffers in an embedded struct": struct {
			in half
			*buffers
			input bytes.Reader
		}{},
	} {
		if _, err := layoutOf(reflect.TypeOf(other)); !errors.Is(err, errLayout) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A Read that waits has grown a buffer and holds nothing in it.
func TestReleaseLeavesABlockedReadAlone(t *testing.T) {
	known() // not in the bubble, so that this test is only about the lock
	synctest.Test(t, func(t *testing.T) {
		r := newRehearsal(t)
		a, b := net.Pipe()
		server := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{r.cert}})
		client := tls.Client(b, &tls.Config{InsecureSkipVerify: true})
		got := make(chan []byte)
		go func() {
			p := make([]byte, 10)
			n, _ := server.Read(p)
			got <- p[:n]
		}()
		if Release(server) != 0 {
			t.Error("freed something of a handshake")
		}
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = client.Read(make([]byte, 1)) }() // takes the ticket
		synctest.Wait()
		if n := Release(server); n != 0 {
			t.Errorf("freed %d bytes below a Read", n)
		}
		_, _ = client.Write([]byte("hello"))
		if p := <-got; string(p) != "hello" {
			t.Errorf("got %q", p)
		}
		if Release(server) == 0 {
			t.Error("nothing freed after the Read")
		}
		_, _ = a.Close(), b.Close()
	})
}

func TestRehearsalFitsIntoABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if discover(reflect.TypeFor[tls.Conn](), rehearse) == nil {
			t.Error("not supported in a bubble")
		}
	})
}

// Race: writers and Release touch nothing in common.
func TestReleaseRunsBesideWrites(t *testing.T) {
	server, client := rig(t, tls.VersionTLS13)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			_, _ = server.conn.Write(server.data[:100])
		}
	}()
	for range 200 {
		Release(server.conn)
	}
	<-done
	if err := client.receive(bytes.Repeat(client.data[:100], 200), -1); !errors.Is(err, errKept) {
		t.Error(err) // nothing is released on this side
	}
}

func TestReleaseDoesNotAllocate(t *testing.T) {
	server, _ := rig(t, tls.VersionTLS13)
	if n := testing.AllocsPerRun(100, func() { Release(server.conn) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
