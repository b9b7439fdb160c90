package tlsmem

import (
	"crypto/tls"
	"reflect"
	"runtime"
	"testing"
)

func BenchmarkRelease(b *testing.B) {
	server, client := rig(b, tls.VersionTLS13)
	send(b, client, server, 1000)
	_, rawInput, _, hand := fields(b, server.conn)
	raw, messages := *rawInput, *hand
	b.Run("full", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			*rawInput, *hand = raw, messages
			if Release(server.conn) == 0 {
				b.Fatal("nothing freed")
			}
		}
	})
	b.Run("empty", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Release(server.conn)
		}
	})
}

// What a message costs that finds no buffers.
func BenchmarkMessage(b *testing.B) {
	for _, released := range []bool{false, true} {
		name := "kept"
		if released {
			name = "released"
		}
		b.Run(name, func(b *testing.B) {
			server, client := rig(b, tls.VersionTLS13)
			p := make([]byte, 100)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = client.conn.Write(p)
				if _, err := server.conn.Read(p); err != nil {
					b.Fatal(err)
				}
				client.end.in, server.end.in = nil, nil
				if released {
					Release(server.conn)
				}
			}
		})
	}
}

func BenchmarkRehearsal(b *testing.B) {
	l, err := layoutOf(reflect.TypeFor[tls.Conn]())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := rehearse(l.release); err != nil {
			b.Fatal(err)
		}
	}
}

// The memory of server connections after a message, clients and network not counted.
// Run it once: -benchtime 1x.
func BenchmarkIdleConnections(b *testing.B) {
	for _, c := range []struct {
		name    string
		version uint16
	}{{"tls12", tls.VersionTLS12}, {"tls13", tls.VersionTLS13}} {
		b.Run(c.name, func(b *testing.B) {
			var kept, left, freed float64
			for b.Loop() {
				kept, left, freed = idle(b, c.version, 2000)
			}
			b.ReportMetric(kept, "B/idle")
			b.ReportMetric(left, "B/released")
			b.ReportMetric(freed, "B/freed")
		})
	}
}

// idle returns the bytes of one of n connections before and after Release, and what
// Release said.
func idle(b *testing.B, version uint16, n int) (kept, left, freed float64) {
	r := newRehearsal(b)
	config := &tls.Config{Certificates: []tls.Certificate{r.cert}}
	clients := &tls.Config{InsecureSkipVerify: true, MaxVersion: version}
	all := make([]*tls.Conn, n)
	released := 0
	before := heap()
	for i := range all {
		all[i] = used(b, r, config, clients)
	}
	full := heap()
	for _, c := range all {
		released += Release(c)
	}
	after := heap()
	runtime.KeepAlive(all)
	return (full - before) / float64(n), (after - before) / float64(n), float64(released) / float64(n)
}

// used is the server's side after a message in both directions.
func used(b *testing.B, r *rehearsal, config, clients *tls.Config) *tls.Conn {
	a, z := newDuplex()
	server := &side{rehearsal: r, conn: tls.Server(a, config), end: a}
	client := &side{rehearsal: r, conn: tls.Client(z, clients), end: z}
	if err := handshake(client.conn, server.conn, z, a); err != nil {
		b.Fatal(err)
	}
	send(b, client, server, 100)
	send(b, server, client, 100)
	_, _ = server.conn.Read(make([]byte, 1)) // as one that waits for more
	*a = end{peer: &end{}}
	return server.conn
}

func heap() float64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
