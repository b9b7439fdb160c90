package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// unixPair are the two ends of a unix socket.
func unixPair(t testing.TB) (near, far *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		c, err := net.FileConn(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = c.(*net.UnixConn)
	}
	t.Cleanup(func() { ends[0].Close() })
	return ends[0], ends[1]
}

// half is an end of a socket whose other side may be ended or reset.
type half interface {
	net.Conn
	CloseWrite() error
}

// pairs are the kinds of sockets.
var pairs = map[string]func(t testing.TB) (near, far half){
	"tcp":  func(t testing.TB) (near, far half) { return tcpPair(t, 0) },
	"unix": func(t testing.TB) (near, far half) { return unixPair(t) },
}

// polled is a service whose pollers end with the test.
func polled(t testing.TB) *Service {
	t.Helper()
	svc := NewService()
	t.Cleanup(svc.Close)
	return svc
}

// adopted is a wire over a socket of conn, without a reader.
func adopted(t testing.TB, svc *Service, conn net.Conn) *sockWire {
	t.Helper()
	w, c := new(sockWire), &Conn{svc: svc, set: testSettings(func(s *Settings) { s.Dormant = true })}
	if !w.adopt(c, conn) {
		t.Fatal("the socket is not adopted")
	}
	t.Cleanup(func() { w.drop(false) })
	return w
}

// readSock reads into p as fill does, without a connection.
func readSock(w *sockWire, p []byte) (int, error) {
	for {
		n, err := w.tryRead(p)
		if err != errEmpty {
			return n, err
		}
		if !w.pause() {
			w.dry = false
		}
	}
}

// However the peer's bytes and its end come, and however large the reads are, all bytes
// are read and then the end, though the poller tells of each change only once.
func TestSockReadsToTheEnd(t *testing.T) {
	svc := polled(t)
	for kind, pair := range pairs {
		for _, reset := range []bool{false, true} {
			if reset && kind == "unix" {
				continue
			}
			for run := range 300 {
				rnd := rand.New(rand.NewPCG(uint64(run), 7))
				near, far := pair(t)
				sent, got := 0, 0
				late := rnd.IntN(4) // how much comes before the adoption
				write := func() {
					n := 1 + rnd.IntN(200)
					if _, err := near.Write(bytes.Repeat([]byte{'x'}, n)); err != nil {
						t.Error(err)
					}
					sent += n
				}
				end := func() {
					if !reset {
						_ = near.CloseWrite()
						return
					}
					_ = near.(*net.TCPConn).SetLinger(0)
					_ = near.Close()
				}
				if late == 0 {
					write()
					end()
				}
				w := adopted(t, svc, far)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if late == 0 {
						return
					}
					for range rnd.IntN(6) {
						write()
						if rnd.IntN(2) == 0 {
							time.Sleep(time.Duration(rnd.IntN(200)) * time.Microsecond)
						}
					}
					end()
				}()
				var err error
				for err == nil {
					var n int
					n, err = readSock(w, make([]byte, 1+run%150))
					got += n
				}
				<-done
				if !reset && (err != io.EOF || got != sent) || reset && !errors.Is(err, syscall.ECONNRESET) {
					t.Fatalf("%s, run %d: %d of %d bytes, then %v", kind, run, got, sent, err)
				}
				w.drop(false)
				near.Close()
			}
		}
	}
}

