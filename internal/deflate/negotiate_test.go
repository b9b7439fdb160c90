package deflate

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// S-27
func TestNegotiate(t *testing.T) {
	const pmd = "permessage-deflate"
	const none = "; server_no_context_takeover; client_no_context_takeover"
	var (
		alone = Params{ServerBits: 15, ClientBits: 15}
		both  = Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 12, ClientBits: 12}
	)
	for _, tt := range []struct {
		name     string
		mode     Mode
		offers   []string
		response string // "" = declined
		p        Params
	}{
		{"no offer", Context, nil, "", Params{}},
		{"off", Off, []string{pmd}, "", Params{}},
		{"unknown mode", 9, []string{pmd}, "", Params{}},
		{"message, bare offer", Message, []string{pmd}, pmd + none, alone},
		{"message, browser", Message, []string{pmd + "; client_max_window_bits"}, pmd + none, alone},
		{"message, smaller server window", Message, []string{pmd + "; server_max_window_bits=9"},
			pmd + none + "; server_max_window_bits=9", Params{ServerBits: 9, ClientBits: 15}},
		{"message, full server window is confirmed too", Message, []string{pmd + "; server_max_window_bits=15"},
			pmd + none + "; server_max_window_bits=15", alone},
		{"context, bare offer", Context, []string{pmd},
			pmd, Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 15, ClientBits: 15, ServerKeeps: 12}},
		{"context, browser", Context, []string{pmd + "; client_max_window_bits"},
			pmd + "; server_max_window_bits=12; client_max_window_bits=12", both},
		{"context, larger windows wanted", Context, []string{pmd + "; client_max_window_bits=15; server_max_window_bits=15"},
			pmd + "; server_max_window_bits=12; client_max_window_bits=12", both},
		{"context, smallest windows", Context, []string{pmd + "; client_max_window_bits=8; server_max_window_bits=8"},
			pmd + "; server_max_window_bits=8; client_max_window_bits=8",
			Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 8, ClientBits: 8}},
		{"context, only the server's window", Context, []string{pmd + "; server_max_window_bits=10"},
			pmd + "; server_max_window_bits=10",
			Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 10, ClientBits: 15}},
		{"context, no server takeover", Context, []string{pmd + "; server_no_context_takeover; client_max_window_bits"},
			pmd + "; server_no_context_takeover; client_max_window_bits=12",
			Params{ClientTakeover: true, ServerBits: 15, ClientBits: 12}},
		{"context, no server takeover and a smaller window", Context,
			[]string{pmd + "; server_no_context_takeover; server_max_window_bits=14"},
			pmd + "; server_no_context_takeover; server_max_window_bits=14",
			Params{ClientTakeover: true, ServerBits: 14, ClientBits: 15}},
		{"context, no client takeover", Context, []string{pmd + "; client_no_context_takeover; client_max_window_bits"},
			pmd + "; client_no_context_takeover; server_max_window_bits=12",
			Params{ServerTakeover: true, ServerBits: 12, ClientBits: 15}},
		{"context, no takeover at all", Context, []string{pmd + none}, pmd + none, alone},

		{"second line", Message, []string{"x-other", pmd}, pmd + none, alone},
		{"second element", Message, []string{"x-other; a=1; b=\"c\", " + pmd}, pmd + none, alone},
		{"first acceptable offer wins", Message,
			[]string{pmd + "; server_max_window_bits=16, " + pmd + "; server_max_window_bits=10, " + pmd},
			pmd + none + "; server_max_window_bits=10", Params{ServerBits: 10, ClientBits: 15}},
		{"fallback over two lines", Message, []string{pmd + "; shiny", pmd}, pmd + none, alone},
		{"quoted value", Message, []string{pmd + `; server_max_window_bits="1\0"`},
			pmd + none + "; server_max_window_bits=10", Params{ServerBits: 10, ClientBits: 15}},
		{"spaces and empty elements", Message, []string{" ,\t, " + pmd + " ;\tserver_max_window_bits = 10 ,,"},
			pmd + none + "; server_max_window_bits=10", Params{ServerBits: 10, ClientBits: 15}},
		{"case", Message, []string{"PerMessage-Deflate; Server_Max_Window_Bits=10"},
			pmd + none + "; server_max_window_bits=10", Params{ServerBits: 10, ClientBits: 15}},

		{"longer name", Message, []string{pmd + "2, x-" + pmd + ", x; " + pmd}, "", Params{}},
		{"other name", Message, []string{"x-webkit-deflate-frame"}, "", Params{}},
		{"unknown parameter", Message, []string{pmd + "; mux"}, "", Params{}},
		{"repeated parameter", Message, []string{pmd + "; client_max_window_bits; client_max_window_bits=10"}, "", Params{}},
		{"repeated flag", Message, []string{pmd + "; server_no_context_takeover; server_no_context_takeover"}, "", Params{}},
		{"repeated server window", Message, []string{pmd + "; server_max_window_bits=9; server_max_window_bits=9"}, "", Params{}},
		{"flag with a value", Message, []string{pmd + "; server_no_context_takeover=1"}, "", Params{}},
		{"server window without a value", Message, []string{pmd + "; server_max_window_bits"}, "", Params{}},
		{"server window too small", Message, []string{pmd + "; server_max_window_bits=7"}, "", Params{}},
		{"server window too large", Message, []string{pmd + "; server_max_window_bits=16"}, "", Params{}},
		{"leading zero", Message, []string{pmd + "; server_max_window_bits=08"}, "", Params{}},
		{"sign", Message, []string{pmd + "; client_max_window_bits=+9"}, "", Params{}},
		{"client window out of range", Message, []string{pmd + "; client_max_window_bits=0"}, "", Params{}},
		{"empty value", Message, []string{pmd + "; client_max_window_bits="}, "", Params{}},
		{"empty quoted value", Message, []string{pmd + `; client_max_window_bits=""`}, "", Params{}},
		{"line that breaks the grammar", Message, []string{pmd + ", ;"}, "", Params{}},
		{"open quote", Message, []string{pmd + `; server_max_window_bits="10`}, "", Params{}},
		{"open escape", Message, []string{pmd + `; server_max_window_bits="10\`}, "", Params{}},
		{"no comma", Message, []string{pmd + " " + pmd}, "", Params{}},
		{"semicolon without a parameter", Message, []string{pmd + ";"}, "", Params{}},
		{"good line behind a broken one", Message, []string{pmd + ";", pmd}, pmd + none, alone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, response, ok := Negotiate(tt.mode, tt.offers)
			if p != tt.p || response != tt.response || ok != (tt.response != "") {
				t.Errorf("Negotiate = %+v, %q, %v\nwant %+v, %q", p, response, ok, tt.p, tt.response)
			}
		})
	}
}

// S-27: what each WindowBits makes of the usual offers.
func TestNegotiateWithEachWindow(t *testing.T) {
	const pmd = "permessage-deflate"
	const none = "; server_no_context_takeover; client_no_context_takeover"
	for _, want := range []struct{ option, kept, limit, hidden uint8 }{
		{0, 12, 15, 12}, {8, 8, 8, 8}, {9, 9, 9, 9}, {10, 10, 10, 10}, {11, 11, 11, 11},
		{12, 12, 12, 12}, {13, 13, 13, 13}, {14, 14, 14, 14}, {15, 15, 15, 0},
		{1, 8, 8, 8}, {7, 8, 8, 8}, {16, 15, 15, 0}, {255, 15, 15, 0},
	} {
		for _, tt := range []struct {
			mode     Mode
			offer    string
			response string
			p        Params
		}{
			{Context, "", "", Params{true, true, 15, 15, want.hidden}},
			{Context, "; client_max_window_bits", fmt.Sprintf("; server_max_window_bits=%d; client_max_window_bits=%[1]d", want.kept),
				Params{true, true, want.kept, want.kept, 0}},
			{Context, "; client_max_window_bits=10", fmt.Sprintf("; server_max_window_bits=%d; client_max_window_bits=%d", want.kept, min(10, want.kept)),
				Params{true, true, want.kept, min(10, want.kept), 0}},
			{Context, "; server_max_window_bits=11", fmt.Sprintf("; server_max_window_bits=%d", min(11, want.kept)),
				Params{true, true, min(11, want.kept), 15, 0}},
			{Context, "; server_max_window_bits=15; client_max_window_bits=15", fmt.Sprintf("; server_max_window_bits=%d; client_max_window_bits=%[1]d", want.kept),
				Params{true, true, want.kept, want.kept, 0}},
			{Context, "; server_no_context_takeover", "; server_no_context_takeover", Params{false, true, 15, 15, 0}},
			{Context, "; server_no_context_takeover; server_max_window_bits=14; client_max_window_bits",
				fmt.Sprintf("; server_no_context_takeover; server_max_window_bits=%d; client_max_window_bits=%d", min(14, want.limit), want.kept),
				Params{false, true, min(14, want.limit), want.kept, 0}},
			{Context, "; client_no_context_takeover; client_max_window_bits=9",
				fmt.Sprintf("; client_no_context_takeover; server_max_window_bits=%d", want.kept),
				Params{true, false, want.kept, 15, 0}},

			{Message, "", none, Params{ServerBits: 15, ClientBits: 15}},
			{Message, "; client_max_window_bits=9", none, Params{ServerBits: 15, ClientBits: 15}},
			{Message, "; server_max_window_bits=11", none + fmt.Sprintf("; server_max_window_bits=%d", min(11, want.limit)),
				Params{ServerBits: min(11, want.limit), ClientBits: 15}},
		} {
			p, response, ok := NegotiateWith(Options{tt.mode, want.option}, []string{pmd + tt.offer})
			if p != tt.p || response != pmd+tt.response || !ok {
				t.Errorf("%d bits, mode %d, offer %q:\n%+v, %q, %v, want\n%+v, %q",
					want.option, tt.mode, tt.offer, p, response, ok, tt.p, pmd+tt.response)
			}
		}
	}
}

// allOffers are all that RFC 7692 knows. A window of 0 is not mentioned, a client's
// window of 1 has no value.
func allOffers(yield func(offer string, server, client int)) {
	for _, flags := range []string{"", "; server_no_context_takeover", "; client_no_context_takeover",
		"; server_no_context_takeover; client_no_context_takeover"} {
		for _, server := range []int{0, 8, 9, 10, 11, 12, 13, 14, 15} {
			for _, client := range []int{0, 1, 8, 9, 10, 11, 12, 13, 14, 15} {
				offer := "permessage-deflate" + flags
				if server > 0 {
					offer += fmt.Sprint("; server_max_window_bits=", server)
				}
				if client == 1 {
					offer += "; client_max_window_bits"
				} else if client > 0 {
					offer += fmt.Sprint("; client_max_window_bits=", client)
				}
				yield(offer, server, client)
			}
		}
	}
}

// RFC 7692 section 7.1: the server's window is not above the one that the client
// asks for, and is confirmed; the client's is mentioned only if the client did so,
// and not above its value; takeover that the client excludes stays excluded.
func TestNoAnswerGoesBeyondTheOffer(t *testing.T) {
	value := func(response, name string) int { // 0 = not mentioned
		_, after, _ := strings.Cut(response, "; "+name+"=")
		digits, _, _ := strings.Cut(after, ";")
		n, _ := strconv.Atoi(digits)
		return n
	}
	for _, mode := range []Mode{Message, Context} {
		for _, bits := range []uint8{0, 8, 9, 10, 11, 12, 13, 14, 15} {
			allOffers(func(offer string, server, client int) {
				p, response, ok := NegotiateWith(Options{mode, bits}, []string{offer})
				s, c := value(response, serverMaxBits), value(response, clientMaxBits)
				for what, wrong := range map[string]bool{
					"declined":                      !ok,
					"server's window is too large":  server > 0 && s > server,
					"server's window not confirmed": server > 0 && s == 0,
					"server's window unlike Params": s != 0 && s != int(p.ServerBits) || s == 0 && p.ServerBits != 15,
					"client's window not asked for": client == 0 && c > 0,
					"client's window is too large":  client > 1 && c > client,
					"client's window unlike Params": c != 0 && c != int(p.ClientBits) || c == 0 && p.ClientBits != 15,
					"server's takeover":             p.ServerTakeover == strings.Contains(response, serverNoTakeover),
					"server's takeover is excluded": p.ServerTakeover && strings.Contains(offer, serverNoTakeover),
					"client's takeover":             p.ClientTakeover == strings.Contains(response, clientNoTakeover),
				} {
					if wrong {
						t.Errorf("%d bits, mode %d: %q is answered %q, %+v: %s", bits, mode, offer, response, p, what)
					}
				}
			})
		}
	}
}

// FuzzNegotiate holds each answer against the offer with a reading of its own:
// nothing that the client did not allow may be in it.
func FuzzNegotiate(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits", uint8(0))
	f.Add("permessage-deflate; server_max_window_bits=9; client_no_context_takeover, x; y=\"z\\\"\"", uint8(15))
	f.Add(`,, permessage-deflate;server_max_window_bits="8" , ;`, uint8(9))
	f.Fuzz(func(t *testing.T, line string, windowBits uint8) {
		for _, mode := range []Mode{Message, Context} {
			o := Options{mode, windowBits}
			p, response, ok := NegotiateWith(o, []string{line})
			if !ok {
				if p != (Params{}) || response != "" {
					t.Fatalf("declined with %+v, %q", p, response)
				}
				continue
			}
			low := strings.ToLower(line)
			if strings.Contains(response, clientMaxBits) && !strings.Contains(low, clientMaxBits) {
				t.Errorf("%q is not for %q", response, line)
			}
			if p.ServerBits < 8 || p.ServerBits > 15 || p.ClientBits < 8 || p.ClientBits > 15 {
				t.Errorf("window out of range: %+v", p)
			}
			most := o.kept()
			if p.ClientTakeover && p.ClientBits > most && strings.Contains(response, clientMaxBits) ||
				NewCompressor(p, 1).sent.size > 1<<most || mode == Message && (p.ClientTakeover || p.ServerTakeover) {
				t.Errorf("%+v takes too much memory", p)
			}
			if list, valid := parseExtensions(response); !valid || len(list) != 1 {
				t.Errorf("response %q is not one extension", response)
			}
		}
	})
}
