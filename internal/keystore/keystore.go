// Package keystore reads certificates and private keys out of the files that they
// are kept in: PEM, DER, PKCS #12, PKCS #7 and Java key stores. It knows bytes only,
// no files, and does not judge what it finds: who belongs to whom, and whether it is
// valid, is the caller's business.
//
// The bytes may be hostile. [Parse] never panics, its memory is bounded by their
// number, and the work of turning a password into keys by [Options.MaxWork], however
// often a file wants it done. That, passwords that can be overwritten, stores with
// several keys and the encryption schemes of old files are why the formats are read
// here and not by one library for each.
package keystore

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
)

const (
	// MaxSize is how many bytes a store may have.
	MaxSize = 1 << 20
	// DefaultWork is the limit that Options.MaxWork stands for when it is 0: seconds,
	// and several times what the most cautious settings in use ask for.
	DefaultWork = 5_000_000

	maxKey  = 12 << 10 // bytes of a private key: RSA with 16384 bits and some more
	maxKeys = 64       // private keys in a store
)

// Format is how a store is packed.
type Format uint8

// The formats.
const (
	Auto   Format = iota // what the content looks like
	PEM                  // RFC 7468, with PKCS #7 and any kind of key inside
	DER                  // certificates one after the other, or one key
	PKCS12               // RFC 7292
	PKCS7                // the certificates of signed data (RFC 5652), DER or PEM
	JKS                  // the key store of Java up to version 8
)

var formatNames = [...]string{"any known format", "PEM", "DER", "PKCS #12", "PKCS #7", "a Java key store"}

// String returns the format in words.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("format %d", uint8(f))
}

// Options say how to read a store. The zero value detects the format and has no
// password.
type Options struct {
	// Format is the only one that is taken, unless it is Auto.
	Format Format
	// Password is UTF-8. It is neither changed nor kept; an empty one means none. It
	// opens a store and each key in it.
	Password []byte
	// CertsOnly leaves private keys alone, so that they need no password.
	CertsOnly bool
	// MaxWork bounds the key derivation of the whole store, in rounds of a hash function
	// or what takes as long. 0 means DefaultWork.
	MaxWork int
}

// Store is what was found, in the order of the file.
type Store struct {
	Format Format // never Auto
	Certs  []*x509.Certificate
	Keys   []crypto.Signer
}

// Parse reads a store. The error is an [*Error]; a store without content is none.
func Parse(data []byte, o Options) (*Store, error) {
	if len(data) > MaxSize {
		return nil, fail(ErrFormat, "more than %d bytes", MaxSize)
	}
	found := Detect(data)
	if found == Auto {
		return nil, unknown(data)
	}
	if o.Format != Auto && o.Format != found && (o.Format != PKCS7 || found != PEM) {
		return nil, fail(ErrFormat, "not %v, it looks like %v", o.Format, found)
	}
	p := &parser{Options: o, left: o.MaxWork, store: Store{Format: found}}
	if p.left == 0 {
		p.left = DefaultWork
	}
	p.secrets = secretsOf(o.Password)
	defer func() {
		for _, s := range p.secrets {
			clear(s.bmp)
		}
	}()
	if err := p.parse(data, found); err != nil {
		return nil, err
	}
	return &p.store, nil
}

// Detect tells the format from the content; Auto means that it is none of ours.
func Detect(data []byte) Format {
	switch {
	case bytes.HasPrefix(data, jksMagic):
		return JKS
	case bytes.Contains(data, pemBegin) && !whole(data):
		return PEM
	}
	switch shapeOf(data) {
	case shapeNone:
		return Auto
	case shapePKCS12:
		return PKCS12
	case shapePKCS7:
		return PKCS7
	default:
		return DER
	}
}

// whole reports whether data is one ASN.1 value, which may have PEM text in it: what
// somebody signed.
func whole(data []byte) bool {
	e, ok := peek(data)
	if !ok || e.tag != tagSequence || e.cut {
		return false
	}
	return e.indefinite && bytes.HasSuffix(e.body, []byte{0, 0}) || !e.indefinite && len(e.rest) == 0
}

// parser is one call of Parse.
type parser struct {
	Options
	secrets []secret // what to try, at least one
	left    int      // rounds of key derivation that may still be made
	store   Store
}

func (p *parser) parse(data []byte, f Format) error {
	switch f {
	case PEM:
		return p.pem(data)
	case PKCS12:
		return p.pkcs12(data)
	case PKCS7:
		return p.pkcs7(data)
	case JKS:
		return p.jks(data)
	default:
		return p.der(data)
	}
}

// charge takes rounds of key derivation from what is left.
func (p *parser) charge(rounds int64, times int) error {
	if rounds < 1 {
		return fail(ErrFormat, "a key derivation of %d rounds", rounds)
	}
	if times < 1 || rounds > int64(p.left/times) {
		return fail(ErrTooCostly, "it wants more rounds than the %d that are left; encrypt it again with fewer", p.left)
	}
	p.left -= int(rounds) * times
	return nil
}

// wrong is the error for a password that does not fit.
func (p *parser) wrong(what string) error {
	if len(p.Password) == 0 {
		return fail(ErrPasswordNeeded, "%s is encrypted", what)
	}
	return fail(ErrWrongPassword, "it does not open %s, or that is damaged", what)
}

func (p *parser) addCert(der []byte) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fail(ErrFormat, "certificate: %v", err)
	}
	p.store.Certs = append(p.store.Certs, cert)
	return nil
}

func (p *parser) addKey(der []byte) error {
	if p.CertsOnly {
		return nil
	}
	if len(p.store.Keys) == maxKeys {
		return fail(ErrFormat, "more than %d private keys", maxKeys)
	}
	key, err := parseKey(der)
	if err != nil {
		return err
	}
	p.store.Keys = append(p.store.Keys, key)
	return nil
}
