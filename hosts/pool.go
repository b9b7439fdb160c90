package hosts

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// ErrPool says that a text, file or folder is no list of authorities.
var ErrPool = errors.New("hosts: not a list of authorities")

// maxPool is the most bytes of a file of authorities.
const maxPool = 16 << 20

// ParsePool reads authorities, for Options.ClientCAs and RootCAs (T-06, T-18, H-34):
//
//	SYSTEM           those of the system
//	NONE             an empty pool, which trusts nobody
//	-----BEGIN ...   PEM text, one certificate after the other
//	anything else    the path of a file, see [PoolFromFile]
//
// Setting ClientCAs asks nobody for a certificate, in contrast to caFile of IXWebSocket:
// see Options.ClientAuth. A client that is asked is told the names of the authorities, so
// a nil pool, which also means the system's, is better than SYSTEM.
func ParsePool(text string) (*x509.CertPool, error) {
	switch {
	case text == "SYSTEM":
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("%w: those of the system: %w", ErrPool, err)
		}
		return pool, nil
	case text == "NONE":
		return x509.NewCertPool(), nil
	case strings.Contains(text, pemBegin):
		pool := x509.NewCertPool()
		if err := addAuthorities(pool, []byte(text)); err != nil {
			return nil, fmt.Errorf("%w: PEM text: %w", ErrPool, err)
		}
		return pool, nil
	case text == "" || len(text) > maxPath || strings.ContainsAny(text, "\r\n\x00"):
		return nil, fmt.Errorf("%w: neither SYSTEM nor NONE nor PEM text nor a path", ErrPool)
	}
	return PoolFromFile(text)
}

// PoolFromFile reads a file of authorities: PEM, or DER one behind the other (T-13, H-34).
// The error has the path and wraps [ErrPool]: a file that can not be read, without a
// certificate, with something else in it, or above 16 MiB.
func PoolFromFile(name string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	f, err := os.Open(name)
	if err == nil {
		err = addFile(pool, f)
	}
	if err != nil {
		return nil, poolError(name, err)
	}
	return pool, nil
}

// PoolFromDir reads the authorities of a folder, such as os.DirFS("/etc/ssl/certs"):
// every file that ends in .pem, .crt or .cer, and those that OpenSSL's rehash names, such
// as 5ad8a5d6.0 (T-12). Folders within it and files with other names are not looked at.
// The error names the first file that is wrong, see [PoolFromFile]; it is [ErrPool] too
// if there is none.
func PoolFromDir(dir fs.FS) (*x509.CertPool, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, poolError(".", err)
	}
	pool, files := x509.NewCertPool(), 0
	for _, e := range entries {
		if e.IsDir() || !namesAuthority(e.Name()) {
			continue
		}
		files++
		f, err := dir.Open(e.Name())
		if err == nil {
			err = addFile(pool, f)
		}
		if err != nil {
			return nil, poolError(e.Name(), err)
		}
	}
	if files == 0 {
		return nil, fmt.Errorf("%w: no file ends in .pem, .crt or .cer", ErrPool)
	}
	return pool, nil
}

// namesAuthority says whether a file of a folder is meant for us.
func namesAuthority(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	if slices.Contains([]string{".pem", ".crt", ".cer"}, ext) {
		return true
	}
	return len(name) > 9 && name[8] == '.' &&
		strings.Trim(name[:8], "0123456789abcdef") == "" && strings.Trim(name[9:], "0123456789") == ""
}

func poolError(name string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	return fmt.Errorf("%w: %q: %w", ErrPool, name, err)
}

// addFile adds what is in f and closes it.
func addFile(pool *x509.CertPool, f fs.File) error {
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPool+1))
	if err == nil && len(data) > maxPool {
		err = fmt.Errorf("more than %d bytes", maxPool)
	}
	if err != nil {
		return err
	}
	return addAuthorities(pool, data)
}

// addAuthorities adds all certificates, of which there has to be one, and nothing else.
func addAuthorities(pool *x509.CertPool, data []byte) error {
	begun := bytes.Count(data, []byte(pemBegin))
	if begun == 0 {
		certs, err := x509.ParseCertificates(data)
		if err != nil || len(certs) == 0 {
			return errors.New("no certificate in PEM or DER")
		}
		for _, cert := range certs {
			pool.AddCert(cert)
		}
		return nil
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("a PEM block is %q, only certificates belong here", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		pool.AddCert(cert)
		begun--
	}
	if begun != 0 {
		return errors.New("damaged PEM block")
	}
	return nil
}
