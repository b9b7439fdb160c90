package dial

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// TestTalkOverEveryWire: sockets, TLS, TLS that the program has made, and proxies of each
// kind, with messages from nothing to 1 MiB, sent whole and in pieces.
func TestTalkOverEveryWire(t *testing.T) {
	cert, pool := shown(t, func(*x509.Certificate) {})
	srv, err := wsserver.New(wsserver.Class[echoing](), wsserver.Config{
		Logger: quiet, MaxMessageSize: 2 << 20, TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		SendQueue: client.SendQueue{Policy: client.QueueBlock},
	})
	if err != nil {
		t.Fatal(err)
	}
	plain, secure := listener(t), listener(t)
	go srv.Serve(plain)
	go srv.ServeTLS(secure)
	t.Cleanup(func() { _ = srv.Close() })
	d := &door{to: secure.Addr().String()}
	httpDoor, socksDoor := serve(t, d.http), serve(t, d.socks)
	httpsDoor := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, d.http)

	ws, wss := "ws://"+plain.Addr().String(), "wss://"+secure.Addr().String()
	for _, tt := range []struct {
		name, url string
		edit      func(*Options)
	}{
		{"ws", ws, func(*Options) {}},
		{"wss", wss, func(*Options) {}},
		{"TLS of the program", wss, func(o *Options) {
			o.Dial = (&tls.Dialer{Config: &tls.Config{RootCAs: pool}}).DialContext
		}},
		{"a wrapped socket", ws, func(o *Options) {
			o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, addr)
				return struct{ net.Conn }{c}, err
			}
		}},
		{"http proxy", wss, func(o *Options) { o.Proxy = proxyURL("http://" + httpDoor) }},
		{"https proxy", wss, func(o *Options) { o.Proxy = proxyURL("https://" + httpsDoor) }},
		{"socks proxy", wss, func(o *Options) { o.Proxy = proxyURL("socks5://" + socksDoor) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{URL: tt.url, RootCAs: pool, Proxy: NoProxy, Logger: quiet, MaxMessageSize: 2 << 20, NoReconnect: true}
			tt.edit(&o)
			talk(t, o)
		})
	}
}

// talk sends messages of all sizes to an echo, and closes.
func talk(t *testing.T, o Options) {
	got := make(chan []byte, 100)
	ends := make(chan client.CloseInfo, 1)
	c := New(o, Handler{
		OnMessage: func(_ *Conn, m client.Message) error {
			if len(m.Data) > 100_000 {
				time.Sleep(time.Millisecond)
			}
			got <- bytes.Clone(m.Data)
			return nil
		},
		OnClose: func(_ *Conn, i client.CloseInfo) { ends <- i },
	})
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	var want [][]byte
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 300_000, 1 << 20} {
		data := make([]byte, n)
		_, _ = rand.Read(data[:n/2])
		if err := c.SendBinary(data); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if err := c.Client().SendReader(t.Context(), client.OpBinary, plainReader(data)); err != nil {
			t.Fatalf("%d bytes in pieces: %v", n, err)
		}
		want = append(want, data, data)
	}
	for i, w := range want {
		select {
		case g := <-got:
			if !bytes.Equal(g, w) {
				t.Fatalf("message %d of %d bytes came back as %d others", i, len(w), len(g))
			}
		case i := <-ends:
			t.Fatalf("it ended with %v", i)
		case <-time.After(30 * time.Second):
			t.Fatalf("message %d of %d bytes does not come back", i, len(w))
		}
	}
	if err := c.Stop(t.Context(), 4002, "done"); err != nil {
		t.Fatal(err)
	}
	if i := <-ends; i.Code != 4002 || i.Unsent != 0 {
		t.Errorf("it ended with %v", i)
	}
}

// plainReader hides what a bytes.Reader can do besides.
func plainReader(p []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(p)} }

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestManyAtOnce: connections open, talk and stop side by side, and nothing is left.
func TestManyAtOnce(t *testing.T) {
	srv, err := wsserver.New(wsserver.Class[echoing](), wsserver.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	l := listener(t)
	go srv.Serve(l)
	t.Cleanup(func() { _ = srv.Close() })
	const n = 100
	done := make(chan error, n)
	for i := range n {
		go func() {
			back := make(chan string, 1)
			c := New(Options{URL: "ws://" + l.Addr().String(), Logger: quiet}, Handler{
				OnOpen:    func(c *Conn, _ OpenInfo) error { return c.SendText(fmt.Sprint(i)) },
				OnMessage: func(c *Conn, m client.Message) error { back <- string(m.Data); return nil },
			})
			if err := c.Start(); err != nil {
				done <- err
				return
			}
			if s := <-back; s != fmt.Sprint(i) {
				t.Errorf("%d got %s", i, s)
			}
			done <- c.Stop(context.Background(), 0, strings.Repeat("x", i))
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
