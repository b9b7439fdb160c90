//go:build unix

package peer

import (
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"time"
)

// Serve answers with h through net/http, with its TLS if -tls is given, and never
// returns.
func (o Options) Serve(h http.Handler) {
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		log.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	o.Ready(l.Addr())
	if !o.TLS {
		log.Fatal(s.Serve(l))
	}
	s.TLSConfig = o.TLSConfig()
	s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // no HTTP/2
	log.Fatal(s.ServeTLS(l, "", ""))
}

// Handlers are what answers each path.
type Handlers struct {
	Echo, Broadcast, Room, Tick, File, Receive http.HandlerFunc
}

// Mux is a handler of the paths.
func (h Handlers) Mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(Echo, h.Echo)
	mux.HandleFunc(Broadcast, h.Broadcast)
	mux.HandleFunc(Room, h.Room)
	mux.HandleFunc(Tick, h.Tick)
	mux.HandleFunc(File, h.File)
	mux.HandleFunc(Receive, h.Receive)
	return mux
}

// Listen opens the listener for a server without net/http, with TLS if -tls is
// given, and says so.
func (o Options) Listen() net.Listener {
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		log.Fatal(err)
	}
	o.Ready(l.Addr())
	if o.TLS {
		return tls.NewListener(l, o.TLSConfig())
	}
	return l
}
