package dial

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wsdial"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// A loop that is closed while a client is on it.
func TestLoopIsClosed(t *testing.T) {
	l := pump.New(pump.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Run(ctx) })
	var opens, ends atomic.Int32
	c := rawConn(t, Handler{
		OnOpen: func(c *Conn, _ OpenInfo) error {
			if opens.Add(1) > 1 {
				return nil
			}
			return c.Client().(*plain).AttachPump(l)
		},
		OnClose: func(*Conn, client.CloseInfo) { ends.Add(1) },
	}, nil)
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	cancel()
	wg.Wait()
	for range 3000 {
		if opens.Load() >= 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if ends.Load() != 1 || opens.Load() != 2 {
		t.Errorf("%d opens, %d ends", opens.Load(), ends.Load())
	}
	if !stops(c) {
		t.Error("Stop does not end")
	}
}

// Stop on the goroutine of the loop, in a function given to Post.
func TestStopOnTheLoop(t *testing.T) {
	l := pump.New(pump.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.Run(ctx) })
	c := rawConn(t, Handler{
		OnOpen: func(c *Conn, _ OpenInfo) error { return c.Client().(*plain).AttachPump(l) },
	}, nil)
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := make(chan time.Duration, 1)
	_ = l.Post(func() {
		now := time.Now()
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_ = c.Stop(ctx, 0, "")
		took <- time.Since(now)
	})
	if d := <-took; d > time.Second {
		t.Errorf("Stop took %v", d)
	}
	<-c.Done()
	cancel()
	wg.Wait()
}

// A server that accepts and drops 10,000 times leaves nothing behind.
func TestManyDrops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		var opens, ends atomic.Int32
		c := begin(t, h, Handler{
			OnOpen:  func(c *Conn, _ OpenInfo) error { opens.Add(1); return nil },
			OnClose: func(*Conn, client.CloseInfo) { ends.Add(1) },
		}, waitingQueue(1000), func(o *Options) { o.MinWait, o.MaxWait = time.Millisecond, time.Millisecond })
		h.message = func(g *guest, _ client.Message) error { g.Abort(); return nil }
		start(t, c)
		var before runtime.MemStats
		n := 0
		for i := range 3000 {
			_ = c.SendText("x")
			pass(10 * time.Millisecond)
			if i == 500 {
				runtime.GC()
				runtime.ReadMemStats(&before)
				n = runtime.NumGoroutine()
			}
		}
		h.mu.Lock()
		h.got, h.dials = nil, nil
		h.mu.Unlock()
		var after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&after)
		t.Logf("%d opens, heap %d -> %d, goroutines %d -> %d", opens.Load(), before.HeapAlloc, after.HeapAlloc, n, runtime.NumGoroutine())
		if int64(after.HeapAlloc)-int64(before.HeapAlloc) > 2<<20 || runtime.NumGoroutine() > n+10 || opens.Load() < 2000 {
			t.Error("something is left")
		}
	})
}

// letter is a message that can be checked.
func letterOf(id, n int) []byte {
	b := []byte(fmt.Sprintf("%08d ", id))
	words := []string{"alpha ", "beta ", "gamma ", "delta ", "epsilon "}
	r := rand.New(rand.NewPCG(uint64(id), 7))
	for len(b) < n {
		if r.IntN(3) == 0 {
			b = append(b, byte('a'+r.IntN(26)), byte('0'+r.IntN(10)))
		}
		b = append(b, words[r.IntN(len(words))]...)
	}
	b = b[:max(n, 9)]
	return fmt.Appendf(b, " %08x", crc32.ChecksumIEEE(b))
}

func checkLetter(b []byte) (id int, err error) {
	if len(b) < 18 {
		return 0, errors.New("short")
	}
	body, sum := b[:len(b)-9], string(b[len(b)-8:])
	if fmt.Sprintf("%08x", crc32.ChecksumIEEE(body)) != sum {
		return 0, errors.New("sum")
	}
	_, err = fmt.Sscanf(string(body[:8]), "%d", &id)
	return id, err
}

type reader struct {
	client.Base
}

var heard struct {
	mu    sync.Mutex
	ids   []int
	bad   int
	last  *reader
	slow  time.Duration
	bytes int
}

