package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// maxAddresses is how many addresses of a name are tried.
const maxAddresses = 16

// lookUp finds the addresses of the server. A proxy does that by itself.
func (d *doctor) lookUp(ctx context.Context) bool {
	if d.proxy != nil || d.o.reach.Socket() != "" {
		return true
	}
	if to := d.o.reach.Resolved(d.t.addr()); to != "" {
		a, _, _ := net.SplitHostPort(to)
		d.DNS = &dnsPart{Addresses: []string{a}}
		d.add(show.Note, "resolve", "--resolve says that %s is %s; the DNS is not asked.", d.t.host, a)
		return true
	}
	if a, ok := d.t.literal(); ok {
		d.DNS = &dnsPart{Addresses: []string{a.String()}}
		return true
	}
	list, took, err := resolve(ctx, d.t.host, d.timeout)
	d.DNS = &dnsPart{Addresses: list, Took: show.Millis(took)}
	if err == nil {
		d.add(show.OK, "resolved", "%s is %s (%s).", d.t.host, families(list), show.Took(took))
		return true
	}
	d.DNS.Error = err.Error()
	d.fail(d.whyNoName(err))
	return false
}

// whyNoName says why a name has no address, and returns the exit code for it.
func (d *doctor) whyNoName(err error) cli.Code {
	e, ok := errors.AsType[*net.DNSError](err)
	switch {
	case ok && e.IsNotFound:
		d.add(show.Bad, "no-host", "The name %s does not exist, or has no address.", d.t.host).
			Do("Look for a misspelling. Inside of a company, its network or VPN may be needed.")
		return cli.NoConnection
	case ok && e.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		d.add(show.Bad, "dns-timeout", "The DNS has not answered within %v.", d.timeout).Do("Check the network of this machine.")
		return cli.TimedOut
	}
	d.add(show.Bad, "dns", "The name %s could not be looked up: %v.", d.t.host, err).Do("Check the network and the DNS server of this machine.")
	return cli.NoConnection
}

func resolve(ctx context.Context, host string, timeout time.Duration) (list []string, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if host := strings.TrimSuffix(strings.ToLower(host), "."); host == "invalid" || strings.HasSuffix(host, ".invalid") {
		return []string{}, 0, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true} // RFC 6761 section 6.4
	}
	start := time.Now()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	took = time.Since(start)
	list = []string{}
	for _, ip := range ips {
		if s := ip.Unmap().String(); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list, took, err
}

// families lists addresses and says which kind is missing.
func families(list []string) string {
	v6 := slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, ":") })
	v4 := slices.ContainsFunc(list, func(s string) bool { return !strings.Contains(s, ":") })
	text := strings.Join(list, ", ")
	switch {
	case !v6:
		text += ", IPv4 only"
	case !v4:
		text += ", IPv6 only"
	}
	return text
}

// connect tries every address, or the proxy, or the socket.
func (d *doctor) connect(ctx context.Context) bool {
	if d.proxy != nil {
		d.Proxy = d.proxy.Redacted()
		d.add(show.Note, "proxy", "The way leads through the proxy %s.", d.Proxy).
			Do("If that is not meant, add the host to NO_PROXY, or try --proxy none.")
		at := proxyAddr(d.proxy)
		return d.dialAll(ctx, []string{cmp.Or(d.o.reach.Resolved(at), at)}, "the proxy")
	}
	if socket := d.o.reach.Socket(); socket != "" {
		d.network = "unix"
		return d.dialAll(ctx, []string{socket}, "the server")
	}
	var addrs []string
	for _, a := range d.DNS.Addresses[:min(maxAddresses, len(d.DNS.Addresses))] {
		addrs = append(addrs, net.JoinHostPort(a, d.t.port))
	}
	return d.dialAll(ctx, addrs, "the server")
}

// dialAll connects to all addresses at once, and keeps the first that works for the steps
// that follow.
func (d *doctor) dialAll(ctx context.Context, addrs []string, who string) bool {
	d.TCP = make([]tcpPart, len(addrs))
	errs := make([]error, len(addrs))
	var wg sync.WaitGroup
	for i, a := range addrs {
		wg.Go(func() {
			start := time.Now()
			conn, err := (&net.Dialer{Timeout: d.timeout}).DialContext(ctx, d.network, a)
			d.TCP[i] = tcpPart{Address: a, Took: show.Millis(time.Since(start))}
			if err != nil {
				errs[i], d.TCP[i].Error = err, err.Error()
				return
			}
			_ = conn.Close()
		})
	}
	wg.Wait()
	for i := range addrs {
		if errs[i] == nil && d.via == "" {
			d.via = addrs[i]
		}
	}
	for i := range addrs {
		d.tellAddress(addrs[i], d.TCP[i].Took, errs[i], who)
	}
	return d.via != ""
}

// tellAddress says how the connection to one address went: bad if there is no other.
func (d *doctor) tellAddress(addr string, took float64, err error, who string) {
	if err == nil {
		d.add(show.OK, "connected", "%s takes connections (%s).", addr, show.Took(time.Duration(took*float64(time.Millisecond))))
		return
	}
	level := show.Bad
	if d.via != "" {
		level = show.Warning
	}
	code, text, advice, exit := whyNotConnected(addr, who, err)
	if d.via != "" && code == "unreachable" && strings.HasPrefix(addr, "[") {
		level, advice = show.Note, "This machine has no way to IPv6; others may have."
	} else if d.via != "" {
		advice = "Clients that try this address wait or fail: take it out of the DNS, or let the server listen there."
	} else {
		d.fail(exit)
	}
	d.add(level, code, text).Do(advice)
}

// whyNotConnected says it in a sentence.
func whyNotConnected(addr, who string, err error) (code, text, advice string, exit cli.Code) {
	ne, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no-socket", fmt.Sprintf("There is no socket %s.", addr), fmt.Sprintf("Check that %s runs, and the path.", who), cli.NoConnection
	case errors.Is(err, syscall.ECONNREFUSED), isRefused(err):
		return "refused", fmt.Sprintf("%s refuses the connection: nothing listens there.", addr),
			fmt.Sprintf("Check that %s runs, its port, and the address that it listens on: 127.0.0.1 is for its own machine only.", who), cli.NoConnection
	case errors.Is(err, context.DeadlineExceeded), isNet && ne.Timeout():
		return "timeout", fmt.Sprintf("%s does not answer.", addr),
			"A firewall drops the packets, or the machine is down.", cli.TimedOut
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), isUnreachable(err):
		return "unreachable", fmt.Sprintf("There is no way to %s.", addr), "Check the network, and a VPN if there is one.", cli.NoConnection
	}
	return "connect", fmt.Sprintf("There is no connection to %s: %v.", addr, err), "", cli.NoConnection
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
