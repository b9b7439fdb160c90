package admit

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// a rate lets its burst through, then one event at a time, and is full again after
// a silence.
func TestRateLetsTheBurstThroughAndThenOneAtATime(t *testing.T) {
	b := Rate{Count: 20, Per: time.Minute, Burst: 5}.bucket()
	var full int64
	now := int64(1_000)
	for i := range 5 {
		if wait := b.take(&full, now); wait != 0 {
			t.Fatalf("event %d waits %v", i+1, wait)
		}
	}
	if wait := b.take(&full, now); wait != 3*time.Second {
		t.Errorf("sixth event waits %v, want 3 s", wait)
	}
	now += int64(3*time.Second) - 1
	if wait := b.take(&full, now); wait != 1 {
		t.Errorf("a moment early it waits %v, want 1 ns", wait)
	}
	now++
	if wait := b.take(&full, now); wait != 0 {
		t.Errorf("in time it waits %v", wait)
	}
	if wait := b.take(&full, now); wait == 0 {
		t.Error("two at once after the burst")
	}
	now += int64(time.Hour)
	for i := range 6 {
		if wait := b.take(&full, now); (wait != 0) != (i == 5) {
			t.Errorf("after a silence event %d waits %v", i+1, wait)
		}
	}
}

// A rate that is raised counts at once, whatever was used up before.
func TestRaisedRateCountsAtOnce(t *testing.T) {
	slow, quick := Rate{Count: 1, Per: time.Hour, Burst: 10}.bucket(), Rate{Count: 10}.bucket()
	var full int64
	for range 10 {
		slow.take(&full, 0)
	}
	if wait := quick.take(&full, 0); wait > 100*time.Millisecond || wait == 0 {
		t.Errorf("waits %v, want up to 0.1 s", wait)
	}
	if wait := quick.take(&full, int64(100*time.Millisecond)); wait != 0 && wait != 100*time.Millisecond {
		t.Errorf("waits %v", wait)
	}
	if wait := (bucket{}).take(&full, 0); wait != 0 {
		t.Errorf("no limit waits %v", wait)
	}
}

func TestRatesAreChecked(t *testing.T) {
	for _, tt := range []struct {
		rate Rate
		ok   bool
		text string
	}{
		{Rate{}, true, "none"},
		{Rate{Count: 5}, true, "5/1s"},
		{Rate{Count: 20, Per: time.Minute}, true, "20/1m0s"},
		{Rate{Count: 20, Per: time.Minute, Burst: 5}, true, "20/1m0s burst 5"},
		{Rate{Count: 1, Per: math.MaxInt64 / 8}, true, ""},
		{Rate{Count: 1, Per: math.MaxInt64}, false, ""},
		{Rate{Count: -1}, false, ""},
		{Rate{Count: 1, Per: -1}, false, ""},
		{Rate{Count: 1, Burst: -1}, false, ""},
		{Rate{Per: time.Second}, false, ""},
		{Rate{Burst: 1}, false, ""},
		{Rate{Count: 2, Per: 1}, false, ""},
		{Rate{Count: 1, Per: time.Hour, Burst: 1 << 30}, false, ""},
	} {
		if err := tt.rate.check(); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt.rate, err)
		}
		if got := tt.rate.String(); tt.text != "" && got != tt.text {
			t.Errorf("String = %q, want %q", got, tt.text)
		}
	}
}

// Many goroutines get as many events as one would.
func TestSharedRateIsExact(t *testing.T) {
	b := Rate{Count: 100, Per: time.Hour}.bucket()
	var s shared
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if s.take(b, 5) == 0 {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 100 || s.peek(b, 5) == 0 {
		t.Errorf("%d passed, want 100", passed.Load())
	}
}