func (r *reader) OnMessage(m client.Message) error {
	heard.mu.Lock()
	defer heard.mu.Unlock()
	heard.last = r
	id, err := checkLetter(m.Data)
	if err != nil {
		heard.bad++
		return nil
	}
	heard.ids = append(heard.ids, id)
	heard.bytes += len(m.Data)
	if heard.slow > 0 && id%7 == 0 {
		time.Sleep(heard.slow)
	}
	return nil
}

type worker struct {
	client.Base
	drops, ready, pieces atomic.Int32
}

func (w *worker) OnMessage(client.Message) error { return nil }

func (w *worker) OnFragment(client.Fragment) error {
	w.pieces.Add(1)
	return nil
}

func (w *worker) OnDropped(d client.Drop) error { w.drops.Add(int32(d.Messages)); return nil }

func (w *worker) OnReadyToSend() error { w.ready.Add(1); return nil }

func TestTinyBuffers(t *testing.T) {
	cert, pool := shown(t, func(*x509.Certificate) {})
	srv, err := wsserver.New(wsserver.Class[reader](), wsserver.Config{
		Logger: quiet, MaxMessageSize: 8 << 20, TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		Compression: client.Compression{Mode: client.CompressionContext},
	})
	if err != nil {
		t.Fatal(err)
	}
	plain, secure := listener(t), listener(t)
	go srv.Serve(plain)
	go srv.ServeTLS(secure)
	t.Cleanup(func() { _ = srv.Close() })
	tiny := func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			_ = c.(*net.TCPConn).SetWriteBuffer(2048)
			_ = c.(*net.TCPConn).SetReadBuffer(2048)
		}
		return c, err
	}
	for _, url := range []string{"ws://" + plain.Addr().String(), "wss://" + secure.Addr().String()} {
		for _, policy := range []client.QueuePolicy{client.QueueBlock, client.QueueDropOldest, client.QueueLatest, client.QueueDropNewest} {
			for _, z := range []client.CompressionMode{client.CompressionOff, client.CompressionMessage, client.CompressionContext} {
				for _, frame := range []int{0, 1000} {
					for _, band := range []int{3000 * frame} {
						name := fmt.Sprintf("%.4s %v zip%d frame%d band%d", url, policy, z, frame, band)
						t.Run(name, func(t *testing.T) {
							heard.mu.Lock()
							heard.ids, heard.bad, heard.bytes = nil, 0, 0
							heard.slow = 200 * time.Microsecond
							heard.last = nil
							heard.mu.Unlock()
							c := New(Options{
								URL: url, RootCAs: pool, Dial: tiny, Proxy: NoProxy, Logger: quiet, NoReconnect: true,
								Compression: client.Compression{Mode: z}, MaxFrameSize: frame, BandwidthLimit: band,
								SendQueue: client.SendQueue{MaxBytes: 60_000, Policy: policy},
							}, Handler{NewClient: func(OpenInfo) (client.Client, error) { return new(worker), nil }})
							if _, err := c.Connect(t.Context()); err != nil {
								t.Fatal(err)
							}
							w := c.Client().(*worker)
							var sent, streams atomic.Int32
							var wg sync.WaitGroup
							for g := range 3 {
								wg.Go(func() {
									r := rand.New(rand.NewPCG(uint64(g), 1))
									for i := range 30 {
										id := g*1000 + i
										n := []int{5, 50, 300, 3000, 20_000, 70_000}[r.IntN(6)]
										b := letterOf(id, n)
										var err error
										switch {
										case i%10 == 9:
											err = w.SendReader(context.Background(), client.OpText, plainReader(b))
											streams.Add(1)
										case i%10 == 5:
											err = c.SendWith(context.Background(), client.Text(string(b)), client.SendOptions{NoCompression: true}).Err
										case i%10 == 6 && policy == client.QueueLatest:
											err = c.SendWith(context.Background(), client.Text(string(b)), client.SendOptions{Key: "k"}).Err
										default:
											err = c.SendText(string(b))
										}
										if err == nil {
											sent.Add(1)
										} else if !errors.Is(err, client.ErrQueueFull) {
											t.Errorf("%d: %v", id, err)
											return
										}
										if i%20 == 0 {
											_ = w.Ping([]byte("p"))
										}
										if r.IntN(3) == 0 {
											time.Sleep(time.Duration(r.IntN(500)) * time.Microsecond)
										}
									}
								})
							}
							wg.Wait()
							if err := w.CloseAfterFlush(4001, "done"); err != nil {
								t.Error(err)
							}
							select {
							case <-c.Done():
							case <-time.After(20 * time.Second):
								t.Fatal("does not end")
							}
							time.Sleep(20 * time.Millisecond)
							heard.mu.Lock()
							defer heard.mu.Unlock()
							next := map[int]int{}
							for _, id := range heard.ids {
								if id%10 == 6 { // a key: it may have taken the place of an older one
									continue
								}
								if id%1000 < next[id/1000] {
									t.Errorf("%d came after %d", id, next[id/1000]-1)
								}
								next[id/1000] = id%1000 + 1
							}
							code := client.StatusCode(0)
							if heard.last != nil {
								if e, ok := errors.AsType[*client.CloseError](context.Cause(heard.last.Context())); ok {
									code = e.Code
								}
							}
							lost := int(sent.Load()) - len(heard.ids)
							if heard.bad > 0 || code != 4001 || lost < 0 || lost > int(w.drops.Load()) {
								t.Errorf("sent %d, came %d, dropped %d, bad %d, %v", sent.Load(), len(heard.ids), w.drops.Load(), heard.bad, code)
							}
						})
					}
				}
			}
		}
	}
}

