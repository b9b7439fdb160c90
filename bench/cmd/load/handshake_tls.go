//go:build linux

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icsws/icsws/bench/internal/wire"
)

// tlsUpgradesFor is upgradesFor with TLS. crypto/tls can not wait for its
// handshake without blocking, so each of -conns has a goroutine.
func (g *generator) tlsUpgradesFor(d time.Duration) (int, error) {
	span, err := g.span(d)
	if err != nil {
		return 0, err
	}
	var begun, done atomic.Int64
	var mu sync.Mutex // guards span
	ended := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return span.ended(now())
	}
	var wg sync.WaitGroup
	failures := make([]error, g.options.conns)
	for w := range failures {
		wg.Go(func() {
			for failures[w] == nil && !ended() {
				i := int(begun.Add(1))
				if failures[w] = g.tlsUpgrade(i); failures[w] == nil {
					done.Add(1)
				}
			}
		})
	}
	wg.Wait() // every call in there is bounded by stall
	return int(done.Load()), errors.Join(failures...)
}

func (g *generator) tlsUpgrade(i int) error {
	from := source(i)
	dialer := net.Dialer{Timeout: stall, KeepAlive: -1, LocalAddr: &net.TCPAddr{IP: net.IP(from[:])}}
	tcp, err := dialer.Dial("tcp4", g.target.host)
	if err != nil {
		return fmt.Errorf("load: connect: %w", err)
	}
	defer func() {
		_ = tcp.(*net.TCPConn).SetLinger(0)
		_ = tcp.Close()
	}()
	if err := tcp.SetDeadline(time.Now().Add(stall)); err != nil {
		return err
	}
	c := tls.Client(tcp, tlsConfig())
	if _, err := c.Write(wire.Request(g.target.host, g.target.path, wire.Off)); err != nil {
		return fmt.Errorf("load: TLS: %w", err)
	}
	head, early, err := readHead(c.Read)
	if len(early) > 0 {
		err = errEarly
	}
	if err != nil {
		return err
	}
	if _, err := wire.ParseResponse(head, wire.Off); err != nil {
		return err
	}
	if _, err := c.Write(wire.CloseFrame()); err != nil {
		return err
	}
	_, _ = c.Read(make([]byte, 64)) // the close frame, or the end
	return nil
}
