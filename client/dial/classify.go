package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/event"
	"github.com/icsws/icsws/internal/wsdial"
)

// classify finds the reason in an error of the network or of TLS; ReasonOther if it has
// none.
func classify(err error) Reason {
	if _, ok := errors.AsType[*event.Panic](err); ok {
		return ReasonUser
	}
	if r := ofCertificate(err); r != ReasonOther {
		return r
	}
	if r := ofTLS(err); r != ReasonOther {
		return r
	}
	if re, ok := errors.AsType[*wsdial.ResponseError](err); ok {
		return ofAnswer(re.Kind)
	}
	if errors.Is(err, deflate.ErrAnswer) {
		return ReasonExtension
	}
	return ofNetwork(err)
}

func ofAnswer(kind wsdial.Bad) Reason {
	switch kind {
	case wsdial.BadLength:
		return ReasonHeaderTooLarge
	case wsdial.BadProtocol:
		return ReasonProtocol
	case wsdial.BadExtension:
		return ReasonExtension
	}
	return ReasonNotWebSocket
}

func ofNetwork(err error) Reason {
	if d, ok := errors.AsType[*net.DNSError](err); ok {
		switch {
		case d.IsNotFound:
			return ReasonNoHost
		case d.IsTimeout:
			return ReasonTimeout
		}
		return ReasonResolve
	}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		if r := ofErrno(no); r != ReasonOther {
			return r
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) {
		return ReasonClosed
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ReasonTimeout
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return ReasonTimeout
	}
	return ReasonOther
}

// ofCertificate judges what our check of the server's certificate has found.
func ofCertificate(err error) Reason {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return ReasonCertUnknown
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return ReasonCertUnknown
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return ReasonCertName
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch {
		case e.Reason != x509.Expired:
			return ReasonCertInvalid
		case e.Cert != nil && time.Now().Before(e.Cert.NotBefore):
			return ReasonCertNotYet
		}
		return ReasonCertExpired
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return ReasonCertInvalid
	}
	return ReasonOther
}

// The alerts of RFC 8446 section 6.2 that have a reason of their own.
const (
	alertHandshakeFailure    = 40
	alertBadCertificate      = 42
	alertUnsupportedCert     = 43
	alertCertRevoked         = 44
	alertCertExpired         = 45
	alertCertUnknown         = 46
	alertUnknownCA           = 48
	alertAccessDenied        = 49
	alertProtocolVersion     = 70
	alertCertificateRequired = 116
)

func ofTLS(err error) Reason {
	if _, ok := errors.AsType[*askedError](err); ok {
		return ReasonCertRequired
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		if e.Conn != nil { // the very first record
			return ReasonNotTLS
		}
		return ReasonTLS
	}
	switch alert := alertOf(err); alert {
	case 0:
	case alertBadCertificate, alertUnsupportedCert, alertCertRevoked, alertCertExpired, alertCertUnknown,
		alertUnknownCA, alertAccessDenied, alertCertificateRequired:
		return ReasonCertRequired
	case alertProtocolVersion:
		return ReasonTLSVersion
	default:
		return ReasonTLS
	}
	// crypto/tls has no type for these.
	if text := err.Error(); strings.Contains(text, "tls: server selected unsupported protocol version") ||
		strings.Contains(text, "tls: no supported versions satisfy") {
		return ReasonTLSVersion
	}
	return ReasonOther
}

// alertOf is the alert that the other side has sent, 0 for none. Its type in crypto/tls is
// not exported.
func alertOf(err error) uint64 {
	e, ok := errors.AsType[*net.OpError](err)
	if !ok || e.Op != "remote error" {
		return 0
	}
	if v := reflect.ValueOf(e.Err); v.Kind() == reflect.Uint8 {
		return v.Uint()
	}
	return 0
}

// askedError is a handshake that failed after the server had asked for a certificate and
// got none: TLS 1.2 has no alert for that.
type askedError struct{ err error }

func (e *askedError) Error() string { return e.err.Error() + "; it asked for a certificate" }
func (e *askedError) Unwrap() error { return e.err }
