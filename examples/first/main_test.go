package main

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadmeShowsThisProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "\n```go\n"+string(program)+"```\n") {
		t.Error("README.md has no block that is main.go to the letter")
	}
	if n := strings.Count(string(program), "\n"); n >= 40 {
		t.Errorf("main.go has %d lines: that is no first program", n)
	}
}

func TestEverybodyHearsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := wsserver.New(wsserver.Class[Member](), wsserver.Config{
			Banner: banner.Policy{Welcome: "welcome"},
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		l := clienttest.NewListener()
		go srv.Serve(l)
		ada, bob := clienttest.Dial(t, l, "/"), clienttest.Dial(t, l, "/")
		ada.Receive() // the banner
		bob.Receive()
		ada.SendText("hello")
		for name, peer := range map[string]*clienttest.Peer{"ada": ada, "bob": bob} {
			if got := string(peer.Receive().Data); got != "1 (1): hello" {
				t.Errorf("%s hears %q", name, got)
			}
		}
	})
}
