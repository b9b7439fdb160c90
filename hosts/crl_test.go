package hosts

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// T-20
func TestCRLChecksHaveNames(t *testing.T) {
	for text, want := range map[string]CRLCheck{
		"off": CRLOff, "Require": CRLRequire, "CRLIfAvailable": CRLIfAvailable, "0": CRLOff, "1": CRLRequire, " 2 ": CRLIfAvailable,
	} {
		if got, err := ParseCRLCheck(text); got != want || err != nil {
			t.Errorf("ParseCRLCheck(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "3", "maybe"} {
		if _, err := ParseCRLCheck(text); !errors.Is(err, ErrCRL) {
			t.Errorf("ParseCRLCheck(%q) = %v", text, err)
		}
	}
	if s := CRLCheck(8).String(); s != "crlcheck(8)" {
		t.Errorf("String = %q", s)
	}
}

// T-20: which lists count for whom.
func TestRevocationListsDecide(t *testing.T) {
	k := newClientKit(t)
	good, revoked, via := k.clients["good"], k.clients["revoked"], k.clients["via intermediate"]
	namesake := mint(t, nil, "p521", "root", authority)
	future := revokes(t, k.root, 3*time.Hour)
	future = listOf(t, k.root, &x509.RevocationList{Number: big.NewInt(2), ThisUpdate: time.Now().Add(time.Hour), NextUpdate: future.NextUpdate})
	current, stale := revokes(t, k.root, time.Hour), revokes(t, k.root, -time.Hour)
	ofInter := revokes(t, k.inter, time.Hour)
	for _, tt := range []struct {
		name                string
		lists               []*x509.RevocationList
		client              *cred
		required, available string // what the check finds with CRLRequire, with CRLIfAvailable
	}{
		{"current", []*x509.RevocationList{current}, good, "<nil>", "<nil>"},
		{"revoked", []*x509.RevocationList{revokes(t, k.root, time.Hour, revoked)}, revoked, "revoked", "revoked"},
		{"another is revoked", []*x509.RevocationList{revokes(t, k.root, time.Hour, revoked)}, good, "<nil>", "<nil>"},
		{"stale", []*x509.RevocationList{stale}, good, "no CRL", "<nil>"},
		{"stale, and revoked", []*x509.RevocationList{revokes(t, k.root, -time.Hour, revoked)}, revoked, "revoked", "revoked"},
		{"stale and current", []*x509.RevocationList{stale, current}, good, "<nil>", "<nil>"},
		{"not yet", []*x509.RevocationList{future}, good, "no CRL", "<nil>"},
		{"of a namesake", []*x509.RevocationList{revokes(t, namesake, time.Hour)}, good, "no CRL", "<nil>"},
		{"revoked by a namesake", []*x509.RevocationList{revokes(t, namesake, time.Hour, good)}, good, "no CRL", "<nil>"},
		{"of another issuer", []*x509.RevocationList{ofInter}, good, "no CRL", "<nil>"},
		{"of both issuers", []*x509.RevocationList{ofInter, current}, via, "<nil>", "<nil>"},
		{"of the leaf's only", []*x509.RevocationList{ofInter}, via, "no CRL", "<nil>"},
		{"of the intermediate's only", []*x509.RevocationList{current}, via, "no CRL", "<nil>"},
		{"the intermediate is revoked", []*x509.RevocationList{ofInter, revokes(t, k.root, time.Hour, k.inter)}, via, "revoked", "revoked"},
	} {
		for mode, want := range map[CRLCheck]string{CRLRequire: tt.required, CRLIfAvailable: tt.available} {
			for _, asking := range []bool{false, true} {
				k.clients["x"] = tt.client
				o := k.options()
				o.ClientAuth, o.Verify = ClientCertRequire, ClientVerify{CRLCheck: mode, CRLs: tt.lists}
				if asking {
					o.OnClientAuth = func(*ClientAuth) {}
				}
				_, config := oneHost(t, o, k.server, Host{})
				if m := meet(t, config, k.client("x", tls.VersionTLS13)); statusOf(m.serverErr) != want {
					t.Errorf("%s, %v, asking %v: %v; want %s", tt.name, mode, asking, m.serverErr, want)
				}
			}
		}
	}
}

// T-20: without a chain no signature can be checked.
func TestStrangersAreCheckedByName(t *testing.T) {
	k := newClientKit(t)
	unknown := k.clients["unknown CA"]
	for _, tt := range []struct {
		mode  CRLCheck
		lists []*x509.RevocationList
		want  string
	}{
		{CRLIfAvailable, k.crl, "<nil>"},
		{CRLIfAvailable, []*x509.RevocationList{revokes(t, k.root, time.Hour, unknown)}, "revoked"},
		{CRLRequire, k.crl, "no CRL"},
	} {
		o := k.options()
		o.ClientAuth, o.Verify = ClientCertRequire, ClientVerify{AllowUnknownCA: true, CRLCheck: tt.mode, CRLs: tt.lists}
		_, config := oneHost(t, o, k.server, Host{})
		if m := meet(t, config, k.client("unknown CA", tls.VersionTLS13)); statusOf(m.serverErr) != tt.want {
			t.Errorf("%v: %v; want %s", tt.mode, m.serverErr, tt.want)
		}
	}
}

// T-20, T-16: lists that change count at once, for sessions too.
func TestLoadedListsMayChange(t *testing.T) {
	k := newClientKit(t)
	none, some := k.crl, []*x509.RevocationList{revokes(t, k.root, time.Hour, k.clients["good"])}
	broken := errors.New("disk on fire")
	for _, asking := range []bool{false, true} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			var load atomic.Pointer[func() ([]*x509.RevocationList, error)]
			set := func(f func() ([]*x509.RevocationList, error)) { load.Store(&f) }
			o := k.options()
			o.ClientAuth = ClientCertRequire
			o.Verify = ClientVerify{CRLCheck: CRLRequire, LoadCRLs: func() ([]*x509.RevocationList, error) { return (*load.Load())() }}
			if asking {
				o.OnClientAuth = func(*ClientAuth) {}
			}
			_, config := oneHost(t, o, k.server, Host{})
			client := k.client("good", version)
			for i, tt := range []struct {
				load func() ([]*x509.RevocationList, error)
				want error
			}{
				{func() ([]*x509.RevocationList, error) { return none, nil }, nil},
				{func() ([]*x509.RevocationList, error) { return none, nil }, nil}, // resumed
				{func() ([]*x509.RevocationList, error) { return some, nil }, ErrRevoked},
				{func() ([]*x509.RevocationList, error) { return none, nil }, nil}, // for the next, a session again
				{func() ([]*x509.RevocationList, error) { return nil, broken }, broken},
				{func() ([]*x509.RevocationList, error) { return []*x509.RevocationList{nil}, nil }, ErrCRL},
				{func() ([]*x509.RevocationList, error) { panic("of the program") }, ErrNoCRL},
			} {
				set(tt.load)
				if m := meet(t, config, client); tt.want == nil && m.clientErr != nil || !errors.Is(m.serverErr, tt.want) {
					t.Errorf("asking %v, %s, load %d: %v; want %v", asking, tls.VersionName(version), i, m.serverErr, tt.want)
				}
			}
		}
	}
}

