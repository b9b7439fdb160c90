package clienttest_test

import (
	"context"
	"errors"
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

// Feed is a class that sends as fast as its peer reads.
type Feed struct {
	client.Base
	backlog []string
}

func (c *Feed) OnMessage(m client.Message) error {
	c.backlog = append(c.backlog, string(m.Data))
	return c.OnReadyToSend()
}

func (c *Feed) OnReadyToSend() error {
	for len(c.backlog) > 0 {
		switch err := c.TrySend(client.Text(c.backlog[0])); {
		case errors.Is(err, client.ErrWouldBlock):
			return nil // OnReadyToSend comes again
		case err != nil:
			return err
		}
		c.backlog = c.backlog[1:]
	}
	return nil
}

// A peer that reads slowly is played by Stall and Resume.
func ExampleRecorder_Stall() {
	t, end := example() // in a test: its *testing.T
	defer end()

	c := new(Feed)
	rec := clienttest.Connect(t, c)
	rec.Stall(1) // one message waits, then the queue is full
	for _, s := range []string{"one", "two", "three"} {
		rec.Text(s)
	}
	fmt.Println(len(rec.Sent()), "sent,", c.BufferedAmount(), "bytes wait, backlog", c.backlog)
	rec.Resume()
	fmt.Println(len(rec.Sent()), "sent,", c.BufferedAmount(), "bytes wait, backlog", c.backlog)
	// Output:
	// 0 sent, 5 bytes wait, backlog [two three]
	// 3 sent, 0 bytes wait, backlog []
}

// Upload is a class that takes messages of any size in pieces.
type Upload struct {
	client.Base
	size int
}

func (c *Upload) OnFragment(f client.Fragment) error {
	c.size += len(f.Data)
	if f.Final {
		return c.SendText(fmt.Sprintf("%d bytes", c.size))
	}
	return nil
}

func (c *Upload) OnMessage(client.Message) error { return nil } // records only

// A message comes in pieces, as the test cuts it.
func ExampleRecorder_Fragment() {
	t, end := example() // in a test: its *testing.T
	defer end()

	rec := clienttest.Connect(t, new(Upload))
	rec.Fragment(client.Fragment{Op: client.OpBinary, Data: make([]byte, 1000), First: true})
	rec.Fragment(client.Fragment{Op: client.OpBinary, Data: make([]byte, 24), Final: true})
	fmt.Printf("%s\n", rec.Sent()[0].Data)
	// Output: 1024 bytes
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
func (t *exampleT) Logf(string, ...any)            {}
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
