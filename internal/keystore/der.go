package keystore

import (
	"crypto"
	"crypto/x509"
	stdasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// shape is what an ASN.1 value is, seen from the tags at its beginning.
type shape uint8

const (
	shapeNone         shape = iota
	shapeCertificate        // RFC 5280 section 4.1
	shapePKCS1              // RSAPrivateKey, RFC 8017 appendix A.1.2
	shapeSEC1               // ECPrivateKey, RFC 5915
	shapePKCS8              // PrivateKeyInfo, RFC 5958
	shapeEncryptedKey       // EncryptedPrivateKeyInfo, RFC 5958 section 3
	shapePublicKey          // SubjectPublicKeyInfo
	shapePKCS12             // PFX, RFC 7292 section 4
	shapePKCS7              // ContentInfo, RFC 5652 section 3
)

// shapeOf looks no deeper than it has to, so that a damaged value is still told by
// its name.
func shapeOf(data []byte) shape {
	outer, ok := peek(data)
	if !ok || outer.tag != tagSequence {
		return shapeNone
	}
	first, ok := peek(outer.body)
	if !ok {
		return shapeNone
	}
	second, _ := peek(first.rest)
	switch first.tag {
	case tagOID:
		return shapePKCS7
	case tagInteger:
		switch {
		case second.tag == tagInteger:
			return shapePKCS1
		case second.tag == tagOctets:
			return shapeSEC1
		case second.tag == tagSequence && len(first.body) == 1 && first.body[0] == 3:
			return shapePKCS12
		case second.tag == tagSequence:
			return shapePKCS8
		}
	case tagSequence:
		inner, _ := peek(first.body)
		switch {
		case inner.tag != tagOID:
			return shapeCertificate
		case second.tag == tagOctets:
			return shapeEncryptedKey
		case second.tag == tagBits:
			return shapePublicKey
		}
	}
	return shapeNone
}

// der reads certificates, one after the other, or a key.
func (p *parser) der(data []byte) error {
	switch shapeOf(data) {
	case shapeCertificate:
		certs, err := x509.ParseCertificates(data)
		if err != nil {
			return fail(ErrFormat, "certificate: %v", err)
		}
		p.store.Certs = certs
		return nil
	case shapeEncryptedKey:
		return p.encryptedKey(data, p.secrets[0])
	case shapePublicKey:
		return fail(ErrUnsupported, "a public key alone")
	default:
		return p.addKey(data)
	}
}

// encryptedKey reads a PKCS #8 key that pw opens (RFC 5958 section 3).
func (p *parser) encryptedKey(der []byte, pw secret) error {
	const what = "the private key"
	if p.CertsOnly {
		return nil
	}
	s := cryptobyte.String(der)
	var info, data cryptobyte.String
	var alg algorithm
	ok := s.ReadASN1(&info, asn1.SEQUENCE) && s.Empty() && alg.read(&info) && info.ReadASN1(&data, asn1.OCTET_STRING)
	switch {
	case len(p.Password) == 0 && p.store.Format != PKCS12: // which may have an empty one
		return p.wrong(what)
	case !ok:
		return fail(ErrFormat, "damaged encrypted private key")
	}
	plain, err := p.decrypt(alg, data, pw, what)
	if err != nil {
		return err
	}
	defer clear(plain)
	if _, ok := keyAlgorithm(plain); !ok { // the padding was right by chance
		return p.wrong(what)
	}
	return p.addKey(plain)
}

// keyAlgorithm returns the algorithm of a PKCS #8 key; false if der is none.
func keyAlgorithm(der []byte) (oid string, ok bool) {
	s := cryptobyte.String(der)
	var info cryptobyte.String
	var alg algorithm
	ok = s.ReadASN1(&info, asn1.SEQUENCE) && s.Empty() &&
		info.SkipASN1(asn1.INTEGER) && alg.read(&info) && info.SkipASN1(asn1.OCTET_STRING)
	return alg.oid, ok
}

// parseKey reads PKCS #8 (RFC 5958), SEC 1 (RFC 5915) and PKCS #1 (RFC 8017).
func parseKey(der []byte) (crypto.Signer, error) {
	if len(der) > maxKey { // numbers that long take long to check
		return nil, fail(ErrFormat, "private key of more than %d bytes", maxKey)
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, fail(ErrUnsupported, "a private key that can not sign")
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	switch oid, ok := keyAlgorithm(der); {
	case ok && oid != oidRSA && oid != oidEC && oid != oidEd25519:
		return nil, fail(ErrUnsupported, "a private key for the algorithm %s", oid)
	}
	return nil, fail(ErrFormat, "damaged private key, or one for a curve that is not supported")
}

// algorithm is an AlgorithmIdentifier (RFC 5280 section 4.1.1.2).
type algorithm struct {
	oid    string
	params cryptobyte.String
}

func (a *algorithm) read(s *cryptobyte.String) bool {
	var id cryptobyte.String
	if !s.ReadASN1(&id, asn1.SEQUENCE) || !readOID(&id, &a.oid) {
		return false
	}
	a.params = id
	return true
}

func readOID(s *cryptobyte.String, oid *string) bool {
	var id stdasn1.ObjectIdentifier
	if !s.ReadASN1ObjectIdentifier(&id) {
		return false
	}
	*oid = id.String()
	return true
}
