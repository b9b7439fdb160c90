// Multihost runs several virtual hosts on shared addresses, as a configuration file
// says: each with its own certificate and client class. Their pages show what a
// connection negotiated.
//
//	go run ./examples/multihost
//	go run ./examples/multihost -config my.toml -port 0 -tls-port 0
//
// Certificates are looked at again when their files change, and on SIGHUP.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/icsws/icsws/config"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
)

//go:embed server.toml
var builtin []byte

// options are the flags.
type options struct {
	config        string
	port, tlsPort int // -1 leaves those of the file
	log           slog.Level
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	if err := run(ctx, hup, parse(os.Args[1:]), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func parse(args []string) (o options) {
	f := flag.NewFlagSet("multihost", flag.ExitOnError)
	f.StringVar(&o.config, "config", "", "configuration `file`: .toml, .yaml, .json or .ini; empty for the one built in")
	f.IntVar(&o.port, "port", -1, "`port` in place of that of each host that has one, 0 for a free one")
	f.IntVar(&o.tlsPort, "tls-port", -1, "likewise the `port` for TLS")
	f.TextVar(&o.log, "log", slog.LevelError, "least `level` of what is logged: debug, info, warn or error")
	_ = f.Parse(args) // ends the program when it fails
	return o
}

// run serves until ctx ends, and then lets everybody go.
func run(ctx context.Context, hup <-chan os.Signal, o options, out io.Writer) error {
	f, err := load(o)
	if err != nil {
		return err
	}
	h, err := newHouse(f, o.log)
	if err != nil {
		return err
	}
	if err := h.srv.Listen(ctx); err != nil {
		return err
	}
	invite(out, h.srv.Listeners().States, f.Server.Hosts)
	var wg sync.WaitGroup
	wg.Go(func() { h.tick(ctx) })
	wg.Go(func() { h.reload(ctx, hup) })
	<-ctx.Done()
	wg.Wait()
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return h.srv.Shutdown(sctx)
}

// load reads the configuration and puts the ports of the flags into it.
func load(o options) (f *config.File, err error) {
	if o.config == "" {
		f, err = config.Read(bytes.NewReader(builtin), config.TOML)
	} else {
		f, err = config.Load(o.config)
	}
	if err != nil {
		return nil, err
	}
	for _, w := range f.Warnings {
		log.Print(w)
	}
	list := f.Server.Hosts
	for _, p := range []struct {
		port int
		of   func(*hosts.Host) *int
	}{
		{o.port, func(h *hosts.Host) *int { return &h.Port }},
		{o.tlsPort, func(h *hosts.Host) *int { return &h.TLSPort }},
	} {
		// Hosts do not share a port that the system chooses for each, so for 0 one is
		// chosen here, for all.
		if p.port == 0 {
			if p.port, err = freePort(); err != nil {
				return nil, err
			}
		}
		for i := range list {
			if at := p.of(&list[i]); p.port > 0 && *at != 0 {
				*at = p.port
			}
		}
	}
	return f, nil
}

// freePort returns a port that is free now; only hope keeps it so.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// invite tells where the hosts are.
func invite(out io.Writer, states []multilisten.ListenerState, list []hosts.Host) {
	ports := make(map[string]uint16)
	for _, s := range states {
		scheme := "http"
		if s.TLS {
			scheme = "https"
		}
		ports[scheme] = s.Bound.Port()
		fmt.Fprintf(out, "listening on %s://%s\n", scheme, s.Bound)
	}
	fmt.Fprintln(out)
	for _, h := range list {
		if h.Disabled || len(h.Names) == 0 {
			continue
		}
		scheme := "https"
		if h.TLSPort == 0 {
			scheme = "http"
		}
		fmt.Fprintf(out, "%-10s %s://%s:%d\n", h.Tag, scheme, h.Names[0], ports[scheme])
	}
	fmt.Fprintln(out, "\nThe browser will ask about temporary certificates. Ctrl+C closes all.")
}
