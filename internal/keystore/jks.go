package keystore

import (
	"crypto/sha1"
	"crypto/subtle"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oidJKSKey = "1.3.6.1.4.1.42.2.17.1.1" // the encryption of Java's own provider

	jksKey  = 1 // tag of an entry with a private key
	jksCert = 2 // tag of one with a certificate alone
)

var (
	jksMagic = []byte{0xfe, 0xed, 0xfe, 0xed}
	jksSalt  = []byte("Mighty Aphrodite") // which the digest of a store starts with
)

// jks reads a Java key store:
//
//	magic, version, number of entries                         4 bytes each
//	  tag                                                     4 bytes
//	  alias                                                   2 bytes length, text
//	  time                                                    8 bytes
//	  private key, if the tag is 1                            4 bytes length, DER
//	  number of certificates, if the tag is 1                 4 bytes
//	  certificates: type, if the version is 2; content        2 and 4 bytes length
//	SHA-1 of the password, a salt and all before             20 bytes
//
// Numbers are big-endian. Without a password the digest is not checked: it proves
// nothing then, and certificates are in the clear.
func (p *parser) jks(data []byte) error {
	if len(data) < 12+sha1.Size {
		return damaged(JKS)
	}
	password := utf16BE(p.Password)
	defer clear(password)
	body, digest := data[:len(data)-sha1.Size], data[len(data)-sha1.Size:]
	if len(password) > 0 && !sameDigest(digest, password, jksSalt, body) {
		return p.wrong("the store")
	}
	var version, entries uint32
	s := cryptobyte.String(body[len(jksMagic):])
	if !s.ReadUint32(&version) || !s.ReadUint32(&entries) || version < 1 || version > 2 {
		return damaged(JKS)
	}
	for range entries {
		if err := p.jksEntry(&s, version, password); err != nil {
			return err
		}
	}
	if !s.Empty() {
		return damaged(JKS)
	}
	return nil
}

func (p *parser) jksEntry(s *cryptobyte.String, version uint32, password []byte) error {
	var tag, length, chain uint32
	var alias cryptobyte.String
	if !s.ReadUint32(&tag) || !s.ReadUint16LengthPrefixed(&alias) || !s.Skip(8) {
		return damaged(JKS)
	}
	switch tag {
	case jksCert:
		return p.jksCert(s, version)
	case jksKey:
	default:
		return fail(ErrUnsupported, "%v with an entry of type %d", JKS, tag)
	}
	var key []byte
	if !s.ReadUint32(&length) || length > MaxSize || !s.ReadBytes(&key, int(length)) {
		return damaged(JKS)
	}
	if err := p.jksKey(key, password); err != nil {
		return err
	}
	if !s.ReadUint32(&chain) {
		return damaged(JKS)
	}
	for range chain {
		if err := p.jksCert(s, version); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) jksCert(s *cryptobyte.String, version uint32) error {
	kind := cryptobyte.String("X.509")
	var length uint32
	var der []byte
	if version == 2 && !s.ReadUint16LengthPrefixed(&kind) {
		return damaged(JKS)
	}
	if !s.ReadUint32(&length) || length > MaxSize || !s.ReadBytes(&der, int(length)) {
		return damaged(JKS)
	}
	if k := string(kind); k != "X.509" && k != "X509" {
		return fail(ErrUnsupported, "%v with a certificate that is not X.509", JKS)
	}
	return p.addCert(der)
}

// jksKey opens a key: 20 bytes salt, the key xor a chain of SHA-1 sums over
// password and the sum before, 20 bytes SHA-1 of password and key.
func (p *parser) jksKey(der, password []byte) error {
	const what = "the private key, which has to have the password of the store,"
	if p.CertsOnly {
		return nil
	}
	if len(password) == 0 {
		return p.wrong("the private key")
	}
	s := cryptobyte.String(der)
	var info, data cryptobyte.String
	var alg algorithm
	ok := s.ReadASN1(&info, asn1.SEQUENCE) && s.Empty() && alg.read(&info) && info.ReadASN1(&data, asn1.OCTET_STRING)
	switch {
	case !ok || len(data) < 2*sha1.Size:
		return damaged(JKS)
	case alg.oid != oidJKSKey:
		return fail(ErrUnsupported, "%v with the encryption %s", JKS, alg.oid)
	}
	last, rest := []byte(data[:sha1.Size]), data[sha1.Size:]
	digest := rest[len(rest)-sha1.Size:]
	plain := make([]byte, len(rest)-sha1.Size)
	defer clear(plain)
	h := sha1.New()
	for done := 0; done < len(plain); {
		h.Reset()
		h.Write(password)
		h.Write(last)
		last = h.Sum(nil)
		done += subtle.XORBytes(plain[done:], rest[done:len(plain)], last)
	}
	if !sameDigest(digest, password, plain) {
		return p.wrong(what)
	}
	return p.addKey(plain)
}

func sameDigest(digest []byte, parts ...[]byte) bool {
	h := sha1.New()
	for _, part := range parts {
		h.Write(part)
	}
	return subtle.ConstantTimeCompare(h.Sum(nil), digest) == 1
}
