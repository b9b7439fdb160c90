package client

import (
	"github.com/icsws/icsws/internal/budget"
	"github.com/icsws/icsws/internal/link"
)

// Budget bounds the bytes that wait in the send queues of all clients of a server, or
// of several servers that were given the same Budget (Config.MemoryBudget). When it is
// spent, the clients with the longest queues pay first, until an eighth of it is free:
// what their policy allows to drop is dropped, and a client under [QueueClose] or
// [QueueBlock] is closed with 1008 and [ErrBudget], its queue discarded. A frame of a
// broadcast counts for each client whose queue holds it, although the memory is shared.
// While it is overdrawn by more than an eighth, whoever sends waits for that, up to about
// 10 ms.
//
// [NewBudget] makes it; the zero value is no budget and is refused by wsserver.New. All
// methods may be called from any goroutine.
type Budget struct{ b *budget.Budget }

// NewBudget returns a budget of so many bytes, which must be above 0: it panics
// otherwise.
func NewBudget(bytes int64) *Budget {
	if bytes <= 0 {
		panic("client: a budget of no bytes")
	}
	return &Budget{budget.New(bytes)}
}

// Limit is what NewBudget was given.
func (b *Budget) Limit() int64 {
	if b.b == nil {
		return 0
	}
	return b.b.Limit()
}

// Used is how many bytes wait now. It may be above Limit for a moment, and while a
// message that is larger than that is on its way.
func (b *Budget) Used() int64 {
	if b.b == nil {
		return 0
	}
	return b.b.Used()
}

func init() {
	link.BudgetOf = func(b any) *budget.Budget {
		if b := b.(*Budget); b != nil && b.b != nil {
			return b.b
		}
		return nil
	}
	link.MessageOptions = func(o any) (link.SendOptions, error) { return o.(SendOptions).message() }
}
