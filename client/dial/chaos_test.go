package dial

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/chaos"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// chaosForm is how large the chaos is. ICSWS_SEED repeats the draws of one.
func chaosForm(t *testing.T) (clients int, storm time.Duration, seed uint64) {
	clients, storm, seed = 200, 8*time.Second, uint64(time.Now().UnixNano())
	if raceEnabled {
		clients = 60
	}
	if testing.Short() {
		clients, storm = 30, 3*time.Second
	}
	if s := os.Getenv("ICSWS_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatalf("ICSWS_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("ICSWS_SEED=%d with %d clients", seed, clients)
	return clients, storm, seed
}

// D-04, D-05, D-07, D-08, D-25, D-42, E-05, E-14: clients converse through a proxy that
// breaks their connections in every way. Within a connection nothing is altered, twice or
// out of order, nothing is delivered twice at all, and what is lost is accounted for. When
// the network is good again all are back.
func TestChaosOfTheNetwork(t *testing.T) {
	clients, storm, seed := chaosForm(t)
	before := heap()
	office := newOffice(t, clients)
	ca := wstest.NewCA(t)
	srv := office.serve(t, ca)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var proxies []*chaos.Proxy
	for i, addr := range srv.Addrs() {
		p, err := chaos.Listen(addr.String(), seed+uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		proxies = append(proxies, p)
	}
	callers := make([]*caller, clients)
	for i := range callers {
		callers[i] = newCaller(t, i, proxies[i%2].Addr(), i%2 == 1, ca, rnd.Uint64())
	}
	for _, p := range proxies {
		p.Rage(true)
	}
	var talking sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), storm)
	defer cancel()
	talking.Go(func() { office.trouble(ctx, srv, rand.New(rand.NewPCG(seed, 2))) })
	for _, c := range callers {
		if err := c.conn.Start(); err != nil {
			t.Fatal(err)
		}
		talking.Go(func() { c.talk(ctx) })
	}
	talking.Wait()
	for _, p := range proxies {
		p.Rage(false)
		t.Logf("the proxy: %v", p.Counts())
	}
	for _, c := range callers {
		c.converse(office)
	}
	for _, c := range callers {
		c.end()
		c.judge(office)
	}
	office.end(t, srv)
	var opens, errs, lost, dropped, delivered int
	for _, c := range callers {
		opens, errs, lost, dropped = opens+c.opens, errs+c.errs, lost+c.lost, dropped+c.dropped
		delivered += len(office.desks[c.id].got)
	}
	t.Logf("%d connections, %d failed attempts, %d messages delivered, %d lost, %d dropped", opens, errs, delivered, lost, dropped)
	if opens < 2*clients || lost == 0 || dropped == 0 {
		t.Error("that was no chaos")
	}
	callers, office = nil, nil
	if grown := heap() - before; !raceEnabled && grown > 32<<20 {
		t.Errorf("%d KiB of memory are left", grown>>10)
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// letter makes a message whose every byte follows from who wrote it and its number.
func letter(from string, n int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(n), uint64(len(from))))
	size := rnd.IntN(600)
	if n%97 == 0 {
		size = 70_000
	}
	b := fmt.Appendf(nil, "%s %d ", from, n)
	for range size {
		b = append(b, 'a'+byte(rnd.Uint32()%8))
	}
	return b
}

// read returns the number of a letter, -1 if it is not one of that writer's.
func read(from string, b []byte) int {
	var who string
	var n int
	if _, err := fmt.Sscanf(string(b[:min(len(b), 40)]), "%s %d", &who, &n); err != nil || who != from {
		return -1
	}
	if string(letter(from, n)) != string(b) {
		return -1
	}
	return n
}

// office is the server: a desk for each client, over all of its connections.
type office struct {
	t     *testing.T
	mu    sync.Mutex // guards the desks
	desks []desk
}

type desk struct{ got map[int]bool }

func newOffice(t *testing.T, clients int) *office {
	o := &office{t: t, desks: make([]desk, clients)}
	for i := range o.desks {
		o.desks[i].got = map[int]bool{}
	}
	return o
}

// clerk is one connection of the server.
type clerk struct {
	client.Base
	o        *office
	id       int
	last     int // the number that came last
	answered int
}

// OnMessage acknowledges a letter with one of its own.
func (k *clerk) OnMessage(m client.Message) error {
	n := read(fmt.Sprintf("client%d", k.id), m.Data)
	k.o.mu.Lock()
	switch d := k.o.desks[k.id]; {
	case n < 0:
		k.o.t.Errorf("client %d: an altered message: %.60q", k.id, m.Data)
	case n <= k.last:
		k.o.t.Errorf("client %d: message %d came behind %d", k.id, n, k.last)
	case d.got[n]:
		k.o.t.Errorf("client %d: message %d came twice", k.id, n)
	default:
		d.got[n] = true
	}
	k.last = n
	k.o.mu.Unlock()
	k.answered++
	if err := k.Send(client.Binary(fmt.Appendf(nil, "ack %d ", n))); err != nil {
		return err
	}
	return k.Send(client.Message{Op: m.Op, Data: letter("server", k.answered)})
}

func (o *office) serve(t *testing.T, ca *wstest.CA) *wsserver.Server[*clerk] {
	t.Helper()
	srv, err := wsserver.New(wsserver.Factory[*clerk]{
		New: func(r *client.OpenRequest) (*clerk, error) {
			id, err := strconv.Atoi(r.Header.Get("X-Caller"))
			return &clerk{o: o, id: id}, err
		},
	}, wsserver.Config{
		Bindings:    []multilisten.Binding{{Addr: "127.0.0.1:0"}, {Addr: "127.0.0.1:0", TLS: true}},
		TLS:         &tls.Config{Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}},
		Compression: client.Compression{Mode: client.CompressionContext},
		Logger:      quiet, PingInterval: 400 * time.Millisecond, PongTimeout: time.Second,
		WriteTimeout: time.Second, CloseTimeout: time.Second, RecheckEvery: -1,
		SendQueue: client.SendQueue{Policy: client.QueueBlock},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	return srv
}

// trouble has the server end connections, too.
func (o *office) trouble(ctx context.Context, srv *wsserver.Server[*clerk], rnd *rand.Rand) {
	for ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
		for k := range srv.Clients() {
			switch rnd.IntN(400) {
			case 0:
				k.Abort()
			case 1:
				_ = k.Close(client.StatusServiceRestart, client.WithReturnHint("back soon", 50*time.Millisecond))
			}
		}
	}
}

func (o *office) end(t *testing.T, srv *wsserver.Server[*clerk]) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
