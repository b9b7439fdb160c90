package banner_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/icsws/icsws/banner"
)

// A server that speaks WebSocket keeps the Place beside its connection.
func Example() {
	policy := banner.Policy{Welcome: "welcome", TooBusy: "try later", MaxClients: 1}
	gate, err := banner.NewGate(policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	var first, second struct {
		place banner.Place
		// and the connection
	}
	for _, place := range []*banner.Place{&first.place, &second.place} {
		if err := gate.Enter(place); err != nil {
			status, _, body := policy.Refusal()
			fmt.Println(err, "-", status, body)
			continue
		}
		fmt.Println(policy.Welcome)
	}
	first.place.Leave()
	first.place.Leave() // a second time does no harm
	fmt.Println(gate.Count())
	// Output:
	// welcome
	// banner: too many clients - 503 try later
	// 0
}

// With plain net/http the gate is a middleware.
func ExampleGate_Limit() {
	gate, err := banner.NewGate(banner.Policy{MaxClients: 1, RetryAfter: 5 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	var handler http.Handler
	handler = gate.Limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("serving", gate.Count())
		busy := httptest.NewRecorder()
		handler.ServeHTTP(busy, r) // another request while this one is served
		fmt.Println(busy.Code, busy.Header().Get("Retry-After"), busy.Body)
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	// Output:
	// serving 1
	// 503 5 too many clients are connected, try again later
}

// What UpgradeThenClose sends, for a server of one's own.
func ExamplePolicy_BusyClose() {
	text, code, reason := banner.Policy{TooBusy: "try later", CloseCode: 4000}.BusyClose()
	fmt.Printf("message %q, close %d %q\n", text, code, reason)
	// Output: message "try later", close 4000 "too many clients"
}

func ExamplePolicy_Validate() {
	fmt.Println(banner.Policy{NotifyHandlers: true, Mode: banner.Drop}.Validate())
	fmt.Println(banner.Policy{CloseCode: 1006}.Validate())
	// Output:
	// banner: NotifyHandlers, Mode: a client refused with mode drop has no events
	// banner: CloseCode: 1006 is not a close code that may be sent
}

func ExampleParseMode() {
	mode, err := banner.ParseMode("close")
	fmt.Println(mode == banner.UpgradeThenClose, err)
	_, err = banner.ParseMode("wait")
	fmt.Println(err)
	// Output:
	// true <nil>
	// banner: Mode: "wait" is not http, close or drop
}
