package deflate

import "fmt"

const (
	// Space for a message whose destination has none grows by doubling; it
	// begins with a guess in this range, in bytes.
	minGrow = 512
	maxGrow = 32 << 10

	// idleInput is how much of a message may give nothing, in bytes, beyond the
	// CompressedLimit of the plaintext so far.
	idleInput = 40 << 10
)

var (
	errTruncated = fmt.Errorf("%w: unexpected end", ErrCorrupt)
	errNoOutput  = fmt.Errorf("%w: large input with little output", ErrCorrupt)
)

// message appends the message to dst, at most limit bytes. It takes no more input
// than the plaintext so far allows.
func (d *decoder) message(dst, compressed []byte, limit int) ([]byte, error) {
	out, maxLen := dst, len(dst)+limit
	first := min(max(4*len(compressed), minGrow), maxGrow)
	for taken := 0; taken < len(compressed); {
		allowed := int(CompressedLimit(int64(len(out)-len(dst)))) + idleInput
		if allowed == taken {
			return nil, errNoOutput
		}
		d.in = compressed[taken:min(allowed, len(compressed))]
		taken += len(d.in)
		var err error
		if out, err = d.drain(out, first, maxLen); err != nil {
			return nil, err
		}
	}
	if !d.whole() {
		return nil, errTruncated
	}
	return out, nil
}

// drain uses the input up and appends what comes out, even before an error, to out.
func (d *decoder) drain(out []byte, first, maxLen int) ([]byte, error) {
	for {
		stop := d.run()
		var err error
		if out, err = appendPiece(out, d.piece(), first, maxLen); err != nil {
			return nil, err
		}
		switch stop {
		case errInput:
			return out, nil
		case errRoom:
		default:
			return nil, stop
		}
	}
}

// appendPiece appends p to out, which never gets longer than maxLen.
func appendPiece(out, p []byte, first, maxLen int) ([]byte, error) {
	for {
		n := copy(out[len(out):min(cap(out), maxLen)], p)
		out, p = out[:len(out)+n], p[n:]
		if len(p) == 0 {
			return out, nil
		}
		if len(out) == maxLen {
			return nil, ErrTooBig
		}
		out = grow(out, first, maxLen)
	}
}

// grow makes room for at least one byte more, with a capacity of at most
// maxLen.
func grow(out []byte, first, maxLen int) []byte {
	c := min(max(len(out)+first, 2*len(out)), maxLen)
	return append(make([]byte, 0, c), out...)
}
