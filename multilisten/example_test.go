package multilisten_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"time"

	"github.com/icsws/icsws/multilisten"
)

func Example() {
	group, err := multilisten.Open(context.Background(), multilisten.Options{},
		multilisten.Binding{Name: "public", Addr: "127.0.0.1:0", TLS: true},
		multilisten.Binding{Name: "admin", Addr: "127.0.0.1:0"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer group.Close()
	for _, l := range group.Listeners() {
		b := l.Binding()
		fmt.Println(l.Index(), b.Name, l.State(), "tls:", b.TLS, "real port:", l.Bound().Port() != 0)
	}
	// Output:
	// 0 public listening tls: true real port: true
	// 1 admin listening tls: false real port: true
}

// The group is there although one binding failed, and each error names its own.
func ExampleOpen_bestEffort() {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer other.Close()

	group, err := multilisten.Open(context.Background(), multilisten.Options{Policy: multilisten.BestEffort},
		multilisten.Binding{Name: "api", Addr: "127.0.0.1:0"},
		multilisten.Binding{Name: "old api", Addr: other.Addr().String()},
	)
	if group == nil {
		fmt.Println("nothing worked:", err)
		return
	}
	defer group.Close()
	if failed, ok := errors.AsType[*multilisten.ListenError](err); ok {
		fmt.Printf("binding %d, the %s, is missing\n", failed.Index, failed.Binding.Name)
	}
	fmt.Println("all:", group.AllListening(), "any:", group.AnyListening())
	// Output:
	// binding 1, the old api, is missing
	// all: false any: true
}

func ExampleOptions_onState() {
	group, err := multilisten.Open(context.Background(), multilisten.Options{
		OnState: func(l *multilisten.Listener, from, to multilisten.State) {
			fmt.Println(l.Binding().Name, from, "->", to)
		},
	}, multilisten.Binding{Name: "public", Addr: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	group.Close()
	// Output:
	// public closed -> bound
	// public bound -> listening
	// public listening -> closing
	// public closing -> closed
}

func ExampleListener_Reopen() {
	ctx := context.Background()
	group, err := multilisten.Open(ctx, multilisten.Options{}, multilisten.Binding{Addr: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer group.Close()
	l := group.Listeners()[0]
	l.Close() // maintenance: connections that are open stay
	fmt.Println(l.State(), group.AnyListening())
	fmt.Println(l.Reopen(ctx), l.State())
	// Output:
	// closed false
	// <nil> listening
}

// Connections wait in the kernel while a listener is paused.
func ExampleGroup_Pause() {
	ctx := context.Background()
	group, err := multilisten.Open(ctx, multilisten.Options{},
		multilisten.Binding{Name: "public", Addr: "127.0.0.1:0"},
		multilisten.Binding{Name: "admin", Addr: "127.0.0.1:0"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer group.Close()
	fmt.Println(group.Pause(0), group.Listener(0).State(), group.Listener(1).State())
	waiting, err := net.Dial("tcp", group.Addrs()[0].String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer waiting.Close()
	fmt.Println(group.Resume(0), group.Listener(0).State())
	conn, err := group.Listener(0).Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Println("accepted:", conn.RemoteAddr().String() == waiting.LocalAddr().String())
	// Output:
	// <nil> paused listening
	// <nil> listening
	// accepted: true
}

// The proxy on this machine says where a client is.
func ExampleProxyPolicy() {
	ctx := context.Background()
	group, err := multilisten.Open(ctx, multilisten.Options{}, multilisten.Binding{
		Addr: "127.0.0.1:0",
		Proxy: &multilisten.ProxyPolicy{
			Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
			Require: true,
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer group.Close()

	proxy, err := net.Dial("tcp", group.Addrs()[0].String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer proxy.Close()
	fmt.Fprintf(proxy, "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n")

	conn, err := group.Listener(0).Accept()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	if c, ok := conn.(*multilisten.ProxyConn); ok { // on a goroutine of its own, in real life
		if err := c.Handshake(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(conn.RemoteAddr())
	// Output: 192.0.2.1:56324
}

// The same program takes its sockets from a service manager, from its predecessor, or
// opens them; on a signal, say, it starts its successor.
func ExampleGroup_HandOver() {
	ctx := context.Background()
	inherited, err := multilisten.Inherit()
	if err != nil {
		fmt.Println(err)
		return
	}
	group, err := multilisten.Open(ctx, multilisten.Options{Inherited: inherited},
		multilisten.Binding{Name: "public", Addr: ":8080"},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	inherited.Close() // what no binding has taken
	// Accept on each of group.Listeners(), on goroutines of their own. Then:
	inherited.Ready()

	// On SIGHUP:
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := group.HandOver(ctx, exec.Command(os.Args[0], os.Args[1:]...)); err != nil {
		fmt.Println("going on as before:", err)
		return
	}
	group.Close() // and wait for the clients of old to leave
}

func ExampleValidate() {
	fmt.Println(multilisten.Validate(
		multilisten.Binding{Addr: ":8080"},
		multilisten.Binding{Name: "admin"},
		multilisten.Binding{Addr: "127.0.0.1:8080"},
	))
	// Output:
	// multilisten: binding 1 "admin": Addr: not set
	// multilisten: binding 2: Addr: already listened on by binding 0
}
