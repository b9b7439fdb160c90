package client

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

type quiet struct{ Base }

func (*quiet) OnMessage(Message) error { return nil }

var _ Client = (*quiet)(nil)

// C-09: a client without a connection has no facts and takes no message, and
// nothing of it panics.
func TestClientWithoutAConnection(t *testing.T) {
	c := new(quiet)
	for name, err := range map[string]error{
		"Send": c.Send(Text("x")), "SendText": c.SendText("x"), "SendBinary": c.SendBinary(nil),
		"Close": c.Close(0, ""), "CloseAfterFlush": c.CloseAfterFlush(0, ""), "Flush": c.Flush(), "SetBanner": c.SetBanner("x"),
	} {
		if !errors.Is(err, ErrClosed) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s = %v, want ErrClosed", name, err)
		}
	}
	c.Abort()
	c.SetWriteTimeout(1)
	if c.ID() != 0 || c.Name() != "0" || c.Connected() || c.Closing() || c.Server() != nil || c.TLS() != nil || len(c.Header()) != 0 {
		t.Errorf("facts of nothing: %+v", c.Info())
	}
	if c.URI() == nil || c.TLSInfo() != (TLSInfo{}) || c.BufferedAmount() != 0 {
		t.Error("a getter of an unconnected client is not zero")
	}
	select {
	case <-c.Done():
	default:
		t.Error("Done of an unconnected client is open")
	}
}

// the codes of RFC 6455 section 7.4 and of the IANA registry.
func TestSendable(t *testing.T) {
	for code, want := range map[StatusCode]bool{
		0: false, 999: false, 1000: true, 1003: true, 1004: false, 1005: false, 1006: false, 1007: true,
		1014: true, 1015: false, 1016: false, 2999: false, 3000: true, 4999: true, 5000: false, 65535: false,
	} {
		if got := code.Sendable(); got != want {
			t.Errorf("%v.Sendable() = %v, want %v", code, got, want)
		}
	}
}

// a reason is cut where a rune ends.
func TestCutReason(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("a", 200), strings.Repeat("ä", 100), strings.Repeat("€", 60), "a" + strings.Repeat("😀", 40)} {
		got := CutReason(s)
		if len(got) > MaxReason || !utf8.ValidString(got) || !strings.HasPrefix(s, got) || len(s) > MaxReason && len(got) < MaxReason-3 {
			t.Errorf("CutReason(%d bytes) has %d", len(s), len(got))
		}
	}
}

// O-05: causes and errors can be told apart with errors.Is and As.
func TestErrorsUnwrap(t *testing.T) {
	for _, err := range []error{ErrPingTimeout, ErrIdleTimeout, ErrLifetime, ErrWriteTimeout, ErrCloseTimeout} {
		var ne interface{ Timeout() bool }
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
	}
	if err := (&EventError{"OnMessage", io.EOF}); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "OnMessage") {
		t.Errorf("EventError %v", err)
	}
	if err := (&PanicError{Event: "OnPing", Value: io.EOF}); !errors.Is(err, io.EOF) {
		t.Errorf("PanicError %v", err)
	}
	if err := (&PanicError{Event: "OnPing", Value: "boom"}); err.Unwrap() != nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("PanicError %v", err)
	}
	for _, err := range []error{&CloseError{4000, "bye"}, &CloseError{1000, ""}, &RejectError{Status: 403, Body: "no"}, &ProtocolError{1002, "bad"}} {
		if !strings.HasPrefix(err.Error(), "client: ") {
			t.Errorf("text %q", err)
		}
	}
}

// only what was offered can be selected.
func TestSelect(t *testing.T) {
	r := &OpenRequest{SubProtocols: []string{"a", "b"}}
	if err := r.Select("c"); !errors.Is(err, ErrNotOffered) || r.SubProtocol() != "" {
		t.Errorf("Select(c) = %v, chosen %q", err, r.SubProtocol())
	}
	if err := r.Select("b"); err != nil || r.SubProtocol() != "b" {
		t.Errorf("Select(b) = %v, chosen %q", err, r.SubProtocol())
	}
	if err := r.Select(""); err != nil || r.SubProtocol() != "" {
		t.Errorf("Select of none = %v, chosen %q", err, r.SubProtocol())
	}
	if r.Context() == nil || !errors.As(r.Reject(401, "who?"), new(*RejectError)) {
		t.Error("Context or Reject of a bare request")
	}
}

func TestTextsForPeople(t *testing.T) {
	for _, s := range []string{
		OpText.String() + OpBinary.String() + Opcode(9).String(), QueueClose.String() + QueueBlock.String(),
		CompressionOff.String() + CompressionMessage.String() + CompressionContext.String(),
		StatusGoingAway.String() + StatusCode(4321).String(),
		CloseInfo{Code: 1001, Cause: ErrServerShutdown}.String() + CloseInfo{Code: 1000, Remote: true, Cause: io.EOF}.String(),
	} {
		if s == "" || strings.Contains(s, "%!") {
			t.Errorf("text %q", s)
		}
	}
	if (CloseInfo{Code: StatusAbnormal}).Clean() || !(CloseInfo{Code: 1000}).Clean() {
		t.Error("Clean is wrong")
	}
	m := Binary([]byte{1})
	if c := m.Clone(); &c.Data[0] == &m.Data[0] || c.Data[0] != 1 {
		t.Error("Clone does not copy")
	}
}
