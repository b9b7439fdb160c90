package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/config"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/wsserver"
)

// house is the server with all its hosts.
type house struct {
	srv   *wsserver.Server[client.Client] // set before the first request
	descr map[string]string               // of the hosts, by tag
}

// classes has a factory for each tag that a configuration may give a host.
func (h *house) classes() map[string]wsserver.ClientFactory[client.Client] {
	return map[string]wsserver.ClientFactory[client.Client]{
		"clock": wsserver.As[client.Client](wsserver.Factory[*Clock]{
			New:     func(r *client.OpenRequest) (*Clock, error) { return &Clock{Guest{house: h}}, atWS(r) },
			Connect: (*Clock).welcome,
		}),
		"dice": wsserver.As[client.Client](wsserver.Factory[*Dice]{
			New:     func(r *client.OpenRequest) (*Dice, error) { return &Dice{Guest: Guest{house: h}}, atWS(r) },
			Connect: (*Dice).welcome,
		}),
		"vault": wsserver.As[client.Client](wsserver.Factory[*Vault]{
			New:     func(r *client.OpenRequest) (*Vault, error) { return &Vault{Guest: Guest{house: h}}, atWS(r) },
			Connect: (*Vault).welcome,
		}),
	}
}

// newHouse adds to a configuration what no file can say: classes, pages and events.
func newHouse(f *config.File, level slog.Level) (*house, error) {
	h := &house{descr: make(map[string]string)}
	known := h.classes()
	c := f.Server
	for i := range c.Hosts {
		host := &c.Hosts[i]
		if host.Disabled {
			continue
		}
		if known[host.Tag] == nil {
			return nil, fmt.Errorf("host %d: the tag %q is none of %s", i, host.Tag, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		host.HTTP, h.descr[host.Tag] = pages(*host, c.Hosts), host.Descr
	}
	used := make(map[string]wsserver.ClientFactory[client.Client])
	for _, host := range c.Hosts {
		if !host.Disabled {
			used[host.Tag] = known[host.Tag]
		}
	}
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	c.Events.OnNewCert = func(e *hosts.Entry, _ hosts.CertStatus) { h.tell(e.Tag()) }
	srv, err := wsserver.New(wsserver.ByHost(used, nil), c)
	h.srv = srv
	return h, err
}

// entry returns the host with that tag.
func (h *house) entry(tag string) *hosts.Entry {
	for _, e := range h.srv.Hosts() {
		if e.Tag() == tag {
			return e
		}
	}
	return nil
}

// tell tells the clients of a host what holds for them now.
func (h *house) tell(tag string) {
	for c := range h.srv.Clients() {
		if g, ok := c.(interface{ present() error }); ok && c.(interface{ HostTag() string }).HostTag() == tag {
			_ = g.present() // who is gone needs nothing
		}
	}
}

// tick is the clock.
func (h *house) tick(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			h.srv.Broadcast(client.Text(message("tick", now.UnixMilli())), wsserver.ByTag("clock"))
		}
	}
}

// reload looks at the certificates when somebody asks for it.
func (h *house) reload(ctx context.Context, hup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			if _, err := h.srv.RecheckCerts(ctx); err != nil {
				slog.Error("recheck of certificates", "err", err)
			}
		}
	}
}

// message is what the page gets.
func message(kind string, value any) string {
	text, err := json.Marshal(map[string]any{"kind": kind, "value": value})
	if err != nil {
		panic(err) // no value of ours is one that JSON has not
	}
	return string(text)
}
