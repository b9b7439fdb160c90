package keystore

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oidData          = "1.2.840.113549.1.7.1"
	oidSignedData    = "1.2.840.113549.1.7.2"
	oidEncryptedData = "1.2.840.113549.1.7.6"

	oidKeyBag       = "1.2.840.113549.1.12.10.1.1"
	oidShroudedBag  = "1.2.840.113549.1.12.10.1.2"
	oidCertBag      = "1.2.840.113549.1.12.10.1.3"
	oidNestedBag    = "1.2.840.113549.1.12.10.1.6"
	oidX509CertType = "1.2.840.113549.1.9.22.1"

	oidPBMAC1 = "1.2.840.113549.1.5.14"

	maxNested = 4 // bags within bags
)

// macs are the hash functions of RFC 7292 section 5.1.
var macs = map[string]func() hash.Hash{
	"1.3.14.3.2.26":          sha1.New,
	"2.16.840.1.101.3.4.2.4": sha256.New224,
	"2.16.840.1.101.3.4.2.1": sha256.New,
	"2.16.840.1.101.3.4.2.2": sha512.New384,
	"2.16.840.1.101.3.4.2.3": sha512.New,
}

// explicit0 is the tag of the fields [0] here.
var explicit0 = asn1.Tag(0).ContextSpecific().Constructed()

// pkcs12 reads a PFX (RFC 7292 section 4).
func (p *parser) pkcs12(data []byte) error {
	der, ok := toDER(data)
	s := cryptobyte.String(der)
	var pfx, content, safes cryptobyte.String
	var version int
	var oid string
	switch {
	case !ok || !s.ReadASN1(&pfx, asn1.SEQUENCE) || !pfx.ReadASN1Integer(&version) || !readContentInfo(&pfx, &oid, &content):
		return damaged(PKCS12)
	case version != 3:
		return fail(ErrUnsupported, "%v of version %d", PKCS12, version)
	case oid == oidSignedData:
		return fail(ErrUnsupported, "%v that a public key protects", PKCS12)
	case oid != oidData || !content.ReadASN1(&safes, asn1.OCTET_STRING):
		return damaged(PKCS12)
	}
	pw, err := p.checkMAC(pfx, safes)
	if err != nil {
		return err
	}
	return p.safes(safes, pw)
}

// readContentInfo reads RFC 5652 section 3.
func readContentInfo(s *cryptobyte.String, oid *string, content *cryptobyte.String) bool {
	var info cryptobyte.String
	var has bool
	*content = nil // also if there is none
	return s.ReadASN1(&info, asn1.SEQUENCE) && readOID(&info, oid) &&
		info.ReadOptionalASN1(content, &has, explicit0)
}

// checkMAC returns the password that the store was made with. Without a code there
// is nothing to tell it from another.
func (p *parser) checkMAC(rest cryptobyte.String, content []byte) (secret, error) {
	if rest.Empty() {
		return p.secrets[0], nil
	}
	var data, info, digest, salt cryptobyte.String
	var alg algorithm
	rounds := int64(1)
	ok := rest.ReadASN1(&data, asn1.SEQUENCE) && data.ReadASN1(&info, asn1.SEQUENCE) &&
		alg.read(&info) && info.ReadASN1(&digest, asn1.OCTET_STRING) &&
		data.ReadASN1(&salt, asn1.OCTET_STRING) && (data.Empty() || data.ReadASN1Integer(&rounds))
	if !ok {
		return secret{}, damaged(PKCS12)
	}
	for _, pw := range p.secrets {
		sum, err := p.mac(alg, pw, salt, rounds, content)
		if err != nil {
			return secret{}, err
		}
		if hmac.Equal(sum, digest) {
			return pw, nil
		}
	}
	return secret{}, p.wrong("the store")
}

func (p *parser) mac(alg algorithm, pw secret, salt []byte, rounds int64, content []byte) ([]byte, error) {
	if alg.oid == oidPBMAC1 {
		return p.pbmac1(alg.params, pw, content)
	}
	newHash := macs[alg.oid]
	if newHash == nil {
		return nil, fail(ErrUnsupported, "%v with the hash function %s", PKCS12, alg.oid)
	}
	key, err := p.pkcs12Key(newHash, pw, salt, forMAC, rounds, newHash().Size())
	if err != nil {
		return nil, err
	}
	return sum(newHash, key, content), nil
}

