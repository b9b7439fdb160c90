package forward_test

import (
	"fmt"

	"github.com/icsws/icsws/forward"
)

func ExampleParseTarget() {
	t, err := forward.ParseTarget("tls://mail.example:993")
	fmt.Println(t, t.Host, t.Port, t.TLS, err)
	_, err = forward.ParseTarget("http://mail.example")
	fmt.Println(err)
	// Output:
	// tls://mail.example:993 mail.example 993 true <nil>
	// forward: URL: the scheme "http" is none of tcp, tls, ws and wss
}
