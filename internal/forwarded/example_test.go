package forwarded_test

import (
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"slices"

	"github.com/icsws/icsws/internal/forwarded"
)

// The first address is what the client claims, the second is whom our proxy has seen.
func ExampleRules_Resolve() {
	rules := forwarded.Rules{
		Header:  forwarded.XForwardedFor,
		Trusted: netip.MustParsePrefix("192.0.2.0/24").Contains,
	}
	h := http.Header{"X-Forwarded-For": {"127.0.0.1, 203.0.113.7"}}
	values := func(name string) iter.Seq[string] { return slices.Values(h.Values(name)) }
	got, err := rules.Resolve(netip.MustParseAddrPort("192.0.2.1:4711"), values)
	fmt.Println(got.Client.Addr(), got.Named, err)
	// Output: 203.0.113.7 true <nil>
}
