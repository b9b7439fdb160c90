package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	goleak.VerifyTestMain(m)
}

// start runs the program until stop, which returns what run does.
func start(t *testing.T) (addr string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, "127.0.0.1:0", w)
		w.CloseWithError(err)
		done <- err
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	addr, found := strings.CutPrefix(strings.TrimSpace(line), "listening on http://")
	if !found {
		t.Fatalf("printed %q, %v", line, err)
	}
	return addr, func() error {
		cancel()
		return <-done
	}
}

// open does a handshake as a client that signs in with the password.
func open(t *testing.T, addr, target, password string) (*clienttest.Peer, *http.Response, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Header: make(http.Header)}
	r.SetBasicAuth("ada", password)
	return clienttest.TryOpen(t, conn, target, clienttest.DialOptions{Header: r.Header})
}

func TestEmbed(t *testing.T) {
	addr, stop := start(t)
	ada, _, err := open(t, addr, "/ws/garden", "secret")
	if err != nil {
		t.Fatal(err)
	}
	ada.SendText("hello")
	if got := string(ada.Receive().Data); got != "ada in /garden: hello" {
		t.Errorf("the client says %q", got)
	}

	_, res, err := open(t, addr, "/ws/garden", "guess")
	if !errors.Is(err, clienttest.ErrRefused) || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong password gets %v, %v", res, err)
	}
	_, res, err = open(t, addr, "/elsewhere", "secret")
	if !errors.Is(err, clienttest.ErrRefused) || res.StatusCode != http.StatusNotFound {
		t.Errorf("another path gets %v, %v", res, err)
	}

	page, err := http.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	page.Body.Close()
	if page.StatusCode != http.StatusOK {
		t.Errorf("the page comes with %s", page.Status)
	}
	http.DefaultClient.CloseIdleConnections()

	if err := stop(); err != nil {
		t.Errorf("run = %v", err)
	}
	if got := ada.CloseCode(); got != client.StatusGoingAway {
		t.Errorf("closed with %v", got)
	}
}
