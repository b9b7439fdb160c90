package deflate

import (
	"bytes"
	"testing"
)

func TestWindowKeepsTheLastBytes(t *testing.T) {
	all := randomBytes(1, 20000)
	for _, size := range []int{0, 256, 4096, 32768} {
		for _, step := range []int{1, 100, 255, 256, 257, 5000} {
			w := window{size: size}
			for at := 0; at < len(all); at += step {
				end := min(at+step, len(all))
				w.extend(all[at:end])
				if want := all[max(0, end-size):end]; !bytes.Equal(w.buf, want) {
					t.Fatalf("size %d, step %d: wrong after %d bytes", size, step, end)
				}
				if cap(w.buf) > size {
					t.Fatalf("size %d: capacity %d", size, cap(w.buf))
				}
			}
		}
	}
}

func TestWindowGrowsWithWhatArrives(t *testing.T) {
	w := window{size: 4096}
	if cap(w.buf) != 0 {
		t.Error("an unused window has memory")
	}
	w.extend(make([]byte, 100))
	if got := cap(w.buf); got != minWindowCap {
		t.Errorf("capacity after 100 bytes = %d, want %d", got, minWindowCap)
	}
}
