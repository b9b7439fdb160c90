package metrics_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/icsws/icsws/metrics"
	"github.com/icsws/icsws/wsserver"
)

// Metrics and health belong on a port of their own.
func ExampleHandler() {
	srv, err := wsserver.New(wsserver.Class[echo](), wsserver.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	admin := http.NewServeMux()
	admin.Handle("/metrics", metrics.Handler(srv, metrics.Options{}))
	admin.Handle("/livez", srv.HealthHandler())
	admin.Handle("/readyz", srv.HealthHandler())

	w := httptest.NewRecorder()
	admin.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "ws_clients ") {
			fmt.Print(line)
		}
	}
	// Output: ws_clients 0
}