// A read may return less than its buffer takes and leave something behind: at a byte that is
// urgent (RFC 9293 section 3.8.5), and where descriptors were passed over a unix socket. A
// peer that does such things is served like any other.
func TestSockReadsBehindAShortRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		pair func(t testing.TB) (near, far half)
		send func(fd int) error // "one", something odd, "two"
	}{
		{"urgent", pairs["tcp"], func(fd int) error {
			return errors.Join(
				syscall.Sendto(fd, []byte("one"), 0, nil),
				syscall.Sendto(fd, []byte("!"), syscall.MSG_OOB, nil),
				syscall.Sendto(fd, []byte("two"), 0, nil))
		}},
		{"descriptors", pairs["unix"], func(fd int) error {
			return errors.Join(
				syscall.Sendmsg(fd, []byte("one"), syscall.UnixRights(0), nil, 0),
				syscall.Sendto(fd, []byte("two"), 0, nil))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := tt.pair(t)
			w := adopted(t, polled(t), far)
			raw, err := near.(syscall.Conn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			cerr := raw.Control(func(fd uintptr) { err = tt.send(int(fd)) })
			if err = errors.Join(err, cerr); err != nil {
				t.Fatal(err)
			}
			within(t, "the event", func() bool { return w.state.Load() == alerted })
			time.Sleep(10 * time.Millisecond) // all of it is here
			w.pause()                         // no other event will come
			var got []byte
			late := time.AfterFunc(5*time.Second, func() { w.drop(false) }) // what hangs is ended
			defer late.Stop()
			for p := make([]byte, 100); len(got) < 6; {
				n, err := readSock(w, p)
				if got = append(got, p[:n]...); err != nil {
					t.Fatalf("%q is read, then %v", got, err)
				}
			}
			if string(got) != "onetwo" {
				t.Errorf("%q is read", got)
			}
		})
	}
}

// Nobody ever reads from or writes to another connection's descriptor, however many use a
// socket at the moment at which it is dropped and its number is given out again.
func TestSockNeverTouchesAnotherDescriptor(t *testing.T) {
	svc := polled(t)
	rounds := 400
	if testing.Short() {
		rounds = 100
	}
	var foreign atomic.Int64
	for range rounds {
		near, far := unixPair(t)
		w := adopted(t, svc, far)
		_, _ = near.Write(bytes.Repeat([]byte("o"), 64<<10))
		var wg sync.WaitGroup
		var others [][2]int
		use := func(f func() bool) {
			wg.Go(func() {
				for f() {
				}
			})
		}
		use(func() bool { // the reader
			p := make([]byte, 512)
			n, err := w.tryRead(p)
			if bytes.Contains(p[:n], []byte("f")) {
				foreign.Add(1)
			}
			if err == errEmpty {
				w.dry = false
			}
			return err == nil || err == errEmpty
		})
		for range 2 {
			use(func() bool {
				_, _, err := w.tryWrite([]byte("own"), []byte("own"), nil)
				runtime.Gosched()
				return err == nil
			})
		}
		use(func() bool { return w.write(bytes.Repeat([]byte("own"), 1000), time.Minute) == nil })
		use(func() bool { // the peer takes it
			_, err := near.Read(make([]byte, 8192))
			return err == nil
		})
		wg.Go(func() { // others want numbers
			for range 40 {
				fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
				if err == nil {
					_, _ = syscall.Write(fds[0], []byte("ffff"))
					_, _ = syscall.Write(fds[1], []byte("ffff"))
					others = append(others, fds)
				}
				runtime.Gosched()
			}
		})
		for range 3 {
			wg.Go(func() {
				time.Sleep(50 * time.Microsecond)
				w.drop(false)
			})
		}
		wg.Wait()
		near.Close()
		for _, fds := range others {
			for _, fd := range fds {
				p := make([]byte, 100)
				if n, err := syscall.Read(fd, p); err != nil || string(p[:n]) != "ffff" {
					t.Errorf("another connection has %q, %v", p[:max(n, 0)], err)
				}
			}
			for _, fd := range fds {
				_ = syscall.Close(fd)
			}
		}
		if n := w.refs.Load(); n != closedFlag {
			t.Fatalf("%x references are left", n)
		}
		if t.Failed() || foreign.Load() > 0 {
			t.Fatalf("%d times another's bytes were read", foreign.Load())
		}
	}
}

// narrow is an adopted socket whose peer takes only what drain reads.
func narrow(t testing.TB) (w *sockWire, drain func(n int)) {
	t.Helper()
	near, far := unixPair(t) // which takes what is drained at once
	_ = near.SetDeadline(time.Now().Add(20 * time.Second))
	return adopted(t, polled(t), far), func(n int) {
		t.Helper()
		if _, err := io.CopyN(io.Discard, near, int64(n)); err != nil {
			t.Error(err)
		}
	}
}