// An index is made once for the same lists.
func TestListsAreIndexedOnce(t *testing.T) {
	k := newClientKit(t)
	lists := k.crl
	r, err := newRevocations(ClientVerify{CRLCheck: CRLRequire, LoadCRLs: func() ([]*x509.RevocationList, error) { return slices.Clone(lists), nil }})
	if err != nil {
		t.Fatal(err)
	}
	first, _ := r.index()
	second, _ := r.index()
	lists = append(slices.Clone(lists), revokes(t, k.inter, time.Hour))
	third, _ := r.index()
	if first != second || second == third {
		t.Errorf("index is remade %v, and kept after a change %v", first != second, second == third)
	}
	for range 3 {
		r.check([]*x509.Certificate{k.clients["good"].cert, k.root.cert}, time.Now())
	}
	if n := len(third.issuers[string(k.root.cert.RawSubject)][0].signers); n != 1 {
		t.Errorf("%d signers are remembered", n)
	}
}

// T-20
func TestSettingsOfRevocationAreChecked(t *testing.T) {
	k := newClientKit(t)
	load := func() ([]*x509.RevocationList, error) { return nil, nil }
	endless := *k.crl[0]
	endless.NextUpdate = time.Time{}
	for _, v := range []ClientVerify{
		{CRLs: k.crl}, {LoadCRLs: load}, {CRLCheck: CRLRequire}, {CRLCheck: CRLIfAvailable}, {CRLCheck: 3, CRLs: k.crl},
		{CRLCheck: CRLRequire, CRLs: k.crl, LoadCRLs: load}, {CRLCheck: CRLRequire, CRLs: []*x509.RevocationList{nil}},
		{CRLCheck: CRLRequire, CRLs: []*x509.RevocationList{&endless}},
	} {
		o := quiet()
		o.Verify = v
		if _, err := New(nil, o); !errors.Is(err, ErrCRL) {
			t.Errorf("%+v: %v; want ErrCRL", v, err)
		}
	}
}

// extended returns a list with an extension, and one with it at an entry.
func extended(t testing.TB, issuer *cred, oid asn1.ObjectIdentifier, critical bool, value []byte) (list, entry *x509.RevocationList) {
	t.Helper()
	x := []pkix.Extension{{Id: oid, Critical: critical, Value: value}}
	template := func() *x509.RevocationList {
		return &x509.RevocationList{Number: big.NewInt(3), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}
	}
	l := template()
	l.ExtraExtensions = x
	e := template()
	e.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(4), RevocationTime: time.Now(), ExtraExtensions: x}}
	return listOf(t, issuer, l), listOf(t, issuer, e)
}

