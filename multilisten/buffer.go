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
// the user comes last and so has the last word. refused is where the error of the
// receive buffer goes, which does not fail the binding.
func (o *Options) control(b *Binding, refused *error) controlFunc {
	return func(network, address string, c syscall.RawConn) error {
		if err := b.prepareSocket(network, c); err != nil {
			return err
		}
		if o.InBufferSize > 0 && strings.HasPrefix(network, "tcp") {
			*refused = setInBuffer(c, o.InBufferSize)
		}
		if o.Control == nil {
			return nil
		}
		return o.Control(network, address, c)
	}
}

// prepareSocket sets what the binding wants of a socket before it is bound.
func (b *Binding) prepareSocket(network string, c syscall.RawConn) error {
	switch {
	case network == "unix" && b.Mode != 0:
		return limitMode(c, b.Mode)
	case network == "unix":
		return nil
	case b.Shared:
		return shareSocket(c)
	case b.Exclusive:
		return excludeOthers(c)
	}
	return nil
}
