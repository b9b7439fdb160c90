// Proxy forwards WebSockets to a TCP service or to another WebSocket server.
//
//	go run ./examples/proxy -to tcp://127.0.0.1:6379
//	go run ./examples/proxy -listen 127.0.0.1:8080 -to wss://echo.example/ws -web https://echo.example
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/wsserver"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	to := flag.String("to", "", "target, a `URL`: tcp://host:port, tls://…, ws://… or wss://…")
	text := flag.Bool("text", false, "a TCP target sends text")
	proxyLine := flag.Bool("proxy-protocol", false, "tell a TCP target the client's address")
	web := flag.String("web", "", "`URL` for requests that are no WebSocket, http://… or https://…; empty for none")
	origin := flag.String("origin", "", "`origin` of pages that may connect; empty for the same host")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	target, err := forward.ParseTarget(*to)
	if err != nil {
		log.Fatal(err)
	}
	target.Text, target.ProxyProtocol = *text, *proxyLine
	pages, err := handler(*web)
	if err != nil {
		log.Fatal(err)
	}
	srv, err := newProxy(*listen, target, pages, *origin)
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Listen(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ws://%s goes to %s\n", srv.Addrs()[0], target)
	<-ctx.Done()
	_ = srv.Close()
}

// newProxy is a server that has no clients of its own.
func newProxy(addr string, target *forward.Target, pages http.Handler, origin string) (*wsserver.Server[client.Client], error) {
	cfg := wsserver.Config{Addr: addr, Forward: target, HTTP: pages}
	if origin != "" {
		cfg.AllowedOrigins = []string{origin}
	}
	return wsserver.New(wsserver.NoClients(), cfg)
}

// handler forwards pages, if there is somewhere to.
func handler(url string) (http.Handler, error) {
	if url == "" {
		return nil, nil
	}
	return forward.HTTP(url, forward.HTTPOptions{})
}
