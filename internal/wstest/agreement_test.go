package wstest

import (
	"net/http"
	"testing"
)

func TestParseAgreement(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   Agreement
		fails  bool
	}{
		{header: "permessage-deflate"},
		{header: "permessage-deflate; server_no_context_takeover;client_no_context_takeover", want: Agreement{ServerNoTakeover: true, ClientNoTakeover: true}},
		{header: "permessage-deflate; server_max_window_bits=9; client_max_window_bits=15", want: Agreement{ServerBits: 9, ClientBits: 15}},
		{header: "permessage-deflate; server_max_window_bits", fails: true},
		{header: "permessage-deflate; server_max_window_bits=7", fails: true},
		{header: "permessage-deflate; server_max_window_bits=16", fails: true},
		{header: "permessage-deflate; client_max_window_bits=010", fails: true},
		{header: "permessage-deflate; server_no_context_takeover=1", fails: true},
		{header: "permessage-deflate; client_no_context_takeover; client_no_context_takeover", fails: true},
		{header: "permessage-deflate; mystery", fails: true},
		{header: "permessage-deflate, permessage-deflate", fails: true},
		{header: "x-webkit-deflate-frame", fails: true},
	} {
		t.Run(tt.header, func(t *testing.T) {
			got, err := ParseAgreement(http.Header{"Sec-Websocket-Extensions": {tt.header}})
			if (err != nil) != tt.fails {
				t.Fatalf("error %v", err)
			}
			if err == nil && *got != tt.want {
				t.Errorf("got %+v, want %+v", *got, tt.want)
			}
		})
	}
	if a, err := ParseAgreement(http.Header{}); a != nil || err != nil {
		t.Errorf("without the header: %v, %v; want nothing", a, err)
	}
}

func TestAgreementPrintsAsItParses(t *testing.T) {
	for _, want := range []Agreement{{}, {true, true, 9, 10}, {ServerBits: 15}} {
		got, err := ParseAgreement(http.Header{"Sec-Websocket-Extensions": {want.String()}})
		if err != nil || *got != want {
			t.Errorf("%q: %+v, %v", want.String(), got, err)
		}
	}
}
