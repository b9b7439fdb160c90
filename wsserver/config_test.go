package wsserver_test

import (
	"crypto/tls"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// X-06, O-05: every value that could not work is refused by New, with field and value.
func TestBadConfigIsRefused(t *testing.T) {
	host := hosts.Host{Tag: "a", Names: []string{"a.example"}}
	for _, tt := range []struct {
		field, value string
		cfg          wsserver.Config
	}{
		{"Addr", `":80"`, wsserver.Config{Addr: ":80", Hosts: []hosts.Host{host}}},
		{"ListenPolicy", "2", wsserver.Config{ListenPolicy: 2}},
		{"UnknownHost", "7", wsserver.Config{UnknownHost: 7}},
		{"MaxHeaderBytes", "-1", wsserver.Config{MaxHeaderBytes: -1}},
		{"MaxPending", "-5", wsserver.Config{MaxPending: -5}},
		{"ShutdownTimeout", "-1s", wsserver.Config{ShutdownTimeout: -time.Second}},
		{"SendQueue.MaxBytes", "-2", wsserver.Config{SendQueue: client.SendQueue{MaxBytes: -2}}},
		{"SendQueue.LowWater", "9", wsserver.Config{SendQueue: client.SendQueue{HighWater: 8, LowWater: 9}}},
		{"MaxFrameSize", "-4", wsserver.Config{MaxFrameSize: -4}},
		{"BandwidthLimit", "-6", wsserver.Config{BandwidthLimit: -6}},
		{"BandwidthSampling", "-7ns", wsserver.Config{BandwidthSampling: -7}},
		{"MemoryBudget", "NewBudget", wsserver.Config{MemoryBudget: new(client.Budget)}},
		{"SendQueue.MaxMessages", "-3", wsserver.Config{SendQueue: client.SendQueue{MaxMessages: -3}}},
		{"SendQueue.Policy", "9", wsserver.Config{SendQueue: client.SendQueue{Policy: 9}}},
		{"Compression.Mode", "3", wsserver.Config{Compression: client.Compression{Mode: 3}}},
		{"MaxMessageSize", "9223372036854775807", wsserver.Config{MaxMessageSize: math.MaxInt64}},
		{"CloseCode", "1005", wsserver.Config{CloseCode: 1005}},
		{"CloseCode", "999", wsserver.Config{CloseCode: 999}},
		{"CloseReason", "UTF-8", wsserver.Config{CloseReason: "\xff"}},
		{"SubProtocols", `"a b"`, wsserver.Config{SubProtocols: []string{"ok", "a b"}}},
		{"SubProtocols", `""`, wsserver.Config{SubProtocols: []string{""}}},
		{"SubProtocols", `"x" is there twice`, wsserver.Config{SubProtocols: []string{"x", "y", "x"}}},
		{"RequireSubProtocol", "SubProtocols", wsserver.Config{RequireSubProtocol: true}},
		{"AllowedOrigins", `"https://a.example/path"`, wsserver.Config{AllowedOrigins: []string{"*", "https://a.example/path"}}},
		{"AllowedOrigins", `"a*.example"`, wsserver.Config{AllowedOrigins: []string{"a*.example"}}},
		{"Banner", "MaxClients: -1", wsserver.Config{Banner: banner.Policy{MaxClients: -1}}},
		{"Banner", "Mode(9)", wsserver.Config{Banner: banner.Policy{Mode: 9}}},
		{"Banner", "CloseCode: 1006", wsserver.Config{Banner: banner.Policy{CloseCode: 1006}}},
		{"Banner", "Welcome", wsserver.Config{Banner: banner.Policy{Welcome: "\xff"}}},
		{"Banner", "TooBusy", wsserver.Config{Banner: banner.Policy{TooBusy: "\xff"}}},
		{"Banner", "NotifyHandlers, Mode", wsserver.Config{Banner: banner.Policy{NotifyHandlers: true}}},
		{"Banner", "NotifyHandlers, Mode", wsserver.Config{Banner: banner.Policy{NotifyHandlers: true, Mode: banner.Drop}}},
		{"TLS", "no certificate", wsserver.Config{TLS: &tls.Config{}}}, // H-28
		{"Hosts", "no names", wsserver.Config{Hosts: []hosts.Host{{Tag: "nameless"}}}},
		{"Hosts", "TLSPort", wsserver.Config{Hosts: []hosts.Host{{Names: []string{"*"}, TLSPort: 443}}}},
		{"Hosts", "MinVersion", wsserver.Config{Hosts: []hosts.Host{host}, TLS: &tls.Config{MinVersion: tls.VersionTLS10}}},
		{"Hosts", "Certificates", wsserver.Config{Hosts: []hosts.Host{host}, TLS: &tls.Config{Certificates: make([]tls.Certificate, 1)}}},
	} {
		t.Run(tt.field+" "+tt.value, func(t *testing.T) {
			srv, err := wsserver.New(wsserver.Class[tally](), tt.cfg)
			e, ok := errors.AsType[*wsserver.ConfigError](err)
			if !ok || srv != nil || e.Field != tt.field {
				t.Fatalf("New = %v, want a ConfigError for %s", err, tt.field)
			}
			if text := err.Error(); !strings.HasPrefix(text, "wsserver: Config."+tt.field+": ") || !strings.Contains(text, tt.value) {
				t.Errorf("the text is %q, want field and %s", text, tt.value)
			}
		})
	}
}

// all that is wrong is told at once.
func TestBadConfigIsToldAtOnce(t *testing.T) {
	_, err := wsserver.New(wsserver.Class[tally](), wsserver.Config{
		MaxPending: -1, CloseCode: 1, SubProtocols: []string{"("}, Banner: banner.Policy{Mode: 8},
	})
	for _, field := range []string{"MaxPending", "CloseCode", "SubProtocols", "Banner"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("New = %v, want %s in it", err, field)
		}
	}
}

