package conformance

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/icsws/icsws/internal/wstest"
)

// negotiate does a handshake with these Sec-WebSocket-Extensions lines.
func negotiate(t *testing.T, v *variant, lines ...string) *Peer {
	t.Helper()
	var headers []string
	for _, line := range lines {
		headers = append(headers, "Sec-WebSocket-Extensions: "+line)
	}
	return Open(v.dial(t), "/", headers...)
}

func TestOffersThatAreDeclined(t *testing.T) { // RFC 7692 sections 5.1 and 7.1
	t.Parallel()
	for _, v := range []*variant{perMessage, context} {
		for _, offer := range []string{
			"",
			"x-webkit-deflate-frame",
			"permessage-deflate2",
			"xpermessage-deflate",
			"permessage-bzip2; server_no_context_takeover",
			"permessage-deflate; mystery",
			"permessage-deflate; mystery=1; server_no_context_takeover",
			"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
			"permessage-deflate; client_no_context_takeover; client_no_context_takeover",
			"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
			"permessage-deflate; client_max_window_bits; client_max_window_bits=10",
			"permessage-deflate; server_no_context_takeover=1",
			"permessage-deflate; client_no_context_takeover=true",
			"permessage-deflate; server_max_window_bits",
			"permessage-deflate; server_max_window_bits=7",
			"permessage-deflate; server_max_window_bits=16",
			"permessage-deflate; server_max_window_bits=010",
			"permessage-deflate; server_max_window_bits=x",
			"permessage-deflate; server_max_window_bits=-9",
			"permessage-deflate; client_max_window_bits=7",
			"permessage-deflate; client_max_window_bits=16",
			"permessage-deflate; client_max_window_bits=1e1",
		} {
			t.Run(v.name+" "+offer, func(t *testing.T) {
				p := negotiate(t, v, offer)
				if p.Agreement != nil {
					t.Fatalf("the server agrees on %v", p.Agreement)
				}
				alive(p)
				p.Send(Frame{Op: OpText, RSV: RSV1})
				refuses(p, 1002)
			})
		}
	}
}

func TestCompressionOffDeclinesEverything(t *testing.T) { // S-27
	t.Parallel()
	p := negotiate(t, plain, "permessage-deflate; client_max_window_bits, permessage-deflate")
	if p.Agreement != nil {
		t.Errorf("the server agrees on %v", p.Agreement)
	}
	alive(p)
}

func TestTheFirstOfferThatFitsIsTaken(t *testing.T) { // RFC 7692 section 5.1
	t.Parallel()
	for _, v := range []*variant{perMessage, context} {
		for _, lines := range [][]string{
			{"x-first, permessage-deflate"},
			{"permessage-deflate; mystery, permessage-deflate"},
			{"x-first; p=\"a, b; c\"", "permessage-deflate"},
			{"x-first", "x-second", "permessage-deflate"},
			{"permessage-deflate; server_max_window_bits=7, permessage-deflate;server_max_window_bits=99 ,permessage-deflate"},
			{"PerMessage-Deflate2,permessage-deflate"},
			{"permessage-deflate", "permessage-deflate; server_max_window_bits=9"},
		} {
			t.Run(v.name+" "+strings.Join(lines, " | "), func(t *testing.T) {
				p := negotiate(t, v, lines...)
				if p.Agreement == nil {
					t.Fatal("the server declines them all")
				}
				wantCompressedEcho(p)
			})
		}
	}
}

// wantCompressedEcho sends compressed messages, which must come back.
func wantCompressedEcho(p *Peer) {
	for i := range uint64(3) {
		data := words(3000, i)
		p.Send(p.Compressed(OpText, data))
		p.WantMessage(OpText, data)
	}
	alive(p)
}

