package keystore

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// pkcs7 reads the certificates of signed data (RFC 5652 section 5.1). There is
// nothing to verify: what carries only certificates is signed by nobody.
func (p *parser) pkcs7(data []byte) error {
	der, ok := toDER(data)
	s := cryptobyte.String(der)
	var content, signed, certs cryptobyte.String
	var oid string
	var has bool
	switch {
	case !ok || !readContentInfo(&s, &oid, &content):
		return damaged(PKCS7)
	case oid != oidSignedData:
		return fail(ErrUnsupported, "%v with content %s; signed data has certificates", PKCS7, oid)
	}
	ok = content.ReadASN1(&signed, asn1.SEQUENCE) && signed.SkipASN1(asn1.INTEGER) && // version
		signed.SkipASN1(asn1.SET) && signed.SkipASN1(asn1.SEQUENCE) && // hash functions, what is signed
		signed.ReadOptionalASN1(&certs, &has, explicit0)
	if !ok {
		return damaged(PKCS7)
	}
	for !certs.Empty() {
		var cert cryptobyte.String
		var tag asn1.Tag
		if !certs.ReadAnyASN1Element(&cert, &tag) {
			return damaged(PKCS7)
		}
		if tag != asn1.SEQUENCE { // a certificate of another kind (RFC 5652 section 10.2.2)
			continue
		}
		if err := p.addCert(cert); err != nil {
			return err
		}
	}
	return nil
}
