package client

import (
	"crypto/tls"
	"strings"
)

// TLSInfo is what was negotiated on a TLS connection, in words and bits (T-24 to
// T-29, T-35). The zero value stands for a plain connection.
type TLSInfo struct {
	Version         string // such as "TLS 1.3"
	Suite           string // standard name, such as "TLS_AES_128_GCM_SHA256"
	Cipher          string // bulk cipher of the suite, such as "AES-128-GCM"
	CipherBits      int    // its key length; 0 when unknown
	KeyExchange     string // such as "X25519", "X25519MLKEM768" or "RSA"
	KeyExchangeBits int    // size of the classical group or key; 0 when unknown
	ServerName      string // SNI, empty when none was sent
	Protocol        string // ALPN, empty or "http/1.1"
	Resumed         bool   // a session ticket was used
	ClientCert      string // subject of the client's certificate, empty without one; the chain is in TLS().PeerCertificates
}

// TLSInfo describes the TLS connection; zero on a plain one.
func (b *Base) TLSInfo() TLSInfo {
	cs := b.TLS()
	if cs == nil {
		return TLSInfo{}
	}
	i := TLSInfo{
		Version: tls.VersionName(cs.Version), Suite: tls.CipherSuiteName(cs.CipherSuite),
		ServerName: cs.ServerName, Protocol: cs.NegotiatedProtocol, Resumed: cs.DidResume,
	}
	i.Cipher, i.CipherBits = bulkCipher(i.Suite)
	i.KeyExchange, i.KeyExchangeBits = keyExchange(cs, i.Suite)
	if len(cs.PeerCertificates) > 0 {
		i.ClientCert = cs.PeerCertificates[0].Subject.String()
	}
	return i
}

// bulkCipher finds the cipher in the standard name of a suite.
func bulkCipher(suite string) (name string, bits int) {
	for _, c := range []struct {
		part, name string
		bits       int
	}{
		{"AES_128_GCM", "AES-128-GCM", 128},
		{"AES_256_GCM", "AES-256-GCM", 256},
		{"CHACHA20_POLY1305", "ChaCha20-Poly1305", 256},
		{"AES_128_CBC", "AES-128-CBC", 128},
		{"AES_256_CBC", "AES-256-CBC", 256},
		{"3DES_EDE_CBC", "3DES-CBC", 168},
		{"RC4_128", "RC4", 128},
	} {
		if strings.Contains(suite, c.part) {
			return c.name, c.bits
		}
	}
	return "", 0
}

// groupBits is the size of the classical part of a group: hybrids count as their curve.
var groupBits = map[tls.CurveID]int{
	tls.X25519: 253, tls.X25519MLKEM768: 253,
	tls.CurveP256: 256, tls.CurveP384: 384, tls.CurveP521: 521,
}

func keyExchange(cs *tls.ConnectionState, suite string) (name string, bits int) {
	if cs.CurveID != 0 {
		return cs.CurveID.String(), groupBits[cs.CurveID]
	}
	if strings.HasPrefix(suite, "TLS_RSA_") {
		return "RSA", 0
	}
	return "", 0
}
