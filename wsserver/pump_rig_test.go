package wsserver_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/pump"
	"github.com/icsws/icsws/wsserver"
)

// run makes a loop that is run until the test ends.
func run(t testing.TB, o pump.Options) *pump.Loop {
	t.Helper()
	l := pump.New(o)
	done := make(chan error, 1)
	go runOn(l, done)
	t.Cleanup(func() {
		l.Close()
		if err := <-done; err != nil && !errors.Is(err, pump.ErrClosed) { // closed before it ran
			t.Errorf("Run = %v", err)
		}
	})
	return l
}

// runOn runs l, and has another goroutine go on when an event ends this one.
func runOn(l *pump.Loop, done chan<- error) {
	returned := false
	defer func() {
		if !returned {
			go runOn(l, done)
		}
	}()
	err := l.Run(context.Background())
	returned = true
	done <- err
}

// keepMoving moves the clients of srv between two loops, goroutines of their own and
// nowhere, for a while.
func keepMoving[T client.Client](t testing.TB, srv *wsserver.Server[T]) {
	t.Helper()
	loops := []client.Loop{run(t, pump.Options{}), run(t, pump.Options{MaxClientBytes: 500}), nil}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for moves, over := 200, false; moves > 0 && !over; moves-- {
			for c := range srv.Clients() {
				if rand.N(4) == 0 { // for a while, but not while this one sleeps: a bubble would be at rest
					_ = c.DetachPump()
					for range rand.N(20) {
						runtime.Gosched()
					}
				}
				_ = c.AttachPump(loops[rand.N(len(loops))])
			}
			_ = srv.AttachPump(loops[rand.N(len(loops))])
			select {
			case <-time.After(time.Duration(rand.N(3_000)) * time.Microsecond):
			case <-stop:
				over = true
			}
		}
		for c := range srv.Clients() { // nobody is left waiting
			_ = c.AttachPump(nil)
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
}

// tallied counts the writes to the connections that it accepts.
type tallied struct {
	*clienttest.Listener
	n atomic.Int64
}

func (l *tallied) writes() int { return int(l.n.Load()) }

func (l *tallied) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &talliedConn{c, l}, nil
}

type talliedConn struct {
	net.Conn
	l *tallied
}

func (c *talliedConn) Write(p []byte) (int, error) {
	c.l.n.Add(1)
	return c.Conn.Write(p)
}
