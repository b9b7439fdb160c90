package multilisten

import (
	"fmt"
	"math"
	"strings"
	"syscall"
)

// checkBuffer holds InBufferSize against what setsockopt takes: an int of 32 bits.
func (o *Options) checkBuffer() error {
	if o.InBufferSize < 0 || o.InBufferSize > math.MaxInt32 {
		return fmt.Errorf("multilisten: InBufferSize: %d is not from 0 to %d", o.InBufferSize, math.MaxInt32)
	}
	return nil
}

// control is what net.ListenConfig calls between socket(2) and bind(2). Control of
// the user comes second and so has the last word. refused is where the error of
// the receive buffer goes, which does not fail the binding.
func (o *Options) control(refused *error) controlFunc {
	if o.InBufferSize == 0 {
		return o.Control
	}
	return func(network, address string, c syscall.RawConn) error {
		if strings.HasPrefix(network, "tcp") {
			*refused = setInBuffer(c, o.InBufferSize)
		}
		if o.Control == nil {
			return nil
		}
		return o.Control(network, address, c)
	}
}
