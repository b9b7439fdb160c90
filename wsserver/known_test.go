package wsserver_test

import (
	"io"
	"net"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// S-18: whoever has read its 101 is known: the very next broadcast reaches it.
func TestAClientIsKnownBeforeItsPeerKnows(t *testing.T) {
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0"})
	addr := open(t, srv)
	for i := range 300 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(wstest.Upgrade("/").Bytes()); err != nil {
			t.Fatal(err)
		}
		// No more than its beginning: what counts is to be early.
		if _, err := io.ReadFull(c, make([]byte, len("HTTP/1.1 101"))); err != nil {
			t.Fatal(err)
		}
		if n := srv.Broadcast(client.Text("to all")); n != i+1 {
			t.Fatalf("the broadcast reached %d of %d", n, i+1)
		}
	}
}
