package transport

import (
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// driving is one way in which tests over sockets run.
type driving struct {
	name    string          // of the subtest, from which waysOf learns it
	edit    func(*Settings) // chooses the driver
	crowded bool            // the dormant driver has the socket from its first byte on
	lull    bool            // it has it from a first silence on
}

// drivings are those of this system that differ.
func drivings() []driving {
	list := []driving{{name: "goroutine", edit: func(*Settings) {}}}
	if runtime.GOOS == "linux" {
		dormant := func(s *Settings) { s.Dormant = true }
		list = append(list,
			driving{name: "crowded", edit: dormant, crowded: true},
			driving{name: "dormant", edit: dormant, lull: true},
			driving{name: "inline", edit: func(s *Settings) { s.Dormant, s.Inline = true, true }})
	}
	return list
}

// onDrivers runs a test over sockets under each driver.
func onDrivers(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, d := range drivings() {
		t.Run(d.name, test)
	}
}

// drivingOf is how onDrivers runs t.
func drivingOf(t testing.TB) driving {
	for part := range strings.SplitSeq(t.Name(), "/") {
		for _, d := range drivings() {
			if part == d.name {
				return d
			}
		}
	}
	return drivings()[0]
}

// driven is the service for connections under the driver of t.
func driven(t testing.TB, set *Settings) *Service {
	t.Helper()
	svc, d := NewService(), drivingOf(t)
	d.edit(set)
	if d.crowded {
		fillUp(svc)
	}
	t.Cleanup(func() {
		if n := svc.Asleep(); n != 0 {
			t.Errorf("%d connections are asleep in the end", n)
		}
		svc.Close()
	})
	return svc
}

// newDriven is newRecorder over conn, under the driver of t.
func newDriven(t testing.TB, set *Settings, conn net.Conn) *recorder {
	t.Helper()
	r := newRecorderOn(driven(t, set), set, NewWire(conn).wire, nil)
	r.lull = drivingOf(t).lull && isSocket(conn)
	return r
}

// newDrivenTaker is newTaker over conn, under the driver of t.
func newDrivenTaker(t testing.TB, set *Settings, conn net.Conn) *taker {
	t.Helper()
	k := newTakerOn(driven(t, set), set, NewWire(conn).wire, nil)
	k.lull = drivingOf(t).lull && isSocket(conn)
	return k
}

// isSocket reports whether conn, or what is below its TLS, is a socket.
func isSocket(conn net.Conn) bool {
	if s, ok := conn.(*TLS); ok {
		conn = s.NetConn()
	}
	_, ok := conn.(syscall.Conn)
	return ok
}

// fillUp makes svc crowded with connections that never have a word.
func fillUp(svc *Service) {
	for range crowd + 50 {
		c := new(Conn)
		svc.warm = append(svc.warm, c)
		c.warmAt = int32(len(svc.warm))
	}
	svc.crowded.Store(true)
}

// lull has c rest as if its peer had been silent for long.
func lull(t testing.TB, c *Conn) {
	t.Helper()
	within(t, "the reader to rest", func() bool {
		if c.svc.Asleep() > 0 {
			return true
		}
		if !c.active.Load() {
			c.lastRead.Store(int64(c.svc.now() - 2*dozeAfter))
			c.svc.onSweep()
		}
		return false
	})
}

// within waits until ok, without a word about how long that may take.
func within(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
