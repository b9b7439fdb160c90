package admit

// depth is how many sizes of networks are tracked, addresses included.
const depth = 3

// levels are the tallies of addresses, and of the networks that stand in for them when
// there are too many.
type levels struct {
	ipv4, ipv6 [depth]int // how many of the 128 bits count
	tables     [depth]*table
}

// The lengths of networks that may stand in for something smaller.
var (
	ladder4 = []int{24, 16, 8}
	ladder6 = []int{64, 48, 32, 24, 16}
)

// newLevels makes levels for addresses of these prefix lengths.
func newLevels(ipv4, ipv6, size int) *levels {
	v := &levels{ipv4: rungs(ladder4, ipv4), ipv6: rungs(ladder6, ipv6)}
	for i := range v.ipv4 {
		v.ipv4[i] += mappedBits
	}
	for i := range v.tables {
		v.tables[i] = newTable(sizeOf(size, i))
	}
	return v
}

// rungs returns length and the next shorter ones of the ladder.
func rungs(ladder []int, length int) (r [depth]int) {
	r[0] = length
	n := 1
	for _, rung := range ladder {
		if rung < length && n < depth {
			r[n] = rung
			n++
		}
	}
	return r
}

// sizeOf returns how many tallies a level may have, if it may be size addresses: an
// eighth for each size of networks.
func sizeOf(size, level int) int {
	if level == 0 {
		return size
	}
	return max(size/8, 1)
}

// share is how many times the limits of an address a network has.
func share(level int) int64 { return 1 << (2 * level) }

// bits returns how many of the 128 bits of n count at a level.
func (v *levels) bits(n number, level int) int {
	if n.isIPv4() {
		return v.ipv4[level]
	}
	return v.ipv6[level]
}

func (v *levels) key(n number, level int) number { return n.mask(v.bits(n, level)) }
