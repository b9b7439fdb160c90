package soak

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/icsws/icsws/wsserver"
)

// full is the form that make soak runs.
var full = os.Getenv("ICSWS_SOAK") == "full"

// seed is where all randomness comes from. The short form is the same each time.
var seed = func() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("ICSWS_SOAK_SEED"), 0, 64); err == nil {
		return n
	}
	if full {
		return uint64(time.Now().UnixNano())
	}
	return 1
}()

// source is the randomness of one actor.
func source(actor uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, actor)) }

// pick is a size, or a time, of the form that runs.
func pick[V int | time.Duration](short, long V) V {
	switch {
	case full:
		return long
	case testing.Short():
		return max(short/5, 1)
	}
	return short
}

// either is like pick for what must keep its proportions: -short changes nothing.
func either[V any](short, long V) V {
	if full {
		return long
	}
	return short
}

// drivers are those that this system has.
func drivers() []wsserver.Driver {
	if runtime.GOOS != "linux" {
		return []wsserver.Driver{wsserver.DriverGoroutine}
	}
	return []wsserver.Driver{wsserver.DriverGoroutine, wsserver.DriverDormant, wsserver.DriverInline}
}

// share is what falls to each driver of a size that is meant for all together.
func share(n int) int { return max(n/len(drivers()), 1) }

// underEach runs a scenario under each driver, one after the other: each wants the
// process for itself.
func underEach(t *testing.T, scenario func(t *testing.T, d wsserver.Driver)) {
	for _, d := range drivers() {
		t.Run(d.String(), func(t *testing.T) {
			t.Logf("driver %v, seed %d", d, seed)
			before := measure()
			scenario(t, d)
			before.wantBack(t)
		})
	}
}
