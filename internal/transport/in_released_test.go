package transport

import (
	"io"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// Whoever ends the connection inside of an event may release the inflater that is at
// work for it; that is no fault of the peer.
func TestInflaterReleasedByAnEventIsNoViolation(t *testing.T) {
	k := newTalk()
	k.message(wstest.OpBinary, make([]byte, 1<<20), true, nil, 1<<20)
	c := newTaker(testSettings(), &fakeWire{script: [][]byte{k.bytes}, end: io.EOF}, deflate.NewDecompressor(takeover))
	c.onPiece = func([]byte, bool) {
		_ = c.CloseWith(client.StatusNormalClosure, "", false, nil)
		c.in.stopPieces()
	}
	c.run()
	if _, ok := c.err.(*client.ProtocolError); ok || c.wrong != nil {
		t.Errorf("Read = %v; %v", c.err, c.wrong)
	}
	if info := c.Info(); info.Code != client.StatusNormalClosure {
		t.Errorf("Info = %+v", info)
	}
	c.Finish()
	c.Linger()
}
