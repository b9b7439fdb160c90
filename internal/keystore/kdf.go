package keystore

import (
	"bytes"
	"hash"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// secret is a password in the forms that the schemes want.
type secret struct {
	utf8 []byte // as it was given
	bmp  []byte // UTF-16, big-endian, with a zero at the end (RFC 7292 appendix B.1)
}

// secretsOf returns what to try. PKCS #12 has two forms of the empty password, as
// programs differ in whether the zero belongs to it.
func secretsOf(password []byte) []secret {
	first := secret{password, append(utf16BE(password), 0, 0)}
	if len(password) == 0 {
		return []secret{first, {}}
	}
	return []secret{first}
}

// utf16BE returns a password as PKCS #12 and Java have it. Bytes that are not UTF-8
// stand for one character each.
func utf16BE(password []byte) []byte {
	units := make([]uint16, 0, len(password))
	defer func() { clear(units) }()
	if utf8.Valid(password) {
		for rest := password; len(rest) > 0; {
			r, n := utf8.DecodeRune(rest)
			units, rest = utf16.AppendRune(units, r), rest[n:]
		}
	} else {
		for _, b := range password {
			units = append(units, uint16(b))
		}
	}
	out := make([]byte, 0, 2*len(units)+2)
	for _, u := range units {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// What a key of RFC 7292 appendix B.3 is for.
const (
	forKey = 1
	forIV  = 2
	forMAC = 3
)

// pkcs12Key charges for the key and makes it.
func (p *parser) pkcs12Key(newHash func() hash.Hash, pw secret, salt []byte, purpose byte, rounds int64, size int) ([]byte, error) {
	n := newHash().Size()
	if err := p.charge(rounds, (size+n-1)/n); err != nil {
		return nil, err
	}
	return pkcs12KDF(newHash(), pw.bmp, salt, purpose, int(rounds), size), nil
}

// pkcs12KDF is RFC 7292 appendix B.2, whose names it keeps where they help.
func pkcs12KDF(h hash.Hash, password, salt []byte, purpose byte, rounds, size int) []byte {
	v := h.BlockSize()
	d := bytes.Repeat([]byte{purpose}, v)
	i := append(fill(salt, v), fill(password, v)...)
	defer func() { clear(i) }()
	var out []byte
	for {
		h.Reset()
		h.Write(d)
		h.Write(i)
		a := h.Sum(nil)
		for range rounds - 1 {
			h.Reset()
			h.Write(a)
			a = h.Sum(a[:0])
		}
		if out = append(out, a...); len(out) >= size {
			return out[:size]
		}
		b := fill(a, v)
		for j := 0; j < len(i); j += v {
			increase(i[j:j+v], b)
		}
	}
}

// fill repeats pattern up to the next multiple of size.
func fill(pattern []byte, size int) []byte {
	if len(pattern) == 0 {
		return nil
	}
	want := (len(pattern) + size - 1) / size * size
	return bytes.Repeat(pattern, (want+len(pattern)-1)/len(pattern))[:want]
}

// increase adds b and 1 to the big-endian number a of the same length.
func increase(a, b []byte) {
	carry := 1
	for i := len(a) - 1; i >= 0; i-- {
		carry += int(a[i]) + int(b[i])
		a[i] = byte(carry)
		carry >>= 8
	}
}

// pbkdf1 is RFC 8018 section 5.1; it makes 16 bytes.
func pbkdf1(newHash func() hash.Hash, password, salt []byte, rounds int) []byte {
	h := newHash()
	h.Write(password)
	h.Write(salt)
	t := h.Sum(nil)
	for range rounds - 1 {
		h.Reset()
		h.Write(t)
		t = h.Sum(t[:0])
	}
	return t[:16]
}

// saltAndRounds reads the parameters of PBES1 and of the schemes of PKCS #12.
func saltAndRounds(params cryptobyte.String) (salt []byte, rounds int64, ok bool) {
	var s, octets cryptobyte.String
	ok = params.ReadASN1(&s, asn1.SEQUENCE) && s.ReadASN1(&octets, asn1.OCTET_STRING) &&
		s.ReadASN1Integer(&rounds) && s.Empty()
	return octets, rounds, ok
}
