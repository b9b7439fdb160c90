package engine

import (
	"runtime"
	"strings"
	"testing"

	"github.com/icsws/icsws/internal/transport"
)

// drivers are those of this system that differ, as the names of subtests and as settings.
func drivers() map[string]func(*transport.Settings) {
	list := map[string]func(*transport.Settings){"goroutine": func(*transport.Settings) {}}
	if runtime.GOOS == "linux" {
		list["dormant"] = func(s *transport.Settings) { s.Dormant = true }
		list["inline"] = func(s *transport.Settings) { s.Dormant, s.Inline = true, true }
	}
	return list
}

// onDrivers runs a test over sockets under each driver: admit finds out which.
func onDrivers(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for name := range drivers() {
		t.Run(name, test)
	}
}

// onDriversAtOnce is onDrivers for a test that mostly waits.
func onDriversAtOnce(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	onDrivers(t, func(t *testing.T) {
		t.Parallel()
		test(t)
	})
}

// driverOf is the driver that onDrivers runs t under.
func driverOf(t testing.TB) (name string, edit func(*transport.Settings)) {
	for part := range strings.SplitSeq(t.Name(), "/") {
		if edit := drivers()[part]; edit != nil {
			return part, edit
		}
	}
	return "goroutine", drivers()["goroutine"]
}
