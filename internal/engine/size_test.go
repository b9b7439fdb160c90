package engine

import (
	"math/bits"
	"testing"
	"unsafe"
)

// A connection is one allocation of a size class of its own; the next larger one would
// cost each client 128 bytes.
func TestSessionFitsItsSizeClass(t *testing.T) {
	if n := unsafe.Sizeof(Session{}); bits.UintSize == 64 && n > 896 {
		t.Errorf("a session has %d bytes, more than 896", n)
	}
}
