package hosts

import (
	"crypto/tls"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// everything uses each key that has a field.
const everything = `; the hosts of an ICS server
[IcsHost1]
Hosts=Chat.Example, www.chat.example
HostTag=CHAT
Descr=the chat
HostEnabled=True
BindIpAddr=192.0.2.1
BindIpAddr2=2001:db8::1
BindNonPort=80
BindSslPort=443
Proto=HTTP
Meta.Color=red
SslCert=cert.pem
SslKey=key.pem
SslInter=chain.pem
SslPassword=env:CHAT_PASSWORD
SslLoadSource=CertLoadFile
SslCertFormat=pem
SslCertSubject=chat
SslOcspStaple=chat.ocsp
AllowTemporary=yes
SslSecLevel=sslSrvSecHigh128
SslCipherList12=ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
SslCryptoGroups=X25519
SslMinVersion=TLS 1.2
SslMaxVersion=sslVerTLS1_3
SslMinStrength=128
CliCertMethod=sslCliCertOptional
CertSupplierProto=SuppProtoAcmeV2
CertChallenge=ChallAlpnApp
CertOnDemand=1
WellKnownPath=well-known
WebRedirectURL=https://{host}{uri}
WebRedirectStat=301
AuthForceSsl=True
AllowedOrigins=https://chat.example, https://app.example
`

func everyField() Host {
	return Host{
		Names: []string{"chat.example", "www.chat.example"}, Tag: "CHAT", Descr: "the chat",
		Bind: "192.0.2.1", Bind2: "2001:db8::1", Port: 80, TLSPort: 443,
		Meta: map[string]string{"Proto": "HTTP", "Color": "red"},
		Cert: "cert.pem", Key: "key.pem", Intermediates: "chain.pem", KeyPasswordEnv: "CHAT_PASSWORD",
		CertFormat: FormatPEM, CertSubject: "chat", OCSPStaple: "chat.ocsp", AllowTemporary: true,
		Level:        LevelHigh128,
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		Curves:       []tls.CurveID{tls.X25519}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13, MinStrength: 128,
		ClientAuth: ClientCertOptional, AutoOrder: true, Challenge: ChallengeTLSALPN01, OnDemand: true,
		WellKnown: os.DirFS("well-known"), RedirectURL: "https://{host}{uri}", RedirectStatus: 301, RequireTLS: true,
		AllowedOrigins: []string{"https://chat.example", "https://app.example"},
	}
}

func TestEveryKeyOfAnINIFileIsRead(t *testing.T) { // H-01 to H-10, H-14 to H-19, H-51
	list, warnings, err := LoadINI(strings.NewReader(everything), "")
	if err != nil || len(warnings) > 0 || len(list) != 1 {
		t.Fatalf("LoadINI = %d hosts, %v, %v", len(list), warnings, err)
	}
	if got, want := list[0], everyField(); !reflect.DeepEqual(got, want) {
		t.Errorf("LoadINI =\n%+v, want\n%+v", got, want)
	}
}

// What ICS itself has as an example, with the keys that are none of ours.
func TestAFileOfICSIsRead(t *testing.T) { // H-51
	list, warnings, err := LoadINI(strings.NewReader("\ufeff[WebAppServer]\r\nSslCertAutoOrder=True\r\nno key\r\n\r\n[Host4]\r\n"+
		"Hosts=test7.example,test7.example.net\r\nHostTag=HTTP-TEST\r\nDesc=test7\r\nBindIpAddr=192.0.2.123\r\nBindNonPort=80\r\nBindSslPort=443\r\n"+
		"HostEnabled=False\r\nSslSecLevel=sslSrvSecInterFS\r\nWellKnownPath=c:\\websites\\well-known\\\r\nWebRedirectURL=https://www.example.com/\r\nWebRedirectStat=301\r\n"+
		"SslCert=c:\\certificates\\test7.pfx\r\nSslPassword=password\r\nCliCertMethod=sslCliCertNone\r\nCertSupplierProto=SuppProtoAcmeV2\r\nForwardProxy=False\r\n"), "Host")
	if err != nil || len(list) != 1 {
		t.Fatalf("LoadINI = %d hosts, %v", len(list), err)
	}
	h := list[0]
	if h.Tag != "HTTP-TEST" || h.Descr != "test7" || !h.Disabled || h.Cert != `c:\certificates\test7.pfx` || h.Level != LevelInterFS || !h.AutoOrder {
		t.Errorf("LoadINI = %+v", h)
	}
	if password, err := h.KeyPassword(); string(password) != "password" || err != nil {
		t.Errorf("the password is %q, %v", password, err)
	}
	var where []string
	for _, w := range warnings {
		where = append(where, w.Section+"/"+w.Key)
	}
	if got := strings.Join(where, " "); got != "WebAppServer/ Host4/SslPassword" {
		t.Errorf("warnings about %s", got)
	}
}

func TestHostsComeInTheOrderOfTheirNumbers(t *testing.T) { // H-51
	list, warnings, err := LoadINI(strings.NewReader("[IcsHost100]\nHosts=c\nHostEnabled=1\n[icshost2]\nhosts=a\nhostenabled=1\n"+
		"[IcsHost3]\nSslCert=x\nNonsense=1\n[IcsHost10]\nHosts=b\nEnabled=1\n[IcsHost4]\nHosts=\n"), "")
	if err != nil || len(list) != 3 {
		t.Fatalf("LoadINI = %d hosts, %v", len(list), err)
	}
	for i, want := range []string{"a", "b", "c"} {
		if list[i].Names[0] != want || list[i].Disabled {
			t.Errorf("host %d is %+v, want %s", i, list[i], want)
		}
	}
	if len(warnings) != 2 || warnings[0].Section != "IcsHost3" || warnings[1].Line != 13 {
		t.Errorf("warnings %v, want those of IcsHost3 and IcsHost4", warnings)
	}
}

func TestAHostIsDisabledUnlessTheFileSaysOtherwise(t *testing.T) { // H-03
	for _, tt := range []struct {
		text     string
		disabled bool
		warned   bool
	}{
		{"", true, true},
		{"HostEnabled=\n", true, true},
		{"HostEnabled=True\n", false, false},
		{"HostEnabled=no\n", true, false},
		{"Enabled=True\n", false, false},
		{"HostEnabled=\nEnabled=T\n", false, false},
		{"HostEnabled=False\nEnabled=True\n", true, false},
		{"Enabled=False\nHostEnabled=True\n", false, false},
	} {
		list, warnings, err := LoadINI(strings.NewReader("[IcsHost1]\nHosts=a\n"+tt.text), "")
		if err != nil || len(list) != 1 || list[0].Disabled != tt.disabled || len(warnings) > 0 != tt.warned {
			t.Errorf("%q: LoadINI = %+v, %v, %v", tt.text, list, warnings, err)
		}
	}
}

func TestWhatICSIgnoresIsAnErrorWithItsLine(t *testing.T) { // H-51, H-15, H-20
	for _, tt := range []struct {
		text string
		key  string
		want error
		hint string // in the text
	}{
		{"BindSslProt=443", "BindSslProt", ErrUnknownKey, "did you mean BindSslPort?"},
		{"Certificate=x", "Certificate", ErrUnknownKey, ""},
		{"abcdefghij=", "", ErrUnknownKey, ""},
		{"BindSslPort=https", "BindSslPort", ErrBadValue, "-1 to 65535"},
		{"BindSslPort=65536", "BindSslPort", ErrBadValue, "-1 to 65535"},
		{"BindNonPort=-2", "BindNonPort", ErrBadValue, "-1 to 65535"},
		{"SslMinStrength=1.5", "SslMinStrength", ErrBadValue, "0 to 256"},
		{"HostEnabled=maybe", "HostEnabled", ErrBadValue, "True or False"},
		{"AllowTemporary=maybe", "AllowTemporary", ErrBadValue, "True or False"},
		{"ForwardProxy=maybe", "ForwardProxy", ErrBadValue, "True or False"},
		{"SslSecLevel=sslSrvSecMighty", "SslSecLevel", ErrBadValue, "ighty"},
		{"SslSecLevel=10", "SslSecLevel", ErrBadValue, "10"},
		{"SslSecLevel=sslSrvSecSsl3", "SslSecLevel", ErrBadValue, "SSL 3 is gone"},
		{"SslSecLevel=1", "SslSecLevel", ErrBadValue, "SSL 3 is gone"},
		{"SslSecLevel=2\nSslSrvSecurity=3", "SslSrvSecurity", ErrDuplicateKey, "line 4"},
		{"Proto=a\nMeta.proto=b", "Meta.proto", ErrDuplicateKey, "line 4"},
		{"HostTag=a\nHOSTTAG=b", "HOSTTAG", ErrDuplicateKey, "line 4"},
		{"CliCertMethod=sslCliCertPlease", "CliCertMethod", ErrBadValue, ""},
		{"SslLoadSource=CertWinStoreUser", "SslLoadSource", ErrBadValue, "export the certificate"},
		{"SslLoadSource=x", "SslLoadSource", ErrBadValue, "CertLoadFile"},
		{"SslCertFormat=docx", "SslCertFormat", ErrBadValue, "docx"},
		{"SslCipherList12=ECDHE-NOTHING", "SslCipherList12", ErrBadValue, "ECDHE-NOTHING"},
		{"SslCipherList12=DHE-RSA-AES128-GCM-SHA256", "SslCipherList12", ErrBadValue, "a suite that Go has"},
		{"SslCryptoGroups=P-0", "SslCryptoGroups", ErrBadValue, "P-0"},
		{"SslMinVersion=3", "SslMinVersion", ErrBadValue, "TLS 1.2"},
		{"CertSupplierProto=x", "CertSupplierProto", ErrBadValue, "SuppProtoAcmeV2"},
		{"CertChallenge=ChallX", "CertChallenge", ErrBadValue, "ChallDnsAuto"},
		{"CertPKeyType=PrivKeyRsa2", "CertPKeyType", ErrBadValue, "PrivKeyRsa2048"},
		{"CertSignDigest=x", "CertSignDigest", ErrBadValue, "Digest_sha256"},
		{"AcmeSupplier=x", "AcmeSupplier", ErrBadValue, "AcmeLetsEncrypt"},
		{"AcmeCertValidity=x", "AcmeCertValidity", ErrBadValue, "a number"},
		{"WebRedirectStat=303", "WebRedirectStat", ErrBadValue, "308"},
		{"AllowedOrigins=a,,b", "AllowedOrigins", ErrBadValue, "commas"},
		{"SslCert=-----BEGIN CERTIFICATE--MIIB", "SslCert", ErrBadValue, "damaged PEM text"},
		{"SslInter=-----x-----BEGIN C", "SslInter", ErrBadValue, "damaged PEM text"},
		{`SslKey=-----BEGIN PRIVATE KEY-----\n\x-----END PRIVATE KEY-----`, "SslKey", ErrBadValue, "damaged PEM text"},
		{"SslPassword=env:A\nSslPasswordFile=b", "SslPassword", ErrDuplicateKey, "more than one"},
		{"no key at all", "", ErrSyntax, "Key=Value"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			_, _, err := LoadINI(strings.NewReader("\n[IcsHost7]\nHosts=a\n"+tt.text), "")
			le, ok := errors.AsType[*LoadError](err)
			if !ok || !errors.Is(err, tt.want) || le.Key != tt.key || le.Section != "IcsHost7" {
				t.Fatalf("LoadINI = %v, want %v", err, tt.want)
			}
			wantLine := 4 + strings.Count(tt.text, "\n")
			if le.Key == "SslPassword" && wantLine == 5 {
				wantLine = 2 // the section, as it is about both
			}
			if le.Line != wantLine || !strings.Contains(err.Error(), "line "+strconv.Itoa(le.Line)) || !strings.Contains(err.Error(), tt.hint) {
				t.Errorf("%v; want line %d and %q", err, wantLine, tt.hint)
			}
		})
	}
}

