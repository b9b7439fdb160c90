package deflate

import (
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
			pmd, Params{ServerTakeover: true, ClientTakeover: true, ServerBits: 15, ClientBits: 15}},
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

// FuzzNegotiate holds each answer against the offer with a reading of its own:
// nothing that the client did not allow may be in it.
func FuzzNegotiate(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits")
	f.Add("permessage-deflate; server_max_window_bits=9; client_no_context_takeover, x; y=\"z\\\"\"")
	f.Add(`,, permessage-deflate;server_max_window_bits="8" , ;`)
	f.Fuzz(func(t *testing.T, line string) {
		for _, mode := range []Mode{Message, Context} {
			p, response, ok := Negotiate(mode, []string{line})
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
			if p.ClientTakeover && p.ClientBits > contextBits || mode == Message && (p.ClientTakeover || p.ServerTakeover) {
				t.Errorf("%+v takes too much memory", p)
			}
			if list, valid := parseExtensions(response); !valid || len(list) != 1 {
				t.Errorf("response %q is not one extension", response)
			}
		}
	})
}
