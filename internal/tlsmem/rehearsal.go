package tlsmem

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"math/rand/v2"
	"time"
)

// rehearsal is what the connections of one rehearsal share.
type rehearsal struct {
	release func(*tls.Conn) int // what is rehearsed
	cert    tls.Certificate
	data    []byte // what is sent is a beginning of it
}

// rehearse has connections of both TLS versions exchange data while their buffers are
// dropped at every chance, and compares every byte. Keys are renewed where the cipher
// suite is one that renew knows.
func rehearse(release func(*tls.Conn) int) error {
	cert, err := newCertificate()
	if err != nil {
		return err
	}
	r := &rehearsal{release, cert, make([]byte, 40_000)}
	_, _ = rand.NewChaCha8([32]byte{}).Read(r.data)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if err := r.exchange(version); err != nil {
			return fmt.Errorf("tlsmem: TLS %#x: %w", version, err)
		}
	}
	if err := r.renew(); err != nil {
		return fmt.Errorf("tlsmem: new keys: %w", err)
	}
	return nil
}

func (r *rehearsal) exchange(version uint16) error {
	server, client, err := r.newPair(version, nil)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return client.pending(server) },
		func() error { return server.pending(client) },
		func() error { return client.exchange(server) },
		func() error { return server.exchange(client) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// newPair returns two joined sides. With TLS 1.3 a session ticket waits for the client,
// which is one more message to read. Nothing is verified: both ends are here.
func (r *rehearsal) newPair(version uint16, keyLog *bytes.Buffer) (server, client *side, err error) {
	config := &tls.Config{
		Certificates:       []tls.Certificate{r.cert},
		MinVersion:         version,
		MaxVersion:         version,
		CurvePreferences:   []tls.CurveID{tls.CurveP256},
		InsecureSkipVerify: true,
		ServerName:         "tlsmem",
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	if keyLog != nil {
		config.KeyLogWriter = keyLog
	}
	a, b := newDuplex()
	server = &side{rehearsal: r, conn: tls.Server(a, config), end: a}
	client = &side{rehearsal: r, conn: tls.Client(b, config), end: b}
	if err := handshake(client.conn, server.conn, b, a); err != nil {
		return nil, nil, err
	}
	for _, s := range []*side{server, client} {
		s.end.read = func() { s.early = s.drops() || s.early }
	}
	return server, client, nil
}

func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
