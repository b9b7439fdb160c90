package hosts

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// response signs what an authority says of leaf. by is the authority or whom it trusts
// with that.
func response(t testing.TB, authority, by, leaf *issued, change func(*ocsp.Response)) []byte {
	t.Helper()
	r := ocsp.Response{
		Status: ocsp.Good, SerialNumber: leaf.cert.SerialNumber,
		ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour), IssuerHash: crypto.SHA1,
	}
	if by != authority {
		r.Certificate = by.cert
	}
	if change != nil {
		change(&r)
	}
	raw, err := ocsp.CreateResponse(authority.cert, by.cert, r, by.key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// H-50
func TestStapleIsCheckedBeforeItIsSent(t *testing.T) {
	root, inter, leaf := chainOf(t, "chat.example")
	_, stranger, _ := chainOf(t, "chat.example")
	other := issue(t, inter, "other.example", []string{"other.example"})
	delegate := issue(t, inter, "ocsp", nil, func(c *x509.Certificate) {
		c.IsCA, c.ExtKeyUsage = false, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	})
	late := issue(t, inter, "ocsp", nil, validFor(-2*time.Hour, -time.Hour), func(c *x509.Certificate) {
		c.IsCA, c.ExtKeyUsage = false, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	})
	foreign := issue(t, stranger, "ocsp", nil, func(c *x509.Certificate) {
		c.IsCA, c.ExtKeyUsage = false, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	})
	at := func(this, next time.Duration) func(*ocsp.Response) {
		return func(r *ocsp.Response) {
			r.ThisUpdate, r.NextUpdate = time.Now().Add(this), time.Now().Add(next)
		}
	}
	noEnd := func(this time.Duration) func(*ocsp.Response) {
		return func(r *ocsp.Response) { r.ThisUpdate, r.NextUpdate = time.Now().Add(this), time.Time{} }
	}
	status := func(s int) func(*ocsp.Response) {
		return func(r *ocsp.Response) { r.Status, r.RevokedAt = s, time.Now().Add(-time.Hour) }
	}
	chain := leaf.bundle() + inter.certPEM()
	for _, tt := range []struct {
		name  string
		files string // in Cert
		raw   []byte
		sent  bool
		err   error
	}{
		{"good", chain, response(t, inter, inter, leaf, nil), true, nil},
		{"of a delegate", chain, response(t, inter, delegate, leaf, nil), true, nil},
		{"without end", chain, response(t, inter, inter, leaf, noEnd(-6*24*time.Hour)), true, nil},
		{"without end, old", chain, response(t, inter, inter, leaf, noEnd(-8*24*time.Hour)), false, nil},
		{"stale", chain, response(t, inter, inter, leaf, at(-2*time.Hour, -time.Hour)), false, nil},
		{"not valid yet", chain, response(t, inter, inter, leaf, at(2*time.Hour, 3*time.Hour)), false, nil},
		{"of a clock that is ahead", chain, response(t, inter, inter, leaf, at(time.Minute, time.Hour)), true, nil},
		{"unknown", chain, response(t, inter, inter, leaf, status(ocsp.Unknown)), false, nil},
		{"for another", chain, response(t, inter, inter, other, nil), false, nil},
		{"of a stranger", chain, response(t, stranger, stranger, leaf, nil), false, nil},
		{"of nobody's delegate", chain, response(t, inter, stranger, leaf, nil), false, nil},
		{"of a stranger's delegate", chain, response(t, inter, foreign, leaf, nil), false, nil},
		{"of somebody with a certificate", chain, response(t, inter, other, leaf, nil), false, nil},
		{"of a delegate that was", chain, response(t, inter, late, leaf, nil), false, nil},
		{"issuer is not there", leaf.bundle(), response(t, inter, inter, leaf, nil), false, nil},
		{"try later", chain, ocsp.TryLaterErrorResponse, false, nil},
		{"revoked", chain, response(t, inter, inter, leaf, status(ocsp.Revoked)), false, ErrRevoked},
		{"revoked by a stranger", chain, response(t, stranger, stranger, leaf, status(ocsp.Revoked)), false, nil},
		{"revoked by somebody with a certificate", chain, response(t, inter, other, leaf, status(ocsp.Revoked)), false, nil},
		{"not a response", chain, []byte("good"), false, ErrFormat},
		{"more behind", chain, append(response(t, inter, inter, leaf, nil), 0), false, ErrFormat},
		{"in PEM", chain, []byte(pemText("OCSP RESPONSE", []byte("x"))), false, ErrFormat},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, s := range []CertSource{
				FileSource{Cert: tt.files, OCSPStaple: file(t, "chat.ocsp", string(tt.raw))},
				BytesSource{Cert: []byte(tt.files), OCSPStaple: tt.raw},
			} {
				c, notes, err := loadFrom(t.Context(), s, time.Now())
				if tt.err != nil {
					if fe, ok := errors.AsType[*fieldError](err); !ok || fe.field != "OCSPStaple" || !errors.Is(err, tt.err) {
						t.Errorf("loading = %v; want %v of OCSPStaple", err, tt.err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if sent := bytes.Equal(c.OCSPStaple, tt.raw); sent != tt.sent || !sent && c.OCSPStaple != nil {
					t.Errorf("sent: %v; want %v", sent, tt.sent)
				}
				if tt.sent != (len(notes) == 0) {
					t.Errorf("notes %q", notes)
				}
			}
		})
	}
	// The root is not sent, but knows what the staple of its own certificates is worth.
	direct := issue(t, root, "chat.example", []string{"chat.example"})
	s := BytesSource{Cert: []byte(direct.bundle() + root.certPEM()), OCSPStaple: response(t, root, root, direct, nil)}
	if c := wantChain(t, s, direct); c != nil && c.OCSPStaple == nil {
		t.Error("the staple of a root's own certificate is not sent")
	}
}

// H-50
func TestStapleReachesTheClient(t *testing.T) {
	root, inter, leaf := chainOf(t, "chat.example")
	raw := response(t, inter, inter, leaf, nil)
	s := mustSet(t, quiet(), Host{
		Names: []string{"chat.example"}, TLSPort: 443,
		Cert: leaf.bundle() + inter.certPEM(), OCSPStaple: file(t, "chat.ocsp", string(raw)),
	})
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	state, err := handshake(t, mustTLS(t, s.All()), &tls.Config{ServerName: "chat.example", RootCAs: pool})
	if err != nil || !bytes.Equal(state.OCSPResponse, raw) {
		t.Errorf("the client has %d bytes, %v; want %d", len(state.OCSPResponse), err, len(raw))
	}
}

// H-50: it is sent as long as it is valid, though the file stays the same.
func TestStapleIsDroppedWhenItRunsOut(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	c := wantChain(t, BytesSource{Cert: []byte(leaf.bundle() + inter.certPEM()), OCSPStaple: response(t, inter, inter, leaf, nil)}, leaf, inter)
	until := stapleUntil(c)
	if until.Before(time.Now()) || until.After(time.Now().Add(time.Hour)) {
		t.Errorf("stapleUntil = %v", until)
	}
	if withoutStale(c, until, until) != c {
		t.Error("dropped too early")
	}
	bare := withoutStale(c, until, until.Add(time.Second))
	if bare.OCSPStaple != nil || c.OCSPStaple == nil {
		t.Error("not dropped, or from the certificate that is in use")
	}
	sameChain(t, bare, leaf, inter)
	if !stapleUntil(bare).IsZero() || withoutStale(bare, until, until.Add(time.Hour)) != bare {
		t.Error("a certificate without staple is copied")
	}
}

// H-50: responses of another program.
func TestStapleOfOpenSSL(t *testing.T) {
	_, inter, leaf := chainOf(t, "chat.example")
	dir := t.TempDir()
	serial := fmt.Sprintf("%X", leaf.cert.SerialNumber.Bytes())
	for name, content := range map[string]string{
		"leaf": leaf.certPEM(), "ca": inter.certPEM(), "ca.key": inter.keyPEM(),
		"good":    "V\t991231235959Z\t\t" + serial + "\tunknown\t/CN=chat.example\n",
		"revoked": "R\t991231235959Z\t250101000000Z\t" + serial + "\tunknown\t/CN=chat.example\n",
	} {
		if err := os.WriteFile(dir+"/"+name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opensslIn(t, dir, "ocsp", "-issuer", "ca", "-cert", "leaf", "-reqout", "request")
	for index, want := range map[string]error{"good": nil, "revoked": ErrRevoked} {
		opensslIn(t, dir, "ocsp", "-index", index, "-CA", "ca", "-rsigner", "ca", "-rkey", "ca.key", "-reqin", "request", "-respout", index+".ocsp", "-ndays", "1")
		c, notes, err := loadFrom(t.Context(), FileSource{Cert: leaf.bundle() + inter.certPEM(), OCSPStaple: dir + "/" + index + ".ocsp"}, time.Now())
		if !errors.Is(err, want) || err == nil && c.OCSPStaple == nil {
			t.Errorf("%s: %v, notes %q; want %v", index, err, notes, want)
		}
	}
}
