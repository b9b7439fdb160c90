package clienttest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

// Counter is the class under test: it numbers what it hears.
type Counter struct {
	client.Base
	n int
}

func (c *Counter) OnMessage(m client.Message) error {
	if string(m.Data) == "bye" {
		return c.Close(client.StatusNormalClosure, "bye")
	}
	c.n++
	return c.SendText(fmt.Sprintf("%d %s", c.n, m.Data))
}

// A class is tested without a server.
func ExampleConnect() {
	t, end := example() // in a test: its *testing.T
	defer end()

	c := new(Counter)
	rec := clienttest.Connect(t, c, clienttest.Options{Banner: "welcome"})
	rec.Text("one")
	rec.Text("two")
	rec.Text("bye")
	for _, m := range rec.Sent() {
		fmt.Printf("%v: %s\n", m.Op, m.Data)
	}
	fmt.Println(rec.Closed())
	fmt.Println(rec.Text("three"))
	// Output:
	// text: welcome
	// text: 1 one
	// text: 2 two
	// client: close 1000 normal closure: "bye"
	// client: not connected: use of closed network connection
}

// Members is the factory under test.
type Members struct{ online map[uint64]bool }

func (f *Members) NewClient(r *client.OpenRequest) (*Counter, error) {
	if r.Origin != "https://chat.example" {
		return nil, r.Reject(403, "not from there")
	}
	return new(Counter), nil
}

func (f *Members) OnClientConnect(c *Counter) error {
	f.online[c.ID()] = true
	return c.SetBanner("welcome, " + c.Name())
}

func (f *Members) OnClientDisconnect(c *Counter, info client.CloseInfo) {
	delete(f.online, c.ID())
	fmt.Println("gone:", info)
}

// A factory is tested with the calls that a server makes, in their order.
func ExampleRequest() {
	t, end := example() // in a test: its *testing.T
	defer end()

	f := &Members{make(map[uint64]bool)}
	_, err := f.NewClient(clienttest.Request(t, "/"))
	fmt.Println(err)

	opts := clienttest.Options{Origin: "https://chat.example", Name: "ada"}
	c, err := f.NewClient(clienttest.Request(t, "/", opts))
	if err != nil {
		fmt.Println(err)
		return
	}
	rec := clienttest.Connect(t, c, opts)
	f.OnClientConnect(c)
	rec.Greet()
	fmt.Printf("%s %d online\n", rec.Sent()[0].Data, len(f.online))
	f.OnClientDisconnect(c, rec.Disconnect(client.CloseInfo{Code: client.StatusGoingAway, Remote: true}))
	fmt.Println(len(f.online), "online")
	// Output:
	// client: rejected with 403 Forbidden: not from there
	// welcome, ada 1 online
	// gone: remote 1001 going away: client: close 1001 going away
	// 0 online
}

// exampleT is what an example has in place of a *testing.T.
type exampleT struct {
	testing.TB
	ctx      context.Context
	cleanups []func()
}

func (t *exampleT) Helper()                        {}
func (t *exampleT) Context() context.Context       { return t.ctx }
func (t *exampleT) Cleanup(f func())               { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

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
