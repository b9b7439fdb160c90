//go:build linux

package main

import "testing"

func TestABroadcastIsCompleteWhenEverybodyHasIt(t *testing.T) {
	o := newFanOut(2, 2, 10) // both clients have 10 messages from before
	o.begin(100)
	o.begin(200)
	deliver := func(total, n int) {
		t.Helper()
		if err := o.deliver(total, n); err != nil {
			t.Fatal(err)
		}
	}
	deliver(12, 2) // one client has both
	if _, ok := o.finish(1000); ok {
		t.Fatal("complete with one client of two")
	}
	deliver(11, 1)
	if took, ok := o.finish(1000); !ok || took != 900 {
		t.Fatalf("finish = %d, %v; want 900", took, ok)
	}
	o.begin(1100) // takes the place of the first
	deliver(12, 1)
	if took, ok := o.finish(1200); !ok || took != 1000 {
		t.Fatalf("finish = %d, %v; want 1000", took, ok)
	}
	if _, ok := o.finish(1300); ok || o.complete != 2 || o.sent != 3 {
		t.Fatalf("%d of %d complete", o.complete, o.sent)
	}
}

func TestAMessageNobodySentIsAnError(t *testing.T) {
	o := newFanOut(1, 1, 0)
	o.begin(0)
	if err := o.deliver(2, 2); err == nil {
		t.Error("two deliveries of one broadcast were taken")
	}
}
