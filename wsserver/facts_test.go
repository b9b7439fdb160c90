package wsserver_test

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// C-08 to C-19, which cover C-11: what a client knows about its connection, and
// keeps after the end.
func TestClientKnowsItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		var g *guest
		d.connect = func(c *guest) error { g = c; return nil }
		d.newClient = func(r *client.OpenRequest) (*guest, error) { return d.guest(), r.Select("v2") }
		srv := newServer(t, d, wsserver.Config{
			SubProtocols: []string{"v1"}, AllowedOrigins: []string{"https://page.example"},
			NewName: func(r *client.OpenRequest) string { return "nr " + r.UUID.String()[:8] },
		})
		l := serve(t, srv)
		p := clienttest.Dial(t, l, "/a%20b?c=d&e", clienttest.DialOptions{
			Host: "Server.Example:80", Origin: "https://page.example", SubProtocols: []string{"v1", "v2"},
			Header: http.Header{"X-Twice": {"1", "2"}, "cookie": {"a=b"}},
			Remote: netip.MustParseAddrPort("[2001:db8::7]:4711"),
		})
		synctest.Wait()
		before := g.Info()
		check := func(when string) {
			t.Helper()
			for what, ok := range map[string]bool{
				"ID (C-08)":             g.ID() == 1,
				"UUID (C-08)":           g.UUID().Version() == 7,
				"Name (C-08)":           g.Name() == "nr "+g.UUID().String()[:8],
				"HostHeader (C-10)":     g.HostHeader() == "Server.Example:80",
				"Local (C-12)":          g.Local().String() == l.Addr().String(),
				"Origin (C-13)":         g.Origin() == "https://page.example",
				"Remote (C-14)":         g.Remote().Addr() == netip.MustParseAddr("2001:db8::7"),
				"ClientIP (C-14)":       g.ClientIP() == g.Remote().Addr(),
				"port (C-15)":           g.Remote().Port() == 4711,
				"RawURI (C-17)":         g.RawURI() == "/a%20b?c=d&e",
				"URI (C-17)":            g.URI().Path == "/a b" && g.URI().Query().Get("c") == "d",
				"Offered (C-18)":        slices.Equal(g.OfferedProtocols(), []string{"v1", "v2"}),
				"SubProtocol (C-18)":    g.SubProtocol() == "v2",
				"Binding (L-26)":        g.Binding() == l.Addr().String() && g.BindingIndex() == 0,
				"HostTag":               g.HostTag() == "",
				"Server (C-09)":         g.Server() == client.Server(srv) && wsserver.ServerOf(g) == srv,
				"TLS (T-01)":            g.TLS() == nil && g.TLSInfo() == client.TLSInfo{},
				"X-Twice (C-16)":        slices.Equal(g.Header()["X-Twice"], []string{"1", "2"}),
				"Cookie (C-16)":         g.Header().Get("Cookie") == "a=b",
				"no Host in it (C-16)":  g.Header().Get("Host") == "",
				"Opened":                g.Info().Opened.Equal(before.Opened) && !before.Opened.IsZero(),
				"map of one's own":      func() bool { g.Header().Set("Cookie", "x"); return g.Header().Get("Cookie") == "a=b" }(),
				"Connected (C-19)":      g.Connected() == (when == "open"),
				"Closing (C-09)":        g.Closing() == (when != "open"),
				"Context":               (g.Context().Err() == nil) == (when == "open"),
				"the same object again": g.Info().ID == before.ID && g.Info().UUID == before.UUID,
			} {
				if !ok {
					t.Errorf("%s: %s is wrong: %+v", when, what, g.Info())
				}
			}
		}
		check("open")
		p.SendText("x")
		p.Close(1000, "")
		p.WaitEnd()
		synctest.Wait()
		check("ended")
		after := g.Info()
		if after.Stats.MessagesIn != 1 || after.Stats.MessagesOut != 1 || after.Stats.BytesIn != 7+8 || after.Stats.BytesOut != 3+4 {
			t.Errorf("the figures are %+v", after.Stats) // O-20
		}
		before.Stats, after.Stats = client.Stats{}, client.Stats{}
		if !reflect.DeepEqual(before, after) {
			t.Errorf("Info before the end %+v, after it %+v", before, after)
		}
		if cause := context.Cause(g.Context()); cause == nil || cause == context.Canceled {
			t.Errorf("the cause of its context is %v", cause)
		}
	})
}

// C-08: ids go up, are never used twice and belong to one server.
func TestIDsAreNeverReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, other := &desk{}, &desk{}
		var ids []uint64
		uuids := map[string]bool{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			if r.RawURI == "/no" {
				return nil, r.Reject(403, "no")
			}
			return d.guest(), nil
		}
		d.connect = func(g *guest) error {
			ids = append(ids, g.ID())
			uuids[g.UUID().String()] = true
			if g.Name() != strings.TrimSpace(g.Info().Name) || g.Name() == "" {
				t.Errorf("name is %q", g.Name())
			}
			return nil
		}
		l := serve(t, newServer(t, d, wsserver.Config{}))
		for range 3 {
			clienttest.Dial(t, l, "/").Drop()
			synctest.Wait()
			clienttest.TryDial(t, l, "/no")
		}
		if len(ids) != 3 || ids[0] != 1 || ids[1] <= ids[0] || ids[2] <= ids[1] || len(uuids) != 3 {
			t.Errorf("ids %v, %d UUIDs", ids, len(uuids))
		}
		other.connect = func(g *guest) error { ids = append(ids, g.ID()); return nil }
		clienttest.Dial(t, serve(t, newServer(t, other, wsserver.Config{})), "/")
		synctest.Wait()
		if ids[3] != 1 {
			t.Errorf("another server begins with %d", ids[3])
		}
	})
}

// C-20: Context and Done end with the connection, before the last event.
func TestContextEndsWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.connect = func(g *guest) error {
			go func() { <-g.Done(); d.add("done") }()
			return nil
		}
		d.disconnect = func(g *guest, info client.CloseInfo) {
			if cause := context.Cause(g.Context()); cause != info.Cause {
				t.Errorf("cause %v, the last event has %v", cause, info.Cause)
			}
			time.Sleep(time.Second)
			d.add("leave")
		}
		p := clienttest.Dial(t, serve(t, newServer(t, d, wsserver.Config{})), "/")
		p.Drop()
		time.Sleep(10 * time.Second)
		if got := d.lines(); len(got) != 5 || got[4] != "leave" || d.count("done") != 1 {
			t.Errorf("events are %v", got)
		}
	})
}
