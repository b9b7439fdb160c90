package connect

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// stats prints what is known of the connection.
func (d *dialogue) stats(context.Context, string) error {
	i := d.conn.Info()
	list := []string{fmt.Sprintf("%v, %s", i.State, cli.Printable(i.Open.URL))}
	obj := d.conn.Client()
	if obj == nil {
		if !i.NextAttempt.IsZero() {
			list = append(list, "next attempt in "+show.Took(time.Until(i.NextAttempt)))
		}
		d.tell.tell(cli.Dim, strings.Join(list, "\n"))
		return nil
	}
	ci := obj.Info()
	list = append(list,
		fmt.Sprintf("open for     %s, after %s before", time.Since(ci.Opened).Round(time.Second), count(i.Opened-1, "connection")),
		"address      "+ci.Remote.String(),
		"protocol     "+orNone(cli.Printable(ci.SubProtocol)),
		"compression  "+compression(i.CompressionOffered, i.CompressionNegotiated),
	)
	list = append(list, d.traffic(ci.Stats)...)
	if t := timing(i.Open.Timing); t != "" {
		list = append(list, "opening      "+t)
	}
	d.tell.tell(cli.Dim, strings.Join(list, "\n"))
	return nil
}

// traffic are the counters of the connection, and the payload of all connections.
func (d *dialogue) traffic(s client.Stats) []string {
	rtt := "not measured yet"
	if last := time.Duration(d.rtt.Load()); last > 0 {
		rtt = show.Took(last)
	}
	return []string{
		fmt.Sprintf("received     %s, %d bytes of frames; payload since the start %d bytes", count(int(s.MessagesIn), "message"), s.BytesIn, d.bytesIn.Load()),
		fmt.Sprintf("sent         %s, %d bytes of frames; payload since the start %d bytes", count(int(s.MessagesOut), "message"), s.BytesOut, d.bytesOut.Load()),
		fmt.Sprintf("waiting      %s", count(s.Buffered, "byte")),
		"round trip   " + rtt,
	}
}

func compression(offered, agreed bool) string {
	switch {
	case agreed:
		return "permessage-deflate"
	case offered:
		return "offered, and declined"
	}
	return "not offered"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