// Interrupt, SetSendQueue and SetBandwidthLimit in the middle, on tiny sockets.
func TestInterruptedStreams(t *testing.T) {
	srv, err := wsserver.New(wsserver.Class[reader](), wsserver.Config{Logger: quiet, MaxMessageSize: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	plain := listener(t)
	go srv.Serve(plain)
	t.Cleanup(func() { _ = srv.Close() })
	for round := range 30 {
		heard.mu.Lock()
		heard.ids, heard.bad = nil, 0
		heard.slow = 0
		heard.mu.Unlock()
		c := New(Options{URL: "ws://" + plain.Addr().String(), Proxy: NoProxy, Logger: quiet, NoReconnect: true,
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, addr)
				if err == nil {
					_ = c.(*net.TCPConn).SetWriteBuffer(2048)
				}
				return c, err
			}}, Handler{NewClient: func(OpenInfo) (client.Client, error) { return new(worker), nil }})
		if _, err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		w := c.Client().(*worker)
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = w.SendReader(context.Background(), client.OpBinary, plainReader(bytes.Repeat([]byte("x"), 4<<20)))
		})
		wg.Go(func() {
			for i := range 50 {
				_ = c.SendText(string(letterOf(i, 2000)))
			}
		})
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		_ = w.SetSendQueue(client.SendQueue{MaxBytes: 5000, Policy: client.QueueDropOldest})
		_ = w.SetBandwidthLimit(1 << 20)
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		_ = w.SetBandwidthLimit(0)
		if round%2 == 0 {
			w.Interrupt()
		}
		wg.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := c.Stop(ctx, 0, ""); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		cancel()
		heard.mu.Lock()
		if heard.last != nil {
			if e, ok := errors.AsType[*client.ProtocolError](context.Cause(heard.last.Context())); ok {
				t.Errorf("round %d: %v", round, e)
			}
		}
		heard.mu.Unlock()
	}
}

