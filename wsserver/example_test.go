package wsserver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// The examples run over a network in memory, with a peer that a test would have.
// In a program Listen or ListenAndServe stand in the place of Serve.

// Shouter is a client class: the server makes one for each connection.
type Shouter struct {
	client.Base
}

// OnMessage is the one event that every class has.
func (c *Shouter) OnMessage(m client.Message) error {
	return c.SendText(strings.ToUpper(string(m.Data)))
}

func Example() {
	srv, err := wsserver.New(wsserver.Class[Shouter](), wsserver.Config{
		Banner: banner.Policy{Welcome: "welcome"},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	l := clienttest.NewListener()
	go srv.Serve(l)

	t, end := example()
	defer end()
	peer := clienttest.Dial(t, l, "/")
	peer.SendText("hello")
	fmt.Printf("%s\n", peer.Receive().Data)
	fmt.Printf("%s\n", peer.Receive().Data)
	// Output:
	// welcome
	// HELLO
}

// A class that needs no arguments needs no factory either. Config says where to
// listen; what is wrong with it, or with the class, New tells.
func ExampleClass() {
	_, err := wsserver.New(wsserver.Class[Shouter](), wsserver.Config{Addr: ":8080"})
	fmt.Println(err)
	_, err = wsserver.New(wsserver.Class[Misspelt](), wsserver.Config{Addr: ":8080"})
	fmt.Println(err)
	// Output:
	// <nil>
	// wsserver: class *wsserver_test.Misspelt: method OnPimg is not an event (OnMessage, OnFragment, OnPing, OnPong, OnReadyToSend, OnDropped); name a helper onX or HandleX
}

// Misspelt would never get its pings.
type Misspelt struct{ Shouter }

func (c *Misspelt) OnPimg(payload []byte) error { return nil }

// Member is a class with state of its own.
type Member struct {
	client.Base
	name string
}

func (m *Member) OnMessage(msg client.Message) error {
	return m.SendText(m.name + ": " + string(msg.Data))
}

// newMember decides who becomes a member.
func newMember(r *client.OpenRequest) (*Member, error) {
	name := r.URI.Query().Get("name")
	if name == "" {
		return nil, r.Reject(http.StatusBadRequest, "name missing")
	}
	return &Member{name: name}, nil
}

// A Factory makes functions the factory of a class.
func ExampleFactory() {
	gone := make(chan client.CloseInfo, 1)
	srv, err := wsserver.New(wsserver.Factory[*Member]{
		New:        newMember,
		Connect:    func(m *Member) error { return m.SetBanner("hello " + m.name) },
		Disconnect: func(m *Member, info client.CloseInfo) { gone <- info },
	}, wsserver.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	l := clienttest.NewListener()
	go srv.Serve(l)

	t, end := example()
	defer end()
	_, _, err = clienttest.TryDial(t, l, "/")
	fmt.Println(err)
	peer := clienttest.Dial(t, l, "/?name=ada")
	peer.SendText("good day")
	fmt.Printf("%s\n", peer.Receive().Data)
	fmt.Printf("%s\n", peer.Receive().Data)
	peer.Close(client.StatusGoingAway, "")
	fmt.Println(<-gone)
	// Output:
	// clienttest: handshake refused: 400 Bad Request: name missing
	// hello ada
	// ada: good day
	// remote 1001 going away: client: close 1001 going away
}

func ExampleServer_Broadcast() {
	srv, err := wsserver.New(wsserver.Class[Shouter](), wsserver.Config{
		Banner: banner.Policy{Welcome: "welcome"},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	l := clienttest.NewListener()
	go srv.Serve(l)

	t, end := example()
	defer end()
	red, blue := clienttest.Dial(t, l, "/red"), clienttest.Dial(t, l, "/blue")
	red.Receive()
	blue.Receive() // who has the banner is connected
	fmt.Println(srv.Broadcast(client.Text("to all")), "clients")
	fmt.Println(srv.Broadcast(client.Text("to red"), wsserver.ByURI("/red")), "client")
	fmt.Printf("red: %s\n", red.Receive().Data)
	fmt.Printf("red: %s\n", red.Receive().Data)
	fmt.Printf("blue: %s\n", blue.Receive().Data)
	// Output:
	// 2 clients
	// 1 client
	// red: to all
	// red: to red
	// blue: to all
}

func ExampleServer_Shutdown() {
	srv, err := wsserver.New(wsserver.Class[Shouter](), wsserver.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	l := clienttest.NewListener()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()

	t, end := example()
	defer end()
	peer := clienttest.Dial(t, l, "/")
	fmt.Println("shutdown:", srv.Shutdown(context.Background()))
	fmt.Println("serve ended:", errors.Is(<-served, wsserver.ErrServerClosed))
	fmt.Println("the peer got", peer.CloseCode())
	<-srv.Done() // nothing of the server is left
	// Output:
	// shutdown: <nil>
	// serve ended: true
	// the peer got 1001 going away
}

// The server as a handler of somebody else's mux, behind middleware.
func ExampleServer_ServeHTTP() {
	srv, err := wsserver.New(wsserver.Class[Shouter](), wsserver.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	mux := http.NewServeMux()
	mux.Handle("/ws", withToken(srv))
	web := &http.Server{Handler: mux}
	l := clienttest.NewListener()
	go web.Serve(l)
	defer web.Close()

	t, end := example()
	defer end()
	_, _, err = clienttest.TryDial(t, l, "/ws")
	fmt.Println(err)
	peer := clienttest.Dial(t, l, "/ws", clienttest.DialOptions{Header: http.Header{"Authorization": {"Bearer secret"}}})
	peer.SendText("hello")
	fmt.Printf("%s\n", peer.Receive().Data)
	// Output:
	// clienttest: handshake refused: 401 Unauthorized: who are you?
	// HELLO
}

func withToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// exampleT is what the examples have in place of a *testing.T.
type exampleT struct {
	testing.TB
	ctx      context.Context
	cleanups []func()
}

func (t *exampleT) Helper()                        {}
func (t *exampleT) Context() context.Context       { return t.ctx }
func (t *exampleT) Cleanup(f func())               { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Errorf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (t *exampleT) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

// example begins an example as a test begins; end stops its peers.
func example() (t *exampleT, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	t = &exampleT{ctx: ctx}
	return t, func() {
		cancel()
		for _, f := range t.cleanups {
			f()
		}
	}
}
