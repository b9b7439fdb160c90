package wsserver_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// refusedFlood is a kind of connection that is refused, from its own loopback addresses.
type refusedFlood struct {
	name   string
	reason wsserver.Reason
	addr   func(i int) string
	hammer func(c net.Conn) // until the end of the connection
	setup  func(cfg *wsserver.Config)
	before func(t testing.TB, n *nest)
	atDoor bool // refused before it has a slot or a goroutine
}

// untilEnd reads what there is to read.
func untilEnd(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	buf := make([]byte, 512)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

func asks(request wstest.Request) func(net.Conn) {
	b := request.Bytes()
	return func(c net.Conn) {
		_, _ = c.Write(b)
		untilEnd(c)
	}
}

func one(addr string) func(int) string { return func(int) string { return addr } }

// The flood has addresses of its own, which only Linux has all of on its loopback.
// Canaries come from 127.0.0.2, the flood from elsewhere. All of the flood are refused but
// the first of each address under a rate.
var floods = []refusedFlood{
	{"denied", wsserver.ReasonDenied, one("127.0.0.9"), untilEnd,
		func(c *wsserver.Config) { c.DeniedClients = []string{"127.0.0.9"} }, nil, true},
	{"banned", wsserver.ReasonBanned, one("127.0.0.9"), untilEnd,
		func(*wsserver.Config) {}, func(t testing.TB, n *nest) {
			if err := n.srv.Bans().Ban(netip.MustParsePrefix("127.0.0.9/32"), 0, "flood"); err != nil {
				t.Error(err)
			}
		}, true},
	{"rate", wsserver.ReasonRate, func(i int) string { return fmt.Sprintf("127.0.1.%d", i%50) }, asks(wstest.Upgrade("/").Without("Upgrade")),
		func(c *wsserver.Config) { c.AcceptRate = admit.Rate{Count: 1, Per: time.Hour} }, nil, false},
	{"too many of one address", wsserver.ReasonMaxPerIP, one("127.0.0.9"), untilEnd,
		func(c *wsserver.Config) { c.MaxPerIP = 1 }, func(t testing.TB, n *nest) { n.open(t, "127.0.0.9") }, true},
	{"too busy", wsserver.ReasonTooBusy, one("127.0.0.9"), asks(wstest.Upgrade("/")),
		func(c *wsserver.Config) { c.Banner = banner.Policy{MaxClients: canaries} }, nil, false},
	{"bad request", wsserver.ReasonBadRequest, one("127.0.0.9"), asks(wstest.Upgrade("/").Without("Sec-WebSocket-Key")),
		func(*wsserver.Config) {}, nil, false},
}

const canaries = 4

// nest is a server with its canaries.
type nest struct {
	srv   *wsserver.Server[*parrot]
	addr  string
	peers []*wstest.Peer
}

func newNest(t testing.TB, f refusedFlood, told bool) *nest {
	t.Helper()
	// The canary's own address has no limits, as it is that of several.
	cfg := wsserver.Config{Addr: "127.0.0.1:0", MaxPending: 64, ExemptClients: []string{"127.0.0.2"}, PingInterval: -1}
	if told {
		cfg.Events.OnReject = func(wsserver.RejectInfo) {}
	}
	f.setup(&cfg)
	n := &nest{srv: newServerOf(t, wsserver.Class[parrot](), cfg)}
	n.addr = open(t, n.srv)
	for range canaries {
		n.peers = append(n.peers, n.open(t, "127.0.0.2"))
	}
	if f.before != nil {
		f.before(t, n)
	}
	return n
}

// open makes a client that comes from an address.
func (n *nest) open(t testing.TB, from string) *wstest.Peer {
	t.Helper()
	before := n.srv.ClientCount()
	p := wstest.Open(wstest.Wrap(t, dialFrom(t, from, n.addr)), "/")
	eventually(t, "the client", func() bool { return n.srv.ClientCount() > before })
	return p
}

func dialFrom(t testing.TB, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{Timeout: 20 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(context.Background(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sing exchanges numbered messages with the server and returns how long each took.
func sing(t testing.TB, p *wstest.Peer, until func(n int) bool) (took []time.Duration) {
	var b [8]byte
	for n := 0; !until(n); n++ {
		binary.BigEndian.PutUint64(b[:], uint64(n))
		start := time.Now()
		p.Send(wstest.Text(fmt.Sprintf("%x", b)), wstest.Text("and again"))
		p.WantText(fmt.Sprintf("%x", b))
		p.WantText("and again")
		took = append(took, time.Since(start))
	}
	return took
}

// run hammers the server from so many goroutines, with so many connections each; 0 is
// until ctx ends. It returns how many were made.
func (f refusedFlood) run(ctx context.Context, t testing.TB, addr string, workers, each int) (made int64) {
	var wg sync.WaitGroup
	var count atomic.Int64
	for w := range workers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && (each == 0 || i < each); i++ {
				d := net.Dialer{Timeout: 20 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(f.addr(w*1000 + i))}}
				c, err := d.DialContext(ctx, "tcp", addr)
				if err != nil { // out of ports, or reset before connect has returned
					continue
				}
				count.Add(1)
				f.hammer(c)
				_ = c.Close()
			}
		})
	}
	wg.Wait()
	return count.Load()
}

// whatever is refused, however often: who is connected loses nothing and
// gets it in order, each refusal is counted, and nothing of the flood stays.
func TestFloodLeavesClientsAlone(t *testing.T) {
	for _, f := range floods {
		for _, told := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", f.name, told), func(t *testing.T) {
				n := newNest(t, f, told)
				goroutines, clients := runtime.NumGoroutine(), n.srv.ClientCount()
				var over atomic.Bool
				var singers sync.WaitGroup
				for _, p := range n.peers {
					singers.Go(func() { sing(t, p, func(k int) bool { return k > 100 && over.Load() }) })
				}
				var most atomic.Int64
				ctx, cancel := context.WithCancel(t.Context())
				singers.Go(func() {
					for ctx.Err() == nil {
						most.Store(max(most.Load(), int64(n.srv.Stats().Pending)))
						time.Sleep(time.Millisecond)
					}
				})
				const workers = 8
				made := f.run(t.Context(), t, n.addr, workers, 250)
				over.Store(true)
				cancel()
				singers.Wait()
				eventually(t, "the end of the flood", func() bool { return n.srv.Stats().Pending == 0 })
				st := n.srv.Stats()
				all := uint64(0)
				for _, c := range st.Refused {
					all += c
				}
				if st.Clients != clients || st.Accepted != all+uint64(clients) || int64(all) < made {
					t.Errorf("%d connections were made, the figures are %+v", made, st)
				}
				if c := st.Refused[f.reason.String()]; c < all*8/10 {
					t.Errorf("%d of %d were refused as %v: %v", c, all, f.reason, st.Refused)
				}
				// Refusals that take a goroutine take a slot too.
				if most.Load() > 64 || f.atDoor && !told && most.Load() > 0 {
					t.Errorf("%d connections were in handshake at once", most.Load())
				}
				if st.Admission.Tracked > 100 || st.Admission.Networks > 0 {
					t.Errorf("addresses are kept: %+v", st.Admission)
				}
				eventually(t, "the goroutines of the flood to end", func() bool { return runtime.NumGoroutine() <= goroutines+16 })
			})
		}
	}
}

