//go:build linux

package main

import "testing"

func TestConnectionsAreSpreadOverTheRooms(t *testing.T) {
	g := &generator{options: options{rooms: 4, talkers: 256}, target: target{path: "/room/"}}
	members := map[string]int{}
	for i := range 256 {
		members[g.path(i)]++
	}
	if len(members) != 4 || members["/room/3"] != 64 || g.heard() != 64 {
		t.Errorf("rooms %v, everybody hears %d", members, g.heard())
	}
	g.rooms, g.talkers, g.target.path = 0, 100, "/broadcast"
	if g.path(7) != "/broadcast" || g.heard() != 100 {
		t.Errorf("path %q, everybody hears %d", g.path(7), g.heard())
	}
}

func TestARoomThatDoesNotComeOutEvenIsRefused(t *testing.T) {
	for _, o := range []options{
		{conns: 10, rooms: 3},
		{conns: 10, talkers: 11},
		{conns: 10, rooms: 2, talkers: 5},
	} {
		g := &generator{options: o}
		if f, err := g.room(); err == nil {
			t.Errorf("%+v: %+v", o, f)
		}
	}
}
