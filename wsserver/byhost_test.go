package wsserver_test

import (
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// factories are those of the hosts of a server.
type factories = map[string]wsserver.ClientFactory[speaker]

// stall is a factory of animals that keeps a journal under its name.
func stall[T client.Client](j *journal, name string, make func() T) wsserver.ClientFactory[T] {
	return wsserver.Factory[T]{
		New:        func(r *client.OpenRequest) (T, error) { j.add(name + " new " + r.HostTag); return make(), nil },
		Connect:    func(c T) error { j.add(name + " connect " + reflect.TypeOf(c).String()); return nil },
		Disconnect: func(T, client.CloseInfo) { j.add(name + " disconnect") },
	}
}

func newDog() *dog { return &dog{} }
func newCat() *cat { return &cat{} }

func named(tags ...string) (list []hosts.Host) {
	for _, tag := range tags {
		list = append(list, hosts.Host{Tag: tag, Names: []string{tag + ".example"}})
	}
	return list
}

// H-08, C-01, E-02, E-03: each host has its factory; two hosts may have one class with
// two factories, and a client's events go to the one that made it.
func TestEachHostHasItsFactory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		f := wsserver.ByHost(factories{
			"dogs":  wsserver.As[speaker](stall(&j, "kennel", newDog)),
			"wild":  wsserver.As[speaker](stall(&j, "forest", newDog)),
			"inner": wsserver.ByHost(factories{"inner": stall(&j, "house", func() speaker { return newCat() })}, nil),
		}, wsserver.As[speaker](stall(&j, "street", newCat)))
		srv := newServerOf(t, f, wsserver.Config{Hosts: named("dogs", "wild", "inner", "other")})
		l := serve(t, srv)
		for _, tt := range []struct{ tag, stall, class, says string }{
			{"dogs", "kennel", "*wsserver_test.dog", "wuff"},
			{"wild", "forest", "*wsserver_test.dog", "wuff"},
			{"inner", "house", "*wsserver_test.cat", "miau"},
			{"other", "street", "*wsserver_test.cat", "miau"},
		} {
			j.list = nil
			p := clienttest.Dial(t, l, "/", clienttest.DialOptions{Host: tt.tag + ".example"})
			synctest.Wait()
			for c := range srv.Clients() {
				if c.speak() != tt.says || wsserver.ServerOf[speaker](c) != srv {
					t.Errorf("%s: the client says %s", tt.tag, c.speak())
				}
			}
			p.Close(1000, "")
			p.WaitEnd()
			synctest.Wait()
			j.want(t, tt.stall+" new "+tt.tag, tt.stall+" connect "+tt.class, tt.stall+" disconnect")
		}
	})
}

// own has a HostTag of its own, which is not that of its host.
type own struct{ dog }

func (*own) HostTag() string { return "other" }

// H-08: what a class says of itself does not send its events to another factory.
func TestTagIsThatOfTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		srv := newServerOf(t, wsserver.ByHost(factories{
			"mine":  wsserver.As[speaker](stall(&j, "mine", func() *own { return &own{} })),
			"other": wsserver.As[speaker](stall(&j, "other", newDog)),
		}, nil), wsserver.Config{Hosts: named("mine", "other")})
		p := clienttest.Dial(t, serve(t, srv), "/", clienttest.DialOptions{Host: "mine.example"})
		p.Close(1000, "")
		p.WaitEnd()
		synctest.Wait()
		j.want(t, "mine new mine", "mine connect *wsserver_test.own", "mine disconnect")
	})
}

// a host that has no factory refuses clients with 404, before any user code.
func TestHostWithoutAFactoryRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		f := wsserver.ByHost(factories{"dogs": wsserver.As[speaker](stall(&j, "kennel", newDog))}, nil)
		srv := newServerOf(t, f, wsserver.Config{Hosts: named("dogs", "pages"), HTTP: page("server"), Events: noted(&j)})
		l := serve(t, srv)
		if res := raw(t, l).Request(wstest.Upgrade("/").Replace("Host: pages.example")); res.Status != 404 {
			t.Errorf("answer is %+v", res)
		}
		if res := raw(t, l).Request(get("/", "pages.example")); res.Status != 200 {
			t.Errorf("the page is %+v", res)
		}
		synctest.Wait()
		j.want(t, "reject rejected 404")
	})
}

// Player is what the class of every game has.
type Player interface {
	client.Client
	Score() int
}

