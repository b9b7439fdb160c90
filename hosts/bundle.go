package hosts

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	pemHeader = "-----BEGIN "
	maxBundle = 1 << 20 // bytes of a certificate file
	maxPath   = 4096    // bytes, Linux's PATH_MAX
)

// bundle is the content of a certificate or key file.
type bundle struct {
	certs []*x509.Certificate
	keys  []crypto.Signer
}

// readBundle reads value, which is a path or PEM text. Its errors do not repeat
// what may be a secret.
func readBundle(value string) (bundle, error) {
	if strings.Contains(value, pemHeader) {
		return parseBundle([]byte(value))
	}
	if len(value) > maxPath || strings.ContainsAny(value, "\r\n\x00") {
		return bundle{}, fmt.Errorf("%w: neither a path nor PEM text", ErrFormat)
	}
	data, err := readFile(value)
	if err != nil {
		return bundle{}, fileError(value, err)
	}
	return parseBundle(data)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBundle+1))
	if err == nil && len(data) > maxBundle {
		err = fmt.Errorf("%w: more than %d bytes", ErrFormat, maxBundle)
	}
	return data, err
}

// fileError names the path only if it has a dot, which base64 has not: without
// one it may be a key that was pasted without its header.
func fileError(path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", pe.Op, pe.Err)
	}
	if !strings.Contains(path, ".") {
		return err
	}
	return fmt.Errorf("%q: %w", path, err)
}

// parseBundle reads PEM blocks in any order, or one DER certificate or key.
func parseBundle(data []byte) (bundle, error) {
	var b bundle
	if !bytes.Contains(data, []byte(pemHeader)) {
		return b, b.addDER(data)
	}
	begun := bytes.Count(data, []byte(pemHeader))
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		begun--
		if err := b.addBlock(block); err != nil {
			return bundle{}, err
		}
	}
	if begun != 0 { // Decode skips them in silence
		return bundle{}, fmt.Errorf("%w: damaged PEM block", ErrFormat)
	}
	return b, nil
}

// addBlock takes certificates and keys; other blocks, such as curve parameters,
// are of no use here.
func (b *bundle) addBlock(block *pem.Block) error {
	switch {
	case block.Type == "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
		b.certs = append(b.certs, cert)
	case block.Type == "ENCRYPTED PRIVATE KEY",
		strings.HasSuffix(block.Type, "PRIVATE KEY") && block.Headers["DEK-Info"] != "":
		return ErrEncryptedKey
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		key, err := parseKey(block.Bytes)
		if err != nil {
			return err
		}
		b.keys = append(b.keys, key)
	}
	return nil
}

func (b *bundle) addDER(data []byte) error {
	if certs, err := x509.ParseCertificates(data); err == nil && len(certs) > 0 {
		b.certs = certs
		return nil
	}
	key, err := parseKey(data)
	if err != nil {
		return ErrFormat
	}
	b.keys = append(b.keys, key)
	return nil
}

// parseKey tries PKCS #8 (RFC 5958), SEC 1 (RFC 5915) and PKCS #1 (RFC 8017).
func parseKey(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer, nil
		}
		return nil, fmt.Errorf("%w: private key can not sign", ErrFormat)
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%w: unreadable private key", ErrFormat)
}
