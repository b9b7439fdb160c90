package client_test

import (
	"errors"
	"testing"

	"github.com/icsws/icsws/client"
)

// F-05: the last choice counts, and what can not be a target changes nothing.
func TestOpenRequestKeepsTheTarget(t *testing.T) {
	var r client.OpenRequest
	if to, ok := r.ForwardTarget(); ok || to != (client.ForwardTarget{}) {
		t.Errorf("at first there is %+v", to)
	}
	for _, bad := range []string{"", "a.example:1", "http://a.example", "ws://u@a.example", "tcp://", "ws://a\x00"} {
		if err := r.ForwardToURL(bad); !errors.Is(err, client.ErrForwardURL) {
			t.Errorf("ForwardToURL(%q) = %v", bad, err)
		}
	}
	if _, ok := r.ForwardTarget(); ok {
		t.Error("a bad URL is a target")
	}
	r.ForwardTo("a.example", 0)
	if to, ok := r.ForwardTarget(); !ok || to != (client.ForwardTarget{Host: "a.example"}) {
		t.Errorf("then %+v", to)
	}
	if err := r.ForwardToURL("WSS://b.example/x"); err != nil {
		t.Error(err)
	}
	if to, _ := r.ForwardTarget(); to != (client.ForwardTarget{URL: "WSS://b.example/x"}) {
		t.Errorf("then %+v", to)
	}
}
