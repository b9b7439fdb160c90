package show

import (
	"fmt"
	"math"
	"time"
)

// Days are whole days until t, rounded down; negative when it has passed.
func Days(t, now time.Time) int { return int(math.Floor(t.Sub(now).Hours() / 24)) }

// Left says how long it is until t.
func Left(t, now time.Time) string {
	d := t.Sub(now)
	switch {
	case d < -24*time.Hour:
		return count(int(-d/(24*time.Hour)), "day") + " ago"
	case d < 0:
		return "less than a day ago"
	case d < time.Hour:
		return "in less than an hour"
	case d < 48*time.Hour:
		return "in " + count(int(d/time.Hour), "hour")
	}
	return "in " + count(int(d/(24*time.Hour)), "day")
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Took is a duration with about three digits: "0.42 ms", "12.3 ms", "1.02 s".
func Took(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case ms >= 1000:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.2f ms", ms)
	}
}

// Millis is a duration in milliseconds, for --json.
func Millis(d time.Duration) float64 { return math.Round(float64(d)/float64(time.Microsecond)) / 1000 }
