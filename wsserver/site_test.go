package wsserver_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// each host has its welcome, its limit within the server's, and its
// answer to those who are too many; the setting that decided is told.
func TestBannerByHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var infos []wsserver.RejectInfo
		srv := newServer(t, &desk{}, wsserver.Config{
			Hosts:  named("small", "loud", "other"),
			Banner: banner.Policy{Welcome: "server", TooBusy: "server full", MaxClients: 3},
			BannerByHost: map[string]banner.Policy{
				"small": {Welcome: "small", TooBusy: "small full", MaxClients: 1},
				"loud":  {TooBusy: "loud full", Mode: banner.UpgradeThenClose, CloseCode: 4001},
			},
			Events: wsserver.Events{OnReject: func(i wsserver.RejectInfo) { infos = append(infos, i) }},
		})
		l := serve(t, srv)
		dial := func(tag, welcome string) *clienttest.Peer {
			t.Helper()
			p := clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: tag + ".example"})
			if welcome != "" {
				if m := p.Receive(); string(m.Data) != welcome {
					t.Errorf("%s says %q", tag, m.Data)
				}
			}
			synctest.Wait()
			return p
		}
		places := func(server, small int) {
			t.Helper()
			synctest.Wait()
			if a, b := wsserver.Places(srv), wsserver.HostPlaces(srv, 0); a != server || b != small {
				t.Errorf("places of the server %d, of the host %d; want %d, %d", a, b, server, small)
			}
		}
		refused := func(tag, body, setting string) {
			t.Helper()
			infos = nil
			res := raw(t, l).Request(wstest.Upgrade("/").Replace("Host: " + tag + ".example"))
			synctest.Wait()
			if res.Status != 503 || res.Body != body || len(infos) != 1 || infos[0].Setting != setting || infos[0].HostTag != tag || infos[0].Reason != wsserver.ReasonTooBusy {
				t.Errorf("%s: %d %q, OnReject gets %+v", tag, res.Status, res.Body, infos)
			}
		}
		first := dial("small", "small")
		places(1, 1)
		refused("small", "small full", `BannerByHost["small"].MaxClients`)
		places(1, 1)
		dial("loud", "")
		other := dial("other", "server")
		places(3, 1)
		refused("other", "server full", "Banner.MaxClients")
		first.Close(1000, "")
		first.WaitEnd()
		places(2, 0)
		dial("loud", "")
		refused("small", "small full", "Banner.MaxClients") // its own place was free, and is again
		places(3, 0)
		late := raw(t, l)
		late.Upgrade(wstest.Upgrade("/").Replace("Host: loud.example"))
		late.WantText("loud full")
		if code, _ := late.ReadClose(); code != 4001 {
			t.Errorf("closed with %d", code)
		}
		other.Drop()
		places(2, 0)
		dial("small", "small")
		places(3, 1)
	})
}

// the events of a busy client are those of its host's policy.
func TestBusyHandlersByHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		srv := newServer(t, d, wsserver.Config{
			Hosts: named("told", "quiet"), Banner: banner.Policy{MaxClients: 1, Mode: banner.UpgradeThenClose},
			BannerByHost: map[string]banner.Policy{"told": {Mode: banner.UpgradeThenClose, NotifyHandlers: true, TooBusy: "full"}},
		})
		l := serve(t, srv)
		clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: "quiet.example"})
		synctest.Wait()
		for host, want := range map[string][]string{
			"quiet.example": nil, "told.example": {"new", "connect", "disconnect 1013 try again later"},
		} {
			d.list = nil
			p := clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: host})
			if code := p.CloseCode(); code != 1013 {
				t.Errorf("%s: closed with %v", host, code)
			}
			p.WaitEnd()
			synctest.Wait()
			d.want(t, want...)
		}
	})
}

// however clients come and go, and whatever spoils their handshakes, both places
// are given back exactly once.
func TestPlacesOfHostsAreGivenBackOnce(t *testing.T) { onDrivers(t, testPlacesOfHosts) }

