package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"syscall"

	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// TLSState is what a handshake has agreed on.
type TLSState struct {
	Version string `json:"version"`
	Cipher  string `json:"cipher"`
	Group   string `json:"group,omitempty"`
	ALPN    string `json:"alpn,omitempty"`
	// ClientCert tells that the server has asked for a certificate.
	ClientCert bool `json:"client_certificate_asked,omitempty"`

	Old   bool                `json:"-"` // below TLS 1.2
	Chain []*x509.Certificate `json:"-"`
	OCSP  []byte              `json:"-"`
}

// Handshake does TLS on a connection as a most tolerant client: it takes every
// certificate, version and suite, so that these can be looked at. own, which may be nil,
// is shown to a server that asks for a certificate.
func Handshake(ctx context.Context, conn net.Conn, name string, own *tls.Certificate) (*TLSState, error) {
	s := new(TLSState)
	c := &tls.Config{
		ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, NextProtos: []string{"http/1.1"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.ClientCert = true
			if own != nil {
				return own, nil
			}
			return new(tls.Certificate), nil
		},
	}
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, suite := range list {
			c.CipherSuites = append(c.CipherSuites, suite.ID)
		}
	}
	t := tls.Client(conn, c)
	if err := t.HandshakeContext(ctx); err != nil {
		if s.ClientCert && own == nil && alertOf(err) != 0 {
			err = &clientCertError{err}
		}
		return nil, err
	}
	state := t.ConnectionState()
	s.Version, s.Cipher, s.ALPN = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.NegotiatedProtocol
	s.Old, s.Chain, s.OCSP = state.Version < tls.VersionTLS12, state.PeerCertificates, state.OCSPResponse
	if state.CurveID != 0 {
		s.Group = state.CurveID.String()
	}
	return s, nil
}

// Judge says what is to be said of version and suite.
func (s *TLSState) Judge() (f show.Findings) {
	text := fmt.Sprintf("%s with %s", s.Version, s.Cipher)
	if s.Group != "" {
		text += ", " + s.Group
	}
	if s.Old {
		f.Add(show.Bad, "tls-version", text+". Browsers need TLS 1.2 at least.").Do("Switch TLS 1.2 and 1.3 on in the server.")
	} else {
		f.Add(show.OK, "tls", text+".")
	}
	for _, suite := range tls.InsecureCipherSuites() {
		if suite.Name == s.Cipher {
			f.Add(show.Warning, "tls-cipher", "The cipher suite %s is weak.", s.Cipher).Do("Prefer suites with ECDHE and AES-GCM or ChaCha20 in the server.")
		}
	}
	if s.ClientCert {
		f.Add(show.Note, "client-certificate", "The server asks for a client certificate.")
	}
	return f
}

// WhyTLS says in a sentence why a handshake failed, with a code and what to do.
func WhyTLS(err error) (code, text, advice string) {
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if strings.HasPrefix(string(e.RecordHeader[:]), "HTTP/") {
			return "not-tls", "The server answers with plain HTTP: this port does not speak TLS.", "Use ws:// for this port, or the port that speaks TLS."
		}
		return "not-tls", "What the server answers is not TLS.", "Check the port; with ws:// the connection is plain."
	}
	if _, ok := errors.AsType[*clientCertError](err); ok {
		return whyAlert(116, "")
	}
	if alert := alertOf(err); alert != 0 {
		return whyAlert(alert, err.Error())
	}
	if ne, ok := errors.AsType[net.Error](err); errors.Is(err, context.DeadlineExceeded) || ok && ne.Timeout() {
		return "tls-timeout", "The server has taken the connection, and does not answer to TLS.", "Check whether the port speaks TLS; a proxy or firewall may hold it up."
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return "tls-closed", "The server has closed the connection within the TLS handshake.", "Check whether the port speaks TLS, and whether the server knows this name."
	}
	return "tls", fmt.Sprintf("TLS has failed: %s.", strings.TrimPrefix(err.Error(), "tls: ")), ""
}

// clientCertError is a handshake in which the server has asked for a certificate, got none
// and given up.
type clientCertError struct{ err error }

func (e *clientCertError) Error() string { return e.err.Error() }
func (e *clientCertError) Unwrap() error { return e.err }

// alertOf returns the alert that the server has sent, 0 for none. crypto/tls has a type of
// its own for it, which is a uint8.
func alertOf(err error) uint8 {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" || op.Err == nil {
		return 0
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return uint8(v.Uint())
	}
	return 0
}

// whyAlert is for the alerts that say something to people (RFC 8446 section 6); text is
// for the others.
func whyAlert(alert uint8, text string) (code, sentence, advice string) {
	switch alert {
	case 40, 71:
		return "tls-alert", "The server has found no TLS settings in common, or has no certificate for this name.", "Check its versions and suites, and the name."
	case 42, 43, 44, 45, 46, 48, 116:
		return "client-certificate", "The server wants a client certificate, and has not got one that it trusts.", "Give one, with its key."
	case 70:
		return "tls-version", "The server and this program have no version of TLS in common.", "Switch TLS 1.2 and 1.3 on in the server."
	case 112:
		return "tls-name", "The server has no certificate for this name.", "Check the name, and the hosts of the server."
	case 120:
		return "tls-alpn", "The server does not speak HTTP/1.1 on this port (ALPN).", "WebSockets need http/1.1 there; HTTP/2 alone is not enough."
	}
	return "tls-alert", fmt.Sprintf("The server has refused TLS: %s.", strings.TrimPrefix(text, "remote error: tls: ")), "The log of the server may say more."
}
