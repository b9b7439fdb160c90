package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
)

const (
	defaultAddr    = "127.0.0.1:8080"
	defaultTLSAddr = "127.0.0.1:8443"
)

// door is where all hosts listen: one IP address or two, with the same ports.
type door struct {
	bind, bind2   string
	port, tlsPort int
}

// newDoor reads the addresses of the flags. On the default one the chat is also
// at [::1], which is what browsers try first for localhost.
func newDoor(addr, tlsAddr string) (d door, err error) {
	ip, port, err := split(addr)
	tlsIP, tlsPort, tlsErr := split(tlsAddr)
	switch {
	case err != nil:
		return d, fmt.Errorf("-addr: %w", err)
	case tlsErr != nil:
		return d, fmt.Errorf("-tls-addr: %w", tlsErr)
	case addr == "":
		ip = tlsIP
	case tlsAddr != "" && ip != tlsIP:
		return d, errors.New("-addr and -tls-addr differ in more than the port")
	}
	d = door{bind: ip, port: port, tlsPort: tlsPort}
	if addr == defaultAddr {
		d.bind2 = "::1"
	}
	return d, nil
}

// split returns what hosts.Host wants to have. Hosts do not share a port that the
// system chooses for each (-1), so for port 0 one is chosen here, for all.
func split(addr string) (ip string, port int, err error) {
	if addr == "" {
		return "", 0, nil
	}
	ip, service, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	if port, err = strconv.Atoi(service); err != nil {
		return "", 0, err
	}
	if port == 0 {
		port, err = freePort(ip)
	}
	return ip, port, err
}

// freePort returns a port that is free now; only hope keeps it so.
func freePort(ip string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// host is the virtual host of a place.
func (d door) host(p place, pages http.Handler) hosts.Host {
	return hosts.Host{
		Tag: p.Tag, Names: p.Names, Descr: p.Title, HTTP: pages,
		Bind: d.bind, Bind2: d.bind2, Port: d.port, TLSPort: d.tlsPort,
		AllowTemporary: d.tlsPort != 0,
	}
}

// policy is all or nothing unless there is an address to do without.
func (d door) policy() multilisten.Policy {
	if d.bind2 != "" {
		return multilisten.BestEffort
	}
	return multilisten.AllOrNothing
}