// pbmac1 reads RFC 8018 appendix A.5; RFC 9579 says how PKCS #12 uses it.
func (p *parser) pbmac1(params cryptobyte.String, pw secret, content []byte) ([]byte, error) {
	var s cryptobyte.String
	var kdf, alg algorithm
	var k derivation
	if !params.ReadASN1(&s, asn1.SEQUENCE) || !kdf.read(&s) || !alg.read(&s) {
		return nil, damaged(PKCS12)
	}
	newHash := prfs[alg.oid]
	switch {
	case kdf.oid != oidPBKDF2 || newHash == nil:
		return nil, fail(ErrUnsupported, "%v with PBMAC1 of %s and %s", PKCS12, kdf.oid, alg.oid)
	case !k.readPBKDF2(kdf.params) || k.keyBytes < 20 || k.keyBytes > 64: // RFC 9579 section 8
		return nil, damaged(PKCS12)
	}
	key, err := p.pbkdf2(k, pw, int(k.keyBytes))
	if err != nil {
		return nil, err
	}
	return sum(newHash, key, content), nil
}

func sum(newHash func() hash.Hash, key, content []byte) []byte {
	m := hmac.New(newHash, key)
	m.Write(content)
	return m.Sum(nil)
}

// safes reads the AuthenticatedSafe (RFC 7292 section 4.1).
func (p *parser) safes(content []byte, pw secret) error {
	der, ok := toDER(content)
	s := cryptobyte.String(der)
	var list, safe, plain cryptobyte.String
	var oid string
	if !ok || !s.ReadASN1(&list, asn1.SEQUENCE) {
		return damaged(PKCS12)
	}
	for !list.Empty() {
		if !readContentInfo(&list, &oid, &safe) {
			return damaged(PKCS12)
		}
		switch oid {
		case oidData:
			if !safe.ReadASN1(&plain, asn1.OCTET_STRING) {
				return damaged(PKCS12)
			}
			if err := p.bags(plain, pw, 0); err != nil {
				return err
			}
		case oidEncryptedData:
			if err := p.encryptedSafe(safe, pw); err != nil {
				return err
			}
		default:
			return fail(ErrUnsupported, "%v with content %s", PKCS12, oid)
		}
	}
	return nil
}

// encryptedSafe reads EncryptedData (RFC 5652 section 8).
func (p *parser) encryptedSafe(s cryptobyte.String, pw secret) error {
	const what = "the store"
	var data, info, encrypted cryptobyte.String
	var version int
	var oid string
	var alg algorithm
	var tag asn1.Tag
	ok := s.ReadASN1(&data, asn1.SEQUENCE) && data.ReadASN1Integer(&version) &&
		data.ReadASN1(&info, asn1.SEQUENCE) && readOID(&info, &oid) && alg.read(&info) &&
		info.ReadAnyASN1(&encrypted, &tag)
	if ok && tag == explicit0 { // an octet string in pieces
		encrypted, ok = join(encrypted)
	}
	if !ok || tag != explicit0 && tag != asn1.Tag(0).ContextSpecific() {
		return damaged(PKCS12)
	}
	plain, err := p.decrypt(alg, encrypted, pw, what)
	if err != nil {
		return err
	}
	defer clear(plain)
	if _, ok := toDER(plain); !ok { // the padding was right by chance
		return p.wrong(what)
	}
	return p.bags(plain, pw, 0)
}

// bags reads SafeContents (RFC 7292 section 4.2). Bags for other things than
// certificates and keys are left alone.
func (p *parser) bags(content []byte, pw secret, depth int) error {
	der, ok := toDER(content)
	s := cryptobyte.String(der)
	var list, bag, value cryptobyte.String
	var oid string
	if !ok || !s.ReadASN1(&list, asn1.SEQUENCE) || depth > maxNested {
		return damaged(PKCS12)
	}
	for !list.Empty() {
		if !list.ReadASN1(&bag, asn1.SEQUENCE) || !readOID(&bag, &oid) || !bag.ReadASN1(&value, explicit0) {
			return damaged(PKCS12)
		}
		var err error
		switch oid {
		case oidKeyBag:
			err = p.addKey(value)
		case oidShroudedBag:
			err = p.encryptedKey(value, pw)
		case oidCertBag:
			err = p.certBag(value)
		case oidNestedBag:
			err = p.bags(value, pw, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// certBag reads RFC 7292 section 4.2.3.
func (p *parser) certBag(s cryptobyte.String) error {
	var bag, value, der cryptobyte.String
	var oid string
	if !s.ReadASN1(&bag, asn1.SEQUENCE) || !readOID(&bag, &oid) {
		return damaged(PKCS12)
	}
	if oid != oidX509CertType {
		return nil
	}
	if !bag.ReadASN1(&value, explicit0) || !value.ReadASN1(&der, asn1.OCTET_STRING) {
		return damaged(PKCS12)
	}
	return p.addCert(der)
}
