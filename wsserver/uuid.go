package wsserver

import (
	"crypto/rand"
	"sync"

	"github.com/google/uuid"
)

// uuids makes UUIDs. It reads from crypto/rand for many of them at once. The zero value
// is ready.
type uuids struct {
	mu   sync.Mutex // guards the following
	pool [16 * 16]byte
	left int // at the end of pool
}

// next returns a version 7 UUID.
func (u *uuids) next() uuid.UUID {
	u.mu.Lock()
	defer u.mu.Unlock()
	id, err := uuid.NewV7FromReader((*uuidSource)(u))
	if err != nil {
		return uuid.UUID{}
	}
	return id
}

// uuidSource is uuids as a reader. The lock is held.
type uuidSource uuids

// Read fills p with random bytes, each of which is given out once.
func (u *uuidSource) Read(p []byte) (int, error) {
	if u.left == 0 {
		_, _ = rand.Read(u.pool[:]) // never fails
		u.left = len(u.pool)
	}
	from := u.pool[len(u.pool)-u.left:]
	n := copy(p, from)
	clear(from[:n])
	u.left -= n
	return n, nil
}
