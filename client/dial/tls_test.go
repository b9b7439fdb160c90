package dial

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/transport"
	"github.com/icsws/icsws/internal/wstest"
)

// shown is a self-signed certificate, and the pool that trusts it.
func shown(t testing.TB, edit func(*x509.Certificate)) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{{127, 0, 0, 1}}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	edit(c)
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// T-19, D-11: what is wrong with the certificate of a server.
func TestReasonsOfCertificates(t *testing.T) {
	for _, tt := range []struct {
		name   string
		edit   func(*x509.Certificate)
		o      Options
		reason Reason
	}{
		{"an unknown authority", func(*x509.Certificate) {}, Options{RootCAs: x509.NewCertPool()}, ReasonCertUnknown},
		{"another address", func(c *x509.Certificate) { c.IPAddresses[0] = net.IP{127, 0, 0, 2} }, Options{}, ReasonCertName},
		{"another name", func(*x509.Certificate) {}, Options{ServerName: "b.example"}, ReasonCertName},
		{"expired", func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(time.Minute) }, Options{}, ReasonCertExpired},
		{"not yet valid", func(c *x509.Certificate) { c.NotBefore = c.NotAfter.Add(-time.Minute) }, Options{}, ReasonCertNotYet},
		{"for clients", func(c *x509.Certificate) { c.ExtKeyUsage[0] = x509.ExtKeyUsageClientAuth }, Options{}, ReasonCertInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cert, pool := shown(t, tt.edit)
			tt.o.URL = "wss://" + serveTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}}, answers(switching()))
			if tt.o.RootCAs == nil {
				tt.o.RootCAs = pool
			}
			e := fails(t, tt.o, StageTLS, tt.reason)
			if _, ok := errors.AsType[*tls.CertificateVerificationError](e); !ok {
				t.Errorf("%v", e.Err)
			}
			tt.o.InsecureSkipVerify = true
			tt.o.CAFile, tt.o.RootCAs = "NONE", nil
			if op := works(t, tt.o); op.info.TLS == nil {
				t.Error("there is no TLS")
			}
		})
	}
}

func TestReasonsOfTLS(t *testing.T) {
	ca := wstest.NewCA(t)
	leaf := ca.Leaf("127.0.0.1")
	trusting := func(addr string) Options { return Options{URL: "wss://" + addr, RootCAs: ca.Pool()} }
	server := func(edit func(*tls.Config)) Options {
		c := &tls.Config{Certificates: []tls.Certificate{leaf}, MinVersion: tls.VersionTLS10}
		edit(c)
		return trusting(serveTLS(t, c, answers(switching())))
	}
	e := fails(t, trusting(serve(t, answers("HTTP/1.1 400 Bad Request\r\n\r\n"))), StageTLS, ReasonClosed)
	if !errors.Is(e, io.EOF) {
		t.Errorf("%v", e.Err)
	}
	e = fails(t, trusting(serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})), StageTLS, ReasonNotTLS)
	if _, ok := errors.AsType[tls.RecordHeaderError](e); !ok {
		t.Errorf("%v", e.Err)
	}
	fails(t, server(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 }), StageTLS, ReasonTLSVersion)
	o := server(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 })
	o.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	fails(t, o, StageTLS, ReasonTLSVersion)
	fails(t, server(func(c *tls.Config) { c.NextProtos = []string{"mqtt"} }), StageTLS, ReasonTLS)
	o = server(func(c *tls.Config) {
		c.MaxVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	})
	o.Ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"
	fails(t, o, StageTLS, ReasonTLS)
	o = server(func(*tls.Config) {})
	o.TLS = &tls.Config{VerifyConnection: func(tls.ConnectionState) error { panic("boom") }}
	if p, ok := errors.AsType[*event.Panic](fails(t, o, StageTLS, ReasonUser)); !ok || p.Value != "boom" {
		t.Error("there is no panic")
	}
	o.TLS = &tls.Config{VerifyConnection: func(tls.ConnectionState) error { return fs.ErrPermission }}
	if e := fails(t, o, StageTLS, ReasonTLS); !errors.Is(e, fs.ErrPermission) {
		t.Errorf("%v", e.Err)
	}
}

