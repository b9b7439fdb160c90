package admit

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"sync"
)

// tally is what is known of one address or network, 48 bytes.
type tally struct {
	key number

	accepted  int64 // when the bucket of AcceptRate is full again
	shook     int64 // and that of HandshakeRate
	forgotten int64 // when its violations are

	open       uint32 // connections
	violations uint16
	used       bool
}

// idle reports whether a fresh tally would say the same.
func (y *tally) idle(now int64) bool {
	return y.open == 0 && y.accepted <= now && y.shook <= now && y.forgotten <= now
}

// table holds a bounded number of tallies. Its memory grows with those that are not idle,
// and is never more than 64 bytes for each tally that it may have.
type table struct {
	seed   maphash.Seed
	shards []shard // a power of two of them
}

// sharded is the size from which a table has several shards, and shards how many.
const (
	sharded = 1024
	shards  = 16
)

func newTable(size int) *table {
	n := 1
	if size >= sharded {
		n = shards
	}
	return &table{seed: maphash.MakeSeed(), shards: make([]shard, n)}
}

// shard is an open-addressed hash table with linear probing. A flood of addresses that
// come once is what it is made for: it never allocates when it is full.
type shard struct {
	mu    sync.Mutex // guards the following, and the tallies
	slots []tally
	n     int // of them used
	hand  int // where evict looks next

	_ [64]byte // the next shard's lock is in another cache line
}

// with finds the tally of key, or makes it if there may be size in the table, and calls
// do with it under the shard's lock. It reports whether there was one.
func (t *table) with(key number, size int, now int64, do func(*tally)) bool {
	hash := t.hash(key)
	s := &t.shards[hash&uint64(len(t.shards)-1)]
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(t, key, hash)
	if !ok {
		if i, ok = s.insert(t, key, hash, (size+len(t.shards)-1)/len(t.shards), now); !ok {
			return false
		}
	}
	do(&s.slots[i])
	return true
}

// known calls do with the tally of key, if there is one.
func (t *table) known(key number, do func(*tally)) bool {
	hash := t.hash(key)
	s := &t.shards[hash&uint64(len(t.shards)-1)]
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(t, key, hash)
	if ok {
		do(&s.slots[i])
	}
	return ok
}

// len returns the number of tallies.
func (t *table) len() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += s.n
		s.mu.Unlock()
	}
	return n
}

// trim drops what is idle, and memory with it.
func (t *table) trim(now int64) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.rebuild(t, 0, now)
		s.mu.Unlock()
	}
}

// hash has a seed that no peer knows.
func (t *table) hash(key number) uint64 {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:8], key.hi)
	binary.NativeEndian.PutUint64(b[8:], key.lo)
	return maphash.Bytes(t.seed, b[:])
}

// home is the slot at which the search for a hash begins: its upper bits, as the lower
// ones have chosen the shard.
func (s *shard) home(hash uint64) int {
	i, _ := bits.Mul64(hash, uint64(len(s.slots)))
	return int(i)
}

func (s *shard) next(i int) int {
	if i++; i == len(s.slots) {
		return 0
	}
	return i
}

// find returns the slot of key, or the free one where it belongs.
func (s *shard) find(t *table, key number, hash uint64) (i int, ok bool) {
	if len(s.slots) == 0 {
		return 0, false
	}
	for i = s.home(hash); s.slots[i].used; i = s.next(i) {
		if s.slots[i].key == key {
			return i, true
		}
	}
	return i, false
}

// insert makes a tally of key, which has none; false if there is no room for one more
// than size.
func (s *shard) insert(t *table, key number, hash uint64, size int, now int64) (i int, ok bool) {
	crowded := 4*(s.n+1) > 3*len(s.slots)
	if (s.n >= size || crowded) && !s.evict(t, now) {
		if s.n >= size {
			return 0, false
		}
		s.rebuild(t, size, now)
	}
	i, _ = s.find(t, key, hash)
	s.slots[i] = tally{key: key, used: true}
	s.n++
	return i, true
}

// glance is how many slots evict looks at.
const glance = 16

// evict drops an idle tally, if there is one among those that it looks at. The next call
// looks at others.
func (s *shard) evict(t *table, now int64) bool {
	for range min(glance, len(s.slots)) {
		i := s.hand % len(s.slots)
		s.hand = s.next(i)
		if y := &s.slots[i]; y.used && y.idle(now) {
			s.remove(t, i)
			return true
		}
	}
	return false
}

// remove frees slot i and moves what follows it closer to its home.
func (s *shard) remove(t *table, i int) {
	s.n--
	for j := s.next(i); s.slots[j].used; j = s.next(j) {
		home := s.home(t.hash(s.slots[j].key))
		// It may move to i unless its home lies behind i, on the way round to j.
		if i < j && (home <= i || home > j) || i > j && home <= i && home > j {
			s.slots[i] = s.slots[j]
			i = j
		}
	}
	s.slots[i] = tally{}
}

// rebuild drops what is idle and takes slots for twice the rest, but not for more than
// size.
func (s *shard) rebuild(t *table, size int, now int64) {
	old := s.slots
	s.n = 0
	for i := range old {
		if old[i].used && !old[i].idle(now) {
			s.n++
		}
	}
	room := max(min(max(2*s.n, 8), size), s.n+1)
	s.slots, s.hand = make([]tally, room+(room+2)/3+1), 0
	for i := range old {
		if y := &old[i]; y.used && !y.idle(now) {
			slot, _ := s.find(t, y.key, t.hash(y.key))
			s.slots[slot] = *y
		}
	}
}
