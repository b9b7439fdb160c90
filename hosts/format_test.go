package hosts

import (
	"errors"
	"testing"

	"github.com/icsws/icsws/internal/keystore"
)

// H-55
func TestFormatsHaveNames(t *testing.T) {
	for want, names := range map[Format][]string{
		FormatAuto:   {"", "auto", "Auto", "99", "cstAuto", ".crt", "cer"},
		FormatPEM:    {"pem", ".PEM", "6", "7", "cstPEMKeyFile", "PEMKeyBlob", "PEMKEY_FILE"},
		FormatDER:    {"der", " DER "},
		FormatPKCS12: {"pkcs12", "pfx", ".p12", "2", "3", "cstPFXFile", "PFXBLOB"},
		FormatPKCS7:  {"pkcs7", "p7b", ".p7c", "11", "12", "cstP7BFile", "P7BBlob"},
		FormatJKS:    {"jks", "4", "5", "cstJKSFile", "JKSBlob"},
	} {
		for _, name := range append(names, want.String()) {
			if got, err := ParseFormat(name); err != nil || got != want {
				t.Errorf("ParseFormat(%q) = %v, %v; want %v", name, got, err, want)
			}
		}
	}
	for _, name := range []string{
		"0", "1", "8", "9", "10", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "-1", "100",
		"cstUser", "Machine", "PPKFile", "cstXMLBlob", "JWKFile", "PublicKeyFile", "PUBLIC_KEY_BLOB", "SSHPublicKeyFile",
		"cstSecurityKey", "BCFKSFile", "PKCS11", "format(77)", "x509", "cst",
	} {
		if got, err := ParseFormat(name); !errors.Is(err, ErrUnsupportedFormat) || got != FormatAuto {
			t.Errorf("ParseFormat(%q) = %v, %v; want ErrUnsupportedFormat", name, got, err)
		}
	}
	if s := Format(77).String(); s != "format(77)" {
		t.Errorf("String = %s", s)
	}
}

// The formats of this package are those of package keystore by number.
func TestFormatsAreThoseOfKeystore(t *testing.T) {
	for ours, its := range map[Format]keystore.Format{
		FormatAuto: keystore.Auto, FormatPEM: keystore.PEM, FormatDER: keystore.DER,
		FormatPKCS12: keystore.PKCS12, FormatPKCS7: keystore.PKCS7, FormatJKS: keystore.JKS,
	} {
		if keystore.Format(ours) != its {
			t.Errorf("%v is %v there", ours, keystore.Format(ours))
		}
	}
}
