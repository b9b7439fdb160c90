package wsserver_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// S-27: each host has its own compression, and the others the server's.
func TestCompressionByHost(t *testing.T) {
	host := func(tag string) hosts.Host {
		return hosts.Host{Tag: tag, Names: []string{tag + ".example"}, Bind: "127.0.0.1", Port: -1}
	}
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, &desk{}, wsserver.Config{
			Hosts:       []hosts.Host{host("off"), host("message"), host("small"), host("other")},
			Compression: client.Compression{Mode: client.CompressionContext},
			CompressionByHost: map[string]client.Compression{
				"off":     {},
				"message": {Mode: client.CompressionMessage, Level: 9},
				"small":   {Mode: client.CompressionContext, WindowBits: 9},
			},
		})
		l := serve(t, srv)
		const offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
		for tag, want := range map[string]string{
			"off":     "",
			"message": "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
			"small":   "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
			"other":   "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
		} {
			p := raw(t, l)
			p.Write([]byte("GET / HTTP/1.1\r\nHost: " + tag + ".example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + offer + "\r\n\r\n"))
			r := p.ReadResponse()
			if got := r.Header.Get("Sec-WebSocket-Extensions"); r.Status != 101 || got != want {
				t.Errorf("%s: %d with %q, want %q", tag, r.Status, got, want)
			}
		}
	})
}

// S-27: what is shorter than the threshold goes as it is, and so does what is said
// to; a negative threshold compresses all.
func TestCompressionThreshold(t *testing.T) {
	for _, tt := range []struct {
		mode      client.CompressionMode
		threshold int
		first     int // the shortest message that is compressed
	}{
		{client.CompressionMessage, 0, 200},
		{client.CompressionContext, 0, 32},
		{client.CompressionMessage, 1000, 1000},
		{client.CompressionContext, 1, 1},
		{client.CompressionMessage, -1, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{}
			var g *guest
			d.connect = func(c *guest) error { g = c; return nil }
			srv := newServer(t, d, wsserver.Config{Compression: client.Compression{Mode: tt.mode, Threshold: tt.threshold}})
			p := raw(t, serve(t, srv))
			wstest.OpenDeflate(p, "/", "permessage-deflate; client_max_window_bits")
			synctest.Wait()
			for n := max(tt.first-1, 0); n <= tt.first; n++ {
				text := strings.Repeat("a", n)
				if err := g.SendText(text); err != nil {
					t.Fatal(err)
				}
				if m := p.ReadMessage(); string(m.Data) != text || m.Compressed != (n == tt.first) {
					t.Errorf("%v, threshold %d: %d bytes come back as %d, compressed %v", tt.mode, tt.threshold, n, len(m.Data), m.Compressed)
				}
			}
			long := client.Text(strings.Repeat("a", 5000))
			r := g.SendWith(t.Context(), long, client.SendOptions{NoCompression: true})
			if m := p.ReadMessage(); r.Err != nil || m.Compressed || len(m.Data) != 5000 || r.WireSize != 5004 {
				t.Errorf("NoCompression: %+v, compressed %v", r, m.Compressed)
			}
		})
	}
}

// S-27: what can not be configured is told by its field.
func TestBadCompressionIsRefused(t *testing.T) {
	for field, z := range map[string]client.Compression{
		"Compression.Level":      {Level: 10},
		"Compression.WindowBits": {Mode: client.CompressionContext, WindowBits: 16},
		"Compression.Mode":       {Mode: 9},
	} {
		_, err := wsserver.New(&desk{}, wsserver.Config{Compression: z})
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := wsserver.New(&desk{}, wsserver.Config{CompressionByHost: map[string]client.Compression{"nobody": {}}})
	if err == nil || !strings.Contains(err.Error(), `CompressionByHost["nobody"]`) {
		t.Errorf("a host that is not there: %v", err)
	}
}
