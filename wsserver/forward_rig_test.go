package wsserver_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/wsserver"
)

// service is a target in memory. Each connection runs handle on a goroutine of its own and
// is closed when that returns.
type service struct {
	*clienttest.Listener
	target forward.Target
	conns  chan net.Conn
}

func newService(t testing.TB, handle func(conn net.Conn)) *service {
	t.Helper()
	s := &service{Listener: clienttest.NewListener(), conns: make(chan net.Conn, 100)}
	s.target = forward.Target{Host: "target.example", Port: 7, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx) }}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			s.conns <- conn
			all.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		s.Close()
		for len(s.conns) > 0 {
			(<-s.conns).Close()
		}
		all.Wait()
	})
	return s
}

// echoes returns what it gets, until the end.
func echoes(conn net.Conn) { _, _ = io.Copy(conn, conn) }

// rejections keeps what a server refuses.
type rejections struct {
	mu   sync.Mutex
	list []wsserver.RejectInfo
}

func (r *rejections) add(i wsserver.RejectInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, i)
}

func (r *rejections) all() []wsserver.RejectInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]wsserver.RejectInfo(nil), r.list...)
}

// watch adds hooks that note the life of each client.
func watch(cfg *wsserver.Config, j *journal, infos *[]client.CloseInfo) {
	var mu sync.Mutex
	cfg.Hooks = append(cfg.Hooks, wsserver.Hooks{
		OnClientCreate:  func(client.Client, *client.OpenRequest) error { j.add("create"); return nil },
		OnClientConnect: func(client.Client) error { j.add("connect"); return nil },
		OnClientDisconnect: func(_ client.Client, i client.CloseInfo) {
			j.add("disconnect")
			mu.Lock()
			defer mu.Unlock()
			if infos != nil {
				*infos = append(*infos, i)
			}
		},
	})
}

// receiveAll joins binary messages until there are n bytes.
func receiveAll(p *clienttest.Peer, n int) []byte {
	var got []byte
	for len(got) < n {
		got = append(got, p.Receive().Data...)
	}
	return got
}
