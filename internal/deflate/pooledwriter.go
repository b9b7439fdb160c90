package deflate

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/flate"
)

// syncTail ends what Flush writes and is not sent (RFC 7692 section 7.2.1).
const syncTail = "\x00\x00\xff\xff"

// minPooled is the size in bytes below which levels 1 to 6 of flate do not look
// for repetitions, so that our encoder is better.
const minPooled = 128

// writers holds the flate.Writers not in use, by level. One takes about a
// megabyte, so no connection has its own.
var writers [10]sync.Pool

type pooledWriter struct {
	out []byte
	fw  *flate.Writer // writes to out
}

func (w *pooledWriter) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

func getWriter(level int) (*pooledWriter, error) {
	if w, _ := writers[level].Get().(*pooledWriter); w != nil {
		return w, nil
	}
	w := new(pooledWriter)
	fw, err := flate.NewWriter(w, level)
	if err != nil {
		return nil, fmt.Errorf("deflate: level %d: %w", level, err)
	}
	w.fw = fw
	return w, nil
}

// appendPooled compresses msg alone, with a window of 32 KiB.
func appendPooled(dst, msg []byte, level int) ([]byte, error) {
	w, err := getWriter(level)
	if err != nil {
		return dst, err
	}
	w.out = dst
	w.fw.Reset(w)
	if _, err = w.fw.Write(msg); err == nil {
		err = w.fw.Flush()
	}
	out := w.out
	w.out = nil
	if err != nil {
		return dst, fmt.Errorf("deflate: compress %d bytes: %w", len(msg), err)
	}
	writers[level].Put(w)
	if out = out[:len(out)-len(syncTail)]; len(out)-len(dst) > maxCompressed(len(msg)) {
		return appendStored(dst, msg), nil
	}
	return out, nil
}

// maxCompressed is the longest that the compressed form of n bytes may be.
func maxCompressed(n int) int { return n + n/1000 + 16 }

// appendStored writes msg as it is: flate sometimes makes it longer.
func appendStored(dst, msg []byte) []byte {
	w := bitWriter{out: dst}
	for len(msg) > 0 {
		n := min(len(msg), maxStored)
		w.stored(msg[:n])
		msg = msg[n:]
	}
	return w.sync()
}

// maxStored is what goes into one stored block (RFC 1951 section 3.2.4).
const maxStored = 1<<16 - 1
