package wsserver_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// tally counts its messages: state of a client is in its fields (C-20).
type tally struct {
	client.Base
	n int
}

func (c *tally) OnMessage(client.Message) error {
	c.n++
	return c.SendText(strings.Repeat("|", c.n))
}

// C-01, C-20: one object of the class for each connection.
func TestClassMakesOneObjectForEachConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := serve(t, newServerOf(t, wsserver.Class[tally](), wsserver.Config{}))
		a, b := clienttest.Dial(t, l, "/"), clienttest.Dial(t, l, "/")
		for _, want := range []string{"|", "||", "|||"} {
			a.SendText("")
			if got := string(a.Receive().Data); got != want {
				t.Errorf("received %q, want %q", got, want)
			}
		}
		b.SendText("")
		if got := string(b.Receive().Data); got != "|" {
			t.Errorf("the other client received %q", got)
		}
	})
}

// C-01, E-09
func TestFactoryAdaptsFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		f := wsserver.Factory[*tally]{
			New:        func(*client.OpenRequest) (*tally, error) { got = append(got, "new"); return &tally{n: 4}, nil },
			Connect:    func(c *tally) error { got = append(got, "connect"); return nil },
			Disconnect: func(c *tally, _ client.CloseInfo) { got = append(got, "disconnect") },
		}
		p := clienttest.Dial(t, serve(t, newServerOf(t, f, wsserver.Config{})), "/")
		p.SendText("")
		if m := p.Receive(); string(m.Data) != "|||||" {
			t.Errorf("received %q", m.Data)
		}
		p.Close(1000, "")
		p.WaitEnd()
		synctest.Wait()
		if !slices.Equal(got, []string{"new", "connect", "disconnect"}) {
			t.Errorf("called %v", got)
		}
		only := wsserver.Factory[*tally]{New: f.New}
		p = clienttest.Dial(t, serve(t, newServerOf(t, only, wsserver.Config{})), "/")
		p.Close(1000, "")
		p.WaitEnd()
	})
}

// C-01
func TestFactoryThatCanNotWorkIsRefused(t *testing.T) {
	var none wsserver.ClientFactory[*guest]
	var nilDesk *desk
	for name, f := range map[string]wsserver.ClientFactory[*guest]{
		"nil": none, "nil pointer": nilDesk, "no New": wsserver.Factory[*guest]{},
		"pointer without New": &wsserver.Factory[*guest]{},
	} {
		if srv, err := wsserver.New(f, wsserver.Config{}); err == nil || srv != nil || !strings.HasPrefix(err.Error(), "wsserver: ") {
			t.Errorf("%s: New = %v, %v", name, srv, err)
		}
	}
}

// hollow embeds a pointer to Base that nobody sets; wrapper embeds somebody else.
type (
	hollow  struct{ *client.Base }
	wrapper struct{ client.Client }
)

func (hollow) OnMessage(client.Message) error { return nil }

// C-01: a class without a Base can not be served; that is an answer, not a crash.
func TestClassWithoutABaseIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, f := range map[string]func() client.Client{
			"nil Base":             func() client.Client { return &hollow{} },
			"nil embedded client":  func() client.Client { return &wrapper{} },
			"value with a nil one": func() client.Client { return hollow{} },
		} {
			make := wsserver.Factory[client.Client]{New: func(*client.OpenRequest) (client.Client, error) { return f(), nil }}
			l := serve(t, newServerOf(t, make, wsserver.Config{}))
			if _, res, err := clienttest.TryDial(t, l, "/"); res == nil || res.StatusCode != 500 {
				t.Errorf("%s: dialling = %v, want 500", name, err)
			}
		}
	})
}

// speaker is an interface that a server can be made of.
type speaker interface {
	client.Client
	speak() string
}

type (
	dog struct{ plain }
	cat struct{ plain }
)

func (*dog) speak() string { return "wuff" }
func (*cat) speak() string { return "miau" }

// C-01, C-02: T may be an interface; ServerOf finds the server by that type alone.
func TestClassesOfOneServerMayDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv *wsserver.Server[speaker]
		f := wsserver.Factory[speaker]{
			New: func(r *client.OpenRequest) (speaker, error) {
				if r.RawURI == "/dog" {
					return &dog{}, nil
				}
				return &cat{}, nil
			},
			Connect: func(c speaker) error {
				if wsserver.ServerOf(c) != srv || c.Server() != client.Server(srv) {
					t.Error("ServerOf does not find the server")
				}
				if d, ok := c.(*dog); ok && (wsserver.ServerOf(d) != nil || wsserver.ServerOf[speaker](d) != srv) {
					t.Error("ServerOf goes by the class instead of the server's T")
				}
				return nil
			},
		}
		srv = newServerOf(t, f, wsserver.Config{})
		l := serve(t, srv)
		clienttest.Dial(t, l, "/dog")
		clienttest.Dial(t, l, "/cat")
		synctest.Wait()
		var said []string
		for c := range srv.Clients() {
			said = append(said, c.speak())
		}
		slices.Sort(said)
		if !slices.Equal(said, []string{"miau", "wuff"}) {
			t.Errorf("the clients say %v", said)
		}
		if c, ok := srv.Client(1); !ok || c.speak() != "wuff" || !srv.IsClient(c) {
			t.Errorf("Client(1) = %v, %v", c, ok)
		}
		if srv.IsClient(nil) || srv.IsClient(&dog{}) {
			t.Error("IsClient takes a stranger for a client")
		}
		if wsserver.ServerOf(&dog{}) != nil {
			t.Error("ServerOf finds the server of a stranger")
		}
		srv.Shutdown(context.Background())
	})
}