// Everything at once: each callback exactly once, none overlaps (but OnStop, see above).
func TestChaos(t *testing.T) {
	h := newHouse(t)
	var n atomic.Int32
	h.message = func(g *guest, m client.Message) error {
		switch n.Add(1) % 50 {
		case 7:
			g.Abort()
		case 13:
			return g.Close(1008, "")
		case 21:
			return g.Close(1012, "restart; retry-after=0.002")
		}
		return g.Send(m)
	}
	var opens, ends, stopped, begun, unclear, in, over atomic.Int32
	enter := func() func() {
		if in.Add(1) > 1 {
			over.Add(1)
		}
		return func() { in.Add(-1) }
	}
	var c *Conn
	act := func() {
		switch rand.IntN(40) {
		case 0:
			_ = c.Stop(context.Background(), 0, "")
		case 1:
			c.RetryNow()
		case 2:
			_ = c.SendText("from a callback")
		case 3:
			if c.Start() == nil {
				begun.Add(1)
			}
		case 4:
			panic("boom")
		}
	}
	c = New(Options{URL: "ws://x", Dial: func(ctx context.Context, a, b string) (net.Conn, error) {
		if rand.IntN(4) == 0 {
			return nil, errors.New("no")
		}
		return h.dial(ctx, a, b)
	}, Proxy: NoProxy, Logger: quiet, QueueWhileDown: 1000, QueueMaxAge: 5 * time.Millisecond, QueuePolicy: client.QueueDropOldest,
		MinWait: time.Millisecond, MaxWait: 3 * time.Millisecond, MaxAttempts: 50}, Handler{
		OnOpen:    func(*Conn, OpenInfo) error { defer enter()(); opens.Add(1); act(); return nil },
		OnMessage: func(*Conn, client.Message) error { defer enter()(); act(); return nil },
		OnClose:   func(*Conn, client.CloseInfo) { defer enter()(); ends.Add(1); act() },
		OnError:   func(*Conn, *DialError) { defer enter()(); act() },
		OnDropped: func(*Conn, client.Drop) { defer enter()(); act() },
		OnState:   func(*Conn, State) { defer enter()(); act() },
		OnStop:    func(*Conn, StopInfo) { stopped.Add(1); act() },
	})
	end := time.Now().Add(3 * time.Second)
	var wg sync.WaitGroup
	loop := func(f func()) {
		wg.Go(func() {
			for time.Now().Before(end) {
				f()
				if rand.IntN(10) == 0 {
					time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
				}
			}
		})
	}
	loop(func() {
		if c.Start() == nil {
			begun.Add(1)
		}
		time.Sleep(time.Millisecond)
	})
	loop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(5))*time.Millisecond)
		defer cancel()
		_, err := c.Connect(ctx)
		switch e, ok := errors.AsType[*DialError](err); {
		case err == nil || ok && e.Stage == StageClient && e.Reason == ReasonUser: // OnOpen was called
			begun.Add(1)
		case ok && e.Stage == StageClient: // ctx has ended before OnOpen, or in it
			unclear.Add(1)
		}
		time.Sleep(time.Millisecond)
	})
	loop(func() { _ = c.SendText("x"); time.Sleep(50 * time.Microsecond) })
	loop(func() {
		c.RetryNow()
		c.Info()
		c.Client()
		_ = c.Ping(nil)
		c.State()
		c.BufferedAmount()
		time.Sleep(100 * time.Microsecond)
	})
	loop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.IntN(3))*time.Millisecond)
		defer cancel()
		_ = c.Stop(ctx, 0, "")
		time.Sleep(20 * time.Millisecond)
	})
	wg.Wait()
	for range 1000 { // OnStop may start it again
		_ = c.Stop(context.Background(), 0, "")
		if c.State() == Closed {
			break
		}
	}
	<-c.Done()
	time.Sleep(50 * time.Millisecond)
	_ = c.Stop(context.Background(), 0, "")
	<-c.Done()
	if more := stopped.Load() - begun.Load(); opens.Load() != ends.Load() || more < 0 || more > unclear.Load() || over.Load() > 0 {
		t.Errorf("%d opens, %d ends, %d starts, %d stops, %d overlaps, state %v", opens.Load(), ends.Load(), begun.Load(), stopped.Load(), over.Load(), c.State())
	}
	t.Logf("%d opens, %d starts, %d of them unclear", opens.Load(), begun.Load(), unclear.Load())
}