// A write waits as long as the peer takes something within each stall, a file too, and no
// longer than one stall if it takes nothing.
func TestSockWritesToAPeerThatTakesLittle(t *testing.T) {
	const size, stall = 8 << 20, 400 * time.Millisecond
	name := fileOf(t, make([]byte, size))
	for what, push := range map[string]func(w *sockWire) (int, error){
		"bytes": func(w *sockWire) (int, error) { return size, w.write(make([]byte, size), stall) },
		"file": func(w *sockWire) (int, error) {
			w.c.SetWriteTimeout(stall)
			return w.writeFile(w.c, name, size)
		},
	} {
		t.Run(what, func(t *testing.T) {
			w, drain := narrow(t)
			type result struct {
				n   int
				err error
			}
			done := make(chan result, 1)
			go func() {
				n, err := push(w)
				done <- result{n, err}
			}()
			for range 16 { // four times the stall
				time.Sleep(stall / 4)
				drain(size / 32)
				select {
				case r := <-done:
					t.Fatalf("the write ends with %d bytes, %v while the peer takes them", r.n, r.err)
				default:
				}
			}
			drain(size / 2)
			if r := <-done; r.err != nil || r.n != size {
				t.Errorf("%d bytes are written, %v", r.n, r.err)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		w, _ := narrow(t)
		if err := w.write(make([]byte, 16<<20), 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write to a peer that takes nothing: %v", err)
		}
	})
	t.Run("dropped", func(t *testing.T) {
		w, _ := narrow(t)
		done := make(chan error, 1)
		go func() { done <- w.write(make([]byte, 16<<20), time.Hour) }()
		within(t, "the write to wait", func() bool { return w.room.Load() != nil })
		w.drop(true)
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write to a socket that is dropped: %v", err)
		}
		if err := w.closeWrite(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closeWrite of a dropped socket: %v", err)
		}
		if _, _, err := w.tryWrite([]byte("x"), nil, nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("tryWrite to a dropped socket: %v", err)
		}
		if _, err := w.tryRead(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("tryRead of a dropped socket: %v", err)
		}
	})
}

// A file is written as far as it goes: from where it stands, not behind what was wanted,
// and what it has not is not made up.
func TestSockWritesFiles(t *testing.T) {
	data := []byte(fmt.Sprint(rand.New(rand.NewPCG(1, 1)).Perm(100_000)))
	for _, tt := range []struct {
		name string
		open func(t *testing.T) *os.File
		n    int
		want []byte
	}{
		{"whole", func(t *testing.T) *os.File { return fileOf(t, data) }, len(data), data},
		{"a part", func(t *testing.T) *os.File { f := fileOf(t, data); _, _ = f.Seek(1000, 0); return f }, 5000, data[1000:6000]},
		{"shorter than said", func(t *testing.T) *os.File { return fileOf(t, data[:70_000]) }, len(data), data[:70_000]},
		{"empty", func(t *testing.T) *os.File { return fileOf(t, nil) }, 10, nil},
		{"longer than said", func(t *testing.T) *os.File { return fileOf(t, data) }, 3, data[:3]},
		{"a pipe", func(t *testing.T) *os.File {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = w.Write(data[:100_000]); _ = w.Close() }()
			t.Cleanup(func() { r.Close() })
			return r
		}, 100_000, data[:100_000]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := tcpPair(t, 0)
			w := adopted(t, polled(t), far)
			got := make(chan []byte, 1)
			go func() { p, _ := io.ReadAll(near); got <- p }()
			f := tt.open(t)
			n, err := w.writeFile(w.c, f, tt.n)
			if n != len(tt.want) || err != nil {
				t.Errorf("writeFile = %d, %v; want %d", n, err, len(tt.want))
			}
			w.drop(false)
			if p := <-got; !bytes.Equal(p, tt.want) {
				t.Errorf("%d bytes arrive, want %d", len(p), len(tt.want))
			}
		})
	}
	t.Run("closed", func(t *testing.T) {
		_, far := tcpPair(t, 0)
		w, f := adopted(t, polled(t), far), fileOf(t, data)
		f.Close()
		if n, err := w.writeFile(w.c, f, 10); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("writeFile of a closed file = %d, %v", n, err)
		}
	})
	t.Run("to nobody", func(t *testing.T) {
		near, far := tcpPair(t, 0)
		w := adopted(t, polled(t), far)
		_ = near.SetLinger(0)
		near.Close()
		within(t, "the reset", func() bool { return w.odd.Load() })
		if _, err := w.writeFile(w.c, fileOf(t, data), len(data)); !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("writeFile to a peer that is gone = %v", err)
		}
	})
}