// A server of old that only knows SSL 3 or TLS 1.0 answers with its version.
func TestReasonOfAnOldServer(t *testing.T) {
	addr := serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		hello := append([]byte{22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1}, make([]byte, 32)...)
		_, _ = c.Write(append(hello, 0, 0, 0x2f, 0))
		_, _ = io.Copy(io.Discard, c)
	})
	fails(t, Options{URL: "wss://" + addr}, StageTLS, ReasonTLSVersion)
}

// D-09, D-10: a server that wants a certificate. In TLS 1.3 it says so only after our
// handshake is over.
func TestReasonsOfOurCertificate(t *testing.T) {
	ca, other := wstest.NewCA(t), wstest.NewCA(t)
	certFile, keyFile := ca.Files(ca.Leaf("us"))
	strange, strangeKey := other.Files(other.Leaf("strange"))
	for version, stage := range map[uint16]Stage{tls.VersionTLS12: StageTLS, tls.VersionTLS13: StageHandshake} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			o := Options{RootCAs: ca.Pool(), URL: "wss://" + serveTLS(t, &tls.Config{
				Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}, ClientCAs: ca.Pool(),
				ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: version, MaxVersion: version,
			}, answers(switching()))}
			fails(t, o, stage, ReasonCertRequired)
			o.CertFile, o.KeyFile = strange, strangeKey // of an authority that the server does not trust
			fails(t, o, stage, ReasonCertRequired)
			o.CertFile, o.KeyFile = "", ""
			bad := other.Leaf("strange")
			o.TLS = &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &bad, nil }}
			fails(t, o, stage, ReasonCertRequired)
			o.CertFile, o.KeyFile = certFile, keyFile // in place of that of the template
			works(t, o)
		})
	}
}

// TLS 1.2 of others than Go has one alert for everything.
func TestReasonOfAnAskedCertificate(t *testing.T) {
	failure := &net.OpError{Op: "remote error", Err: alert40(40)}
	for _, tt := range []struct {
		ask  *certAsk
		want Reason
	}{{nil, ReasonTLS}, {&certAsk{}, ReasonTLS}, {&certAsk{asked: true}, ReasonCertRequired}, {&certAsk{asked: true, sent: true}, ReasonTLS}} {
		if got := classify(tt.ask.explain(failure)); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.ask, got, tt.want)
		}
	}
}

type alert40 uint8

func (alert40) Error() string { return "tls: handshake failure" }

