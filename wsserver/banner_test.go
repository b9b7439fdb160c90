package wsserver_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

func texts(ms []client.Message) []string {
	var out []string
	for _, m := range ms {
		out = append(out, string(m.Data))
	}
	return out
}

// the banner is the first message unless OnClientConnect changes it, clears
// it, or does not leave the client connected.
func TestBannerIsThatOfTheClient(t *testing.T) {
	for _, tt := range []struct {
		name    string
		banner  string
		connect func(g *guest) error
		want    []string
	}{
		{"configured", "hello", nil, []string{"hello"}},
		{"none", "", nil, nil},
		{"changed", "hello", func(g *guest) error { return g.SetBanner("hello " + g.Name()) }, []string{"hello 1"}},
		{"changed twice", "hello", func(g *guest) error { return errors.Join(g.SetBanner("x"), g.SetBanner("y")) }, []string{"y"}},
		{"cleared", "hello", func(g *guest) error { return g.SetBanner("") }, nil},
		{"set where none is configured", "", func(g *guest) error { return g.SetBanner("new") }, []string{"new"}},
		{"not UTF-8", "hello", func(g *guest) error {
			if err := g.SetBanner("\xff"); !errors.Is(err, client.ErrInvalidUTF8) {
				return errors.New("SetBanner takes it")
			}
			return nil
		}, []string{"hello"}},
		{"behind the handler's own", "hello", func(g *guest) error { return g.SendText("first") }, []string{"first", "hello"}},
		{"closed", "hello", func(g *guest) error { return g.Close(1000, "") }, nil},
		{"closed behind the handler's own", "hello", func(g *guest) error {
			return errors.Join(g.SendText("bye"), g.Close(1000, ""))
		}, []string{"bye"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{connect: tt.connect}
				srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{Welcome: tt.banner}})
				p := clienttest.Dial(t, serve(t, srv), "/")
				synctest.Wait()
				if got := texts(p.Received()); !slices.Equal(got, tt.want) {
					t.Errorf("received %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// once it is out it can not be changed.
func TestBannerCanNotBeSetLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs []error
		d := &desk{}
		d.message = func(g *guest, _ client.Message) error { errs = append(errs, g.SetBanner("late")); return nil }
		d.disconnect = func(g *guest, _ client.CloseInfo) { errs = append(errs, g.SetBanner("later")) }
		p := clienttest.Dial(t, serve(t, newServer(t, d, wsserver.Config{})), "/")
		p.SendText("x")
		p.Close(1000, "")
		p.WaitEnd()
		synctest.Wait()
		if len(errs) != 2 || !errors.Is(errs[0], client.ErrConnected) || !errors.Is(errs[1], client.ErrConnected) {
			t.Errorf("SetBanner = %v, want ErrConnected", errs)
		}
	})
}

// what is broadcast while OnClientConnect still runs follows the banner, in
// order; the handler's own sends, and what others send to the client, go at once.
func TestBroadcastFollowsTheBanner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, inside, leave := &desk{}, make(chan *guest), make(chan struct{})
		d.connect = func(g *guest) error {
			if err := g.SendText("own"); err != nil {
				return err
			}
			inside <- g
			<-leave
			return g.SetBanner("welcome")
		}
		srv := newServer(t, d, wsserver.Config{Banner: banner.Policy{Welcome: "unused"}})
		p := clienttest.Dial(t, serve(t, srv), "/")
		g := <-inside
		want := []string{"own", "direct", "welcome"}
		for i := range 5 {
			text := "broadcast " + strconv.Itoa(i)
			if n := srv.Broadcast(client.Text(text)); n != 1 {
				t.Errorf("%s goes to %d", text, n)
			}
			want = append(want, text)
		}
		if err := g.SendText("direct"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if got := texts(p.Received()); !slices.Equal(got, want[:2]) {
			t.Errorf("before the banner received %q, want %q", got, want[:2])
		}
		close(leave)
		synctest.Wait()
		srv.Broadcast(client.Text("last"))
		want = append(want, "last")
		synctest.Wait()
		if got := texts(p.Received()); !slices.Equal(got, want[2:]) {
			t.Errorf("then received %q, want %q", got, want[2:])
		}
	})
}

// the order holds while broadcasts race with the banner.
func TestBroadcastRacesWithTheBanner(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Banner: banner.Policy{Welcome: "welcome"}})
	l, stop := serve(t, srv), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				srv.Broadcast(client.Text(strconv.Itoa(i)))
				time.Sleep(10 * time.Microsecond)
			}
		}
	}()
	for range 100 {
		p := clienttest.Dial(t, l, "/")
		if m := p.Receive(); string(m.Data) != "welcome" {
			t.Errorf("the first message is %q", m.Data)
		}
		last := -1
		for range 5 {
			n, err := strconv.Atoi(string(p.Receive().Data))
			if err != nil || last >= 0 && n != last+1 {
				t.Errorf("broadcast %d follows %d (%v)", n, last, err)
			}
			last = n
		}
		p.Drop()
	}
	close(stop)
	<-done
}

// held broadcasts are bounded by the send queue.
func TestHeldBroadcastsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, inside, leave := &desk{}, make(chan struct{}), make(chan struct{})
		d.connect = func(*guest) error { close(inside); <-leave; return nil }
		cfg := wsserver.Config{Banner: banner.Policy{Welcome: "late"}, SendQueue: client.SendQueue{MaxBytes: 1000}}
		srv := newServer(t, d, cfg)
		p := clienttest.Dial(t, serve(t, srv), "/")
		<-inside
		data := client.Binary(make([]byte, 400))
		if a, b, c := srv.Broadcast(data), srv.Broadcast(data), srv.Broadcast(data); a != 1 || b != 1 || c != 0 {
			t.Errorf("broadcasts of 404 bytes go to %d, %d, %d under a bound of 1000", a, b, c)
		}
		close(leave)
		if e := p.ReceiveClose(); e.Code != client.StatusPolicyViolation {
			t.Errorf("closed with %v", &e)
		}
	})
}
