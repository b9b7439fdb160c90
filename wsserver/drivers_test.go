package wsserver_test

import (
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// driving is one way in which tests over sockets run.
type driving struct {
	name    string // of the subtest, from which newServerOf learns it
	driver  wsserver.Driver
	crowded bool // the dormant driver has a socket from its first byte on, not from its first rest
	pump    bool // all events run on one loop
	moved   bool // the clients move to and fro between two loops and goroutines of their own
}

// drivings are those of this system that differ.
func drivings() []driving {
	list := []driving{{name: "goroutine", driver: wsserver.DriverGoroutine}}
	if runtime.GOOS == "linux" {
		list = append(list,
			driving{name: "dormant", driver: wsserver.DriverDormant},
			driving{name: "crowded", driver: wsserver.DriverDormant, crowded: true},
			driving{name: "inline", driver: wsserver.DriverInline},
			driving{name: "pump", driver: wsserver.DriverInline, pump: true})
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

// onDriversAtOnce is onDrivers for a test that mostly waits and looks at nothing that
// belongs to the whole process.
func onDriversAtOnce(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	onDrivers(t, func(t *testing.T) {
		t.Parallel()
		test(t)
	})
}

// drivingOf is how onDrivers, or onALoop, runs t.
func drivingOf(t testing.TB) driving {
	for part := range strings.SplitSeq(t.Name(), "/") {
		for _, d := range append(drivings(), driving{name: "pump", pump: true}, driving{name: "moved", moved: true}) {
			if part == d.name {
				return d
			}
		}
	}
	return driving{}
}

// crowd makes srv crowded.
func crowd[T client.Client](t testing.TB, srv *wsserver.Server[T]) {
	t.Helper()
	idle, err := anyone()
	if err != nil {
		t.Fatal(err)
	}
	wsserver.Crowd(srv, idle)
}

// anyone is a socket of which nothing comes.
var anyone = sync.OnceValues(func() (net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return net.DialTimeout("tcp", l.Addr().String(), 10*time.Second)
})