// No line of the log and no text of an error has a secret in it.
func TestNoSecretsInTheLog(t *testing.T) {
	redirect := serve(t, answers("HTTP/1.1 302 x\r\nLocation: /x?token=secret1\r\nSet-Cookie: secret2\r\nContent-Length: 7\r\n\r\nsecret3"))
	refuse := serve(t, answers("HTTP/1.1 401 x\r\nWWW-Authenticate: secret2\r\nContent-Length: 7\r\n\r\nsecret3"))
	works := serve(t, answers(switching("X-Token: secret4")))
	bad := serve(t, answers("HTTP/1.1 101 x\r\nsecret4\r\n\r\n"))
	bad2 := serve(t, answers(switching("Sec-WebSocket-Protocol: secret4")))
	bad3 := serve(t, answers(switching("Sec-WebSocket-Extensions: secret4")))
	proxyAt := func(s string) func(*http.Request) (*url.URL, error) {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return http.ProxyURL(u)
	}
	for i, o := range []Options{
		{URL: "ws://user:secretp@" + redirect + "/?token=secretq"},
		{URL: "ws://user:secretp@" + redirect + "/?token=secretq", FollowRedirects: true},
		{URL: "ws://user:secretp@" + refuse + "/?token=secretq"},
		{URL: "ws://user:secretp@" + works + "/?token=secretq", Header: http.Header{"X-Api-Key": {"secreth"}}},
		{URL: "ws://user:secretp@" + bad + "/?token=secretq"},
		{URL: "ws://user:secretp@" + bad2 + "/?token=secretq"},
		{URL: "ws://user:secretp@" + bad3 + "/?token=secretq"},
		{URL: "wss://user:secretp@" + bad3 + "/?token=secretq"},
		{URL: "ws://user:secretp@127.0.0.1:1/?token=secretq"},
		{URL: "ws://user:secretp@no.invalid/?token=secretq"},
		{URL: "ws://user:secretp@x/?token=secretq", Proxy: proxyAt("http://u:secretx@127.0.0.1:1/?secrety")},
		{URL: "ws://user:secretp@x/?token=secretq", Proxy: proxyAt("http://u:secretx@" + refuse + "/?secrety")},
		{URL: "ws://user:secretp@x/?token=secretq", Proxy: proxyAt("socks5://u:secretx@" + refuse + "/?secrety")},
		{URL: "ws://user:secretp@x/?token=secretq", Proxy: proxyAt("ftp://u:secretx@" + refuse + "/?secrety")},
		{URL: "ws://user:secretp@x/?token=secretq", Proxy: func(*http.Request) (*url.URL, error) {
			_, err := url.Parse("http://u:secretx@%" + strings.Repeat("z", 2))
			return nil, err
		}},
		{URL: "ws://x/?token=secretq", Header: http.Header{"Host": {"a b secreth"}}},
		{URL: "ws://x/?token=secretq", Header: http.Header{"X": {"secreth\r\nX: y"}}},
		{URL: "ws://x/?token=secretq\x7f"},
		{URL: "ws://user:secretp@x:1x/?token=secretq"},
		{URL: "ws://x/%zz?token=secretq"},
		{URL: "wss://x/?token=secretq", CAFile: "/nowhere", Logger: nil},
		{URL: "wss://x/?token=secretq", CAFile: " -----BEGIN PRIVATE KEY-----\nsecretk"},
		{URL: "wss://x/?token=secretq", HeaderFunc: func(context.Context) (http.Header, error) {
			return http.Header{"X": {"secreth\r\n"}}, nil
		}},
		{URL: "wss://x/?token=secretq", HeaderFunc: func(context.Context) (http.Header, error) {
			return http.Header{"Sec-WebSocket-Key": {"secreth"}}, nil
		}},
		{URL: "ws://x/?token=secretq", SubProtocols: []string{"secret s"}},
	} {
		var mu sync.Mutex
		var b bytes.Buffer
		w := writerFunc(func(p []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return b.Write(p) })
		o.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
		if o.Proxy == nil {
			o.Proxy = NoProxy
		}
		o.NoReconnect = true
		o.CloseTimeout = 100 * time.Millisecond
		c := New(o, Handler{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := c.Connect(ctx)
		_ = c.Stop(ctx, 0, "")
		cancel()
		mu.Lock()
		text := fmt.Sprint(err) + "\n" + b.String()
		mu.Unlock()
		text = strings.ReplaceAll(text, `SubProtocols: "secret s"`, "")
		if at := strings.Index(text, "secret"); at >= 0 {
			t.Errorf("%d: %s", i, text)
		}
		if testing.Verbose() {
			t.Log(i, fmt.Sprint(err))
		}
	}
}

// OnOpen that fails the login is a failure for the backoff and a reason in the log; what the
// queue has is not sent on that connection.
func TestFailedLoginSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		h.down()
		var opens atomic.Int32
		c := begin(t, h, Handler{OnOpen: func(c *Conn, _ OpenInfo) error {
			opens.Add(1)
			return errors.New("no")
		}}, waitingQueue(100))
		start(t, c)
		_ = c.SendText("x")
		h.up()
		pass(time.Minute)
		if got := h.received(); len(got) > 0 || c.QueuedAmount() != 1 {
			t.Errorf("sent %q, %d wait", got, c.QueuedAmount())
		}
	})
}