// A file that changes while the peer takes it slowly: what was appended within the wanted
// length is sent, and one that shrinks ends the piece early.
func TestSockWritesFilesThatChange(t *testing.T) {
	const size = 4 << 20
	for _, shrink := range []bool{true, false} {
		near, far := unixPair(t)
		w := adopted(t, polled(t), far)
		f := fileOf(t, make([]byte, size))
		type result struct {
			n   int
			err error
		}
		done, want := make(chan result, 1), 2*size
		go func() {
			n, err := w.writeFile(w.c, f, want)
			done <- result{n, err}
		}()
		within(t, "the write to wait", func() bool { return w.room.Load() != nil })
		to := int64(2 * size)
		if shrink {
			to = 10
		}
		if err := os.Truncate(f.Name(), to); err != nil {
			t.Fatal(err)
		}
		arrived := make(chan int64, 1)
		go func() { n, _ := io.Copy(io.Discard, near); arrived <- n }()
		r := <-done
		w.drop(false)
		if n := <-arrived; r.err != nil || int64(r.n) != n || !shrink && n != 2*size || shrink && n >= size {
			t.Errorf("shrinks %v: writeFile = %d, %v; %d bytes arrive", shrink, r.n, r.err, n)
		}
	}
}

// A place in the poller is given out again, and an event for who had it before reaches
// nobody.
func TestPollerPlacesAreUsedAgain(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // one poller
	svc := polled(t)
	var first *sockWire
	for range 50 {
		near, far := unixPair(t)
		w := adopted(t, svc, far)
		if first == nil {
			first = w
		}
		if w.poll != first.poll || w.slot != first.slot {
			t.Fatalf("place %d of %p, want %d of %p", w.slot, w.poll, first.slot, first.poll)
		}
		w.drop(false)
		near.Close()
	}
	p := first.poll
	if len(p.slots) != 1 || len(p.free) != 1 {
		t.Fatalf("%d places, %d free", len(p.slots), len(p.free))
	}
	near, far := unixPair(t)
	w := adopted(t, svc, far)
	_, _ = near.Write([]byte("x"))
	within(t, "the event", func() bool { return w.state.Load() == alerted })
	q := &poller{slots: p.slots, events: []syscall.EpollEvent{{Events: syscall.EPOLLIN, Fd: 0, Pad: p.slots[0].turn - 1}, {Events: syscall.EPOLLIN, Fd: 0, Pad: p.slots[0].turn}}}
	q.socks, q.n = make([]*sock, 2), 2
	q.find()
	if q.socks[0] != nil || q.socks[1] != &w.sock {
		t.Errorf("the events of before and of now are for %p and %p, want nil and %p", q.socks[0], q.socks[1], &w.sock)
	}
	var held []*sockWire
	for range 100 {
		_, far := unixPair(t)
		held = append(held, adopted(t, svc, far))
	}
	seen := map[int32]bool{w.slot: true}
	for _, w := range held {
		if seen[w.slot] {
			t.Fatalf("place %d is given out twice", w.slot)
		}
		seen[w.slot] = true
	}
}

// After Service.Close there is the goroutine driver, and the pollers have given back their
// descriptors.
func TestServiceCloseEndsThePollers(t *testing.T) {
	before := openFiles(t)
	svc := NewService()
	for range 10 {
		near, far := unixPair(t)
		adopted(t, svc, far).drop(false)
		near.Close()
	}
	svc.Close()
	svc.Close() // twice is once
	within(t, "the descriptors to be given back", func() bool { return openFiles(t) <= before })
	near, far := unixPair(t)
	if w := new(sockWire); w.adopt(&Conn{svc: svc, set: testSettings()}, far) {
		t.Error("a socket is adopted after Close")
	}
	_, _ = near.Write([]byte("x"))
	if n, err := far.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("the socket that was not adopted reads %d bytes, %v", n, err)
	}
	far.Close()
}

// openFiles counts the descriptors of the process.
func openFiles(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
