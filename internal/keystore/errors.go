package keystore

import (
	"bytes"
	"errors"
	"fmt"
)

// The kinds of an [Error].
var (
	ErrFormat         = errors.New("unreadable")                                  // damaged, or not what was asked for
	ErrUnsupported    = errors.New("unsupported format")                          // known, but not read here
	ErrPasswordNeeded = errors.New("a password is needed")                        // something is encrypted and there is none
	ErrWrongPassword  = errors.New("wrong password")                              // it does not fit
	ErrTooCostly      = errors.New("opening it with the password takes too long") // more than Options.MaxWork, or memory
)

// Error says what is wrong with a store. Its text has nothing of the content.
type Error struct {
	Kind   error // one of the above
	Detail string
}

// Error returns kind and detail.
func (e *Error) Error() string { return e.Kind.Error() + ": " + e.Detail }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

func fail(kind error, format string, args ...any) error {
	return &Error{kind, fmt.Sprintf(format, args...)}
}

func damaged(f Format) error { return fail(ErrFormat, "%v, damaged", f) }

// foreigners are formats that are recognised so that the error can name them.
var foreigners = []struct {
	begin, has string
	name       string
}{
	{"\xce\xce\xce\xce", "", "a JCEKS key store; keytool -importkeystore makes PKCS #12 of it"},
	{"PuTTY-User-Key-File-", "", "a PuTTY key"},
	{"---- BEGIN SSH2", "", "an SSH key"},
	{"ssh-", "", "an SSH public key"},
	{"ecdsa-sha2-", "", "an SSH public key"},
	{"{", `"kty"`, "a JSON web key"},
	{"{", `"keys"`, "a set of JSON web keys"},
	{"<", "KeyValue>", "a key in XML"},
}

// unknown is the error for content whose format is none of ours.
func unknown(data []byte) error {
	text := bytes.TrimLeft(bytes.TrimPrefix(data, utf8BOM), " \t\r\n")
	for _, f := range foreigners {
		if bytes.HasPrefix(text, []byte(f.begin)) && bytes.Contains(text, []byte(f.has)) {
			return fail(ErrUnsupported, "%s", f.name)
		}
	}
	if len(text) == 0 {
		return fail(ErrFormat, "empty")
	}
	return fail(ErrFormat, "none of PEM, DER, PKCS #12, PKCS #7 and Java key store")
}