// T-20
func TestListsThatMeanSomethingElseAreRefused(t *testing.T) {
	k := newClientKit(t)
	delta, _ := extended(t, k.root, oidDelta, true, []byte{2, 1, 1})
	softDelta, _ := extended(t, k.root, oidDelta, false, []byte{2, 1, 1})
	indirect, _ := extended(t, k.root, oidScope, true, []byte{0x30, 3, 0x84, 1, 0xFF})
	unknown, ofOthers := extended(t, k.root, asn1.ObjectIdentifier{2, 5, 29, 29}, true, []byte{0x30, 0})
	harmless, harmlessEntry := extended(t, k.root, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 21, 4}, false, []byte{5, 0})
	for name, list := range map[string]*x509.RevocationList{"delta": delta, "soft delta": softDelta, "indirect": indirect, "unknown": unknown, "of others": ofOthers} {
		if _, err := ParseCRLs(list.Raw); !errors.Is(err, ErrCRL) {
			t.Errorf("%s: %v; want ErrCRL", name, err)
		}
	}
	for _, list := range []*x509.RevocationList{harmless, harmlessEntry} {
		if _, err := ParseCRLs(list.Raw); err != nil {
			t.Error(err)
		}
	}
}

// T-20
func TestListsAreRead(t *testing.T) {
	k := newClientKit(t)
	a, b := k.crl[0].Raw, revokes(t, k.inter, time.Hour, k.clients["good"]).Raw
	pemA, pemB := pemText("X509 CRL", a), pemText("X509 CRL", b)
	for name, tt := range map[string]struct {
		data string
		want int // 0: ErrCRL
	}{
		"PEM": {pemA, 1}, "DER": {string(a), 1}, "two in PEM": {"a comment\n" + pemA + pemB, 2}, "two in DER": {string(a) + string(b), 2},
		"nothing": {"", 0}, "a certificate": {pemA + pemText("CERTIFICATE", k.root.cert.Raw), 0}, "certificate in DER": {string(k.root.cert.Raw), 0},
		"cut": {string(a[:len(a)-1]), 0}, "cut PEM": {pemA + pemB[:40], 0}, "rubbish behind": {string(a) + "x", 0}, "no PEM": {"hello", 0},
	} {
		lists, err := ParseCRLs([]byte(tt.data))
		if len(lists) != tt.want || (tt.want == 0) != errors.Is(err, ErrCRL) {
			t.Errorf("%s: %d lists, %v; want %d", name, len(lists), err, tt.want)
		}
	}
}

// T-20: lists as another tool makes them.
func TestOpenSSLMakesLists(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root := mint(t, nil, "rsa2048", "root", authority)
	k := &clientKit{root: root, server: mint(t, root, "p256", "server.example"), clients: map[string]*cred{
		"good": mint(t, root, "p256", "client.example"), "revoked": mint(t, root, "p256", "client.example"),
	}}
	write("ca.pem", root.bundle(t))
	write("index", fmt.Sprintf("R\t491231235959Z\t240101000000Z,keyCompromise\t%X\tunknown\t/CN=x\n", k.clients["revoked"].cert.SerialNumber.Bytes()))
	write("number", "01\n")
	write("ca.cnf", "[ca]\ndefault_ca=c\n[c]\ndatabase="+at("index")+"\ncrlnumber="+at("number")+"\ndefault_md=sha256\n")
	mustOpenSSL(t, "ca", "-config", at("ca.cnf"), "-gencrl", "-crldays", "2", "-cert", at("ca.pem"), "-keyfile", at("ca.pem"), "-out", at("crl.pem"))
	mustOpenSSL(t, "crl", "-in", at("crl.pem"), "-outform", "DER", "-out", at("crl.der"))
	for _, name := range []string{"crl.pem", "crl.der"} {
		data, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		lists, err := ParseCRLs(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o := k.options()
		o.ClientAuth, o.Verify = ClientCertRequire, ClientVerify{CRLCheck: CRLRequire, CRLs: lists}
		_, config := oneHost(t, o, k.server, Host{})
		for kind, want := range map[string]string{"good": "<nil>", "revoked": "revoked"} {
			if m := meet(t, config, k.client(kind, tls.VersionTLS13)); statusOf(m.serverErr) != want {
				t.Errorf("%s, %s: %v", name, kind, m.serverErr)
			}
		}
	}
}

func FuzzParseCRLs(f *testing.F) {
	root := mint(f, nil, "p256", "root", authority)
	leaf := mint(f, root, "p256", "client.example")
	list := revokes(f, root, time.Hour, leaf)
	f.Add(list.Raw)
	f.Add([]byte(pemText("X509 CRL", list.Raw)))
	f.Add(bytes.Repeat(list.Raw, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		lists, err := ParseCRLs(data)
		if (err == nil) != (len(lists) > 0) || err != nil && !errors.Is(err, ErrCRL) {
			t.Fatalf("%d lists, %v", len(lists), err)
		}
		x := newCRLIndex(lists)
		if x.err != nil {
			t.Fatalf("read, but of no use: %v", x.err)
		}
		if covered, err := x.look(leaf.cert, root.cert, time.Now()); covered && err == nil && !bytes.Contains(data, list.Raw) {
			for _, l := range lists { // nobody else has the key
				if l.CheckSignatureFrom(root.cert) == nil && bytes.Equal(l.RawTBSRevocationList, list.RawTBSRevocationList) {
					return
				}
			}
			t.Fatal("a forged list counts")
		}
	})
}
