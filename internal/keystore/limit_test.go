package keystore

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// H-19, H-54: hostile files do not decide how long the server computes. Without the
// limit each of these would take minutes or more memory than there is.
func TestWorkIsBounded(t *testing.T) {
	leaf := issue(t, "leaf", nil)
	der := pkcs8(t, leaf.key)
	const huge = math.MaxInt32
	keyWith := func(alg []byte) []byte { return sequence(alg, octetString(make([]byte, 32))) }
	salted := func(oid string, rounds int64) []byte {
		return sequence(oidOf(oid), sequence(octetString([]byte("salt")), integer(rounds)))
	}
	shrouded := func(alg []byte) []byte { return bagOf(oidShroudedBag, keyWith(alg)) }
	for name, tt := range map[string]struct {
		data []byte
		kind error
	}{
		"PBKDF2":                       {keyWith(pbes2Of(pbkdf2Of(huge))), ErrTooCostly},
		"PBKDF2 with 63 bits":          {keyWith(pbes2Of(pbkdf2Of(math.MaxInt64))), ErrTooCostly},
		"PBKDF2 backwards":             {keyWith(pbes2Of(pbkdf2Of(-1))), ErrFormat},
		"PBKDF2 without rounds":        {keyWith(pbes2Of(pbkdf2Of(0))), ErrFormat},
		"PBES1":                        {keyWith(salted("1.2.840.113549.1.5.3", huge)), ErrTooCostly},
		"PBE of PKCS #12":              {keyWith(salted("1.2.840.113549.1.12.1.3", huge)), ErrTooCostly},
		"scrypt with much memory":      {keyWith(pbes2Of(scryptOf(1<<30, 8, 1))), ErrTooCostly},
		"scrypt with large blocks":     {keyWith(pbes2Of(scryptOf(2, 1<<40, 1))), ErrTooCostly},
		"scrypt with 63 bits":          {keyWith(pbes2Of(scryptOf(1<<62, math.MaxInt64, math.MaxInt64))), ErrTooCostly},
		"scrypt many times":            {keyWith(pbes2Of(scryptOf(1<<14, 8, 1<<16))), ErrTooCostly},
		"scrypt of no power":           {keyWith(pbes2Of(scryptOf(1000, 8, 1))), ErrFormat},
		"scrypt without blocks":        {keyWith(pbes2Of(scryptOf(16, 0, 1))), ErrFormat},
		"scrypt without memory":        {keyWith(pbes2Of(scryptOf(0, 8, 1))), ErrFormat},
		"scrypt without rounds":        {keyWith(pbes2Of(scryptOf(16, 8, 0))), ErrFormat},
		"code of a PFX":                {pfxOf(safesOf(), macOf(nil, nil, huge)), ErrTooCostly},
		"PBMAC1 of a PFX":              {pfxOf(safesOf(), pbmac1Of(huge, 32)), ErrTooCostly},
		"key in a PFX":                 {pfxOf(safesOf(dataSafe(shrouded(pbes2Of(pbkdf2Of(huge))))), nil), ErrTooCostly},
		"key in an encrypted part":     {pfxOf(safesOf(lockedSafe(t, "secret", 1, shrouded(pbes2Of(pbkdf2Of(huge))))), nil), ErrTooCostly},
		"old key in an encrypted part": {pfxOf(safesOf(lockedSafe(t, "secret", 1, shrouded(salted("1.2.840.113549.1.12.1.6", huge)))), nil), ErrTooCostly},
		"encrypted part":               {pfxOf(safesOf(sequence(oidOf(oidEncryptedData), explicit(sequence(integer(0), sequence(oidOf(oidData), pbes2Of(pbkdf2Of(huge)), []byte{0x80, 0}))))), nil), ErrTooCostly},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(tt.data, Options{Password: []byte("secret")})
			wantKind(t, s, err, tt.kind)
		})
	}
	// What is allowed is the caller's to say.
	one := block("ENCRYPTED PRIVATE KEY", lockedKey(t, der, "secret", 1000))
	wantKeys(t, mustParse(t, one, Options{Password: []byte("secret"), MaxWork: 1000}), leaf.key)
	s, err := Parse(one, Options{Password: []byte("secret"), MaxWork: 999})
	wantKind(t, s, err, ErrTooCostly)
	// Memory is bounded whatever is allowed.
	s, err = Parse(keyWith(pbes2Of(scryptOf(1<<18, 8, 1))), Options{Password: []byte("secret"), MaxWork: math.MaxInt})
	wantKind(t, s, err, ErrTooCostly)
	// Keys that are harmless one by one may be many.
	s, err = Parse(bytes.Repeat(one, 11), Options{Password: []byte("secret"), MaxWork: 10_999})
	wantKind(t, s, err, ErrTooCostly)
	mustParse(t, bytes.Repeat(one, 11), Options{Password: []byte("secret"), MaxWork: 11_000})
}

// H-55: values within values cost stack and copies.
func TestDepthIsBounded(t *testing.T) {
	for name, begin := range map[string]string{"PKCS #7": "\x30\x80\x06\x01\x2a", "PKCS #12": "\x30\x80\x02\x01\x03"} {
		t.Run(name, func(t *testing.T) {
			for _, end := range []string{"", strings.Repeat("\x00\x00", 250_002)} {
				s, err := Parse([]byte(begin+strings.Repeat("\x30\x80", 250_000)+end), Options{})
				wantKind(t, s, err, ErrFormat)
			}
		})
	}
}

func TestBERBecomesDER(t *testing.T) {
	for name, tt := range map[string]struct {
		ber, der string
		ok       bool
	}{
		"DER stays":               {"\x30\x03\x02\x01\x05", "\x30\x03\x02\x01\x05", true},
		"open length":             {"\x30\x80\x02\x01\x05\x00\x00", "\x30\x03\x02\x01\x05", true},
		"length too long":         {"\x30\x81\x04\x02\x81\x01\x05", "\x30\x03\x02\x01\x05", true},
		"string in pieces":        {"\x24\x80\x04\x01a\x24\x03\x04\x01b\x00\x00", "\x04\x02ab", true},
		"empty string in pieces":  {"\x24\x00", "\x04\x00", true},
		"piece of another type":   {"\x24\x03\x02\x01\x05", "", false},
		"no end":                  {"\x30\x80\x02\x01\x05", "", false},
		"more behind":             {"\x30\x00\x00", "", false},
		"body too short":          {"\x30\x02\x05", "", false},
		"open length of a number": {"\x02\x80\x00\x00", "", false},
		"long tag":                {"\x3f\x81\x00\x00", "", false},
		"length of five bytes":    {"\x30\x85\x00\x00\x00\x00\x00", "", false},
		"nothing":                 {"", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			der, ok := toDER([]byte(tt.ber))
			if ok != tt.ok || ok && string(der) != tt.der {
				t.Errorf("toDER = %x, %v; want %x, %v", der, ok, tt.der, tt.ok)
			}
		})
	}
	deep := func(n int) []byte {
		return []byte(strings.Repeat("\x30\x80", n) + strings.Repeat("\x00\x00", n))
	}
	if _, ok := toDER(deep(maxDepth + 1)); !ok {
		t.Error("values at the greatest depth are refused")
	}
	if _, ok := toDER(deep(maxDepth + 2)); ok {
		t.Error("values below the greatest depth are read")
	}
	for _, size := range []int{0, 127, 128, 255, 256, 70_000} {
		want := octetString(make([]byte, size))
		if der, ok := toDER(looseBER(t, want)); !ok || !bytes.Equal(der, want) {
			t.Errorf("an octet string of %d bytes is another afterwards", size)
		}
	}
}
