package deflate

import (
	"bytes"
	"errors"
	"testing"
)

// D-07: what is offered for each mode.
func TestOffer(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{}, ""},
		{Options{Mode: 9}, ""},
		{Options{Mode: Message}, "permessage-deflate; client_max_window_bits; client_no_context_takeover; server_no_context_takeover"},
		{Options{Mode: Message, WindowBits: 9}, "permessage-deflate; client_max_window_bits; client_no_context_takeover; server_no_context_takeover"},
		{Options{Mode: Context}, "permessage-deflate; client_max_window_bits"},
		{Options{Mode: Context, WindowBits: 15}, "permessage-deflate; client_max_window_bits"},
		{Options{Mode: Context, WindowBits: 10}, "permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate; client_max_window_bits"},
	} {
		if got := tt.o.Offer(); got != tt.want {
			t.Errorf("%+v offers %q, want %q", tt.o, got, tt.want)
		}
	}
}

// D-07: the answer against the offer (RFC 7692 sections 5.1 and 7.1).
func TestAccept(t *testing.T) {
	const pmd = "permessage-deflate"
	message, context, ten := Options{Mode: Message}, Options{Mode: Context}, Options{Mode: Context, WindowBits: 10}
	for _, tt := range []struct {
		name   string
		o      Options
		answer []string
		p      Params
		ok     bool
		bad    bool
	}{
		{"nothing", context, nil, Params{}, false, false},
		{"an empty line", context, []string{""}, Params{}, false, false},
		{"bare", context, []string{pmd}, Params{true, true, 15, 15, 12}, true, false},
		{"any case", context, []string{"PERMESSAGE-deflate; Server_Max_Window_Bits=9"}, Params{true, true, 15, 9, 12}, true, false},
		{"windows", context, []string{pmd + "; server_max_window_bits=11; client_max_window_bits=9"}, Params{true, true, 9, 11, 0}, true, false},
		{"a quoted window", context, []string{pmd + `; client_max_window_bits="14"`}, Params{true, true, 14, 15, 12}, true, false},
		{"ours without takeover", context, []string{pmd + "; client_no_context_takeover"}, Params{false, true, 15, 15, 0}, true, false},
		{"theirs without takeover", context, []string{pmd + "; server_no_context_takeover"}, Params{true, false, 15, 15, 12}, true, false},
		{"message", message, []string{pmd + "; server_no_context_takeover; client_no_context_takeover"}, Params{false, false, 15, 15, 0}, true, false},
		{"message, ours not mentioned", message, []string{pmd + "; server_no_context_takeover"}, Params{false, false, 15, 15, 0}, true, false},
		{"message, a window", message, []string{pmd + "; server_no_context_takeover; client_max_window_bits=8"}, Params{false, false, 8, 15, 0}, true, false},
		{"ten bits", ten, []string{pmd + "; server_max_window_bits=10"}, Params{true, true, 10, 10, 0}, true, false},
		{"ten bits, fewer", ten, []string{pmd + "; server_max_window_bits=8; client_max_window_bits=12"}, Params{true, true, 10, 8, 0}, true, false},
		{"ten bits, the other offer", ten, []string{pmd + "; client_max_window_bits=9"}, Params{true, true, 9, 15, 0}, true, false},
		{"ten bits, the other offer with a window", ten, []string{pmd + "; server_max_window_bits=11"}, Params{true, true, 10, 11, 0}, true, false},

		{"off", Options{}, []string{pmd}, Params{}, false, true},
		{"another extension", context, []string{"x-other"}, Params{}, false, true},
		{"another besides", context, []string{pmd, "x-other"}, Params{}, false, true},
		{"twice", context, []string{pmd + ", " + pmd}, Params{}, false, true},
		{"the grammar", context, []string{pmd + ";"}, Params{}, false, true},
		{"an unknown parameter", context, []string{pmd + "; mux"}, Params{}, false, true},
		{"a repeated parameter", context, []string{pmd + "; server_max_window_bits=9; server_max_window_bits=9"}, Params{}, false, true},
		{"a repeated flag", context, []string{pmd + "; client_no_context_takeover; client_no_context_takeover"}, Params{}, false, true},
		{"a flag with a value", context, []string{pmd + "; server_no_context_takeover=1"}, Params{}, false, true},
		{"a window without a value", context, []string{pmd + "; client_max_window_bits"}, Params{}, false, true},
		{"a server's window without a value", context, []string{pmd + "; server_max_window_bits"}, Params{}, false, true},
		{"a window of 7", context, []string{pmd + "; client_max_window_bits=7"}, Params{}, false, true},
		{"a window of 16", context, []string{pmd + "; server_max_window_bits=16"}, Params{}, false, true},
		{"takeover all the same", message, []string{pmd + "; client_no_context_takeover"}, Params{}, false, true},
	} {
		p, ok, err := tt.o.Accept(tt.answer)
		if p != tt.p || ok != tt.ok || tt.bad != errors.Is(err, ErrAnswer) || tt.bad != (err != nil) {
			t.Errorf("%s: Accept = %+v, %v, %v; want %+v, %v", tt.name, p, ok, err, tt.p, tt.ok)
		}
	}
}

