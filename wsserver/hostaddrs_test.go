package wsserver_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// L-38, H-01, H-03, H-04, H-05, H-06, H-07, H-08, H-26: the addresses of the hosts,
// shared where they are the same; a client has the tag of its host.
func TestHostsBringTheirAddresses(t *testing.T) { onDrivers(t, testHostsBringTheirAddresses) }

func testHostsBringTheirAddresses(t *testing.T) {
	d := &desk{}
	tags := make(chan string, 9)
	d.connect = func(g *guest) error {
		tags <- fmt.Sprint(g.HostTag(), " ", g.BindingIndex(), " ", g.Binding(), " ", g.TLS() != nil)
		return nil
	}
	ca := wstest.NewCA(t)
	certFile, keyFile := ca.Files(ca.Leaf("a.example"))
	shared := freePort(t)
	var port int
	fmt.Sscanf(shared, "127.0.0.1:%d", &port)
	srv := newServer(t, d, wsserver.Config{
		Hosts: []hosts.Host{
			{Tag: "a", Names: []string{"a.example"}, Bind: "127.0.0.1", Bind2: "::1", Port: port, TLSPort: -1, Cert: certFile, Key: keyFile},
			{Tag: "off", Names: []string{"off.example"}, Disabled: true, Bind: "127.0.0.1", Port: 1},
			{Tag: "b", Names: []string{"b.example"}, Bind: "127.0.0.1", Port: port},
			{Tag: "c", Names: []string{"c.example"}, Bind: "127.0.0.2", Port: -1},
		},
		Bindings: []multilisten.Binding{{Name: "main", Addr: shared, Backlog: 3}},
	})
	open(t, srv)
	addrs := srv.Addrs()
	if len(addrs) != 5 || addrs[0].String() != shared || addrs[2].String() != fmt.Sprintf("[::1]:%d", port) {
		t.Fatalf("Addrs = %v, want those of a: plain, TLS, plain, TLS, and that of c", addrs)
	}
	for _, tt := range []struct {
		i      int
		host   string
		status int
		tag    string
	}{
		{0, "a.example", 101, "a 0 main false"},
		{0, "b.example", 101, "b 0 main false"},
		{0, "off.example", 421, ""},
		{0, "c.example", 421, ""}, // of another address
		{2, "a.example", 101, "a 2 [::1]:" + fmt.Sprint(port) + " false"},
		{2, "b.example", 421, ""},
		{4, "c.example", 101, "c 4 127.0.0.2:0 false"},
		{4, "127.0.0.2", 101, "c 4 127.0.0.2:0 false"}, // the default host of its listener
	} {
		p := wstest.DialTCP(t, addrs[tt.i].String())
		if res := p.Request(wstest.Upgrade("/").Replace("Host: " + tt.host)); res.Status != tt.status {
			t.Errorf("%s at %v: status %d, want %d", tt.host, addrs[tt.i], res.Status, tt.status)
		} else if tt.status == 101 {
			if got := <-tags; got != tt.tag {
				t.Errorf("%s at %v is %q, want %q", tt.host, addrs[tt.i], got, tt.tag)
			}
		}
	}
	for _, i := range []int{1, 3} {
		p := wstest.DialTLS(t, addrs[i].String(), &tls.Config{RootCAs: ca.Pool(), ServerName: "a.example"})
		p.Upgrade(wstest.Upgrade("/").Replace("Host: a.example"))
		if got, want := <-tags, fmt.Sprintf("a %d ", i); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "true") {
			t.Errorf("over TLS the client is %q", got)
		}
	}
}

// H-26, L-27: with an address that can not be opened the others keep their index
// and their host.
func TestHostsWithTheBestEffort(t *testing.T) { onDrivers(t, testHostsWithTheBestEffort) }

func testHostsWithTheBestEffort(t *testing.T) {
	d, got := &desk{}, make(chan string, 1)
	d.connect = func(g *guest) error { got <- fmt.Sprint(g.HostTag(), " ", g.BindingIndex()); return nil }
	var port int
	fmt.Sscanf(busyPort(t), "127.0.0.1:%d", &port)
	srv := newServer(t, d, wsserver.Config{ListenPolicy: multilisten.BestEffort, Hosts: []hosts.Host{
		{Tag: "a", Names: []string{"a.example"}, Bind: "127.0.0.1", Port: port},
		{Tag: "b", Names: []string{"b.example"}, Bind: "127.0.0.1", Port: -1},
	}})
	if err := srv.Listen(t.Context()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen = %v", err)
	}
	dialTCP(t, srv.Addrs()[0].String(), "/", clienttest.DialOptions{Host: "b.example"})
	if tag := <-got; tag != "b 1" {
		t.Errorf("the client is %q", tag)
	}
}

// H-06, L-25, L-38: hosts and bindings that do not fit together.
func TestHostsThatCanNotListen(t *testing.T) {
	host := func(tag string, bind string, port int) hosts.Host {
		return hosts.Host{Tag: tag, Names: []string{tag + ".example"}, Bind: bind, Port: port}
	}
	for _, tt := range []struct {
		name  string
		cfg   wsserver.Config
		parts []string
	}{
		{"no port", wsserver.Config{Hosts: []hosts.Host{host("a", "", 0)}}, []string{"Config.Hosts", `"a"`, "Port"}},
		{"binding of no host", wsserver.Config{
			Hosts:    []hosts.Host{host("a", "127.0.0.1", -1)},
			Bindings: []multilisten.Binding{{Addr: "127.0.0.1:0"}, {Name: "lost", Addr: "127.0.0.3:81"}},
		}, []string{"Config.Bindings", "binding 1", "127.0.0.3:81"}},
		{"overlap", wsserver.Config{Hosts: []hosts.Host{host("a", "", 8081), host("b", "127.0.0.1", 8081)}}, []string{"Config.Hosts", `"a"`, `"b"`, "8081"}},
		{"all disabled", wsserver.Config{Hosts: []hosts.Host{{Names: []string{"a"}, Disabled: true}}}, []string{"Config.Hosts", "no enabled host"}},
		{"TLS binding without TLS", wsserver.Config{Bindings: []multilisten.Binding{{Addr: "127.0.0.1:0", TLS: true}}}, []string{"Config.TLS", "not set", "127.0.0.1:0"}},
		{"same address twice", wsserver.Config{Addr: "127.0.0.1:8081", Bindings: []multilisten.Binding{{Addr: "127.0.0.1:8081"}}}, []string{"binding 1", "binding 0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, &desk{}, tt.cfg)
			err := srv.Listen(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), "wsserver: ") {
				t.Fatalf("Listen = %v", err)
			}
			if i := slices.IndexFunc(tt.parts, func(p string) bool { return !strings.Contains(err.Error(), p) }); i >= 0 {
				t.Errorf("Listen = %v, want %q in it", err, tt.parts[i])
			}
			if srv.Listening() || len(srv.Addrs()) != 0 {
				t.Error("it listens")
			}
		})
	}
}
