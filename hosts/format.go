package hosts

import (
	"fmt"
	"strconv"
	"strings"
)

// Format is how certificates and keys are packed (H-55).
type Format uint8

// The formats. [FormatAuto] sees them from the content.
const (
	FormatAuto   Format = iota
	FormatPEM           // text blocks (RFC 7468), in any order, PKCS #7 among them
	FormatDER           // certificates one after the other, or one key
	FormatPKCS12        // .pfx, .p12 (RFC 7292), old and new encryption
	FormatPKCS7         // .p7b (RFC 5652), certificates only, DER or PEM
	FormatJKS           // Java key store; since Java 9 these are PKCS #12
)

var formatNames = [...]string{"auto", "pem", "der", "pkcs12", "pkcs7", "jks"}

// String returns the name that [ParseFormat] reads.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("format(%d)", uint8(f))
}

// formatAliases are other names of the formats.
var formatAliases = map[string]Format{
	"": FormatAuto, "99": FormatAuto, "cstauto": FormatAuto,
	"crt": FormatAuto, "cer": FormatAuto, // some are PEM, some DER
	"pfx": FormatPKCS12, "p12": FormatPKCS12,
	"p7b": FormatPKCS7, "p7c": FormatPKCS7,
}

// storeTypes are the store types of IPWorks by their number, with the format of those
// that are read.
var storeTypes = [...]struct {
	name   string
	format Format
}{
	{"User", 0}, {"Machine", 0}, {"PFXFile", FormatPKCS12}, {"PFXBlob", FormatPKCS12},
	{"JKSFile", FormatJKS}, {"JKSBlob", FormatJKS}, {"PEMKeyFile", FormatPEM}, {"PEMKeyBlob", FormatPEM},
	{"PublicKeyFile", 0}, {"PublicKeyBlob", 0}, {"SSHPublicKeyBlob", 0}, {"P7BFile", FormatPKCS7},
	{"P7BBlob", FormatPKCS7}, {"SSHPublicKeyFile", 0}, {"PPKFile", 0}, {"PPKBlob", 0},
	{"XMLFile", 0}, {"XMLBlob", 0}, {"JWKFile", 0}, {"JWKBlob", 0}, {"SecurityKey", 0},
	{"BCFKSFile", 0}, {"BCFKSBlob", 0}, {"PKCS11", 0},
}

// ParseFormat returns the format with a name: one that [Format.String] returns, a usual
// file extension such as "pfx" or ".p7b", or a store type of IPWorks by name or number,
// such as "cstPEMKeyFile" or "6". Case does not matter; the empty name is [FormatAuto].
//
// The error is an [ErrUnsupportedFormat], also for store types that are not read: those
// of Windows, PuTTY, SSH, XML, JSON, hardware, and public keys alone.
func ParseFormat(name string) (Format, error) {
	s := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), ".")
	for i, n := range formatNames {
		if s == n {
			return Format(i), nil
		}
	}
	if f, ok := formatAliases[s]; ok {
		return f, nil
	}
	number, err := strconv.Atoi(s)
	s = strings.ReplaceAll(strings.TrimPrefix(s, "cst"), "_", "")
	for i, t := range storeTypes {
		if s != strings.ToLower(t.name) && (err != nil || number != i) {
			continue
		}
		if t.format == FormatAuto {
			return FormatAuto, fmt.Errorf("%w: store type %s", ErrUnsupportedFormat, t.name)
		}
		return t.format, nil
	}
	return FormatAuto, fmt.Errorf("%w: %q", ErrUnsupportedFormat, name)
}
