package certs

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/keystore"
)

// Store is what was found in a file.
type Store struct {
	Format string
	Chain  []*x509.Certificate // the one with the key first, else the first that is no authority
	Keys   []crypto.Signer
	Locked bool // a key is encrypted, and there was no password
}

// LoadFile reads a file of any format that hosts take: PEM, DER, PKCS #12, PKCS #7, Java
// key stores.
func LoadFile(path string, password []byte) (*Store, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	s := new(Store)
	found, err := keystore.Parse(data, keystore.Options{Password: password})
	if errors.Is(err, keystore.ErrPasswordNeeded) && len(password) == 0 {
		// The certificates can often be read all the same.
		if certs, err2 := keystore.Parse(data, keystore.Options{CertsOnly: true}); err2 == nil {
			found, err, s.Locked = certs, nil, true
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.Format, s.Chain, s.Keys = found.Format.String(), found.Certs, found.Keys
	s.leafFirst()
	return s, nil
}

// maxFile is above what a store may have, so that one that is too large is told so.
const maxFile = keystore.MaxSize + 1

func readFile(path string) ([]byte, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

func (s *Store) leafFirst() {
	i := slices.IndexFunc(s.Chain, func(c *x509.Certificate) bool { return s.keyOf(c) != nil })
	if i < 0 {
		i = slices.IndexFunc(s.Chain, func(c *x509.Certificate) bool { return !c.IsCA })
	}
	if i > 0 {
		leaf := s.Chain[i]
		s.Chain = slices.Insert(slices.Delete(s.Chain, i, i+1), 0, leaf)
	}
}

func (s *Store) keyOf(c *x509.Certificate) crypto.Signer {
	for _, k := range s.Keys {
		if pub, ok := k.Public().(interface{ Equal(crypto.PublicKey) bool }); ok && pub.Equal(c.PublicKey) {
			return k
		}
	}
	return nil
}

// judgeKey says whether there is a key, and whether it belongs to the certificate.
func (s *Store) judgeKey() (f show.Findings) {
	switch {
	case len(s.Chain) == 0:
	case len(s.Keys) > 0 && s.keyOf(s.Chain[0]) != nil:
		f.Add(show.OK, "key", "The private key belongs to the certificate.")
	case len(s.Keys) > 0:
		f.Add(show.Bad, "key-mismatch", "The private key belongs to none of the certificates.").Do("Find the key that the certificate was ordered with, or order a new one.")
	case s.Locked:
		f.Add(show.Note, "key-locked", "The private key is encrypted.").Do("Give the password with --password-file or --password-env to see whether it fits.")
	default:
		f.Add(show.Note, "no-key", "There is no private key in the file.").Do("A server needs it; give its file with --key to see whether it fits.")
	}
	return f
}

// passwordFrom reads the password that two flags name.
func passwordFrom(file, env string) ([]byte, error) {
	switch {
	case file != "":
		return hosts.PasswordFile(file)()
	case env != "":
		return hosts.PasswordEnv(env)()
	}
	return nil, nil
}
