package dial

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/pump"
)

// D-08: a connection that ended while a function of the program was busy was not open for
// as long as that took: it does not begin the count of failures anew.
func TestBusyHandlerIsNotStable(t *testing.T) {
	const hello, closeFrame = "\x81\x02hi", "\x88\x02\x03\xe8"
	for _, tt := range []struct {
		name string
		says string                          // the server, before it ends the stream
		hd   func(busy func() error) Handler // with what takes a minute
		edit func(*Options)
	}{
		{name: "OnOpen", hd: func(busy func() error) Handler {
			return Handler{OnOpen: func(*Conn, OpenInfo) error { return busy() }}
		}},
		{name: "OnMessage", says: hello, hd: func(busy func() error) Handler {
			return Handler{OnMessage: func(*Conn, client.Message) error { return busy() }}
		}},
		{name: "OnMessage, then a close frame", says: hello + closeFrame, hd: func(busy func() error) Handler {
			return Handler{OnMessage: func(*Conn, client.Message) error { return busy() }}
		}},
		{name: "OnOpen, then a close frame", says: closeFrame, hd: func(busy func() error) Handler {
			return Handler{OnOpen: func(*Conn, OpenInfo) error { return busy() }}
		}},
		{name: "OnOpen, then a violation", says: "\xff\x00", hd: func(busy func() error) Handler {
			return Handler{OnOpen: func(*Conn, OpenInfo) error { return busy() }}
		}},
		{name: "OnMessage after our close", says: hello, hd: func(busy func() error) Handler {
			return Handler{OnMessage: func(c *Conn, _ client.Message) error {
				_ = c.Client().(*plain).Close(4000, "")
				return busy()
			}}
		}, edit: func(o *Options) { o.CloseTimeout = -1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				attempts := 0
				o := Options{URL: "ws://x", Proxy: NoProxy, Logger: quiet, MaxAttempts: 3, Dial: func(context.Context, string, string) (net.Conn, error) {
					if attempts++; attempts > 10 {
						return nil, errors.New("enough")
					}
					return served(switching() + tt.says), nil
				}}
				if tt.edit != nil {
					tt.edit(&o)
				}
				c := New(o, tt.hd(func() error { time.Sleep(time.Minute); return nil }))
				start(t, c)
				<-c.Done()
				if attempts != 3 {
					t.Errorf("%d attempts, MaxAttempts is 3", attempts)
				}
			})
		})
	}
}

// served is a connection to a server that says text, and ends the stream a second later.
func served(text string) net.Conn {
	near, far := memPipe()
	go func() {
		go func() { time.Sleep(time.Second); far.Close() }()
		answer(far, text, nil)
	}()
	return near
}

// D-08: the same where the events run on a loop that is late.
func TestBusyLoopIsNotStable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := pump.New(pump.Options{})
		attempts := 0
		c := New(Options{URL: "ws://x", Proxy: NoProxy, Logger: quiet, MaxAttempts: 3, Dial: func(context.Context, string, string) (net.Conn, error) {
			if attempts++; attempts > 10 {
				return nil, errors.New("enough")
			}
			return served(switching()), nil
		}}, Handler{OnOpen: func(c *Conn, _ OpenInfo) error { return c.Client().(*plain).AttachPump(l) }})
		start(t, c)
		for range 20 {
			pass(time.Minute)
			l.Drain(10)
		}
		<-c.Done()
		if attempts != 3 {
			t.Errorf("%d attempts, MaxAttempts is 3", attempts)
		}
		l.Close()
	})
}

// D-08: a connection that was open for long was stable, however busy it was, and however
// long the server was silent.
func TestLongConnectionIsStable(t *testing.T) {
	for name, f := range map[string]func(far net.Conn){
		"silence": func(net.Conn) { time.Sleep(time.Minute) },
		"messages": func(far net.Conn) {
			for range 60 {
				_, _ = far.Write([]byte("\x81\x02hi"))
				time.Sleep(time.Second)
			}
		},
		"a message with the close frame": func(far net.Conn) {
			time.Sleep(time.Minute)
			_, _ = far.Write([]byte("\x81\x02hi\x88\x02\x03\xe8"))
			time.Sleep(time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				attempts := 0
				c := New(Options{URL: "ws://x", Proxy: NoProxy, Logger: quiet, Jitter: -1, PingInterval: -1, Dial: func(context.Context, string, string) (net.Conn, error) {
					attempts++
					near, far := memPipe()
					go func() {
						answerHead(far)
						f(far)
						far.Close()
					}()
					return near, nil
				}}, Handler{OnMessage: func(*Conn, client.Message) error { time.Sleep(time.Second / 2); return nil }})
				start(t, c)
				pass(10 * time.Minute)
				if i := c.Info(); i.Attempt != 1 || attempts < 9 {
					t.Errorf("after 10 minutes, %d connections of one each, Attempt is %d", attempts, i.Attempt)
				}
				_ = c.Stop(t.Context(), 0, "")
				pass(2 * time.Minute) // the servers end
			})
		})
	}
}

// D-08: on a socket, too.
func TestBusyHandlerOnASocket(t *testing.T) {
	addr := serve(t, func(c net.Conn) { answerHead(c) })
	var attempts atomic.Int32
	c := New(Options{
		URL: "ws://" + addr, Proxy: NoProxy, Logger: quiet, MaxAttempts: 3, MinWait: time.Millisecond, StableAfter: 200 * time.Millisecond,
	}, Handler{OnOpen: func(c *Conn, _ OpenInfo) error {
		if attempts.Add(1) > 5 {
			_ = c.Stop(context.Background(), 0, "")
		}
		time.Sleep(300 * time.Millisecond)
		return nil
	}})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if n := attempts.Load(); n != 3 {
		t.Errorf("%d attempts, MaxAttempts is 3", n)
	}
}
