package soak

import (
	"bytes"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"
)

// baseline is what a process holds.
type baseline struct {
	goroutines, files int
	memory            int64 // heap and stacks in use, garbage collected
}

// heapSlack is how much pools and the runtime itself may keep.
const heapSlack = 8 << 20

// measure looks at this process when it is at rest.
func measure() baseline {
	// What the runtime makes once for the network is there.
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		_ = l.Close()
	}
	return look()
}

func look() baseline {
	runtime.GC()
	runtime.GC() // pools need two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return baseline{runtime.NumGoroutine(), descriptors(), int64(m.HeapAlloc + m.StackInuse)}
}

// descriptors counts the open files of this process, 0 where that is not known.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// withPollers is b with what the dormant driver makes when connections first fall
// asleep, and keeps as long as the server.
func (b baseline) withPollers() baseline {
	b.goroutines += runtime.GOMAXPROCS(0)
	b.files += runtime.GOMAXPROCS(0)
	return b
}

// wantBack waits until the process holds no more than before.
func (b baseline) wantBack(t *testing.T) {
	t.Helper()
	var now baseline
	ok := within(30*time.Second, 50*time.Millisecond, func() bool {
		now = look()
		return now.goroutines <= b.goroutines && now.files <= b.files && now.memory <= b.memory+heapSlack
	})
	if !ok {
		t.Errorf("seed %d: the process holds %+v, before it was %+v\n%s", seed, now, b, stacks())
	}
}

// stacks is what all goroutines do, equal ones as one.
func stacks() string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
	return string(b.Bytes()[:min(b.Len(), 16<<10)])
}

// within asks until the answer is yes, or the time is over.
func within(d, every time.Duration, ok func() bool) bool {
	for end := time.Now().Add(d); !ok(); time.Sleep(every) {
		if time.Now().After(end) {
			return ok()
		}
	}
	return true
}

// eventually is within, with a failure that says what was waited for.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !within(60*time.Second, 5*time.Millisecond, ok) {
		t.Fatalf("seed %d: waited in vain for %s\n%s", seed, what, stacks())
	}
}