// TestAnswersFitTheOffer checks each parameter of an answer against the offer.
func TestAnswersFitTheOffer(t *testing.T) { // RFC 7692 section 7.1
	t.Parallel()
	for _, v := range []*variant{perMessage, context} {
		for _, offer := range []string{
			"permessage-deflate",
			"permessage-deflate; client_max_window_bits",
			"permessage-deflate; client_max_window_bits=9",
			"permessage-deflate; client_max_window_bits=15",
			"permessage-deflate; server_no_context_takeover",
			"permessage-deflate; client_no_context_takeover",
			"permessage-deflate;server_no_context_takeover;client_no_context_takeover",
			"permessage-deflate ; client_max_window_bits ; server_max_window_bits = 10",
			"permessage-deflate; server_max_window_bits=\"10\"",
			"permessage-deflate; server_max_window_bits=8",
			"permessage-deflate; client_max_window_bits=8",
		} {
			t.Run(v.name+" "+offer, func(t *testing.T) {
				p := negotiate(t, v, offer)
				if p.Agreement == nil {
					if strings.ContainsAny(offer, `8"`) || strings.Contains(offer, " =") {
						return // a server may decline what it cannot do
					}
					t.Fatal("the server declines")
				}
				checkAgreement(t, offer, *p.Agreement)
				wantCompressedEcho(p)
			})
		}
	}
}

func checkAgreement(t *testing.T, offer string, a Agreement) {
	t.Helper()
	has := func(name string) bool { return strings.Contains(offer, name) }
	if a.ClientBits != 0 && !has("client_max_window_bits") {
		t.Errorf("%v: client_max_window_bits was not offered", a)
	}
	for _, bits := range []int{8, 9, 10, 15} {
		if has(fmt.Sprint("client_max_window_bits=", bits)) && a.ClientBits > bits {
			t.Errorf("%v: client_max_window_bits over what was offered", a)
		}
		if has(fmt.Sprint("server_max_window_bits=", bits)) && (a.ServerBits == 0 || a.ServerBits > bits) {
			t.Errorf("%v: server_max_window_bits is not confirmed", a)
		}
	}
	if has("server_no_context_takeover") && !a.ServerNoTakeover {
		t.Errorf("%v: server_no_context_takeover is not confirmed", a)
	}
}

// TestServerWindowIsConfirmedAndKept measures how far back the server's messages
// reach, with text that invites it to reach farther than it may.
func TestServerWindowIsConfirmedAndKept(t *testing.T) { // RFC 7692 section 7.1.2.1
	t.Parallel()
	for _, v := range []*variant{perMessage, context} {
		for bits := 9; bits <= 15; bits++ {
			for _, more := range []string{"", "; server_no_context_takeover", "; client_max_window_bits"} {
				offer := fmt.Sprintf("permessage-deflate; server_max_window_bits=%d%s", bits, more)
				t.Run(v.name+" "+offer, func(t *testing.T) {
					p := negotiate(t, v, offer)
					if p.Agreement == nil {
						t.Fatal("the server declines")
					}
					if got := p.Agreement.ServerBits; got == 0 || got > bits {
						t.Fatalf("the server agrees on %v", p.Agreement)
					}
					tempt(p, 1<<p.Agreement.ServerBits)
					if p.Inflater.MaxDistance == 0 {
						t.Errorf("the server has not compressed anything")
					}
				})
			}
		}
	}
}

// tempt sends messages that repeat themselves, and each other, at distances just
// under and just over the window, which the Peer's inflater holds the server to.
func tempt(p *Peer, window int) {
	for _, period := range []int{window / 2, window - 10, window, window + 1, window + 100, 2 * window} {
		block := string(noise(period, 1))
		p.Send(Binary([]byte(strings.Repeat(block, 3))))
		p.WantMessage(OpBinary, []byte(strings.Repeat(block, 3)))
	}
	for range 3 {
		for i := range uint64(6) {
			data := noise(window/3, i)
			p.Send(Binary(data))
			p.WantMessage(OpBinary, data)
		}
	}
	data := words(100_000, 1)
	p.Send(Text(string(data)))
	p.WantMessage(OpText, data)
}

func TestMalformedOffersAgreeOnNothing(t *testing.T) { // RFC 6455 section 9.1
	t.Parallel()
	for _, offer := range []string{";", "=", ",", "permessage-deflate;", "permessage-deflate; =1", "permessage-deflate; server_max_window_bits=", `permessage-deflate; server_max_window_bits="9`, "permessage deflate", "permessage-deflate; ; client_no_context_takeover", "\xff"} {
		t.Run(offer, func(t *testing.T) {
			p := context.dial(t)
			res := p.Request(Upgrade("/").With("Sec-WebSocket-Extensions: " + offer))
			got := res.Header.Get("Sec-WebSocket-Extensions")
			if res.Status != 400 && (res.Status != 101 || got != "") {
				t.Errorf("status %d with the extensions %q", res.Status, got)
			}
		})
	}
}
