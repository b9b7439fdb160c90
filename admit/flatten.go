package admit

import (
	"cmp"
	"container/heap"
	"slices"
)

// flatten cuts spans, which may overlap, into pieces that do not. Piece i reaches from
// starts[i] to the next start; owners[i] is the entry of the smallest span over it, of
// equal ones the first entry's, or -1.
func flatten(spans []span) (starts []number, owners []int32) {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(compare(a.first, b.first), cmp.Compare(a.entry, b.entry))
	})
	var open covering
	owner := int32(-1)
	for _, at := range bounds(spans) {
		for len(spans) > 0 && spans[0].first == at {
			heap.Push(&open, spans[0])
			spans = spans[1:]
		}
		for len(open) > 0 && open[0].last.less(at) {
			heap.Pop(&open)
		}
		now := int32(-1)
		if len(open) > 0 {
			now = open[0].entry
		}
		if now != owner {
			starts, owners = append(starts, at), append(owners, now)
			owner = now
		}
	}
	return slices.Clip(starts), slices.Clip(owners)
}

// bounds are the numbers at which a span begins, or one has just ended.
func bounds(spans []span) []number {
	all := make([]number, 0, 2*len(spans))
	for _, s := range spans {
		all = append(all, s.first, s.last.next()) // 0 after the last number does no harm
	}
	slices.SortFunc(all, compare)
	return slices.Compact(all)
}

func compare(a, b number) int { return cmp.Or(cmp.Compare(a.hi, b.hi), cmp.Compare(a.lo, b.lo)) }

// covering is a heap of spans, the smallest on top.
type covering []span

func (c covering) Len() int      { return len(c) }
func (c covering) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *covering) Push(x any)   { *c = append(*c, x.(span)) }

func (c covering) Less(i, j int) bool {
	a, b := c[i], c[j]
	return cmp.Or(compare(a.last.minus(a.first), b.last.minus(b.first)), cmp.Compare(a.entry, b.entry)) < 0
}

func (c *covering) Pop() any {
	n := len(*c) - 1
	x := (*c)[n]
	*c = (*c)[:n]
	return x
}
