package keystore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"
)

const (
	oidRSA     = "1.2.840.113549.1.1.1"
	oidEC      = "1.2.840.10045.2.1"
	oidEd25519 = "1.3.101.112"

	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
	oidScrypt = "1.3.6.1.4.1.11591.4.11"

	maxScrypt = 128 << 20 // bytes of memory
)

// prfs are the hash functions of PBKDF2 and PBMAC1 (RFC 8018 appendix B.1).
var prfs = map[string]func() hash.Hash{
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
	"1.2.840.113549.2.12": sha512.New512_224,
	"1.2.840.113549.2.13": sha512.New512_256,
}

// scheme is a block cipher that is used in CBC mode.
type scheme struct {
	key, iv int // bytes
	new     func(key []byte) (cipher.Block, error)
}

// modern are the ciphers of PBES2 (RFC 8018 appendix B.2).
var modern = map[string]scheme{
	"2.16.840.1.101.3.4.1.2":  {16, aes.BlockSize, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.BlockSize, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.BlockSize, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.BlockSize, des.NewTripleDESCipher},
}

// pkcs12Schemes are those of RFC 7292 appendix C, with its own key derivation.
var pkcs12Schemes = map[string]scheme{
	"1.2.840.113549.1.12.1.3": {24, des.BlockSize, des.NewTripleDESCipher},
	"1.2.840.113549.1.12.1.4": {16, des.BlockSize, newTwoKeyDES},
	"1.2.840.113549.1.12.1.5": {16, rc2Block, newRC2},
	"1.2.840.113549.1.12.1.6": {5, rc2Block, newRC2},
}

// pbes1 are the hash functions of PBES1 with DES (RFC 8018 appendix A.3).
var pbes1 = map[string]func() hash.Hash{
	"1.2.840.113549.1.5.3":  md5.New,
	"1.2.840.113549.1.5.10": sha1.New,
}

func newTwoKeyDES(key []byte) (cipher.Block, error) {
	return des.NewTripleDESCipher(append(key[:16:16], key[:8]...))
}

// decrypt opens data; what names it for errors. All schemes are CBC with the
// padding of RFC 8018 section 6.1.1.
func (p *parser) decrypt(alg algorithm, data []byte, pw secret, what string) ([]byte, error) {
	mode, err := p.open(alg, pw)
	if err != nil {
		return nil, err
	}
	size := mode.BlockSize()
	if len(data) == 0 || len(data)%size != 0 {
		return nil, fail(ErrFormat, "damaged encrypted data")
	}
	plain := make([]byte, len(data))
	mode.CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > size {
		return nil, p.wrong(what)
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, p.wrong(what)
		}
	}
	return plain[:len(plain)-pad], nil
}

// open derives key and initialisation vector.
func (p *parser) open(alg algorithm, pw secret) (cipher.BlockMode, error) {
	if alg.oid == oidPBES2 {
		return p.openPBES2(alg.params, pw)
	}
	own, is12 := pkcs12Schemes[alg.oid]
	newHash, is1 := pbes1[alg.oid]
	if !is12 && !is1 {
		return nil, fail(ErrUnsupported, "encryption %s", alg.oid)
	}
	salt, rounds, ok := saltAndRounds(alg.params)
	if !ok {
		return nil, fail(ErrFormat, "damaged parameters of the encryption")
	}
	if is1 {
		if err := p.charge(rounds, 1); err != nil {
			return nil, err
		}
		k := pbkdf1(newHash, pw.utf8, salt, int(rounds))
		block, err := des.NewCipher(k[:8])
		return cbc(block, err, k[8:16])
	}
	key, err := p.pkcs12Key(sha1.New, pw, salt, forKey, rounds, own.key)
	if err != nil {
		return nil, err
	}
	iv, err := p.pkcs12Key(sha1.New, pw, salt, forIV, rounds, own.iv)
	if err != nil {
		return nil, err
	}
	block, err := own.new(key)
	return cbc(block, err, iv)
}

func cbc(block cipher.Block, err error, iv []byte) (cipher.BlockMode, error) {
	if err != nil {
		return nil, fail(ErrFormat, "encryption: %v", err)
	}
	return cipher.NewCBCDecrypter(block, iv), nil
}

