package multilisten_test

import (
	"context"
	"errors"
	"fmt"
	"net"

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
