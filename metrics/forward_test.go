package metrics_test

import (
	"strings"
	"testing"

	"github.com/icsws/icsws/metrics"
	"github.com/icsws/icsws/wsserver"
)

// F-01, O-20: what is forwarded has its figures, and a name that is no text does no harm.
func TestForwardedFigures(t *testing.T) {
	s := figures()
	s.Forwarded, s.ForwardedAll, s.TargetErrors = 4, 9, 5
	text, _ := scrape(t, metrics.Handler(s, metrics.Options{}))
	for _, want := range []string{"\nws_forwarded_connections 4\n", "\nws_forwarded_connections_total 9\n", "\nws_target_errors_total 5\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	s.Bindings = map[string]wsserver.PartStats{"a\xff": {Clients: 1}, "a\xfe": {Clients: 2}}
	text, _ = scrape(t, metrics.Handler(s, metrics.Options{}))
	if !strings.Contains(text, "ws_binding_clients{binding=\"a\uFFFD\"} 3\n") {
		t.Errorf("names that are no text became\n%s", text)
	}
}
