package engine

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
)

// failing is a compressor that can not.
type failing struct{ extended bool }

var errFailing = errors.New("out of order")

func (*failing) Append(dst, _ []byte) ([]byte, error) { return dst, errFailing }
func (f *failing) Extend([]byte)                      { f.extended = true }

// TestFailedCompressionSendsNothing: the sender is told, nothing went out, and the
// connection goes on. S-22
func TestFailedCompressionSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall()
		h.deflate = &deflate.Params{}
		s, p := h.enter(t)
		synctest.Wait()
		f := new(failing)
		s.zip.Zip = f
		_, err := s.Send(client.OpBinary, make([]byte, 1000), false)
		if !errors.Is(err, client.ErrCompression) || !errors.Is(err, errFailing) {
			t.Errorf("Send = %v, want ErrCompression", err)
		}
		if f.extended {
			t.Error("what was not sent entered the window")
		}
		if _, err := s.Send(client.OpText, []byte("short"), false); err != nil {
			t.Errorf("Send of a message that is not compressed = %v", err)
		}
		p.WantText("short")
	})
}