// A class with OnDropped: the drops of the send queue of the connection come to the class, and to
// Handler.OnDropped those of the queue; none twice.
func TestMessagesInOnClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		n := 0
		c := begin(t, h, Handler{OnClose: func(c *Conn, _ client.CloseInfo) {
			if n++; n == 1 {
				if err := c.SendText("from OnClose"); err != nil {
					t.Error(err)
				}
			}
		}}, waitingQueue(100))
		start(t, c)
		h.each(func(g *guest) { g.Abort() })
		pass(10 * time.Second)
		if got := h.received(); !slices.Equal(got, []string{"from OnClose"}) {
			t.Errorf("%q", got)
		}
	})
}

// A panic in OnDropped, OnClose, OnStop, OnError is logged, and the rest goes on.
func TestPanicsEverywhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		h.down()
		var b bytes.Buffer
		var mu sync.Mutex
		w := writerFunc(func(p []byte) (int, error) { mu.Lock(); defer mu.Unlock(); return b.Write(p) })
		boom := func() { panic("boom") }
		c := begin(t, h, Handler{
			OnError: func(*Conn, *DialError) { boom() }, OnClose: func(*Conn, client.CloseInfo) { boom() },
			OnDropped: func(*Conn, client.Drop) { boom() }, OnStop: func(*Conn, StopInfo) { boom() }, OnState: func(*Conn, State) { boom() },
		}, waitingQueue(10), func(o *Options) {
			o.Logger = slog.New(slog.NewTextHandler(w, nil))
			o.ShouldReconnect = func(client.CloseInfo) bool { boom(); return false }
		})
		start(t, c)
		_ = c.SendText(strings.Repeat("x", 100))
		synctest.Wait()
		h.up()
		pass(20 * time.Second)
		if c.State() != Open {
			t.Error(c.State())
		}
		_ = c.Stop(t.Context(), 0, "")
		for _, s := range []string{"OnError", "OnClose", "OnDropped", "OnStop", "OnState", "ShouldReconnect"} {
			if !strings.Contains(b.String(), "event="+s) {
				t.Errorf("no panic of %s", s)
			}
		}
	})
}

// many Conns that are not connected cost no goroutine each but that of the wait.
func TestCostOfManyConns(t *testing.T) {
	addr := serve(t, func(c net.Conn) { answer(c, switching(), nil) })
	n := runtime.NumGoroutine()
	var cs []*Conn
	for range 50 {
		c := New(Options{URL: "ws://" + addr, Proxy: NoProxy, Logger: quiet, CloseTimeout: 50 * time.Millisecond}, Handler{})
		if _, err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		cs = append(cs, c)
	}
	time.Sleep(50 * time.Millisecond)
	t.Logf("%.1f goroutines each (server included)", float64(runtime.NumGoroutine()-n)/50)
	var wg sync.WaitGroup
	for _, c := range cs {
		wg.Go(func() { stops(c) })
	}
	wg.Wait()
}

// Goexit in OnOpen, OnClose, OnStop.
func TestGoexitInTheOthers(t *testing.T) {
	for _, where := range []string{"OnOpen", "OnClose", "OnStop", "OnStateOpen", "OnStateConnecting"} {
		t.Run(where, func(t *testing.T) {
			var n, stopped, ends atomic.Int32
			exit := func(at string) {
				if at == where && n.Add(1) == 1 {
					runtime.Goexit()
				}
			}
			c := rawConn(t, Handler{
				OnOpen:  func(*Conn, OpenInfo) error { exit("OnOpen"); return nil },
				OnClose: func(*Conn, client.CloseInfo) { ends.Add(1); exit("OnClose") },
				OnStop:  func(*Conn, StopInfo) { stopped.Add(1); exit("OnStop") },
				OnState: func(_ *Conn, s State) {
					switch s {
					case Open:
						exit("OnStateOpen")
					case Connecting:
						exit("OnStateConnecting")
					}
				},
			}, nil)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond)
			if p, ok := c.Client().(*plain); ok {
				p.Abort()
			}
			time.Sleep(300 * time.Millisecond)
			if !stops(c) || stopped.Load() != 1 {
				t.Errorf("state %v, %d stops, %d ends", c.State(), stopped.Load(), ends.Load())
			}
		})
	}
}