func testPlacesOfHosts(t *testing.T) {
	d := &desk{}
	var now, most atomic.Int32
	d.newClient = func(r *client.OpenRequest) (*guest, error) {
		switch r.RawURI {
		case "/reject":
			return nil, r.Reject(403, "no")
		case "/panic":
			panic("boom")
		}
		return d.guest(), nil
	}
	d.connect = func(g *guest) error {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		return nil
	}
	d.disconnect = func(*guest, client.CloseInfo) { now.Add(-1) }
	list := named("a")
	list[0].Bind, list[0].Port = "127.0.0.1", -1
	srv := newServer(t, d, wsserver.Config{
		Hosts: list, Banner: banner.Policy{MaxClients: 6},
		BannerByHost: map[string]banner.Policy{"a": {MaxClients: 3}},
	})
	addr := open(t, srv)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 12 {
				target := []string{"/", "/", "/reject", "/panic"}[r.IntN(4)]
				p := wstest.DialTCP(t, addr)
				p.Write(wstest.Upgrade(target).Replace("Host: a.example").Bytes())
				if r.IntN(3) > 0 {
					p.ReadResponse()
				}
				p.Conn.Close()
			}
		})
	}
	wg.Wait()
	eventually(t, "all places to be free", func() bool { return wsserver.Places(srv) == 0 && wsserver.HostPlaces(srv, 0) == 0 })
	if n := most.Load(); n > 3 {
		t.Errorf("%d clients of a host at once", n)
	}
	for range 3 {
		dialTCP(t, addr, "/", clienttest.DialOptions{Host: "a.example"})
	}
}

// what is wrong with a host's policy or origins is told by its field.
func TestSettingsOfHostsAreChecked(t *testing.T) {
	list := named("a", "b")
	bad := named("a", "b")
	bad[1].AllowedOrigins = []string{"https://a.example/path"}
	for _, tt := range []struct {
		field, value string
		cfg          wsserver.Config
	}{
		{`BannerByHost["x"]`, "no host has that tag", wsserver.Config{Hosts: list, BannerByHost: map[string]banner.Policy{"x": {}}}},
		{`BannerByHost["a"]`, "MaxClients: -1", wsserver.Config{Hosts: list, BannerByHost: map[string]banner.Policy{"a": {MaxClients: -1}}}},
		{`BannerByHost["a"]`, "no host has that tag", wsserver.Config{BannerByHost: map[string]banner.Policy{"a": {}}}},
		{"Hosts[1].AllowedOrigins", `"https://a.example/path"`, wsserver.Config{Hosts: bad}},
	} {
		_, err := wsserver.New(wsserver.Class[tally](), tt.cfg)
		e, ok := errors.AsType[*wsserver.ConfigError](err)
		if !ok || e.Field != tt.field || !strings.Contains(err.Error(), tt.value) {
			t.Errorf("New = %v, want %s: %s", err, tt.field, tt.value)
		}
	}
}

// a host has its own list of origins, or the server's if it has none; an empty one
// is the same host.
func TestOriginsByHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := named("own", "same", "server")
		list[0].AllowedOrigins, list[1].AllowedOrigins = []string{"https://own.page"}, []string{}
		var settings []string
		srv := newServer(t, &desk{}, wsserver.Config{
			Hosts: list, AllowedOrigins: []string{"https://server.page"},
			Events: wsserver.Events{OnReject: func(i wsserver.RejectInfo) { settings = append(settings, i.Setting) }},
		})
		l := serve(t, srv)
		for _, tt := range []struct{ tag, good, setting string }{
			{"own", "https://own.page", "Host.AllowedOrigins"},
			{"same", "http://same.example", "Host.AllowedOrigins"},
			{"server", "https://server.page", "AllowedOrigins"},
		} {
			settings = nil
			for _, origin := range []string{"https://own.page", "http://same.example", "https://server.page", ""} {
				r := wstest.Upgrade("/").Replace("Host: " + tt.tag + ".example")
				want := 101
				if origin != "" {
					if r = r.With("Origin: " + origin); origin != tt.good {
						want = 403
					}
				}
				if res := raw(t, l).Request(r); res.Status != want {
					t.Errorf("%s from %q is answered %d, want %d", tt.tag, origin, res.Status, want)
				}
			}
			synctest.Wait()
			if len(settings) != 2 || settings[0] != tt.setting || settings[1] != tt.setting {
				t.Errorf("%s: the settings told are %v", tt.tag, settings)
			}
		}
	})
}

// H-10: Meta is there for the program.
func TestMetaReachesTheProgram(t *testing.T) {
	list := named("a", "off", "b")
	list[1].Disabled = true
	list[2].Meta = map[string]string{"proto": "game/2"}
	srv := newServer(t, &desk{}, wsserver.Config{Hosts: list})
	if got := srv.Hosts(); len(got) != 2 || got[1].Tag() != "b" || got[1].Meta()["proto"] != "game/2" || got[1].Index() != 2 {
		t.Errorf("Hosts = %v", got)
	}
	if none := newServer(t, &desk{}, wsserver.Config{}); none.Hosts() != nil {
		t.Errorf("without hosts: %v", none.Hosts())
	}
}
