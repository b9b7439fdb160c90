// Embed mounts a client class in a mux of net/http, behind the middleware there.
//
//	go run ./examples/embed
//	go run ./examples/embed -addr 127.0.0.1:0
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// Guest is the client class. It knows who signed in, and where it came to.
type Guest struct {
	client.Base
	user, room string
}

// OnMessage answers m.
func (g *Guest) OnMessage(m client.Message) error {
	return g.SendText(fmt.Sprintf("%s in %s: %s", g.user, g.room, m.Data))
}

// newGuest finds what the middleware left: a value in the context, a path without
// its prefix.
func newGuest(r *client.OpenRequest) (*Guest, error) {
	user, _ := r.Context().Value(userKey{}).(string)
	return &Guest{user: user, room: r.URI.Path}, nil
}

// site is the program that was there before, with ws under /ws.
func site(ws http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ws/", signedIn(http.StripPrefix("/ws", ws)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "the WebSocket is at /ws/, for any name with the password secret\n")
	})
	return logged(mux)
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, *addr, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string, out io.Writer) error {
	ws, err := wsserver.New(wsserver.Factory[*Guest]{New: newGuest}, wsserver.Config{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: site(ws), ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(l) // ends with Shutdown
	fmt.Fprintf(out, "listening on http://%s\n", l.Addr())
	<-ctx.Done()
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(srv.Shutdown(sctx), ws.Shutdown(sctx)) // net/http has forgotten the clients
}
