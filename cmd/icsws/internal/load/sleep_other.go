//go:build !linux

package load

import "time"

// shortSleep waits up to two milliseconds.
func shortSleep(d time.Duration) { time.Sleep(d) }
