package tlsmem

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
)

// renew has a server take new keys in the midst of a connection (RFC 8446, section
// 4.6.3), which crypto/tls only answers and never asks for: so the client's records are
// made here. It does nothing unless the suite is TLS_AES_128_GCM_SHA256.
func (r *rehearsal) renew() error {
	var keyLog bytes.Buffer
	server, client, err := r.newPair(tls.VersionTLS13, &keyLog)
	if err != nil {
		return err
	}
	if server.conn.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		return nil
	}
	s, err := newSealer(keyLog.String())
	if err != nil {
		return err
	}
	if s.aead == nil {
		return nil
	}

	sent := func(typ byte, content []byte) { server.end.in = append(server.end.in, s.record(typ, content)...) }
	steps := []func() error{
		func() error { sent(applicationData, r.data[:80]); return server.expect(0, 80, true) },
		func() error { sent(handshakeData, keyUpdate); return server.nothing(true) },
		s.renew,
		func() error { sent(applicationData, r.data[:90]); return server.expect(0, 90, true) },
		// The answer, then data under the server's new keys.
		func() error { return client.nothing(true) },
		func() error { _, err := server.conn.Write(r.data[:70]); return err },
		func() error { return client.expect(0, 70, true) },
		// Once more, in two records.
		func() error { sent(handshakeData, keyUpdate[:3]); return server.nothing(false) },
		func() error { sent(handshakeData, keyUpdate[3:]); return server.nothing(true) },
		s.renew,
		func() error { sent(applicationData, r.data); return server.receive(r.data, 1000) },
		func() error { return client.exchange(server) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Content types, and the message that wants the peer to take new keys as well.
const (
	handshakeData   = 22
	applicationData = 23
)

var keyUpdate = []byte{24, 0, 0, 1, 1}

// sealer makes the records of a TLS 1.3 client.
type sealer struct {
	secret []byte
	aead   cipher.AEAD // nil where programs may not choose nonces
	nonce  []byte
	seq    uint64
}

// newSealer takes the client's secret from a key log.
func newSealer(keyLog string) (*sealer, error) {
	for line := range strings.Lines(keyLog) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, err := hex.DecodeString(f[2])
			if err != nil {
				return nil, err
			}
			s := &sealer{secret: secret}
			return s, s.derive()
		}
	}
	return nil, errors.New("tlsmem: no secret in the key log")
}

// derive makes key and nonce (RFC 8446, section 7.3).
func (s *sealer) derive() error {
	key, err := expand(s.secret, "key", 16)
	if err != nil {
		return err
	}
	if s.nonce, err = expand(s.secret, "iv", 12); err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	s.aead, _ = cipher.NewGCM(block)
	s.seq = 0
	return nil
}

// renew goes on to the next secret (RFC 8446, section 7.2).
func (s *sealer) renew() (err error) {
	if s.secret, err = expand(s.secret, "traffic upd", sha256.Size); err != nil {
		return err
	}
	return s.derive()
}

// record is one record (RFC 8446, section 5.2), or several if content needs them.
func (s *sealer) record(typ byte, content []byte) (records []byte) {
	const most = 16 << 10
	for ; len(content) > most; content = content[most:] {
		records = append(records, s.record(typ, content[:most])...)
	}
	nonce := binary.BigEndian.AppendUint64(make([]byte, 4), s.seq)
	for i := range nonce {
		nonce[i] ^= s.nonce[i]
	}
	s.seq++
	plain := append(bytes.Clone(content), typ)
	header := binary.BigEndian.AppendUint16([]byte{applicationData, 3, 3}, uint16(len(plain)+s.aead.Overhead()))
	return append(records, s.aead.Seal(header, nonce, plain, header)...)
}

// expand is HKDF-Expand-Label without a context (RFC 8446, section 7.1).
func expand(secret []byte, label string, n int) ([]byte, error) {
	label = "tls13 " + label
	info := append([]byte{byte(n >> 8), byte(n), byte(len(label))}, label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
}
