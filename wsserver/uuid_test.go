package wsserver

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
)

func TestUUIDsAreRandomAndInOrder(t *testing.T) {
	var u uuids
	seen := map[uuid.UUID]bool{}
	random := map[[8]byte]bool{} // what is not the time
	var last uuid.UUID
	for range 10 * len(u.pool) / 16 {
		id := u.next()
		if id.Version() != 7 || id.Variant() != uuid.RFC4122 {
			t.Fatalf("%v is of version %d, variant %v", id, id.Version(), id.Variant())
		}
		if bytes.Compare(last[:], id[:]) >= 0 {
			t.Errorf("%v comes after %v", id, last)
		}
		last, seen[id], random[[8]byte(id[8:])] = id, true, true
		if used := u.pool[:len(u.pool)-u.left]; !bytes.Equal(used, make([]byte, len(used))) {
			t.Fatal("bytes that were given out are still there")
		}
	}
	if n := 10 * len(u.pool) / 16; len(seen) != n || len(random) != n {
		t.Errorf("%d UUIDs of %d differ, %d by chance", len(seen), n, len(random))
	}
}
