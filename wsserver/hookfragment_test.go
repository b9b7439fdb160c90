package wsserver_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// sieve gets its messages in pieces.
type sieve struct {
	client.Base
	j *journal
}

func (s *sieve) OnMessage(client.Message) error { s.j.add("message"); return nil }

func (s *sieve) OnFragment(f client.Fragment) error {
	s.j.add("class " + string(f.Data))
	return nil
}

// a plug-in sees pieces where there are no messages to see, before the class
// does, and may refuse one.
func TestHooksSeeFragments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		hook := func(c client.Client, f client.Fragment) error {
			j.add(fmt.Sprintf("hook of %d: %s %v %v", c.ID(), f.Data, f.First, f.Final))
			if string(f.Data) == "no" {
				return &client.CloseError{Code: 4000, Reason: "refused"}
			}
			return nil
		}
		f := wsserver.Factory[*sieve]{New: func(*client.OpenRequest) (*sieve, error) { return &sieve{j: j}, nil }}
		srv := newServerOf(t, f, wsserver.Config{Hooks: []wsserver.Hooks{{OnClientFragment: hook}}})
		p := clienttest.Dial(t, serve(t, srv), "/")
		p.SendText("yes")
		p.SendText("no")
		var ce *client.CloseError
		if _, err := p.TryReceive(); !errors.As(err, &ce) || ce.Code != 4000 {
			t.Errorf("the hook's refusal is %v, want close 4000", err)
		}
		j.want(t, "hook of 1: yes true true", "class yes", "hook of 1: no true true")
	})
}
