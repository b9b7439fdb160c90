package handshake

import (
	"slices"
	"testing"
)

const someFields = "Host: a\r\nConnection: keep-alive\r\nX-Empty:\r\nconnection:\tfoo , Upgrade\t\r\nNoColon\r\nSet: x:y\n"

func TestFieldsFindNamesWithoutCase(t *testing.T) {
	f := Fields(someFields)
	for _, tt := range []struct {
		name  string
		value string
		count int
	}{
		{"host", "a", 1},
		{"CONNECTION", "keep-alive", 2},
		{"X-Empty", "", 1},
		{"Set", "x:y", 1},
		{"Hos", "", 0},
		{"Hosts", "", 0},
		{"NoColon", "", 0},
		{"", "", 0},
	} {
		if got := f.Get(tt.name); got != tt.value {
			t.Errorf("Get(%q) = %q, want %q", tt.name, got, tt.value)
		}
		if got := f.Count(tt.name); got != tt.count {
			t.Errorf("Count(%q) = %d, want %d", tt.name, got, tt.count)
		}
	}
	got := slices.Collect(f.Values("Connection"))
	if want := []string{"keep-alive", "foo , Upgrade"}; !slices.Equal(got, want) {
		t.Errorf("Values = %q, want %q", got, want)
	}
	for range f.Values("Connection") {
		break // an iterator may be left
	}
}

// token lists are lists, over several lines.
func TestTokensAreComparedWhole(t *testing.T) {
	for _, tt := range []struct {
		fields string
		want   bool
	}{
		{"Connection: upgrade\r\n", true},
		{"Connection: keep-alive, Upgrade\r\n", true},
		{"Connection: keep-alive\r\nConnection: Upgrade\r\n", true},
		{"Connection: ,, UPGRADE ,\r\n", true},
		{"Connection: noupgrade\r\n", false},
		{"Connection: upgrades\r\n", false},
		{"Connection: upgrade/1\r\n", false},
		{"Connection: up, grade\r\n", false},
		{"Connection: \"upgrade\"\r\n", false},
		{"Connection:\r\n", false},
		{"", false},
	} {
		if got := Fields(tt.fields).HasToken("connection", "Upgrade"); got != tt.want {
			t.Errorf("HasToken(%q) = %v, want %v", tt.fields, got, tt.want)
		}
	}
	if Fields("Connection: \u212aeep-alive\r\n").HasToken("Connection", "keep-alive") {
		t.Error("the Kelvin sign is not a k")
	}
}

//
func TestHeaderHasEveryLineUnderItsCanonicalName(t *testing.T) {
	h := Fields(someFields).Header()
	if got := h["Connection"]; !slices.Equal(got, []string{"keep-alive", "foo , Upgrade"}) {
		t.Errorf("Connection = %q", got)
	}
	if _, ok := h["Host"]; ok || len(h) != 3 {
		t.Errorf("Header = %v", h)
	}
	h.Set("X-Empty", "changed")
	if Fields(someFields).Header().Get("X-Empty") != "" {
		t.Error("two calls share a map")
	}
}

func TestLookUpsDoNotAllocate(t *testing.T) {
	r := mustRead(t, browserRequest)
	n := testing.AllocsPerRun(100, func() {
		_ = r.Get("Origin")
		_ = r.HasToken("Connection", "upgrade")
		for range Fields(r.Raw).Values("Cookie") {
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