// D-09 to D-12: files are read for each attempt, and what is wrong with them is told before
// anything is dialled.
func TestFilesAreReadForEachAttempt(t *testing.T) {
	ca := wstest.NewCA(t)
	dir := t.TempDir()
	certFile, caFile := filepath.Join(dir, "us.pem"), filepath.Join(dir, "ca.pem")
	o := Options{CertFile: certFile, CAFile: caFile, URL: "wss://user:secret@" + serveTLS(t, &tls.Config{
		Certificates: []tls.Certificate{ca.Leaf("127.0.0.1")}, ClientCAs: ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	}, answers(switching()))}
	dialled := false
	o.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled = true
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	field := func(want string, reason Reason) {
		t.Helper()
		e := fails(t, o, StageOptions, reason)
		if oe, ok := errors.AsType[*OptionError](e); !ok || oe.Field != want || dialled {
			t.Errorf("%v, dialled %v", e.Err, dialled)
		}
	}
	field("CAFile", ReasonOptions)
	move := func(from, to string) {
		t.Helper()
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	move(ca.File(), caFile)
	field("CertFile", ReasonOptions)
	cert, key := ca.Files(ca.Leaf("us"))
	move(cert, certFile)
	field("CertFile", ReasonOptions) // its key is missing
	o.KeyFile = key
	o.KeyPassword = func() ([]byte, error) { return nil, fs.ErrPermission }
	field("CertFile", ReasonUser)
	o.KeyPassword = func() ([]byte, error) { panic("secret") }
	field("CertFile", ReasonUser)
	o.KeyPassword = hosts.PasswordText("")
	var keys bytes.Buffer
	o.KeyLog = &keys
	op := works(t, o)
	if !strings.Contains(keys.String(), "CLIENT_TRAFFIC_SECRET_0") {
		t.Error("no secrets were logged")
	}
	if _, ok := op.conn.(*transport.TLS); !ok {
		t.Errorf("it is a %T", op.conn)
	}
}

// D-41: a *tls.Conn of the program is used as it is.
func TestOwnTLSIsUsed(t *testing.T) {
	ca := wstest.NewCA(t)
	addr := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Leaf("other.example")}}, answers(switching()))
	for _, early := range []bool{true, false} {
		var own *tls.Conn
		op := works(t, Options{URL: "wss://a.example", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			own = tls.Client(c, &tls.Config{ServerName: "other.example", RootCAs: ca.Pool()})
			if early {
				err = own.HandshakeContext(ctx)
			}
			return own, err
		}})
		if op.conn != own || op.info.TLS == nil || op.info.TLS.ServerName != "other.example" {
			t.Errorf("it is a %T with %v", op.conn, op.info.TLS)
		}
	}
}

// The template decides what no field does; ours are ALPN and the oldest version.
func TestTemplateOfTLS(t *testing.T) {
	template := &tls.Config{ServerName: "t.example", NextProtos: []string{"h2"}, RootCAs: x509.NewCertPool(), CipherSuites: []uint16{1}}
	a := &attempt{o: &Options{TLS: template}, parent: t.Context(), ctx: t.Context()}
	a.to, _ = parseURL("wss://[fe80::1%25eth0]")
	c, _, e := a.tlsConfig()
	if e != nil || c.ServerName != "t.example" || c.RootCAs != template.RootCAs || c.CipherSuites[0] != 1 ||
		c.MinVersion != tls.VersionTLS12 || strings.Join(c.NextProtos, " ") != "http/1.1" || template.NextProtos[0] != "h2" {
		t.Errorf("%+v, %v", c, e)
	}
	a.o = &Options{TLS: template, ServerName: "o.example", Ciphers: "ECDHE-RSA-AES128-GCM-SHA256"}
	if c, _, e = a.tlsConfig(); e != nil || c.ServerName != "o.example" || c.CipherSuites[0] != tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 {
		t.Errorf("%+v, %v", c, e)
	}
	a.o = &Options{}
	if c, _, e = a.tlsConfig(); e != nil || c.ServerName != "fe80::1" || c.RootCAs != nil {
		t.Errorf("%+v, %v", c, e)
	}
}

// A server that refuses the certificate may have closed before our request is out: its
// alert counts, not that we could not write.
func TestAlertIsReadWhenWritingFails(t *testing.T) {
	l := &line{}
	near, far := net.Pipe()
	defer far.Close()
	l.watch(t.Context(), near)
	defer l.end(false)
	a := &attempt{o: &Options{}, parent: t.Context(), ctx: t.Context(), n: 3, header: http.Header{}}
	*a.o = a.o.withDefaults()
	a.to, _ = parseURL("wss://a.example")
	for _, tt := range []struct {
		read   error
		reason Reason
	}{
		{&net.OpError{Op: "remote error", Err: alert40(alertCertificateRequired)}, ReasonCertRequired},
		{io.EOF, ReasonReset},
	} {
		_, e := a.handshake(l, broken{near, tt.read}, nil)
		judge(t, e, StageHandshake, tt.reason)
	}
}

// broken is a connection that was closed by the other side.
type broken struct {
	net.Conn
	read error
}

func (b broken) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}
}
func (b broken) Read([]byte) (int, error) { return 0, b.read }
