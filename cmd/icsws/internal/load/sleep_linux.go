package load

import (
	"time"

	"golang.org/x/sys/unix"
)

// shortSleep waits up to two milliseconds. The timers of Go are rounded up to a whole one
// while a program has nothing else to do, which would be counted as latency.
func shortSleep(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil) // an interrupted sleep is early, and goes on
}
