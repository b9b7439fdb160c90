package admit

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
)

// number is an address as a number. IPv4 addresses have the numbers of their mapped
// form, ::ffff:0:0/96, which no other address has: so mapped addresses are unmapped by
// themselves, and one order holds both families.
type number struct{ hi, lo uint64 }

// The numbers of IPv4.
const (
	mapped     = 0xffff << 32
	mappedBits = 96
)

var (
	firstIPv4 = number{0, mapped}
	lastIPv4  = number{0, mapped | math.MaxUint32}
	last      = number{math.MaxUint64, math.MaxUint64}
)

// numberOf returns the number of a valid address, without its zone.
func numberOf(a netip.Addr) number {
	b := a.As16()
	return number{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (n number) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.hi)
	binary.BigEndian.PutUint64(b[8:], n.lo)
	return netip.AddrFrom16(b).Unmap()
}

func (n number) isIPv4() bool { return n.hi == 0 && n.lo>>32 == 0xffff }

func (n number) less(m number) bool {
	return n.hi < m.hi || n.hi == m.hi && n.lo < m.lo
}

// minus wraps around.
func (n number) minus(m number) number {
	lo, borrow := bits.Sub64(n.lo, m.lo, 0)
	hi, _ := bits.Sub64(n.hi, m.hi, borrow)
	return number{hi, lo}
}

// next returns n + 1; of the last number it is 0.
func (n number) next() number {
	lo, carry := bits.Add64(n.lo, 1, 0)
	return number{n.hi + carry, lo}
}

// mask keeps the first so many of the 128 bits.
func (n number) mask(bits int) number {
	m := maskOf(bits)
	return number{n.hi & m.hi, n.lo & m.lo}
}

// fill sets all bits behind the first so many.
func (n number) fill(bits int) number {
	m := maskOf(bits)
	return number{n.hi | ^m.hi, n.lo | ^m.lo}
}

// maskOf relies on a shift by 64 or more being 0.
func maskOf(bits int) number {
	return number{^(math.MaxUint64 >> min(bits, 64)), ^(math.MaxUint64 >> max(bits-64, 0))}
}

// prefix returns the network that n and so many of the 128 bits mean.
func (n number) prefix(bits int) netip.Prefix {
	a := n.mask(bits).addr()
	if a.Is4() {
		bits -= mappedBits
	}
	return netip.PrefixFrom(a, bits)
}