// openPBES2 reads RFC 8018 appendix A.4.
func (p *parser) openPBES2(params cryptobyte.String, pw secret) (cipher.BlockMode, error) {
	var s, iv cryptobyte.String
	var kdf, enc algorithm
	if !params.ReadASN1(&s, asn1.SEQUENCE) || !kdf.read(&s) || !enc.read(&s) {
		return nil, fail(ErrFormat, "damaged parameters of the encryption")
	}
	c, ok := modern[enc.oid]
	switch {
	case !ok:
		return nil, fail(ErrUnsupported, "encryption %s", enc.oid)
	case !enc.params.ReadASN1(&iv, asn1.OCTET_STRING) || len(iv) != c.iv:
		return nil, fail(ErrFormat, "damaged parameters of the encryption")
	}
	key, err := p.derive(kdf, pw, c.key)
	if err != nil {
		return nil, err
	}
	block, err := c.new(key)
	return cbc(block, err, iv)
}

// derive makes a key of size bytes by the function that kdf names.
func (p *parser) derive(kdf algorithm, pw secret, size int) ([]byte, error) {
	var k derivation
	switch {
	case kdf.oid == oidPBKDF2 && k.readPBKDF2(kdf.params):
		return p.pbkdf2(k, pw, size)
	case kdf.oid == oidScrypt && k.readScrypt(kdf.params):
		return p.scrypt(k, pw, size)
	case kdf.oid == oidPBKDF2 || kdf.oid == oidScrypt:
		return nil, fail(ErrFormat, "damaged parameters of the key derivation")
	}
	return nil, fail(ErrUnsupported, "key derivation %s", kdf.oid)
}

// derivation is the parameters of PBKDF2 (RFC 8018 appendix A.2) or of scrypt
// (RFC 7914 section 7).
type derivation struct {
	salt     cryptobyte.String
	rounds   int64
	prf      string
	n, r, p  int64
	keyBytes int64 // 0 if it is not said
}

func (k *derivation) readPBKDF2(params cryptobyte.String) bool {
	var s cryptobyte.String
	if !params.ReadASN1(&s, asn1.SEQUENCE) || !s.ReadASN1(&k.salt, asn1.OCTET_STRING) || !s.ReadASN1Integer(&k.rounds) {
		return false
	}
	if s.PeekASN1Tag(asn1.INTEGER) && !s.ReadASN1Integer(&k.keyBytes) {
		return false
	}
	k.prf = "1.2.840.113549.2.7"
	var prf algorithm
	if !s.Empty() {
		if !prf.read(&s) {
			return false
		}
		k.prf = prf.oid
	}
	return s.Empty()
}

func (k *derivation) readScrypt(params cryptobyte.String) bool {
	var s cryptobyte.String
	return params.ReadASN1(&s, asn1.SEQUENCE) && s.ReadASN1(&k.salt, asn1.OCTET_STRING) &&
		s.ReadASN1Integer(&k.n) && s.ReadASN1Integer(&k.r) && s.ReadASN1Integer(&k.p) &&
		(s.Empty() || s.ReadASN1Integer(&k.keyBytes)) && s.Empty()
}

func (p *parser) pbkdf2(k derivation, pw secret, size int) ([]byte, error) {
	newHash := prfs[k.prf]
	switch {
	case newHash == nil:
		return nil, fail(ErrUnsupported, "key derivation with the hash function %s", k.prf)
	case k.keyBytes != 0 && k.keyBytes != int64(size):
		return nil, fail(ErrFormat, "a key of %d bytes for a cipher that has %d", k.keyBytes, size)
	}
	n := newHash().Size()
	if err := p.charge(k.rounds, (size+n-1)/n); err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(newHash, string(pw.utf8), k.salt, int(k.rounds), size)
	if err != nil {
		return nil, fail(ErrUnsupported, "key derivation: %v", err)
	}
	return key, nil
}

func (p *parser) scrypt(k derivation, pw secret, size int) ([]byte, error) {
	const most = maxScrypt / 128 // of n*r and of r*p (RFC 7914 section 6)
	switch {
	case k.n < 2 || k.r < 1 || k.p < 1:
		return nil, fail(ErrFormat, "damaged parameters of scrypt")
	case k.n > most || k.r > most/k.n || k.p > most/k.r:
		return nil, fail(ErrTooCostly, "scrypt wants more than %d MiB of memory", maxScrypt>>20)
	case k.keyBytes != 0 && k.keyBytes != int64(size):
		return nil, fail(ErrFormat, "a key of %d bytes for a cipher that has %d", k.keyBytes, size)
	}
	if err := p.charge(k.n*k.r, 2*int(k.p)); err != nil { // as long as two rounds each
		return nil, err
	}
	key, err := scrypt.Key(pw.utf8, k.salt, int(k.n), int(k.r), int(k.p), size)
	if err != nil {
		return nil, fail(ErrFormat, "key derivation: %v", err)
	}
	return key, nil
}
