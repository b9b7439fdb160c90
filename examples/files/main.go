// Files takes and gives files of any size over WebSockets, and never has one in
// memory. Both sides check the SHA-256 of what has arrived.
//
//	go run ./examples/files
//	go run ./examples/files -dir ~/share -max-size 100000000 -log info
//
// How a program talks to it is in note.go. There are no passwords: it belongs on the
// machine itself, or behind something that asks for one. Nothing else should write to
// the folder meanwhile.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/wsserver"
)

// options are the flags.
type options struct {
	addr, dir  string
	names      []string // of hosts
	maxSize    int64    // bytes
	maxClients int
	log        slog.Level
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, parse(os.Args[1:]), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func parse(args []string) (o options) {
	f := flag.NewFlagSet("files", flag.ExitOnError)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on")
	f.StringVar(&o.dir, "dir", "", "`folder` of the files, empty for one that is removed at the end")
	f.Func("names", "host `names` that browsers may use besides localhost and addresses, with commas", func(s string) error {
		o.names = strings.Split(s, ",")
		return nil
	})
	f.Int64Var(&o.maxSize, "max-size", 1<<30, "largest file in `bytes`")
	f.IntVar(&o.maxClients, "max-clients", 50, "limit of clients, 0 for none")
	f.TextVar(&o.log, "log", slog.LevelWarn, "least `level` of what is logged: debug, info, warn or error")
	_ = f.Parse(args) // ends the program when it fails
	return o
}

// run serves until ctx ends, and then lets everybody go.
func run(ctx context.Context, o options, out io.Writer) error {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "files-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	shelf, err := OpenShelf(o.dir, o.maxSize)
	if err != nil {
		return err
	}
	defer shelf.Close()
	srv, err := newServer(o, shelf)
	if err != nil {
		return err
	}
	if err := srv.Listen(ctx); err != nil {
		return err
	}
	for _, s := range srv.Listeners().States {
		fmt.Fprintf(out, "listening on http://%s\n", s.Bound)
	}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { shelf.Hash(ctx) })
	work.Go(func() { announce(ctx, srv, shelf) })
	<-ctx.Done()
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return srv.Shutdown(sctx)
}

func newServer(o options, shelf *Shelf) (*wsserver.Server[*Guest], error) {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: o.log}))
	return wsserver.New(&Desk{shelf, o.names, logger}, wsserver.Config{
		Addr: o.addr,
		HTTP: pages(),
		Banner: banner.Policy{
			MaxClients: o.maxClients,
			TooBusy:    Note{Kind: "refused", Why: "All places are taken."}.text(),
			// A browser tells the page's script no status of a refused handshake, but
			// messages and close codes.
			Mode: banner.UpgradeThenClose,
		},
		// A program may send a file as one message. It is not held anywhere, so it may be as large
		// as the file.
		MaxMessageSize: max(o.maxSize, maxNote),
		Logger:         logger,
	})
}