// SetURL reads files under the lock of everything else? It must not block State.
func TestTLSOfDialIsVerifiedByName(t *testing.T) {
	ca := wstest.NewCA(t)
	addr := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}}, answers(switching()))
	works(t, Options{URL: "wss://" + addr, Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, n, a)
	}, RootCAs: ca.Pool()})
}

// A Stop in HeaderFunc and in Dial does not wait.
func TestStopInOptionsFunctions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHouse(t)
		var c *Conn
		c = begin(t, h, Handler{}, func(o *Options) {
			o.HeaderFunc = func(context.Context) (http.Header, error) { return nil, c.Stop(context.Background(), 0, "") }
		})
		start(t, c)
		synctest.Wait()
		if c.State() != Closed {
			t.Error(c.State())
		}
	})
}

// pieceful gets its messages in pieces.
type pieceful struct {
	client.Base
	sum  hash.Hash32
	mu   sync.Mutex
	sums []uint32
	cost time.Duration
}

func (p *pieceful) OnMessage(client.Message) error { return errors.New("a whole message") }

func (p *pieceful) OnFragment(f client.Fragment) error {
	if f.First {
		p.sum = crc32.NewIEEE()
	}
	_, _ = p.sum.Write(f.Data)
	if p.cost > 0 {
		time.Sleep(p.cost)
	}
	if f.Final {
		p.mu.Lock()
		p.sums = append(p.sums, p.sum.Sum32())
		p.mu.Unlock()
	}
	return nil
}

