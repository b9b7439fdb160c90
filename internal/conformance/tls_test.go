package conformance

import (
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

// The groups that depend on how bytes arrive and how the connection ends, over
// TLS. An end without close_notify counts as cut off. T-01

func TestTLSFraming(t *testing.T) {
	t.Parallel()
	p := OpenDeflate(secure.dial(t), "/", "permessage-deflate; client_max_window_bits")
	for _, n := range append([]int{limit}, sizes...) {
		data := payload(OpBinary, n)
		p.Send(Binary(data))
		p.WantMessage(OpBinary, data)
		data = payload(OpText, n)
		p.Send(p.Compressed(OpText, data))
		p.WantMessage(OpText, data)
	}
	p.SendChopped(1, Text("byte by byte").Split(3, 0)...)
	p.WantText("byte by byte")
	alive(p)
}

func TestTLSPipelined(t *testing.T) {
	t.Parallel()
	p := secure.dial(t)
	p.Write(append(Upgrade("/").Bytes(), p.Encode(Text("one"), Ping([]byte("two")), Close(1000, ""))...))
	p.ReadUpgraded()
	p.WantText("one")
	p.WantPong([]byte("two"))
	p.WantClose(1000)
	p.WantEnd()
}

func TestTLSClose(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		frame Frame
		code  int
	}{
		{Close(1000, "bye"), 1000}, {EmptyClose(), 1005}, {Close(1005, ""), 1002},
		{Frame{Op: OpText, RSV: RSV2}, 1002}, {Text("\xff"), 1007},
	} {
		p := Open(secure.dial(t), "/")
		p.Send(Text("before"), tt.frame)
		p.WantText("before")
		refuses(p, tt.code)
	}
}
