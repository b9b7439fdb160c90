package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// held is a connection whose writes gather until they are wanted.
type held struct {
	net.Conn
	mu  sync.Mutex // guards buf
	buf []byte
	on  bool
}

func (h *held) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on {
		return h.Conn.Write(p)
	}
	h.buf = append(h.buf, p...)
	return len(p), nil
}

// SetWriteDeadline does nothing: the client's TLS ends all writing behind its alert.
func (h *held) SetWriteDeadline(time.Time) error { return nil }

// during returns what is written in f.
func (h *held) during(f func()) []byte {
	h.mu.Lock()
	h.on, h.buf = true, nil
	h.mu.Unlock()
	f()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.on = false
	return h.buf
}

// sleeper is a TLS connection whose reader rests after each batch of input, and its peer.
type sleeper struct {
	*recorder
	peer *tls.Conn
	low  *held
	keys bytes.Buffer
	got  chan string
}

func newSleeper(t *testing.T, edit ...func(*tls.Config)) *sleeper {
	t.Helper()
	near, far := tcpPair(t, 0)
	s := &sleeper{low: &held{Conn: near}, got: make(chan string, 100)}
	var secure *TLS
	s.peer, secure = tlsPair(t, s.low, far, &s.keys, edit...)
	set := testSettings(func(s *Settings) { s.Dormant = true })
	svc := NewService()
	fillUp(svc)
	t.Cleanup(func() {
		if n := svc.Asleep(); n != 0 {
			t.Errorf("%d connections are asleep in the end", n)
		}
		svc.Close()
	})
	s.recorder = newRecorderOn(svc, set, NewWire(secure).wire, nil)
	s.onMessage = func(_ byte, p []byte) { s.got <- string(p) }
	s.serve(t)
	_ = near.SetDeadline(time.Now().Add(time.Minute))
	return s
}

// asleep waits until the reader has no goroutine and nothing wakes it.
func (s *sleeper) asleep(t *testing.T) {
	t.Helper()
	within(t, "the reader to sleep", func() bool { return s.svc.Asleep() == 1 })
	s.lastRead.Store(int64(s.svc.now() - 2*dozeAfter)) // so that it will not wait for more
}

func (s *sleeper) want(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-s.got:
		if got != want {
			t.Fatalf("%.50q is received, want %.50q", got, want)
		}
	case <-time.After(5 * time.Second):
		t.Fatalf("%.50q is not received", want)
	}
}

// TLS records come in two parts, cut at each byte, and the reader sleeps between them; also
// several records with several messages.
func TestTLSRecordsInPartsWakeTheReader(t *testing.T) {
	s := newSleeper(t)
	records := func(i int) []byte {
		return s.low.during(func() {
			_, _ = s.peer.Write(wstest.Text(fmt.Sprint("message ", i)).Bytes())
			_, _ = s.peer.Write(wstest.Text(fmt.Sprint("and ", i)).Bytes())
		})
	}
	n := len(records(0))
	_, _ = s.low.Conn.Write(s.low.buf)
	s.want(t, "message 0")
	s.want(t, "and 0")
	for i := 1; i < n; i++ {
		b := records(100 + i)
		at := min(i, len(b)-1)
		s.asleep(t)
		_, _ = s.low.Conn.Write(b[:at])
		within(t, "the first part to be read", func() bool { return unread(t, s.recorder) == 0 })
		s.asleep(t)
		_, _ = s.low.Conn.Write(b[at:])
		s.want(t, fmt.Sprint("message ", 100+i))
		s.want(t, fmt.Sprint("and ", 100+i))
		must(t, s.Send(text("answer")))
		if f, err := wstest.ReadFrame(s.peer, false, 0); err != nil || string(f.Payload) != "answer" {
			t.Fatalf("the answer is %q, %v", f.Payload, err)
		}
	}
}

// unread is how many bytes the kernel has for the connection.
func unread(t *testing.T, r *recorder) (n int) {
	t.Helper()
	r.mu.Lock()
	w, ok := r.wire.(*sockTLS)
	r.mu.Unlock()
	if !ok {
		t.Fatalf("the wire is %T", r.wire)
	}
	if !w.sock.acquire() {
		return 0
	}
	defer w.sock.release()
	p := make([]byte, 1<<16)
	n, _, err := syscall.Recvfrom(w.sock.fd, p, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	if err != nil {
		return 0
	}
	return n
}

// A message whose record comes together with a part of the alert that ends TLS is received
// when it comes, and not lost with the end. In TLS 1.2 an alert can be told from data before
// it is whole, and crypto/tls then looks for it before it returns the data.
func TestTLSMessageBeforeAPartOfTheAlert(t *testing.T) {
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			sleeping := func(t *testing.T) *sleeper {
				s := newSleeper(t, func(c *tls.Config) { c.MaxVersion = version })
				s.asleep(t)
				return s
			}
			for _, at := range []int{1, 4, 5, 6, 20} {
				t.Run(fmt.Sprint(at), func(t *testing.T) {
					s := sleeping(t)
					message := s.low.during(func() { _, _ = s.peer.Write(wstest.Text("the last").Bytes()) })
					end := s.alert()
					_, _ = s.low.Conn.Write(append(bytes.Clone(message), end[:at]...))
					s.want(t, "the last")
					_, _ = s.low.Conn.Write(end[at:])
					<-s.done
				})
			}
			t.Run("close frame", func(t *testing.T) {
				s := sleeping(t)
				message := s.low.during(func() { _, _ = s.peer.Write(wstest.Close(4000, "bye").Bytes()) })
				end := s.alert()
				_, _ = s.low.Conn.Write(append(bytes.Clone(message), end[:7]...))
				within(t, "the first part to be read", func() bool { return unread(t, s.recorder) == 0 })
				_, _ = s.low.Conn.Write(end[7:])
				<-s.done
				if i := s.Info(); i.Code != 4000 || !i.Remote {
					t.Errorf("it ends with %v, want the peer's 4000", i)
				}
			})
			t.Run("inside of a large frame", func(t *testing.T) {
				s := sleeping(t)
				data := strings.Repeat("0123456789", 30_000)
				whole := wstest.Text(data).Bytes()
				_, _ = s.peer.Write(whole[:len(whole)-100])
				within(t, "most of it to be read", func() bool { return s.bytesIn.Load() >= uint64(len(whole)-100) })
				message := s.low.during(func() { _, _ = s.peer.Write(whole[len(whole)-100:]) })
				end := s.alert()
				_, _ = s.low.Conn.Write(append(bytes.Clone(message), end[:3]...))
				s.want(t, data)
				_, _ = s.low.Conn.Write(end[3:])
				<-s.done
			})
		})
	}
}

