//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package multilisten

import (
	"net"
	"runtime"
	"testing"
)

func TestSharedSocketsListenTogether(t *testing.T) { // L-33
	first := openGroup(t, Binding{Addr: "127.0.0.1:0", Shared: true}).Listeners()[0]
	addr := first.Addr().String()
	second := openGroup(t, Binding{Addr: addr, Shared: true}).Listeners()[0]
	if runtime.GOOS != "linux" {
		return // others need not spread
	}
	got := map[*Listener]<-chan net.Conn{first: acceptAll(first), second: acceptAll(second)}
	var one, two int
	for range 500 {
		dial(t, first.Addr()).Close()
		select {
		case c := <-got[first]:
			c.Close()
			one++
		case c := <-got[second]:
			c.Close()
			two++
		}
		if one > 0 && two > 0 {
			break
		}
	}
	if one == 0 || two == 0 {
		t.Errorf("one socket got %d connections, the other one %d", one, two)
	}
	for l, conns := range got {
		l.Close()
		for range conns {
		}
	}
}

func TestSharingTakesTwo(t *testing.T) { // L-33
	for _, tt := range []struct{ first, second bool }{{false, false}, {true, false}, {false, true}} {
		l := openGroup(t, Binding{Addr: "127.0.0.1:0", Shared: tt.first}).Listeners()[0]
		_, err := Open(t.Context(), Options{}, Binding{Addr: l.Addr().String(), Shared: tt.second})
		if !isInUse(err) {
			t.Errorf("shared %v, then %v: Open = %v, want in use", tt.first, tt.second, err)
		}
	}
}

func TestExclusiveIsPossibleEverywhere(t *testing.T) { // L-33
	l := openGroup(t, Binding{Addr: "127.0.0.1:0", Exclusive: true}).Listeners()[0]
	if _, err := Open(t.Context(), Options{}, Binding{Addr: l.Addr().String()}); !isInUse(err) {
		t.Errorf("Open = %v, want in use", err)
	}
}
