package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
)

// Desk is the factory: it lets in who calls ws://host/transfer.
type Desk struct {
	shelf *Shelf
	names []string // of hosts, besides localhost and addresses
	log   *slog.Logger
}

var _ wsserver.ClientFactory[*Guest] = (*Desk)(nil)

// NewClient refuses hosts with a name that it does not know: a page of the world can let
// its own name lead to this machine, and would be at home here.
func (d *Desk) NewClient(r *client.OpenRequest) (*Guest, error) {
	if r.URI.Path != "/transfer" {
		return nil, r.Reject(http.StatusNotFound, "files are transferred at /transfer")
	}
	if !d.knows(r.HostHeader) {
		return nil, r.Reject(http.StatusMisdirectedRequest, "this server does not go by that name, see -names")
	}
	return &Guest{shelf: d.shelf, log: d.log.With("client", r.ID), down: idle()}, nil
}

func (d *Desk) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost") ||
		slices.ContainsFunc(d.names, func(name string) bool { return strings.EqualFold(host, name) })
}

// OnClientConnect shows what there is.
func (d *Desk) OnClientConnect(g *Guest) error {
	r := g.SendWith(g.Context(), d.shelf.list(), latestList)
	return r.Err
}

// OnClientDisconnect waits for what g has begun.
func (d *Desk) OnClientDisconnect(g *Guest, _ client.CloseInfo) { g.leave() }

// latestList has one list replace another that still waits, behind a file for
// instance.
var latestList = client.SendOptions{Key: "files"}

// list is what everybody gets to see.
func (s *Shelf) list() client.Message {
	return client.Text(Note{Kind: "files", Size: s.limit, Files: s.Files()}.text())
}

// announce tells all clients of each change, until ctx ends. Of many changes in a
// short time it makes one.
func announce(ctx context.Context, srv *wsserver.Server[*Guest], shelf *Shelf) {
	for {
		select {
		case <-shelf.Changed:
		case <-ctx.Done():
			return
		}
		_, _ = srv.BroadcastWith(shelf.list(), latestList)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}
