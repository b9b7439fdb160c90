package wsserver_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// estate is many hosts whose certificates are in files that are replaced again and again.
type estate struct {
	t     *testing.T
	ca    *wstest.CA
	hosts []hosts.Host
	shown []atomic.Pointer[x509.Certificate] // the newest certificate of each
}

func newEstate(t *testing.T, n int) *estate {
	e := &estate{t: t, ca: wstest.NewCA(t), shown: make([]atomic.Pointer[x509.Certificate], n)}
	dir := t.TempDir()
	for i := range n {
		tag := fmt.Sprint("h", i)
		e.hosts = append(e.hosts, hosts.Host{
			Tag: tag, Names: []string{tag + ".example"}, Cert: filepath.Join(dir, tag+".pem"),
		})
		e.renew(i)
	}
	return e
}

// renew replaces the file of a host by a rename, as tools that renew do.
func (e *estate) renew(i int) {
	leaf := e.ca.Leaf(e.hosts[i].Names[0])
	cert, key := e.ca.Files(leaf)
	var bundle []byte
	for _, path := range []string{cert, key} {
		b, err := os.ReadFile(path)
		no(e.t, err)
		bundle = append(bundle, b...)
	}
	path := e.hosts[i].Cert
	no(e.t, os.WriteFile(path+".new", bundle, 0o600))
	no(e.t, os.Rename(path+".new", path))
	parsed, err := x509.ParseCertificate(leaf.Certificate[0])
	no(e.t, err)
	e.shown[i].Store(parsed)
}

// H-31: while fifty hosts replace their certificates under a thousand clients that talk,
// no handshake fails and nobody is dropped.
func TestRenewalsDropNobody(t *testing.T) {
	const (
		many    = 50
		clients = 1000
		rounds  = 3
	)
	e := newEstate(t, many)
	var gone atomic.Int32
	srv := newServerOf(t, wsserver.Factory[*parrot]{
		New:        func(*client.OpenRequest) (*parrot, error) { return &parrot{}, nil },
		Disconnect: func(*parrot, client.CloseInfo) { gone.Add(1) },
	}, wsserver.Config{Hosts: e.hosts, RecheckEvery: time.Hour})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	no(t, err)
	serveOn(t, srv, l, srv.ServeTLS)
	dial := func(i int) (*tls.Conn, error) {
		return tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: e.hosts[i%many].Names[0], RootCAs: e.ca.Pool()})
	}
	conns := make([]*wstest.Peer, clients)
	for i := range conns {
		c, err := dial(i)
		no(t, err)
		conns[i] = wstest.Wrap(t, c)
		conns[i].Upgrade(wstest.Upgrade("/").Replace("Host: " + e.hosts[i%many].Names[0]))
		defer c.Close()
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var shaken atomic.Int32
	for w := range 4 { // newcomers
		wg.Go(func() {
			for i := w; ; i += 7 {
				select {
				case <-stop:
					return
				default:
				}
				c, err := dial(i)
				if err != nil {
					t.Errorf("handshake with host %d: %v", i%many, err)
					return
				}
				shaken.Add(1)
				_ = c.Close()
			}
		})
	}
	for range rounds {
		for i := range many {
			e.renew(i)
		}
		eventually(t, "every host to show its new certificate", func() bool {
			for i, h := range srv.Hosts() {
				if !h.Leaf().Equal(e.shown[i].Load()) {
					return false
				}
			}
			return true
		})
		for i, p := range conns {
			text := fmt.Sprint("number ", i)
			p.Send(wstest.Text(text))
			if got := p.ReadMessage(); string(got.Data) != text {
				t.Fatalf("client %d gets %q", i, got.Data)
			}
		}
	}
	close(stop)
	wg.Wait()
	if gone.Load() != 0 || srv.ClientCount() != clients {
		t.Errorf("%d clients were dropped, %d are left", gone.Load(), srv.ClientCount())
	}
	if shaken.Load() < many {
		t.Errorf("only %d newcomers", shaken.Load())
	}
	for i := range many {
		c, err := dial(i)
		no(t, err)
		if got := c.ConnectionState().PeerCertificates[0]; !got.Equal(e.shown[i].Load()) {
			t.Errorf("host %d shows an old certificate", i)
		}
		_ = c.Close()
	}
}

// parrot says what it hears.
type parrot struct{ client.Base }

func (p *parrot) OnMessage(m client.Message) error { return p.Send(m) }