// L-01, X-06: the zero value serves what it is given, and has no address.
func TestZeroConfigServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServerOf(t, wsserver.Class[tally](), wsserver.Config{})
		err := srv.Listen(t.Context())
		e, ok := errors.AsType[*wsserver.ConfigError](err)
		if !ok || e.Field != "Addr" || err.Error() != "wsserver: Config.Addr: not set" {
			t.Errorf("Listen = %v", err)
		}
		if srv.Listening() || srv.AnyListening() || srv.AllListening() || len(srv.Addrs()) != 0 || srv.PortNum() != 0 || srv.Listeners().String() != "" {
			t.Error("the server says that it listens")
		}
		p := clienttest.Dial(t, serve(t, srv), "/")
		p.SendText("x")
		p.Receive()
	})
}

// New copies what it is given.
func TestConfigIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		cfg := wsserver.Config{
			AllowedOrigins: []string{"https://good.example"}, SubProtocols: []string{"one", "two"},
			Hooks:    []wsserver.Hooks{hook(&d.journal, 1)},
			Hosts:    []hosts.Host{{Tag: "mine", Names: []string{"server.example"}}},
			Bindings: []multilisten.Binding{{Addr: ":1"}},
		}
		srv := newServer(t, d, cfg)
		cfg.AllowedOrigins[0], cfg.SubProtocols[0], cfg.SubProtocols[1] = "https://evil.example", "x", "y"
		cfg.Hooks[0], cfg.Hosts[0].Names[0], cfg.Hosts[0].Tag = hook(&d.journal, 2), "evil.example", "x"
		p := clienttest.Dial(t, serve(t, srv), "/", clienttest.DialOptions{
			Origin: "https://good.example", SubProtocols: []string{"two", "x"},
		})
		if p.SubProtocol() != "two" {
			t.Errorf("sub-protocol %q is chosen", p.SubProtocol())
		}
		synctest.Wait()
		d.want(t, "new", "hook 1 create", "hook 1 connect", "connect")
	})
}

// the helper makes the error that NewClient returns.
func TestRejectIsTheError(t *testing.T) {
	r := &client.OpenRequest{}
	e, ok := errors.AsType[*client.RejectError](r.Reject(http.StatusGone, "moved on"))
	if !ok || e.Status != 410 || e.Body != "moved on" {
		t.Errorf("Reject = %v", e)
	}
}