// BenchmarkFlood prints what a flood of refused connections does to the latency of four
// clients: percentiles without and with it, and the ratio. It shares the processors with
// the flood's other side, which costs more than the refusals.
func BenchmarkFlood(b *testing.B) {
	for _, f := range floods {
		b.Run(f.name, func(b *testing.B) {
			n := newNest(b, f, false)
			calm := n.latencies(b, b.N)
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan int64)
			go func() { done <- f.run(ctx, b, n.addr, 8, 0) }()
			start := time.Now()
			b.ResetTimer()
			wild := n.latencies(b, b.N)
			b.StopTimer()
			cancel()
			made := <-done
			b.ReportMetric(float64(made)/time.Since(start).Seconds(), "refused/s")
			for _, q := range []int{50, 99} {
				x, y := calm[len(calm)*q/100], wild[len(wild)*q/100]
				b.ReportMetric(float64(x.Microseconds()), fmt.Sprintf("calm-p%d-us", q))
				b.ReportMetric(float64(y.Microseconds()), fmt.Sprintf("flood-p%d-us", q))
				b.ReportMetric(float64(y)/float64(x), fmt.Sprintf("p%d-ratio", q))
			}
		})
	}
}

// latencies are those of all canaries, sorted.
func (n *nest) latencies(b *testing.B, each int) []time.Duration {
	var wg sync.WaitGroup
	all := make([][]time.Duration, len(n.peers))
	for i, p := range n.peers {
		wg.Go(func() { all[i] = sing(b, p, func(k int) bool { return k >= each }) })
	}
	wg.Wait()
	list := slices.Concat(all...)
	slices.Sort(list)
	return list
}