func TestNamesAndSectionsOfHosts(t *testing.T) { // H-02, H-51
	for _, tt := range []struct {
		text string
		want error
	}{
		{"[IcsHost1]\nHosts=a b\n", ErrBadValue},
		{"[IcsHost1]\nHosts=a,,b\n", ErrBadValue},
		{"[IcsHost1]\nHosts=a\nHostNames=b\n", ErrDuplicateKey},
		{"[IcsHost0]\nHosts=a\n", ErrUnknownKey},
		{"[IcsHost101]\nHosts=a\n", ErrUnknownKey},
		{"[IcsHost01]\nHosts=a\n", ErrUnknownKey},
		{"[IcsHost99999999999999999999]\nHosts=a\n", ErrUnknownKey},
		{"[IcsHost1]\nHosts=a\n[ICSHOST1]\nHosts=b\n", ErrDuplicateKey},
		{"Hosts=a\n", ErrSyntax},
		{strings.Repeat("; a long comment\n", 1<<16), ErrTooLarge},
	} {
		list, _, err := LoadINI(strings.NewReader(tt.text), "")
		if _, ok := errors.AsType[*LoadError](err); !ok || !errors.Is(err, tt.want) || list != nil {
			t.Errorf("%.40q: LoadINI = %v, %v; want %v", tt.text, list, err, tt.want)
		}
	}
	list, warnings, err := LoadINI(strings.NewReader("[IcsHosts]\n[IcsHost]\n[IcsHost1x]\n"), "")
	if len(list) > 0 || len(warnings) != 3 || err != nil {
		t.Errorf("sections that are no hosts: %v, %v, %v", list, warnings, err)
	}
}

