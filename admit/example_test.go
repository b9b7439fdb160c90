package admit_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/icsws/icsws/admit"
)

// An accept loop of one's own asks the rules, and keeps the ticket beside the connection.
func Example() {
	rules, err := admit.New(context.Background(), admit.Policy{
		DeniedClients: []string{"198.51.100.0/24 # abuse"},
		MaxPerIP:      1,
		AcceptRate:    admit.Rate{Count: 20, Per: time.Minute},
	}, admit.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	serve := func(peer net.Addr) *admit.Ticket {
		ticket := new(admit.Ticket)
		from := netip.MustParseAddrPort(peer.String()).Addr()
		if refusal := rules.Accept(ticket, from); refusal.Refused() {
			fmt.Printf("%s: %s\n", from, refusal.Setting())
			return nil // and the connection is closed
		}
		fmt.Printf("%s: welcome\n", from)
		return ticket // Release it when the connection ends
	}
	ticket := serve(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4711})
	serve(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4712})
	serve(&net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 4713})
	ticket.Release()
	serve(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4714})
	// Output:
	// 192.0.2.1: welcome
	// 192.0.2.1: MaxPerIP
	// 198.51.100.7: DeniedClients
	// 192.0.2.1: welcome
}

func ExampleNewList() {
	list, err := admit.NewList(context.Background(), []string{"10.*", "10.1.0.0/16", "2001:db8::1 # gateway"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(list.Match(netip.MustParseAddr("10.1.2.3")))
	fmt.Println(list.Match(netip.MustParseAddr("10.9.9.9")))
	_, err = admit.NewList(context.Background(), []string{"192.0.2.7/24"}, nil)
	fmt.Println(err)
	// Output:
	// 10.1.0.0/16 true
	// 10.* true
	// admit: entry 1: "192.0.2.7/24": the address has bits behind the prefix, write 192.0.2.0/24
}

func ExampleBans() {
	bans := admit.NewBans(1000, nil)
	if err := bans.Ban(netip.MustParsePrefix("192.0.2.0/24"), time.Hour, "spam"); err != nil {
		fmt.Println(err)
		return
	}
	ban, ok := bans.Match(netip.MustParseAddr("192.0.2.7"))
	fmt.Println(ban.Prefix, ban.Reason, ok)
	fmt.Println(bans.Unban(ban.Prefix), len(bans.List()))
	// Output:
	// 192.0.2.0/24 spam true
	// true 0
}
