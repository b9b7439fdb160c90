package chaos

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echoes is a server that sends back what comes.
func echoes(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() { defer c.Close(); _, _ = io.Copy(c, c) })
		}
	})
	t.Cleanup(func() { l.Close(); tasks.Wait() })
	return l.Addr().String()
}

func listen(t *testing.T) *Proxy {
	p, err := Listen(echoes(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Without chaos, and after it, all bytes come back.
func TestProxyBehaves(t *testing.T) {
	p := listen(t)
	for _, rage := range []bool{false, true, false} {
		p.Rage(rage)
		data := bytes.Repeat([]byte("0123456789"), 10_000)
		for range 8 {
			got := exchange(t, p, data)
			if !bytes.HasPrefix(data, got) {
				t.Fatal("bytes were altered")
			}
			if !rage && len(got) != len(data) {
				t.Fatalf("%d of %d bytes came back", len(got), len(data))
			}
		}
	}
}

// Each thing happens, and no byte is ever altered.
func TestProxyDoesEverything(t *testing.T) {
	p := listen(t)
	p.Rage(true)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 0))
			for range 8 {
				data := bytes.Repeat([]byte("0123456789"), rnd.IntN(20_000))
				if got := exchange(t, p, data); !bytes.HasPrefix(data, got) {
					t.Error("bytes were altered")
				}
			}
		})
	}
	all.Wait()
	for name, n := range p.Counts() {
		if n == 0 {
			t.Errorf("%s never happened", name)
		}
	}
}

// exchange sends data and returns what comes back until the end; nothing if the proxy
// does not listen for long.
func exchange(t *testing.T, p *Proxy, data []byte) []byte {
	var c net.Conn
	for range 1000 {
		var err error
		if c, err = net.Dial("tcp", p.Addr()); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if c == nil {
		t.Error("the proxy does not come back")
		return nil
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	var writing sync.WaitGroup
	writing.Go(func() {
		_, _ = c.Write(data)
		_ = c.(*net.TCPConn).CloseWrite()
	})
	got, _ := io.ReadAll(c)
	c.Close()
	writing.Wait()
	return got
}