func TestAllErrorsAreTold(t *testing.T) { // H-51
	_, _, err := LoadINI(strings.NewReader("[IcsHost1]\nHosts=a\nx=1\nBindSslPort=y\n[IcsHost2]\nHosts=b\nSslSecLevel=z\n"), "")
	for _, want := range []string{"line 3: [IcsHost1] x: ", "line 4: [IcsHost1] BindSslPort: ", "line 7: [IcsHost2] SslSecLevel: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LoadINI = %v; want %q in it", err, want)
		}
	}
}

func TestWhatMeansNothingIsAcceptedWithAWarning(t *testing.T) { // H-35, H-10, H-11, H-12, H-14
	for _, tt := range []struct{ text, want string }{
		{"DHParams=dh.pem", "Diffie-Hellman"},
		{"SslCipherList13=TLS_AES_256_GCM_SHA384", "TLS 1.3"},
		{"SslCipherList12=DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-CCM", "leaves out what Go does not have: DHE-RSA-AES128-GCM-SHA256, ECDHE-ECDSA-AES256-CCM"},
		{"SslRawKeyFile=x", "raw public keys"},
		{"ForwardProxy=True", "no proxy"},
		{"AuthSslCmd=True", "BindSslPort"},
		{"WebDocDir=/srv", "Host.HTTP"},
		{"WebTemplDir=/srv", "Host.HTTP"},
		{"WebDefDoc=index.html", "Host.HTTP"},
		{"WebLogDir=/var/log", "Config.Logger"},
		{"WebLogIdx=3", "Config.Logger"},
		{"CertDirWork=/srv", "acme.storage"},
		{"CertProduct=x", "ACME"},
		{"CertPKeyType=PrivKeyECsecp256", "acme.key_type"},
		{"CertSignDigest=Digest_sha256", "authority"},
		{"SupplierTitle=x", "issuer"},
		{"AcmeSupplier=AcmeLetsEncryptTest", "acme.directory"},
		{"AcmeCertProfile=tlsserver", "acme.profile"},
		{"AcmeCertValidity=90", "authority"},
		{"CertSupplierProto=SuppProtoOwnCA", "Config.Issuer"},
		{"CertSupplierProto=SuppProtoCertCentre", "nothing is ordered"},
		{"CertChallenge=ChallEmail", "the issuer chooses"},
		{"SslPassword=secret", "env:NAME"},
		{"SslPassword=env:", "env:NAME"},
		{"WebRedirectURL=https://b\nWebRedirectStat=0", "WebRedirectStat is 0"},
		{"WebRedirectURL=https://b", "308"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			_, warnings, err := LoadINI(strings.NewReader("[IcsHost1]\nHosts=a\nHostEnabled=True\n"+tt.text), "")
			key, _, _ := strings.Cut(tt.text, "=")
			if err != nil || len(warnings) != 1 || warnings[0].Line != 4 || warnings[0].Key != key || !strings.Contains(warnings[0].Text, tt.want) {
				t.Errorf("LoadINI = %v, %v; want a warning with %q", warnings, err, tt.want)
			}
			if len(warnings) == 1 && !strings.HasPrefix(warnings[0].String(), "line 4: [IcsHost1] "+key+": ") {
				t.Errorf("the warning reads %v", warnings[0])
			}
		})
	}
	_, warnings, err := LoadINI(strings.NewReader("[IcsHost1]\nHosts=a\nHostEnabled=1\nForwardProxy=False\nAuthSslCmd=\nDHParams=\nSslCert=\n"), "")
	if len(warnings) > 0 || err != nil {
		t.Errorf("what is switched off is warned of: %v, %v", warnings, err)
	}
}

