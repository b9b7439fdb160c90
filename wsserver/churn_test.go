package wsserver_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// descriptors counts the open files of this process, 0 where that is not known.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// visit connects once and leaves in one of several ways.
func visit(addr string, how int) error {
	c, err := net.DialTimeout("tcp", addr, 20*time.Second)
	if err != nil {
		return err
	}
	conn := c.(*net.TCPConn)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_ = conn.SetLinger(0) // a reset: leaves no port waiting
	switch how % 8 {
	case 0: // a port scanner
		return nil
	case 1:
		_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n"))
		return err
	case 2:
		_, err = conn.Write(line("POST / HTTP/1.1").Bytes())
	default:
		_, err = conn.Write(wstest.Upgrade("/").Bytes())
	}
	if err != nil {
		return err
	}
	buf := make([]byte, 512)
	if _, err := conn.Read(buf); err != nil {
		return err
	}
	switch {
	case how%8 == 3: // an orderly end
		if _, err := conn.Write(wstest.Close(1000, "").Bytes()); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, conn)
		return err
	case how%8 == 4: // a message, and gone with the answer on its way
		_, err := conn.Write(wstest.Text("x").Bytes())
		return err
	case !bytes.HasPrefix(buf, []byte("HTTP/1.1 ")):
		return io.ErrUnexpectedEOF
	}
	return nil
}

// A-01, C-03, E-03: after thousands of connections nothing is left of them.
func TestChurnLeavesNothingBehind(t *testing.T) { onDrivers(t, testChurnLeavesNothingBehind) }

func testChurnLeavesNothingBehind(t *testing.T) {
	visits := 20_000 / len(drivings())
	if testing.Short() {
		visits = 500
	}
	var connected, disconnected atomic.Int64
	f := wsserver.Factory[*plain]{
		New:        func(*client.OpenRequest) (*plain, error) { return new(plain), nil },
		Connect:    func(*plain) error { connected.Add(1); return nil },
		Disconnect: func(*plain, client.CloseInfo) { disconnected.Add(1) },
	}
	srv := newServerOf(t, f, wsserver.Config{Addr: "127.0.0.1:0", Banner: banner.Policy{Welcome: "hello", MaxClients: 12}})
	addr := open(t, srv)
	for i := range 100 {
		_ = visit(addr, i) // what is made once is there
	}
	idle := func() bool {
		st := srv.Stats()
		return st.Clients == 0 && st.Pending == 0 && wsserver.Places(srv) == 0
	}
	eventually(t, "the first visitors to be gone", idle)
	eventually(t, "goroutines to come to rest", func() bool { return runtime.NumGoroutine() < 30 })
	goroutines, files := runtime.NumGoroutine(), descriptors()

	var wg sync.WaitGroup
	var failed atomic.Int64
	next := atomic.Int64{}
	for range 16 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(visits); i = next.Add(1) {
				if visit(addr, int(i)) != nil {
					failed.Add(1) // a reset that overtakes the answer of a refusal
				}
			}
		})
	}
	wg.Wait()
	eventually(t, "every visitor to be gone", idle)
	eventually(t, "goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "descriptors as before", func() bool { return descriptors() <= files })
	if connected.Load() != disconnected.Load() || connected.Load() == 0 {
		t.Errorf("%d connected, %d disconnected", connected.Load(), disconnected.Load())
	}
	st := srv.Stats()
	refused := uint64(0)
	for _, n := range st.Refused {
		refused += n
	}
	// The kernel may forget one that was reset before it was accepted.
	if st.Accepted > uint64(visits+100) || st.Accepted < uint64(visits)*9/10 || st.Connected+refused != st.Accepted || st.Connected != st.Disconnected || st.Errors != 0 || st.Panics != 0 {
		t.Errorf("the figures are %+v", st)
	}
	if n := failed.Load(); n > int64(visits)/4 {
		t.Errorf("%d of %d visits fail", n, visits)
	}
}

// torn is a connection that is reset instead of written to once it has had its
// bytes.
type torn struct {
	*net.TCPConn
	left int
}

func (c *torn) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left > 0 {
		return c.TCPConn.Write(p)
	}
	_, _ = c.TCPConn.Write(p[:len(p)+c.left])
	_ = c.SetLinger(0)
	_ = c.Close()
	return 0, net.ErrClosed
}

// T-01, A-24: TLS connections that are torn at any byte leave nothing behind.
func TestTornTLSLeavesNothingBehind(t *testing.T) { onDrivers(t, testTornTLSLeavesNothingBehind) }

func testTornTLSLeavesNothingBehind(t *testing.T) {
	ca := wstest.NewCA(t)
	cert := ca.Leaf("server.example")
	srv := newServerOf(t, wsserver.Class[plain](), wsserver.Config{Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	addr := open(t, srv)
	idle := func() bool { st := srv.Stats(); return st.Clients == 0 && st.Pending == 0 }
	once := func(bytes int) {
		conn, err := net.DialTimeout("tcp", addr, 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		c := tls.Client(&torn{conn.(*net.TCPConn), bytes}, &tls.Config{RootCAs: ca.Pool(), ServerName: "server.example"})
		if _, err := c.Write(wstest.Upgrade("/").Bytes()); err == nil {
			_, _ = c.Read(make([]byte, 512))
			_, _ = c.Write(wstest.Text("x").Bytes())
		}
	}
	for range 2 * runtime.GOMAXPROCS(0) { // so many pollers there may be
		once(1 << 20)
	}
	eventually(t, "the first to be gone", idle)
	eventually(t, "goroutines to come to rest", func() bool { return runtime.NumGoroutine() < 30 })
	goroutines, files := runtime.NumGoroutine(), descriptors()
	for bytes := 1; bytes < 2500; bytes += 17 {
		once(bytes)
	}
	eventually(t, "all to be gone", idle)
	eventually(t, "goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "descriptors as before", func() bool { return descriptors() <= files })
	if st := srv.Stats(); st.Refused["tls"] == 0 || st.Connected != st.Disconnected || st.Errors != 0 {
		t.Errorf("the figures are %+v", st)
	}
}
