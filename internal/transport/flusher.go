package transport

import (
	"runtime"
	"sync"
)

// flusher writes what goroutines other than the readers have sent. Before it begins it
// lets everybody run who is ready to: of many who send to the same connections, as in a
// chat room, each adds to the cork, and the connection is written to once.
//
// Its goroutine lives while there is something to write.
type flusher struct {
	mu      sync.Mutex // guards the following
	dirty   []*Conn
	spare   []*Conn // the memory of the last list
	running bool

	start func() // run; bound once, so that starting it does not allocate
}

// maxSpare is how long a list may be to be kept.
const maxSpare = 1 << 10

// lane is always the same for a connection.
func (c *Conn) lane() *lane { return &c.svc.lanes[int(c.number)%len(c.svc.lanes)] }

// FlushSoon has c flushed, for which dirty is set already.
func (c *Conn) FlushSoon() { c.lane().flusher.add(c) }

// add has c flushed.
func (f *flusher) add(c *Conn) {
	f.mu.Lock()
	f.dirty = append(f.dirty, c)
	start := !f.running
	f.running = true
	f.mu.Unlock()
	if start {
		go f.start()
	}
}

func (f *flusher) run() {
	for {
		runtime.Gosched()
		list := f.take()
		if list == nil {
			return
		}
		for i, c := range list {
			list[i] = nil
			if c.set.Sent {
				go c.flushDirty() // in which there is user code
				continue
			}
			c.flushDirty()
			c.relieve()
		}
		if cap(list) <= maxSpare {
			f.mu.Lock()
			f.spare = list[:0]
			f.mu.Unlock()
		}
	}
}

// take returns who is to be flushed, or nil when it is time to go.
func (f *flusher) take() []*Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.dirty) == 0 {
		f.running = false
		return nil
	}
	list := f.dirty
	f.dirty, f.spare = f.spare, nil
	return list
}

func (c *Conn) flushDirty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty = false
	c.flushLocked()
}