func TestRedirectionFollowsTheStatus(t *testing.T) { // H-24, H-51
	for _, tt := range []struct {
		text   string
		url    string
		status int
	}{
		{"WebRedirectURL=https://b\nWebRedirectStat=302\n", "https://b", 302},
		{"WebRedirectStat=307\nWebRedirectURL=https://b\n", "https://b", 307},
		{"WebRedirectURL=https://b\nWebRedirectStat=0\n", "", 0},
		{"WebRedirectURL=https://b\nWebRedirectStat=\n", "https://b", 0},
		{"WebRedirectURL=https://b\n", "https://b", 0},
		{"WebRedirectStat=302\n", "", 302},
	} {
		list, _, err := LoadINI(strings.NewReader("[IcsHost1]\nHosts=a\n"+tt.text), "")
		if err != nil || list[0].RedirectURL != tt.url || list[0].RedirectStatus != tt.status {
			t.Errorf("%q: LoadINI = %+v, %v", tt.text, list, err)
		}
	}
}

func TestPathsBeginAtTheFolderOfTheFile(t *testing.T) { // H-16 to H-19, H-51
	dir := t.TempDir()
	file := filepath.Join(dir, "hosts.ini")
	absolute := filepath.Join(dir, "elsewhere", "key.pem")
	text := "[IcsHost1]\nHosts=a\nHostEnabled=1\nSslCert=certs/a.pem\nSslKey=" + absolute + "\nSslInter=b.pem\nSslPassword=file:p\nSslOcspStaple=o\nWellKnownPath=w\nDHParams=x\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, warnings, err := LoadINIFile(file, "")
	if err != nil || len(warnings) != 1 || warnings[0].File != file {
		t.Fatalf("LoadINIFile = %v, %v", warnings, err)
	}
	h := list[0]
	in := func(name string) string { return filepath.Join(dir, name) }
	if h.Cert != in("certs/a.pem") || h.Key != absolute || h.Intermediates != in("b.pem") || h.KeyPasswordFile != in("p") ||
		h.OCSPStaple != in("o") || h.WellKnown != os.DirFS(in("w")) {
		t.Errorf("LoadINIFile = %+v", h)
	}

	if err := os.WriteFile(file, []byte("[IcsHost1]\nHosts=a\nx=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = LoadINIFile(file, "")
	if le, ok := errors.AsType[*LoadError](err); !ok || le.File != file || !strings.Contains(err.Error(), file+":3: [IcsHost1] x: ") {
		t.Errorf("LoadINIFile = %v; want file and line", err)
	}
	if _, _, err = LoadINIFile(filepath.Join(dir, "none.ini"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("LoadINIFile of nothing = %v", err)
	}
}

const (
	pemCert = "-----BEGIN CERTIFICATE-----\nMIIB\nAAEC\n-----END CERTIFICATE-----\n"
	pemKey  = "-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----\n"
)

func TestPEMTextOnOneLine(t *testing.T) { // H-16, H-17
	for _, tt := range []struct{ name, value, want string }{
		{"as ICS has it, without line ends", strings.ReplaceAll(pemCert, "\n", ""), "-----BEGIN CERTIFICATE-----\nMIIBAAEC\n-----END CERTIFICATE-----\n"},
		{"with blanks", strings.TrimSpace(strings.ReplaceAll(pemCert+pemKey, "\n", " ")), "-----BEGIN CERTIFICATE-----\nMIIB AAEC\n-----END CERTIFICATE-----\n" + pemKey},
		{"as Save has it", strings.ReplaceAll(pemCert, "\n", `\n`), pemCert},
		{"with the line ends of Windows", strings.ReplaceAll(pemCert, "\n", `\r\n`), strings.ReplaceAll(pemCert, "\n", "\r\n")},
		{"without an end", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, warnings, err := LoadINI(strings.NewReader("[IcsHost1]\nHosts=a\nHostEnabled=1\nSslCert="+tt.value), "")
			if err != nil || list[0].Cert != tt.want {
				t.Errorf("LoadINI = %q, %v; want %q", list[0].Cert, err, tt.want)
			}
			if got := len(warnings) > 0; got != strings.Contains(tt.value, "PRIVATE") {
				t.Errorf("warnings %v", warnings)
			}
		})
	}
}

func TestSecretsAreNotRepeated(t *testing.T) { // H-17, H-19
	secret := "hunter2"
	for _, text := range []string{
		"SslPassword=" + secret, "SslPassword=" + secret + "\nSslPasswordEnv=X", "SslKey=-----BEGIN PRIVATE KEY-----" + secret,
		secret, secret + "=", secret + "==", secret + "=\n" + secret + "=", "SslKey=a\n " + secret + "\n",
	} {
		_, warnings, err := LoadINI(strings.NewReader("[IcsHost1]\nHosts=a\n"+text), "")
		said := ""
		for _, w := range warnings {
			said += w.String()
		}
		if err != nil {
			said += err.Error()
		}
		if strings.Contains(said, secret) {
			t.Errorf("%q: %s", text, said)
		}
	}
}

// A new field of Host gets a key, or a reason why it has none.
func TestEachFieldOfAHostHasAKeyOrAReason(t *testing.T) { // H-51
	known := make(map[string]bool)
	for _, k := range iniKeys {
		if k.field != "" {
			known[k.field] = true
		}
	}
	for _, b := range beyond {
		known[b.field] = true
	}
	for f := range reflect.TypeFor[Host]().Fields() {
		if !known[f.Name] {
			t.Errorf("Host.%s has no key in iniKeys and is not in beyond", f.Name)
		}
		delete(known, f.Name)
	}
	for name := range known {
		t.Errorf("Host has no field %s", name)
	}
}

// Each key is found under its own names only.
func TestKeysHaveDifferentNames(t *testing.T) {
	for i := range iniKeys {
		k := &iniKeys[i]
		for _, name := range append([]string{k.name}, k.also...) {
			if found := findINIKey(strings.ToUpper(name)); found != k {
				t.Errorf("%s is that of %s", name, found.name)
			}
		}
		if k.note == "" {
			t.Errorf("%s has no note", k.name)
		}
	}
	for i, name := range icsLevels {
		if l, err := ParseLevel(name); int(l) != i+1 || err != nil {
			t.Errorf("ParseLevel(%s) = %v, %v", name, l, err)
		}
	}
	for i, name := range icsClientCerts {
		if c, err := ParseClientCert(name); int(c) != i || err != nil {
			t.Errorf("ParseClientCert(%s) = %v, %v", name, c, err)
		}
	}
}

var updateINI = flag.Bool("update-ini", false, "write the table of keys into the documentation")

// tomlKeys are the names of the fields in other configuration files, where these are not
// the field in small letters.
var tomlKeys = map[string]string{"TLSPort": "tls_port", "OCSPStaple": "ocsp_staple", "RedirectURL": "redirect_url",
	"RequireTLS": "require_tls", "KeyPassword": ""}

// The table of the page is that of the code: go test ./hosts -run Page -update-ini.
func TestPageListsEveryKeyOfINI(t *testing.T) { // H-51
	const begin, end = "<!-- ini: made by go test ./hosts -run Page -update-ini -->\n", "<!-- end -->"
	const page = "../docs/hosts-and-tls.md"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	before, rest, found := strings.Cut(text, begin)
	have, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", page)
	}
	want := iniTable()
	if have == want {
		return
	}
	if !*updateINI {
		t.Fatalf("the table of %s is not up to date", page)
	}
	if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func iniTable() string {
	var b, without strings.Builder
	b.WriteString("\n| key of ICS | field | key of a file | value |\n| --- | --- | --- | --- |\n")
	without.WriteString("\n| key without effect | why |\n| --- | --- |\n")
	for _, k := range iniKeys {
		name := "`" + strings.Join(append([]string{k.name}, k.also...), "`, `") + "`"
		if k.field == "" && k.name != "SslLoadSource" {
			without.WriteString("| " + name + " | " + k.note + " |\n")
			continue
		}
		toml, ok := tomlKeys[k.field]
		if !ok {
			toml = strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(k.field, "${1}_${2}"))
		}
		field := k.field
		if field != "" {
			field = "`" + field + "`"
		}
		if toml != "" {
			toml = "`" + toml + "`"
		}
		b.WriteString("| " + name + " | " + field + " | " + toml + " | " + k.note + " |\n")
	}
	return b.String() + without.String() + "\n"
}
