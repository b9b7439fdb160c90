//go:build unix

package peer

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// The paths that every server answers: each message goes back to its sender, or
// to everyone connected on the path, the sender included.
const (
	Echo      = "/echo"
	Broadcast = "/broadcast"
)

// MaxMessage is the largest message that a server must take.
const MaxMessage = 1 << 20

// Compression is the value of -compress.
type Compression string

// permessage-deflate is off, or on for each message by itself, or on with a
// window kept over messages (context takeover).
const (
	Off     Compression = "off"
	Message Compression = "message"
	Context Compression = "context"
)

// Options are the flags of a server.
type Options struct {
	Addr     string // host:port, port 0 for a free one
	TLS      bool
	CertFile string
	KeyFile  string
	Compress Compression
}

// Parse reads the command line and begins to listen to SIGUSR2, which collects
// garbage and returns what is free to the system. A bad flag ends the program.
func Parse() Options {
	var o Options
	flag.StringVar(&o.Addr, "addr", "127.0.0.1:0", "listen `address`")
	flag.BoolVar(&o.TLS, "tls", false, "serve wss")
	flag.StringVar(&o.CertFile, "cert", "", "certificate `file` for -tls")
	flag.StringVar(&o.KeyFile, "key", "", "key `file` for -tls")
	mode := flag.String("compress", string(Off), "permessage-deflate: off, message or context")
	flag.Parse()
	switch o.Compress = Compression(*mode); o.Compress {
	case Off, Message, Context:
	default:
		log.Fatalf("-compress %q: not off, message or context", *mode)
	}
	collectOnSignal()
	return o
}

func collectOnSignal() {
	usr2 := make(chan os.Signal, 1)
	signal.Notify(usr2, syscall.SIGUSR2)
	go func() { // until the program ends
		for range usr2 {
			debug.FreeOSMemory() // collects first
		}
	}()
}

// TLSConfig loads the certificate, nil without -tls. A file that does not load
// ends the program.
func (o Options) TLSConfig() *tls.Config {
	if !o.TLS {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		log.Fatal(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{"http/1.1"},
	}
}

// Ready tells the suite, which reads standard output, where the server listens.
func (o Options) Ready(addr fmt.Stringer) {
	scheme := "ws"
	if o.TLS {
		scheme = "wss"
	}
	fmt.Printf("listening on %s://%s\n", scheme, addr)
}
