package deflate

const (
	// symbolBits is the most that a symbol of a block can have: two words of 15
	// bits, with 5 and 13 extra bits.
	symbolBits = 48

	// A round of fast takes in fastInput bytes at once. It may write fastRoom:
	// three literals, and a match, which is copied in steps of up to fastCopy.
	fastInput = 8
	fastCopy  = 16
	fastRoom  = 3 + maxMatch + fastCopy
)

// symbols reads up to the end of the block.
func (d *decoder) symbols() error {
	for d.at == inSymbols {
		for d.length > 0 && d.room() > 0 {
			d.match()
		}
		var err error
		switch {
		case d.room() == 0:
			return errRoom
		case len(d.in) >= fastInput && d.room() >= fastRoom:
			err = d.fast()
		default:
			err = d.symbol()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// symbol reads a literal, a match or the end of the block.
func (d *decoder) symbol() error {
	d.fill()
	e := d.lit.find(d.acc)
	n := e.bits()
	switch {
	case n > d.n:
		return errInput
	case e&badEntry != 0:
		return errWord
	case e&literalEntry != 0:
		d.take(n)
		d.put(byte(e >> 16))
	case e&endEntry != 0:
		d.take(n)
		d.endBlock()
	default:
		f := d.dist.find(d.acc >> n)
		if n+f.bits() > d.n {
			return errInput
		}
		if f&badEntry != 0 {
			return errWord
		}
		d.length, d.distance = e.value(d.take(n)), f.value(d.take(f.bits()))
		if !d.reaches(d.distance) {
			return errDistance
		}
	}
	return nil
}

// match writes as much of the match as has room.
func (d *decoder) match() {
	n := min(d.length, d.room())
	if from := d.pos - d.distance; from < 0 {
		n = min(n, -from) // up to the end of buf
	}
	d.pos = d.copyBack(d.pos, d.distance, n)
	d.length -= n
}

// fast does the same as symbol, again and again, with what it needs at hand. It
// stops at the end of the block, and where symbol has to look closer: near the
// end of the input or of the ring.
func (d *decoder) fast() (err error) {
	in, acc, n, pos := d.in, d.acc, d.n, d.pos
	lit, dist, buf := d.lit, d.dist, &d.buf
	ended := false
loop:
	for len(in) >= fastInput && pos <= maxWindow-fastRoom {
		acc |= load64(in, 0) << (n & 63)
		in = in[(63-n)&63>>3:]
		n |= enough
		e := lit.find(acc)
		if e&literalEntry != 0 { // there are enough bits for three
			buf[pos&(maxWindow-1)] = byte(e >> 16)
			pos++
			acc, n = acc>>(e.bits()&63), n-e.bits()
			if e = lit.find(acc); e&literalEntry != 0 {
				buf[pos&(maxWindow-1)] = byte(e >> 16)
				pos++
				acc, n = acc>>(e.bits()&63), n-e.bits()
				if e = lit.find(acc); e&literalEntry != 0 {
					buf[pos&(maxWindow-1)] = byte(e >> 16)
					pos++
					acc, n = acc>>(e.bits()&63), n-e.bits()
					continue
				}
			}
			if n < symbolBits {
				continue // not for long: the same entry comes first
			}
		}
		if e&(endEntry|badEntry) != 0 {
			if ended = e&endEntry != 0; !ended {
				err = errWord
			}
			acc, n = acc>>(e.bits()&63), n-e.bits()
			break
		}
		length := e.value(acc)
		acc, n = acc>>(e.bits()&63), n-e.bits()
		if e = dist.find(acc); e&badEntry != 0 {
			err = errWord
			break
		}
		distance := e.value(acc)
		acc, n = acc>>(e.bits()&63), n-e.bits()
		if distance > pos-d.low {
			err = errDistance
			break
		}
		from := pos - distance
		switch {
		case d.low < 0: // each byte of buf may be referred to
			if from < 0 && from+length > 0 {
				d.length, d.distance = length, distance
				break loop
			}
			d.copyBack(pos, distance, length)
		case distance < 8:
			for i := range length {
				buf[(pos+i)&(maxWindow-1)] = buf[(from+i)&(maxWindow-1)]
			}
		default:
			for i := 0; i < length; i += fastCopy { // may go too far
				buf.copy8(pos+i, from+i)
				buf.copy8(pos+i+8, from+i+8)
			}
		}
		pos += length
	}
	d.in, d.acc, d.n, d.pos = in, acc&(1<<n-1), n, pos
	if ended {
		d.endBlock()
	}
	return err
}
