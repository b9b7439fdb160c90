package pages

import (
	"context"
	"errors"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
	"go.uber.org/goleak"
)

// The programs of docs/migration.md, which a test of internal/arch compares.

func serve(ctx context.Context) error {
	srv, err := wsserver.New(Hall{}, wsserver.Config{
		Addr:   "0.0.0.0:8080",
		Banner: banner.Policy{Welcome: "welcome", TooBusy: "come back later", MaxClients: 1000},
	})
	if err != nil {
		return err
	}
	return srv.ListenAndServe(ctx) // until ctx ends; then every client is closed
}

// Member is the class: one object for each connection.
type Member struct {
	client.Base
	nick string // events of one client never overlap: no lock
}

func (m *Member) OnMessage(msg client.Message) error {
	m.Server().Broadcast(client.Text(m.nick + ": " + string(msg.Data)))
	return nil
}

// Hall is the factory: what the form with the server on it is in ICS.
type Hall struct{}

func (Hall) NewClient(r *client.OpenRequest) (*Member, error) {
	return &Member{nick: "nobody"}, nil
}
func (Hall) OnClientConnect(m *Member) error                     { return nil }
func (Hall) OnClientDisconnect(m *Member, info client.CloseInfo) {}

func fromINI(path string) (*wsserver.Server[*Member], error) {
	list, warnings, err := hosts.LoadINIFile(path, "")
	if err != nil {
		return nil, err
	}
	for _, w := range warnings { // settings that mean nothing here
		log.Print(w)
	}
	return wsserver.New(Hall{}, wsserver.Config{Hosts: list})
}

func onOneGoroutine(ctx context.Context) error {
	loop := pump.New(pump.Options{})
	srv, err := wsserver.New(Hall{}, wsserver.Config{Addr: ":8080", Pump: loop})
	if err != nil {
		return err
	}
	if err := srv.Listen(ctx); err != nil {
		return err
	}
	context.AfterFunc(ctx, func() {
		_ = srv.Shutdown(context.WithoutCancel(ctx))
		loop.Close()
	})
	return loop.Run(context.WithoutCancel(ctx)) // MessageLoop
}

// Echo has what a ConnectionState has.
type Echo struct {
	client.Base
	count int
}

func (e *Echo) OnMessage(m client.Message) error { // Message
	e.count++
	return e.Send(m)
}

func echo(ctx context.Context) error {
	srv, err := wsserver.New(wsserver.Factory[*Echo]{
		New:        func(*client.OpenRequest) (*Echo, error) { return &Echo{}, nil },
		Connect:    func(e *Echo) error { return nil },      // Open
		Disconnect: func(e *Echo, info client.CloseInfo) {}, // Close
	}, wsserver.Config{Addr: "127.0.0.1:8080"})
	if err != nil {
		return err
	}
	return srv.ListenAndServe(ctx)
}

// Talker says everything to its room, which is the path of its URL.
type Talker struct{ client.Base }

func (t *Talker) OnMessage(m client.Message) error {
	wsserver.ServerOf(t).Group(t.URI().Path).Broadcast(m)
	return nil
}

func rooms() (http.Handler, error) {
	return wsserver.New(wsserver.Factory[*Talker]{
		New:     func(*client.OpenRequest) (*Talker, error) { return &Talker{}, nil },
		Connect: func(t *Talker) error { return wsserver.ServerOf(t).Group(t.URI().Path).Join(t) },
	}, wsserver.Config{})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// With a context that has ended each of them stops before it listens.
func TestMigrationPrograms(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, run := range map[string]func(context.Context) error{"serve": serve, "onOneGoroutine": onOneGoroutine, "echo": echo} {
		if err := run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v", name, err)
		}
	}
}

func TestHostsOfICS(t *testing.T) {
	ini := filepath.Join(t.TempDir(), "hosts.ini")
	text := "[IcsHost1]\nHostEnabled=True\nHostNames=chat.example\nHostTag=chat\nBindIpAddr=127.0.0.1\nBindNonPort=8080\nBindSslPort=0\n"
	if err := os.WriteFile(ini, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	srv, err := fromINI(ini)
	if err != nil {
		t.Fatal(err)
	}
	if h := srv.Hosts(); len(h) != 1 || h[0].Tag() != "chat" {
		t.Errorf("hosts: %v", h)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}

func TestRoomsByPath(t *testing.T) {
	h, err := rooms()
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(h)
	defer web.Close()
	defer h.(*wsserver.Server[*Talker]).Close()
	join := func(room string) *wstest.Peer {
		return wstest.Open(wstest.DialTCP(t, web.Listener.Addr().String()), room)
	}
	one, two, other := join("/a"), join("/a"), join("/b")
	one.Send(wstest.Text("hello"))
	two.WantText("hello")
	one.WantText("hello")
	other.WantSilence()
	for _, p := range []*wstest.Peer{one, two, other} {
		p.Send(wstest.Close(1000, ""))
		p.WantClose(1000)
	}
}
