package clienttest

import (
	"errors"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/pump"
)

// E-24, E-25: a Recorder runs the events itself, whatever the loop; while the client is
// detached they wait, and the last ones come all the same.
func TestRecorderHoldsTheEventsOfADetachedClient(t *testing.T) {
	loop := pump.New(pump.Options{})
	c, rec := on(t, func(c *scripted, m client.Message) error { c.heard = append(c.heard, string(m.Data)); return nil })
	if err := errors.Join(c.DetachPump(), rec.Text("one"), rec.Text("two"), rec.Wake()); err != nil {
		t.Fatal(err)
	}
	if n := len(c.heard); n != 0 {
		t.Errorf("%d events have run", n)
	}
	for _, to := range []client.Loop{loop, nil, loop} {
		if err := errors.Join(c.AttachPump(to), rec.Wake(), rec.Text("three")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.heard); n != 5 {
		t.Errorf("%d events have run, want 5", n)
	}
	closed := pump.New(pump.Options{})
	closed.Close()
	for want, l := range map[error]client.Loop{client.ErrNoLoop: struct{ client.Loop }{}, client.ErrLoopClosed: closed} {
		if err := c.AttachPump(l); !errors.Is(err, want) {
			t.Errorf("AttachPump = %v, want %v", err, want)
		}
	}
	if s := loop.Stats(); s.Clients != 0 {
		t.Errorf("%+v", s)
	}
	_ = c.DetachPump()
	rec.Disconnect(client.CloseInfo{})
	for _, err := range []error{c.AttachPump(loop), c.DetachPump()} {
		if !errors.Is(err, client.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	}
}
