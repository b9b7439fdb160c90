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

// The paths that every server answers.
const (
	Echo      = "/echo"      // a message goes back to its sender
	Broadcast = "/broadcast" // and to everyone connected here, the sender included
	Room      = "/room/"     // and what follows: to everyone connected at the same path
	Tick      = "/tick"      // everyone gets TickMessages messages TickRate times a second
	File      = "/file"      // any message is answered with the file of -file, as one
	Receive   = "/receive"   // a message of any length is answered with that length
)

// The largest message that a server must take.
const (
	MaxMessage = 1 << 20
	MaxReceive = 1 << 30 // on [Receive]
)

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
	// Threshold is the size from which messages are compressed; zero is what the
	// library does by default.
	Threshold int
	Sends     string // name of the file for [File]
	Metrics   string // name of the file that is written on SIGUSR1
}

// Parse reads the command line and begins to listen to SIGUSR2, which collects
// garbage and returns what is free to the system, and with -metrics to SIGUSR1, which
// collects garbage and then writes that file. A bad flag ends the program.
func Parse() Options {
	var o Options
	flag.StringVar(&o.Addr, "addr", "127.0.0.1:0", "listen `address`")
	flag.BoolVar(&o.TLS, "tls", false, "serve wss")
	flag.StringVar(&o.CertFile, "cert", "", "certificate `file` for -tls")
	flag.StringVar(&o.KeyFile, "key", "", "key `file` for -tls")
	mode := flag.String("compress", string(Off), "permessage-deflate: off, message or context")
	flag.IntVar(&o.Threshold, "threshold", 0, "compress messages from this many `bytes` on; 0 is the library's default")
	flag.StringVar(&o.Sends, "file", "", "`file` that is sent on "+File)
	flag.StringVar(&o.Metrics, "metrics", "", "`file` that is written on SIGUSR1: the parts of memory as JSON")
	flag.Parse()
	switch o.Compress = Compression(*mode); o.Compress {
	case Off, Message, Context:
	default:
		log.Fatalf("-compress %q: not off, message or context", *mode)
	}
	collectOnSignal()
	if o.Metrics != "" {
		reportOnSignal(o.Metrics)
	}
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

// Open opens the file of -file.
func (o Options) Open() (*os.File, error) { return os.Open(o.Sends) }

// Ready tells the suite, which reads standard output, where the server listens.
func (o Options) Ready(addr fmt.Stringer) {
	scheme := "ws"
	if o.TLS {
		scheme = "wss"
	}
	fmt.Printf("listening on %s://%s\n", scheme, addr)
}
