package pump_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// counter counts its messages, and tells when there are enough.
type counter struct {
	client.Base
	*target
}

type target struct {
	got    atomic.Int64
	want   int64 // written before the messages are sent
	enough chan struct{}
}

func (c *counter) OnMessage(client.Message) error {
	if c.got.Add(1) == c.want {
		c.enough <- struct{}{}
	}
	return nil
}

// ways are how events run in a benchmark.
var ways = []struct {
	name   string
	driver wsserver.Driver
	pump   bool
}{
	{"goroutine", wsserver.DriverGoroutine, false},
	{"dormant", wsserver.DriverDormant, false},
	{"inline", wsserver.DriverInline, false},
	{"pump goroutine", wsserver.DriverGoroutine, true},
	{"pump dormant", wsserver.DriverDormant, true},
	{"pump inline", wsserver.DriverInline, true},
}

// serveOf runs a server of the class that f makes, with its events on loop unless that
// is nil.
func serveOf(b *testing.B, f func() client.Client, driver wsserver.Driver, loop *pump.Loop) (*wsserver.Server[client.Client], net.Addr) {
	b.Helper()
	cfg := wsserver.Config{Addr: "127.0.0.1:0", Driver: driver, Logger: slog.New(slog.DiscardHandler), PingInterval: -1}
	if loop != nil {
		cfg.Pump = loop
		done := make(chan struct{})
		go func() { defer close(done); _ = loop.Run(context.Background()) }()
		b.Cleanup(func() { loop.Close(); <-done })
	}
	srv, err := wsserver.New(wsserver.Factory[client.Client]{New: func(*client.OpenRequest) (client.Client, error) { return f(), nil }}, cfg)
	if err != nil {
		b.Fatal(err)
	}
	if err := srv.Listen(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close() })
	return srv, srv.Addrs()[0]
}

// BenchmarkReceive is the way of a message from the socket to OnMessage: one from each of
// many clients in turn, or many of one client with one write.
func BenchmarkReceive(b *testing.B) {
	for _, tt := range []struct{ clients, batch, size int }{{1, 1, 20}, {1, 64, 20}, {200, 1, 20}, {200, 16, 20}, {20, 16, 1000}, {20, 4, 4000}, {20, 4, 15000}, {20, 4, 60000}} {
		for _, way := range ways {
			b.Run(fmt.Sprintf("clients=%d/batch=%d/size=%d/%s", tt.clients, tt.batch, tt.size, way.name), func(b *testing.B) {
				var loop *pump.Loop
				if way.pump {
					loop = pump.New(pump.Options{})
				}
				goal := &target{enough: make(chan struct{}, 1)}
				_, addr := serveOf(b, func() client.Client { return &counter{target: goal} }, way.driver, loop)
				var conns []net.Conn
				for range tt.clients {
					p := wstest.Open(wstest.DialTCP(b, addr.String()), "/")
					conns = append(conns, p.Conn)
				}
				var in []byte
				for range tt.batch {
					in = wstest.Frame{Op: wstest.OpBinary, Payload: make([]byte, tt.size), Key: [4]byte{1, 2, 3, 4}}.Append(in)
				}
				per := tt.clients * tt.batch
				b.SetBytes(int64(tt.size))
				b.ReportAllocs()
				cpu := cpuTime()
				n := 0
				for i := 0; b.Loop(); i++ {
					if i%per != 0 {
						continue
					}
					n += per
					goal.want = int64(n)
					for _, c := range conns {
						if _, err := c.Write(in); err != nil {
							b.Fatal(err)
						}
					}
					<-goal.enough
				}
				b.ReportMetric(float64(cpuTime()-cpu)/float64(n), "cpu-ns/op")
			})
		}
	}
}

// echo says everything back.
type echo struct{ client.Base }

func (e *echo) OnMessage(m client.Message) error { return e.Send(m) }

// BenchmarkEcho sends back what each of some clients brings with one write, and waits
// for all of it.
func BenchmarkEcho(b *testing.B) {
	for _, tt := range []struct{ clients, batch int }{{1, 1}, {1, 16}, {200, 1}, {50, 16}} {
		for _, way := range ways {
			b.Run(fmt.Sprintf("clients=%d/batch=%d/%s", tt.clients, tt.batch, way.name), func(b *testing.B) {
				var loop *pump.Loop
				if way.pump {
					loop = pump.New(pump.Options{})
				}
				_, addr := serveOf(b, func() client.Client { return new(echo) }, way.driver, loop)
				var conns []net.Conn
				for range tt.clients {
					p := wstest.Open(wstest.DialTCP(b, addr.String()), "/")
					conns = append(conns, p.Conn)
				}
				var in []byte
				for range tt.batch {
					in = wstest.Text("twenty bytes of text").Append(in)
				}
				out := make([]byte, tt.batch*22)
				per := tt.clients * tt.batch
				n, reads := 0, 0
				cpu := cpuTime()
				for i := 0; b.Loop(); i++ {
					if i%per != 0 {
						continue
					}
					n += per
					for _, c := range conns {
						if _, err := c.Write(in); err != nil {
							b.Fatal(err)
						}
					}
					for _, c := range conns {
						for have := 0; have < len(out); reads++ {
							k, err := c.Read(out[have:])
							if err != nil {
								b.Fatal(err)
							}
							have += k
						}
					}
				}
				b.ReportMetric(float64(cpuTime()-cpu)/float64(n), "cpu-ns/op")
				b.ReportMetric(float64(reads)/float64(n), "reads/op")
			})
		}
	}
}

// BenchmarkTick sends some messages to each of many clients at each tick, in as many
// passes.
func BenchmarkTick(b *testing.B) {
	const clients = 500
	for _, passes := range []int{1, 3} {
		for _, gathered := range []bool{false, true} {
			b.Run(fmt.Sprintf("messages=%d/turn=%v", passes, gathered), func(b *testing.B) {
				loop := pump.New(pump.Options{})
				srv, addr := serveOf(b, func() client.Client { return new(echo) }, wsserver.DriverDormant, loop)
				for range clients {
					p := wstest.Open(wstest.DialTCP(b, addr.String()), "/")
					go func() {
						in := make([]byte, 64<<10)
						for {
							if _, err := p.Conn.Read(in); err != nil {
								return
							}
						}
					}()
				}
				p := make([]byte, 100)
				done := make(chan struct{})
				step := func() {
					for range passes {
						for c := range srv.Clients() {
							_ = c.SendBinary(p)
						}
					}
					done <- struct{}{}
				}
				cpu, writes := cpuTime(), writeCalls()
				n := 0
				for b.Loop() {
					n++
					if gathered {
						_ = loop.Post(step)
					} else {
						go step()
					}
					<-done
					time.Sleep(5 * time.Millisecond) // until all is written
				}
				b.ReportMetric(float64(cpuTime()-cpu)/float64(n*clients), "cpu-ns/op")
				b.ReportMetric(float64(writeCalls()-writes)/float64(n), "writes/tick")
			})
		}
	}
}
