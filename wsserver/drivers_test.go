package wsserver_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/icsws/icsws/wsserver"
)

// drivers are those of this system that differ.
func drivers() []wsserver.Driver {
	if runtime.GOOS == "linux" {
		return []wsserver.Driver{wsserver.DriverGoroutine, wsserver.DriverDormant, wsserver.DriverInline}
	}
	return []wsserver.Driver{wsserver.DriverGoroutine}
}

// onDrivers runs a test over sockets under each driver: newServerOf finds out which.
func onDrivers(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, d := range drivers() {
		t.Run(d.String(), test)
	}
}

// driverOf is the driver that onDrivers runs t under.
func driverOf(t testing.TB) wsserver.Driver {
	parts := strings.Split(t.Name(), "/")
	for _, d := range drivers() {
		if slices.Contains(parts, d.String()) {
			return d
		}
	}
	return wsserver.DriverAuto
}
