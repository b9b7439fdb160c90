package keystore

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	pemBegin = []byte("-----BEGIN ")
	utf8BOM  = []byte("\xef\xbb\xbf") // which some editors put in front
)

// pem reads the blocks of a text in any order (RFC 7468).
func (p *parser) pem(data []byte) error {
	data = bytes.TrimPrefix(data, utf8BOM)
	begun := bytes.Count(data, pemBegin)
	signed, public := 0, 0
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		begun--
		switch block.Type {
		case "PKCS7", "CMS", "PKCS #7 SIGNED DATA":
			signed++
		case "PUBLIC KEY", "RSA PUBLIC KEY":
			public++
		}
		if err := p.block(block); err != nil {
			return err
		}
	}
	switch {
	case begun != 0: // Decode skips them in silence
		return fail(ErrFormat, "damaged PEM block")
	case p.Format == PKCS7 && signed == 0:
		return fail(ErrFormat, "not %v, it looks like %v", PKCS7, PEM)
	case public > 0 && len(p.store.Certs)+len(p.store.Keys) == 0 && !p.CertsOnly:
		return fail(ErrUnsupported, "a public key alone")
	}
	return nil
}

// block takes certificates and keys; other blocks, such as curve parameters, are
// of no use here.
func (p *parser) block(b *pem.Block) error {
	switch b.Type {
	case "CERTIFICATE", "X509 CERTIFICATE":
		return p.addCert(b.Bytes)
	case "TRUSTED CERTIFICATE":
		return p.trusted(b.Bytes)
	case "PKCS7", "CMS", "PKCS #7 SIGNED DATA":
		return p.pkcs7(b.Bytes)
	}
	switch {
	case !strings.HasSuffix(b.Type, "PRIVATE KEY"), p.CertsOnly:
		return nil
	case b.Type == "ENCRYPTED PRIVATE KEY":
		return p.encryptedKey(b.Bytes, p.secrets[0])
	case b.Headers["DEK-Info"] != "":
		return p.legacyKey(b)
	case b.Type == "OPENSSH PRIVATE KEY":
		return fail(ErrUnsupported, "an OpenSSH key; ssh-keygen -p -m PKCS8 makes a PEM key of it")
	}
	return p.addKey(b.Bytes)
}

// trusted reads a certificate of OpenSSL, which has settings of its own behind it.
func (p *parser) trusted(der []byte) error {
	s := cryptobyte.String(der)
	var cert cryptobyte.String
	if !s.ReadASN1Element(&cert, asn1.SEQUENCE) {
		return fail(ErrFormat, "damaged certificate")
	}
	return p.addCert(cert)
}

// legacyKey reads a key that is encrypted as in RFC 1421: one round of MD5.
func (p *parser) legacyKey(b *pem.Block) error {
	const what = "the private key"
	if len(p.Password) == 0 {
		return p.wrong(what)
	}
	//lint:ignore SA1019 there are such files, and no other way to read them
	plain, err := x509.DecryptPEMBlock(b, p.Password)
	defer clear(plain)
	switch {
	case errors.Is(err, x509.IncorrectPasswordError), err == nil && !complete(plain):
		return p.wrong(what)
	case err != nil:
		return fail(ErrFormat, "encrypted private key: %v", err)
	}
	return p.addKey(plain)
}

// complete reports whether der is one whole SEQUENCE, as each kind of private key
// is. What was decrypted with a wrong password is not.
func complete(der []byte) bool {
	s := cryptobyte.String(der)
	return s.SkipASN1(asn1.SEQUENCE) && s.Empty()
}