// OnFragment on a loop, with windows in both directions, and every limit turned off.
func TestFragmentsOnALoop(t *testing.T) {
	srv, err := wsserver.New(wsserver.Class[echoing](), wsserver.Config{
		Logger: quiet, MaxMessageSize: 8 << 20, MaxFrameSize: 3000, Compression: client.Compression{Mode: client.CompressionContext},
		SendQueue: client.SendQueue{Policy: client.QueueBlock},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := listener(t)
	go srv.Serve(l)
	t.Cleanup(func() { _ = srv.Close() })
	for _, z := range []client.CompressionMode{client.CompressionOff, client.CompressionMessage, client.CompressionContext} {
		for _, pumped := range []bool{false, true} {
			loop := pump.New(pump.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = loop.Run(ctx) })
			obj := &pieceful{cost: 50 * time.Microsecond}
			c := New(Options{URL: "ws://" + l.Addr().String(), Proxy: NoProxy, Logger: quiet, NoReconnect: true,
				Compression: client.Compression{Mode: z, WindowBits: 10}, MaxFrameSize: 1234,
				HandshakeTimeout: -1, WriteTimeout: -1, PingInterval: -1, PongTimeout: -1, IdleTimeout: -1, StableAfter: -1, MaxHint: -1, Jitter: -1,
			}, Handler{NewClient: func(OpenInfo) (client.Client, error) { return obj, nil }, OnOpen: func(*Conn, OpenInfo) error {
				if pumped {
					return obj.AttachPump(loop)
				}
				return nil
			}})
			if _, err := c.Connect(t.Context()); err != nil {
				t.Fatal(err)
			}
			var want []uint32
			for i := range 30 {
				b := letterOf(i, 1+i*i*100)
				want = append(want, crc32.ChecksumIEEE(b))
				var err error
				if i%3 == 0 {
					err = obj.SendReader(t.Context(), client.OpText, plainReader(b))
				} else {
					err = c.SendText(string(b))
				}
				if err != nil {
					t.Fatal(i, err)
				}
			}
			for range 1000 {
				obj.mu.Lock()
				n := len(obj.sums)
				obj.mu.Unlock()
				if n == len(want) {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			obj.mu.Lock()
			got := append([]uint32(nil), obj.sums...)
			obj.mu.Unlock()
			if len(got) != len(want) {
				t.Fatalf("zip %d pumped %v: %d of %d came, %+v", z, pumped, len(got), len(want), c.Info())
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("zip %d pumped %v: message %d is another", z, pumped, i)
				}
			}
			if !stops(c) {
				t.Error("Stop does not end")
			}
			loop.Close()
			cancel()
			wg.Wait()
		}
	}
}

// Stop while a stream is under way.
func TestStopDuringAStream(t *testing.T) {
	srv, err := wsserver.New(wsserver.Class[echoing](), wsserver.Config{Logger: quiet, MaxMessageSize: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	l := listener(t)
	go srv.Serve(l)
	t.Cleanup(func() { _ = srv.Close() })
	c := New(Options{URL: "ws://" + l.Addr().String(), Proxy: NoProxy, Logger: quiet, CloseTimeout: 500 * time.Millisecond}, Handler{})
	if _, err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := &endless{stop: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- c.Client().SendReader(context.Background(), client.OpBinary, r) }()
	time.Sleep(50 * time.Millisecond)
	if !stops(c) {
		t.Error("Stop does not end")
	}
	select {
	case err := <-done:
		if err == nil {
			t.Error("the stream has ended well")
		}
	case <-time.After(2 * time.Second):
		t.Error("the stream goes on")
		r.over.Store(true)
		<-done
	}
}

type endless struct {
	over atomic.Bool
	stop chan struct{}
}

func (e *endless) Read(p []byte) (int, error) {
	if e.over.Load() {
		return 0, errors.New("over")
	}
	time.Sleep(time.Millisecond)
	return copy(p, bytes.Repeat([]byte("x"), 100)), nil
}

// Whatever URL, Header and redirects say, the request has the lines that it should have.
func TestNoInjection(t *testing.T) {
	parts := []string{"ws://", "wss://", "a", "b.example", ":80", "/", "//", "?", "%0d%0a", "%0D", "\r\n", "\n", " ", "%20", "@", "u:p", "#", "é", "\x7f", "\x00", "\t", "[::1]", "%25eth0", ";", "=", "%", "\\", ":", "..", "X: y", "%u"}
	n := 0
	for range 300_000 {
		var b strings.Builder
		if rand.IntN(3) > 0 {
			b.WriteString("ws://a")
		}
		for range rand.IntN(7) {
			b.WriteString(parts[rand.IntN(len(parts))])
		}
		to, err := parseURL(b.String())
		if err != nil {
			continue
		}
		n++
		a := &attempt{o: &Options{}, ctx: context.Background(), parent: context.Background(), to: to}
		if rand.IntN(3) == 0 {
			if err := a.prepare(); err != nil {
				t.Fatal(err)
			}
			var l strings.Builder
			for range rand.IntN(7) {
				l.WriteString(parts[rand.IntN(len(parts))])
			}
			_ = a.follow(l.String(), 1)
		} else if err := a.prepare(); err != nil {
			t.Fatal(err)
		}
		o, err := wsdial.NewOpening(wsdial.Request{Host: a.to.hostHeader(), Target: a.to.url.RequestURI(), Header: a.header})
		if err != nil {
			t.Errorf("%q: %v", b.String(), err)
			continue
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(o.Request)))
		if err != nil || len(r.Header) > 5 || r.Header.Get("X") != "" || !strings.HasPrefix(r.RequestURI, "/") || strings.Count(string(o.Request), "\r\n\r\n") != 1 {
			t.Errorf("%q: %v\n%s", b.String(), err, o.Request)
		}
		if strings.ContainsAny(a.to.peerAddr(), " \r\n/@") {
			t.Errorf("%q: %q", b.String(), a.to.peerAddr())
		}
	}
	t.Log(n, "URLs")
}

// Messages and Stop: what was taken on the open connection before Stop arrives.
func TestStopFlushes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := silent(t)
		c := begin(t, h, Handler{})
		start(t, c)
		for range 1000 {
			if err := c.SendBinary(make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
		}
		_ = c.Stop(t.Context(), 0, "")
		pass(time.Second)
		if n := len(h.received()); n != 1000 {
			t.Errorf("%d of 1000 came", n)
		}
	})
}
