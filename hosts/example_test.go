package hosts_test

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/icsws/icsws/hosts"
)

func Example() {
	set, err := hosts.New([]hosts.Host{
		{Tag: "chat", Names: []string{"chat.example"}, Port: 80, TLSPort: 443, AllowTemporary: true},
		{Tag: "game", Names: []string{"*.game.example"}, TLSPort: 443, AllowTemporary: true},
	}, hosts.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	addrs, err := set.Addresses()
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, a := range addrs {
		fmt.Println(a.Network, a.Addr, a.TLS, set.View(i).Hosts())
	}
	for _, authority := range []string{"Chat.example:443", "one.game.example", "", "game.example"} {
		host, err := set.View(1).Lookup(authority)
		if errors.Is(err, hosts.ErrUnknownHost) {
			fmt.Printf("%q: 421 Misdirected Request\n", authority)
			continue
		}
		fmt.Printf("%q: %s\n", authority, host.Tag())
	}
	// Output:
	// tcp :80 false [chat (:80 :443/tls)]
	// tcp :443 true [chat (:80 :443/tls) game (:443/tls)]
	// "Chat.example:443": chat
	// "one.game.example": game
	// "": chat
	// "game.example": 421 Misdirected Request
}

func ExampleNew_mistakes() {
	_, err := hosts.New([]hosts.Host{
		{Tag: "chat", Names: []string{"chat example"}, Port: 80},
		{Tag: "game", Names: []string{"*"}, Bind: "localhost", TLSPort: 443},
	}, hosts.Options{})
	fmt.Println(err)
	// Output:
	// hosts: host 0 "chat": Names: invalid name: "chat example"
	// hosts: host 1 "game": Bind: not an IP address: "localhost"
	// hosts: host 1 "game": Cert: no certificate for TLSPort
}

func ExampleTemporary() {
	cert, err := hosts.Temporary("chat.example", "127.0.0.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cert.Leaf.DNSNames, cert.Leaf.IPAddresses)
	// Output: [chat.example] [127.0.0.1]
}
