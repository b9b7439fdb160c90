//go:build unix

package peer

import (
	"strings"
	"testing"
	"time"
)

func TestMessagesOfATickAreNumberedAndStamped(t *testing.T) {
	w := &TickWriter{}
	w.put(0, 0x1234)
	first := string(w.Next())
	second := string(w.Next())
	if len(first) != TickSize || first == second {
		t.Errorf("%q and %q", first, second)
	}
	if !strings.HasPrefix(second, "00000000000012340000000000000002") {
		t.Errorf("the second message is %q", second)
	}
}

func TestALateServerLeavesTicksOut(t *testing.T) {
	start := time.Unix(100, 0)
	const interval = 10 * time.Millisecond
	for _, tt := range []struct{ now, want time.Duration }{
		{2 * time.Millisecond, 10 * time.Millisecond},
		{19 * time.Millisecond, 10 * time.Millisecond}, // late by less than one
		{35 * time.Millisecond, 30 * time.Millisecond},
		{100 * time.Millisecond, 100 * time.Millisecond},
	} {
		if got := nextTick(start, start.Add(tt.now), interval).Sub(start); got != tt.want {
			t.Errorf("after %v the next tick is due at %v, want %v", tt.now, got, tt.want)
		}
	}
}
