// Restart is replaced by a fresh copy of itself at SIGHUP, and nobody is refused
// meanwhile. SIGTERM and an interrupt end it; its clients leave over a while either way.
//
//	go build -o restart ./examples/restart && ./restart -addr 127.0.0.1:8080
//	kill -HUP the process id that it prints
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// Counter is the client class. It acknowledges each message with its own text.
type Counter struct {
	client.Base
	acknowledged int
}

// OnMessage counts what the client will get: a drain sends it before the close frame.
func (c *Counter) OnMessage(m client.Message) error {
	if err := c.SendText(fmt.Sprintf("%d %s", os.Getpid(), m.Data)); err != nil {
		return err
	}
	c.acknowledged++
	return nil
}

func newCounter(*client.OpenRequest) (*Counter, error) { return &Counter{}, nil }

func left(c *Counter, _ client.CloseInfo) {
	fmt.Printf("left %s %d\n", c.Info().URI, c.acknowledged)
}

func main() {
	addr := flag.String("addr", "", "`address` to listen on")
	activated := flag.String("activated", "", "`names` of sockets that systemd listens on, with commas")
	window := flag.Duration("window", 20*time.Second, "time over which clients leave")
	spread := flag.Duration("spread", 5*time.Second, "time over which they are asked to come back")
	flag.Parse()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt) // before the address is told

	inherited, err := multilisten.Inherit()
	check(err)
	srv, err := wsserver.New(wsserver.Factory[*Counter]{New: newCounter, Disconnect: left}, wsserver.Config{
		Bindings:       bindings(*addr, *activated),
		Inherited:      inherited,
		AllowedOrigins: []string{"*"},
		Drain:          wsserver.Drain{Window: *window, ReturnSpread: *spread, Code: client.StatusServiceRestart},
	})
	check(err)
	for _, l := range listen(srv) {
		fmt.Printf("listening %d %s\n", os.Getpid(), l)
	}
	check(notify(fmt.Sprintf("MAINPID=%d\nREADY=1", os.Getpid())))
	for s := range signals {
		if s != syscall.SIGHUP || handOver(srv) {
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), *window+10*time.Second)
	defer cancel()
	go func() { // another signal ends the window
		for range signals {
			_ = srv.Shutdown(ctx)
		}
	}()
	if err := srv.Shutdown(ctx); err != nil {
		log.Print("shutdown: ", err)
	}
}

func bindings(addr, activated string) (list []multilisten.Binding) {
	if addr != "" {
		list = append(list, multilisten.Binding{Name: "public", Addr: addr})
	}
	for name := range strings.SplitSeq(activated, ",") {
		if name != "" {
			list = append(list, multilisten.Binding{Activated: name})
		}
	}
	return list
}

func listen(srv *wsserver.Server[*Counter]) (addrs []string) {
	check(srv.Listen(context.Background()))
	for _, a := range srv.Addrs() {
		addrs = append(addrs, a.String())
	}
	return addrs
}

// handOver starts a copy of this program, perhaps a newer one of the same name.
func handOver(srv *wsserver.Server[*Counter]) bool {
	self, err := os.Executable()
	if err != nil {
		log.Print("hand over: ", err)
		return false
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := srv.HandOver(ctx, cmd); err != nil {
		log.Print(err) // and go on
		return false
	}
	return true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
