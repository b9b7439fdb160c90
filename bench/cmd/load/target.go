//go:build linux

package main

import (
	"fmt"
	"net"
	"net/url"
	"syscall"
)

// target is the server that is measured.
type target struct {
	tls  bool
	host string // as in the URL
	path string
	addr syscall.SockaddrInet4
}

func parseTarget(s string) (target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return target{}, fmt.Errorf("load: -url: %w", err)
	}
	if u.Scheme != "ws" && u.Scheme != "wss" {
		return target{}, fmt.Errorf("load: -url %q is neither ws nor wss", s)
	}
	a, err := net.ResolveTCPAddr("tcp4", u.Host)
	if err != nil {
		return target{}, fmt.Errorf("load: -url: %w", err)
	}
	if !a.IP.IsLoopback() {
		return target{}, fmt.Errorf("load: -url %q is not a loopback address", s)
	}
	t := target{tls: u.Scheme == "wss", host: u.Host, path: u.RequestURI()}
	t.addr.Port = a.Port
	copy(t.addr.Addr[:], a.IP.To4())
	return t, nil
}

// source is the loopback address that connection i comes from. One address has
// about 28,000 ports.
func source(i int) [4]byte { return [4]byte{127, 0, 0, byte(2 + i/8000%200)} }
