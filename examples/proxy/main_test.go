package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/forward"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProxyForwardsSocketsAndPages(t *testing.T) { // F-01, O-24
	service, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	go func() {
		conn, err := service.Accept()
		if err == nil {
			_, _ = io.Copy(conn, conn)
			conn.Close()
		}
	}()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page") }))
	defer site.Close()
	pages, err := handler(site.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer pages.(io.Closer).Close()
	target, err := forward.ParseTarget("tcp://" + service.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	srv, err := newProxy("127.0.0.1:0", target, pages, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	addr := srv.Addrs()[0].String()

	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p := clienttest.Open(t, conn, "/")
	p.SendText("hello")
	if m := p.Receive(); string(m.Data) != "hello" {
		t.Errorf("received %q", m.Data)
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if string(b) != "page" {
		t.Errorf("the page is %q", b)
	}
	p.Close(1000, "")
	_ = p.WaitEnd()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}
