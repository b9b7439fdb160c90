package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/config"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// defaultAddr is taken when there is no --addr, and no hosts in a file.
const defaultAddr = "127.0.0.1:8080"

// options are the flags that all servers have.
type options struct {
	flags            *cli.Flags
	config           string
	addrs            *[]string
	cert, key        string
	passwordFile     string
	selfSigned       bool
	origins, protos  *[]string
	compression      *string
	maxClients       int
	maxSize          int64
	ping             time.Duration
	verbose          bool
	shutdownPatience time.Duration
}

func (o *options) declare(f *cli.Flags) {
	o.flags = f
	f.StringVar(&o.config, "config", "", "`file` of settings (.toml, .yaml, .json, .ini), which flags overrule")
	o.addrs = f.List("addr", "`address` to listen on; port 0 is a free one (default "+defaultAddr+")")
	f.StringVar(&o.cert, "tls-cert", "", "`file` of a certificate: all addresses then speak TLS")
	f.StringVar(&o.key, "tls-key", "", "`file` of its private key, if it is not in the same")
	f.StringVar(&o.passwordFile, "tls-password-file", "", "`file` of the password of certificate and key")
	f.BoolVar(&o.selfSigned, "self-signed", false, "speak TLS with a certificate made for the occasion")
	o.origins = f.List("origin", "`origin` whose pages may connect, * for all (default same: the server's own)")
	o.protos = f.List("protocol", "`name` of a sub-protocol to agree on")
	o.compression = f.Choice("compression", "off", []string{"off", "message", "context"}, "permessage-deflate: each message alone, or with what was before")
	f.IntVar(&o.maxClients, "max-clients", 0, "`number` of clients at once, 0 for any")
	f.Int64Var(&o.maxSize, "max-size", 0, "`bytes` of the largest message to take, 0 for 1 MiB, of a chat 16 KiB")
	f.DurationVar(&o.ping, "ping-interval", 0, "`time` of silence before a ping, 0 for 30s, negative for none")
	f.BoolVar(&o.verbose, "verbose", false, "tell of every client that comes, goes or is refused")
	f.Short("v", "verbose")
	f.Short("a", "addr")
	f.DurationVar(&o.shutdownPatience, "patience", 5*time.Second, "`time` that clients have to take their leave at the end")
}

// server returns the configuration: that of the file, overruled by the flags.
func (o *options) server() (c wsserver.Config, warnings []hosts.Warning, err error) {
	if o.config != "" {
		f, err := config.Load(o.config)
		if err != nil {
			return c, nil, err
		}
		if f.ACME != nil {
			return c, nil, fmt.Errorf("%s: this server orders no certificates: take the section acme out", o.config)
		}
		c, warnings = f.Server, f.Warnings
	}
	if err := o.addresses(&c); err != nil {
		return c, nil, err
	}
	if len(*o.origins) > 0 {
		c.AllowedOrigins = *o.origins
	}
	if len(*o.protos) > 0 {
		c.SubProtocols = *o.protos
	}
	if o.given("compression") {
		c.Compression.Mode = map[string]client.CompressionMode{
			"off": client.CompressionOff, "message": client.CompressionMessage, "context": client.CompressionContext,
		}[*o.compression]
	}
	if o.given("max-clients") {
		c.Banner.MaxClients = o.maxClients
	}
	if o.given("max-size") {
		c.MaxMessageSize = o.maxSize
	}
	if o.given("ping-interval") {
		c.PingInterval = o.ping
	}
	return c, warnings, nil
}

// given tells whether a flag is on the command line.
func (o *options) given(name string) bool { return o.flags.Given(name) }

// addresses puts those of the flags, and TLS, into c.
func (o *options) addresses(c *wsserver.Config) error {
	secure := o.selfSigned || o.cert != ""
	switch {
	case o.selfSigned && o.cert != "":
		return cli.BadUsage("--self-signed and --tls-cert exclude each other")
	case o.cert == "" && (o.key != "" || o.passwordFile != ""):
		return cli.BadUsage("--tls-key and --tls-password-file need --tls-cert")
	case len(c.Hosts) > 0 && (secure || len(*o.addrs) > 0):
		return cli.BadUsage("%s has hosts, which bring addresses and certificates of their own: no --addr, --tls-cert, --self-signed", o.config)
	case len(c.Hosts) > 0:
		return nil
	}
	addrs := *o.addrs
	if len(addrs) == 0 && c.Addr == "" && len(c.Bindings) == 0 {
		addrs = []string{defaultAddr}
	}
	if len(addrs) > 0 {
		c.Addr, c.Bindings = "", nil
	}
	for _, a := range addrs {
		c.Bindings = append(c.Bindings, multilisten.Binding{Addr: a, TLS: secure})
	}
	if !secure {
		return nil
	}
	cert, err := o.certificate(addrs)
	if err != nil {
		return err
	}
	for i := range c.Bindings {
		c.Bindings[i].TLS = true
	}
	c.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	return nil
}

func (o *options) certificate(addrs []string) (tls.Certificate, error) {
	if o.selfSigned {
		return hosts.Temporary(namesOf(addrs)...)
	}
	s := hosts.FileSource{Cert: o.cert, Key: o.key}
	if o.passwordFile != "" {
		s.Password = hosts.PasswordFile(o.passwordFile)
	}
	cert, err := s.Load(context.Background())
	if err != nil {
		return tls.Certificate{}, err
	}
	return *cert, nil
}

// namesOf are what clients may call a server with these addresses.
func namesOf(addrs []string) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	for _, a := range addrs {
		h, _, err := net.SplitHostPort(a)
		if ip := net.ParseIP(h); err == nil && h != "" && (ip == nil || !ip.IsUnspecified()) {
			names = append(names, h)
		}
	}
	return names
}
