package banner

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newGate returns a gate for p, which must be valid.
func newGate(t testing.TB, p Policy) *Gate {
	t.Helper()
	g, err := NewGate(p)
	if err != nil {
		t.Fatalf("NewGate = %v", err)
	}
	return g
}

// enter takes n places.
func enter(t testing.TB, g *Gate, n int) []*Place {
	t.Helper()
	places := make([]*Place, n)
	for i := range places {
		places[i] = new(Place)
		if err := g.Enter(places[i]); err != nil {
			t.Fatalf("Enter %d of %d = %v", i+1, n, err)
		}
	}
	return places
}
