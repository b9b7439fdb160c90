package multilisten

import (
	"context"
	"errors"
	"net"
	"testing"
)

func TestServiceNamesArePorts(t *testing.T) { // L-02, L-03
	for service, port := range map[string]uint16{"http": 80, "https": 443, "HTTPS": 443} {
		at, err := Binding{Addr: "127.0.0.1:" + service}.parse()
		if err != nil {
			t.Fatal(err)
		}
		if err := at.resolve(t.Context()); err != nil || at.port != port {
			t.Errorf("port of %s = %d, %v; want %d", service, at.port, err, port)
		}
	}
}

func TestUnknownServiceNamesItsField(t *testing.T) { // L-02
	_, err := Open(t.Context(), Options{}, Binding{Addr: "127.0.0.1:no-such-service"})
	if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != "Addr" {
		t.Errorf("Open = %v, want a *FieldError of Addr", err)
	}
	if _, ok := errors.AsType[*net.DNSError](err); !ok {
		t.Errorf("Open = %v, want the resolver's error inside", err)
	}
}

func TestHostNameIsLookedUpOnce(t *testing.T) { // L-01, L-05
	for network, family := range map[string]string{"tcp": "tcp4", "tcp4": "tcp4"} {
		at := endpoint{network: network, hostname: "localhost", port: 80}
		if err := at.resolve(t.Context()); err != nil {
			t.Fatalf("resolve = %v", err)
		}
		if at.network != family || at.hostname != "" || !at.ip.IsLoopback() {
			t.Errorf("localhost on %s = %+v, want a loopback address of %s", network, at, family)
		}
	}
	l := openGroup(t, Binding{Addr: "localhost:0"}).Listeners()[0]
	if !l.Bound().Addr().IsLoopback() {
		t.Errorf("Bound = %v, want a loopback address", l.Bound())
	}
}

func TestLookUpHeedsItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, Options{}, Binding{Addr: "server.invalid:80"})
	if fe, ok := errors.AsType[*FieldError](err); !ok || fe.Field != "Addr" {
		t.Errorf("Open = %v, want a *FieldError of Addr", err)
	}
}