// D-07: whatever our server answers to our client is accepted, and then each inflates what
// the other has compressed.
func TestBothSidesAgree(t *testing.T) {
	for _, mode := range []Mode{Message, Context} {
		for bits := range uint8(16) {
			for serverBits := range uint8(16) {
				o := Options{mode, bits}
				s, answer, ok := NegotiateWith(Options{Context, serverBits}, []string{o.Offer()})
				if !ok {
					t.Fatalf("%+v is declined", o)
				}
				c, ok, err := o.Accept([]string{answer})
				if !ok || err != nil {
					t.Fatalf("%+v, answered %q: %v", o, answer, err)
				}
				talk(t, "to the server", NewCompressor(c, 1), NewDecompressor(s))
				talk(t, "to the client", NewCompressor(s, 1), NewDecompressor(c))
			}
		}
	}
}

func talk(t *testing.T, way string, c *Compressor, d *Decompressor) {
	t.Helper()
	for _, n := range []int{10, 300, 5000, 40_000, 300} {
		msg := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvw"), n/33+1)[:n]
		wire, err := c.Append(nil, msg)
		if err != nil {
			t.Fatal(err)
		}
		c.Extend(msg)
		if got, err := d.Append(nil, wire, 1<<20); err != nil || !bytes.Equal(got, msg) {
			t.Fatalf("%s: %d bytes became %d, %v", way, n, len(got), err)
		}
	}
}

// FuzzAccept: an answer that is taken stays within the offer.
func FuzzAccept(f *testing.F) {
	f.Add("permessage-deflate; server_no_context_takeover", uint8(0), true)
	f.Add("permessage-deflate; server_max_window_bits=9; client_max_window_bits=\"8\"", uint8(10), false)
	f.Add(", permessage-deflate;client_no_context_takeover ,", uint8(0), false)
	f.Fuzz(func(t *testing.T, line string, bits uint8, message bool) {
		o := Options{Context, bits}
		if message {
			o.Mode = Message
		}
		p, ok, err := o.Accept([]string{line})
		switch {
		case !ok && p != (Params{}), ok && err != nil:
			t.Errorf("%q: %+v, %v, %v", line, p, ok, err)
		case !ok:
			return
		}
		if p.ServerBits < 8 || p.ServerBits > 15 || p.ClientBits < 8 || p.ClientBits > 15 || p.ServerBits > o.asks() ||
			message && (p.ServerTakeover || p.ClientTakeover) || NewCompressor(p, 1).sent.size > 1<<o.kept() {
			t.Errorf("%q is taken by %+v: %+v", line, o, p)
		}
	})
}
