// Echo answers every message with itself, on plain and TLS ports.
//
//	go run ./examples/echo
//	go run ./examples/echo -addr "" -tls-addr 127.0.0.1:8443 -compress context
package main

import (
	"context"
	"crypto/tls"
	"expvar"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// Echo is the client class.
type Echo struct {
	client.Base
	everyone bool // its messages go to all clients of /broadcast
}

// OnMessage sends m back. A peer that does not read its echoes makes Send wait, so
// that no more is read from it.
func (c *Echo) OnMessage(m client.Message) error {
	if c.everyone {
		c.Server().Broadcast(m, wsserver.ByURI("/broadcast"))
		return nil
	}
	return c.Send(m)
}

func newEcho(r *client.OpenRequest) (*Echo, error) {
	return &Echo{everyone: r.RawURI == "/broadcast"}, nil
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "plain `address`, empty for none")
	tlsAddr := flag.String("tls-addr", "", "TLS `address`, empty for none")
	certFile := flag.String("cert", "", "certificate, PEM `file`; empty for a temporary one")
	keyFile := flag.String("key", "", "its private key, PEM `file`")
	maxClients := flag.Int("max-clients", 0, "limit of clients, 0 for none")
	busy := flag.String("busy", "http", "what a client over the limit gets: http, close or drop")
	welcome := flag.String("banner", "", "first `text` to each client")
	tooBusy := flag.String("too-busy", "", "`text` to a client over the limit")
	compress := flag.String("compress", "off", "off, message or context")
	maxMessage := flag.Int64("max-message", 0, "largest message in `bytes`, 0 for 1 MiB")
	debugAddr := flag.String("debug-addr", "", "`address` of pprof and expvar, empty for none")
	flag.Parse()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM) // before the addresses are told

	mode, err := banner.ParseMode(*busy)
	check(err)
	cfg := wsserver.Config{
		Banner:         banner.Policy{Welcome: *welcome, TooBusy: *tooBusy, Mode: mode, MaxClients: *maxClients},
		AllowedOrigins: []string{"*"},
		MaxMessageSize: *maxMessage,
		SendQueue:      client.SendQueue{Policy: client.QueueBlock},
		Compression:    client.Compression{Mode: compression(*compress)},
	}
	if *addr != "" {
		cfg.Bindings = append(cfg.Bindings, multilisten.Binding{Addr: *addr})
	}
	if *tlsAddr != "" {
		cfg.Bindings = append(cfg.Bindings, multilisten.Binding{Addr: *tlsAddr, TLS: true})
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(*certFile, *keyFile)}}
	}
	srv, err := wsserver.New(wsserver.Factory[*Echo]{New: newEcho}, cfg)
	check(err)
	check(srv.Listen(context.Background()))
	for _, l := range srv.Listeners().States {
		fmt.Printf("listening on %s://%s\n", map[bool]string{false: "ws", true: "wss"}[l.TLS], l.Bound)
	}
	if *debugAddr != "" {
		expvar.Publish("icsws", expvar.Func(func() any { return srv.Stats() }))
		l, err := net.Listen("tcp", *debugAddr)
		check(err)
		fmt.Printf("debugging on http://%s/debug/\n", l.Addr())
		go func() { log.Print(http.Serve(l, nil)) }()
	}
	waitAndStop(srv, signals)
}

// waitAndStop shuts down at the first signal, and at the second ends at once.
func waitAndStop(srv *wsserver.Server[*Echo], signals <-chan os.Signal) {
	<-signals
	go func() {
		<-signals
		os.Exit(1)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		log.Print("shutdown: ", err)
	}
}

func compression(s string) client.CompressionMode {
	for _, m := range []client.CompressionMode{client.CompressionOff, client.CompressionMessage, client.CompressionContext} {
		if m.String() == s {
			return m
		}
	}
	log.Fatalf("-compress %q: want off, message or context", s)
	return 0
}

func certificate(certFile, keyFile string) tls.Certificate {
	if certFile == "" {
		log.Print("no -cert: using a temporary certificate that no client trusts")
		cert, err := hosts.Temporary()
		check(err)
		return cert
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	check(err)
	return cert
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