// X-06, C-01: New looks into every part: tags, factories, classes.
func TestFactoriesOfHostsAreChecked(t *testing.T) {
	good := wsserver.As[speaker](stall(&journal{}, "good", newDog))
	var nilDesk *desk
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"unknown tag", tryHosts(wsserver.ByHost(factories{"dogs": good, "typo": good}, nil)), `wsserver: Config.Hosts: ByHost has a factory for the tag "typo"`},
		{"unknown tag inside", tryHosts(wsserver.ByHost(factories{"dogs": wsserver.ByHost(factories{"typo": good}, nil)}, nil)), `"typo"`},
		{"nil", tryHosts(wsserver.ByHost(factories{"dogs": nil}, nil)), "factory is nil"},
		{"nil in As", tryHosts(wsserver.As[speaker, *dog](nil)), "factory is nil"},
		{"nil pointer in As", tryHosts(wsserver.As[client.Client, *guest](nilDesk)), "factory is nil"},
		{"no New", tryHosts(wsserver.ByHost(factories{"dogs": wsserver.As[speaker](wsserver.Factory[*dog]{})}, good)), "Factory.New is nil"},
		{"bad fallback", tryHosts(wsserver.ByHost(factories{"dogs": good}, wsserver.Factory[speaker]{})), "Factory.New is nil"},
		{"nil pointer as fallback", tryHosts(wsserver.ByHost(map[string]wsserver.ClientFactory[*guest]{}, nilDesk)), "factory is nil"},
		{"misspelt class", tryHosts(wsserver.As[client.Client](wsserver.Class[misspelt]())), "class *wsserver_test.misspelt: method OnPimg"},
		{"misspelt class inside", tryHosts(wsserver.ByHost(map[string]wsserver.ClientFactory[client.Client]{
			"dogs": wsserver.As[client.Client](wsserver.Class[misspelt]()),
		}, nil)), "class *wsserver_test.misspelt: method OnPimg"},
		{"class that is no T", tryHosts(wsserver.As[Player](wsserver.Class[plain]())), "class *wsserver_test.plain: method Score is missing, so it is not a wsserver_test.Player"},
		{"T that is another class", tryHosts(wsserver.As[*dog](wsserver.Class[cat]())), "class *wsserver_test.cat is not a *wsserver_test.dog"},
		{"interface that is no T", tryHosts(wsserver.As[Player, speaker](stall(&journal{}, "x", func() speaker { return newDog() }))), "method Score is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || !strings.HasPrefix(tt.err.Error(), "wsserver: ") || !strings.Contains(tt.err.Error(), tt.want) {
				t.Errorf("New = %v, want %q in it", tt.err, tt.want)
			}
			_, config := errors.AsType[*wsserver.ConfigError](tt.err)
			_, class := errors.AsType[*wsserver.ClassError](tt.err)
			if config != strings.Contains(tt.want, "typo") || class != strings.Contains(tt.err.Error(), "class ") {
				t.Errorf("New = %#v", tt.err)
			}
		})
	}
	if err := tryHosts(wsserver.ByHost(factories{"dogs": good, "off": good}, nil)); err != nil {
		t.Errorf("the tag of a disabled host: New = %v", err)
	}
	if err := tryHosts(wsserver.As[*dog](wsserver.Class[dog]())); err != nil {
		t.Errorf("As to the same class: New = %v", err)
	}
}

// tryHosts makes a server of two hosts, one of which is disabled.
func tryHosts[T client.Client](f wsserver.ClientFactory[T]) error {
	list := named("dogs", "off")
	list[1].Disabled = true
	_, err := wsserver.New(f, wsserver.Config{Hosts: list, Logger: slog.New(slog.DiscardHandler)})
	return err
}

// C-01: As makes one assertion and no panic, whoever calls it with what.
func TestAsRefusesStrangers(t *testing.T) {
	var j journal
	f := wsserver.As[speaker](stall(&j, "kennel", newDog))
	err := f.OnClientConnect(newCat())
	if e, ok := errors.AsType[*wsserver.ClassError](err); !ok || e.Class != "*wsserver_test.cat" || !strings.Contains(err.Error(), "*wsserver_test.dog") {
		t.Errorf("OnClientConnect = %v", err)
	}
	if err := f.OnClientConnect(nil); err == nil {
		t.Error("OnClientConnect takes nil")
	}
	f.OnClientDisconnect(newCat(), client.CloseInfo{})
	f.OnClientDisconnect(nil, client.CloseInfo{})
	j.want(t)

	wrong := wsserver.As[Player](wsserver.Class[plain]())
	c, err := wrong.NewClient(&client.OpenRequest{})
	if _, ok := errors.AsType[*wsserver.ClassError](err); !ok || c != nil {
		t.Errorf("NewClient = %v, %v", c, err)
	}
	refuse := wsserver.As[speaker](wsserver.Factory[*dog]{New: func(r *client.OpenRequest) (*dog, error) { return nil, r.Reject(403, "no") }})
	if c, err := refuse.NewClient(&client.OpenRequest{}); c != nil || err == nil {
		t.Errorf("NewClient = %v, %v", c, err)
	}
}

// C-01: a nil client stays an answer of 500, also behind As.
func TestNilBehindAsIs500(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := wsserver.As[speaker](wsserver.Factory[*dog]{New: func(*client.OpenRequest) (*dog, error) { return nil, nil }})
		l := serve(t, newServerOf(t, f, wsserver.Config{}))
		if res := raw(t, l).Request(wstest.Upgrade("/")); res.Status != 500 {
			t.Errorf("answer is %+v", res)
		}
	})
}

// factories that do not look at requests save their making, also inside of others.
func TestComposedFactoriesKnowWhetherTheyLookAtRequests(t *testing.T) {
	class := wsserver.As[client.Client](wsserver.Class[plain]())
	curious := wsserver.As[client.Client](&desk{})
	type byTag = map[string]wsserver.ClientFactory[client.Client]
	for name, tt := range map[string]struct {
		f    wsserver.ClientFactory[client.Client]
		want bool
	}{
		"class": {class, false}, "desk": {curious, true},
		"both": {wsserver.ByHost(byTag{"dogs": class}, curious), true}, "one of two": {wsserver.ByHost(byTag{"dogs": curious, "cats": class}, nil), true},
		"neither": {wsserver.ByHost(byTag{"dogs": class}, class), false},
	} {
		srv := newServerOf(t, tt.f, wsserver.Config{Hosts: named("dogs", "cats")})
		if got := wsserver.Examines(srv); got != tt.want {
			t.Errorf("%s: examined %v", name, got)
		}
	}
}