// alert is the record with which the peer ends TLS.
func (s *sleeper) alert() []byte {
	return s.low.during(func() { _ = s.peer.CloseWrite() })
}

// The peer ends TLS, or the stream without a word, or asks for new keys, while the reader
// sleeps.
func TestTLSWordsWakeTheReader(t *testing.T) {
	t.Run("the end", func(t *testing.T) {
		s := newSleeper(t)
		s.asleep(t)
		_ = s.peer.CloseWrite()
		<-s.done
		if i := s.Info(); i.Code != client.StatusAbnormal || !i.Remote || !errors.Is(i.Cause, io.EOF) {
			t.Errorf("it ends with %v", i)
		}
	})
	t.Run("a cut", func(t *testing.T) {
		s := newSleeper(t)
		s.asleep(t)
		_ = s.low.Close()
		<-s.done
		if i := s.Info(); i.Code != client.StatusAbnormal || !i.Remote || !errors.Is(i.Cause, io.ErrUnexpectedEOF) && !errors.Is(i.Cause, io.EOF) {
			t.Errorf("it ends with %v", i)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		s := newSleeper(t)
		s.asleep(t)
		_, _ = s.low.Conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		<-s.done
		if i := s.Info(); i.Code != client.StatusAbnormal {
			t.Errorf("it ends with %v", i)
		}
	})
	t.Run("new keys", func(t *testing.T) {
		s := newSleeper(t)
		s.asleep(t)
		under := &replayConn{Conn: s.low.Conn}
		update := keyUpdate(t, s.peer, s.keys.String())
		s.low.Conn = under
		_, _ = under.Write(update[:9])
		within(t, "the first part to be read", func() bool { return unread(t, s.recorder) == 0 })
		s.asleep(t)
		_, _ = under.Write(update[9:])
		if err := under.readAhead(); err != nil {
			t.Errorf("the key update is not answered: %v", err)
		}
		s.asleep(t)
		must(t, s.Send(text("with the new keys")))
		if f, err := wstest.ReadFrame(s.peer, false, 0); err != nil || string(f.Payload) != "with the new keys" {
			t.Errorf("%q, %v", f.Payload, err)
		}
	})
}

const starvedVariable = "ICSWS_TEST_STARVED"

// Where no descriptor is left a socket stays with the goroutine driver, and goes over to the
// dormant one when there are some again. It has a process of its own.
func TestSocketsStayWhereTheyAreWithoutDescriptors(t *testing.T) {
	if os.Getenv(starvedVariable) != "" {
		for _, s := range streams {
			t.Run(s.name, func(t *testing.T) { starve(t, s.open) })
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), starvedVariable+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name()+"/tls")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

func starve(t *testing.T, open func(t *testing.T) (peer net.Conn, raw *net.TCPConn, far net.Conn)) {
	peer, _, far := open(t)
	set, svc := testSettings(func(s *Settings) { s.Dormant = true }), NewService()
	t.Cleanup(svc.Close)
	fillUp(svc)
	fill := starving(t)
	r := newRecorderOn(svc, set, NewWire(far).wire, nil)
	r.onMessage = func(_ byte, p []byte) { _ = r.Send(Frame{First: finBit | opText, Payload: p}) }
	r.serve(t)
	echo := func(s string) {
		t.Helper()
		_, _ = peer.Write(wstest.Text(s).Bytes())
		if f, err := wstest.ReadFrame(peer, false, 0); err != nil || string(f.Payload) != s {
			t.Fatalf("%q comes back, %v; want %q", f.Payload, err, s)
		}
	}
	tired := func() {
		within(t, "the reader to wait", func() bool { return !r.active.Load() })
		r.lastRead.Store(int64(svc.now() - 2*dozeAfter))
		svc.onSweep()
	}
	for i := range 3 {
		echo(fmt.Sprint("starved ", i))
		tired()
		time.Sleep(20 * time.Millisecond)
	}
	if n := svc.Asleep(); n != 0 {
		t.Errorf("%d connections are asleep without a descriptor", n)
	}
	for _, f := range fill {
		_ = f.Close()
	}
	echo("there are some")
	within(t, "the socket to be adopted", func() bool { tired(); return svc.Asleep() == 1 })
	echo("the last")
}

// starving takes all descriptors that are left, to a bound.
func starving(t *testing.T) (fill []*os.File) {
	t.Helper()
	limit := syscall.Rlimit{Cur: uint64(openFiles(t)) + 10, Max: 4096}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := os.Open("/dev/null")
		if err != nil {
			return fill
		}
		t.Cleanup(func() { f.Close() })
		fill = append(fill, f)
	}
}
