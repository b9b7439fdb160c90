package acme

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
)

// record is a certificate as it is stored. It does not change, save that a newer
// renewal makes a new record.
type record struct {
	cert    *tls.Certificate // with Leaf
	renewal *renewal         // nil if the authority said nothing
}

// renewal is when the authority wants a certificate renewed (RFC 9773 section 4.2).
type renewal struct {
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	At      time.Time `json:"at"`      // chosen by chance in between
	Refresh time.Time `json:"refresh"` // when to ask again
	URL     string    `json:"url,omitempty"`
}

// meta is what lies beside a certificate. It may be lost.
type meta struct {
	Names   []string `json:"names"`
	Serial  string   `json:"serial"` // of the certificate that it is about, in hexadecimal
	Renewal *renewal `json:"renewal,omitempty"`
}

// newRecord also returns private key and chain as PEM, for the storage.
func newRecord(key crypto.Signer, chain []byte, r *renewal) (*record, []byte, error) {
	bundle, err := keyPEM(key)
	if err != nil {
		return nil, nil, err
	}
	bundle = append(bundle, chain...)
	rec, err := parseRecord(bundle)
	if err != nil {
		return nil, nil, err
	}
	rec.renewal = r
	return rec, bundle, nil
}

func parseRecord(bundle []byte) (*record, error) {
	cert, err := tls.X509KeyPair(bundle, bundle)
	if err != nil {
		return nil, err
	}
	if cert.Leaf == nil { // with GODEBUG=x509keypairleaf=0
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, err
		}
	}
	return &record{cert: &cert}, nil
}

// renewAt is when the certificate is due: when the authority says, else at the
// beginning of its last part. What the authority says is not believed beyond the last
// twentieth.
func (r *record) renewAt(ratio float64, ignoreInfo bool) time.Time {
	leaf := r.cert.Leaf
	if r.renewal == nil || ignoreInfo {
		return windowStart(leaf, ratio)
	}
	at := r.renewal.At
	if last := windowStart(leaf, 1.0/20); at.After(last) {
		at = last
	}
	return at
}

func windowStart(leaf *x509.Certificate, ratio float64) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	return leaf.NotAfter.Add(-time.Duration(float64(life) * ratio))
}

// covers says whether leaf is for all the names.
func covers(leaf *x509.Certificate, names []string) bool {
	for _, n := range names {
		if strings.HasPrefix(n, "*.") {
			if !slices.ContainsFunc(leaf.DNSNames, func(s string) bool { return strings.EqualFold(s, n) }) {
				return false
			}
		} else if leaf.VerifyHostname(n) != nil {
			return false
		}
	}
	return true
}

// The keys of the storage.

// storageName turns a host name or an e-mail address into one part of a key, short
// enough for a file with an ending.
func storageName(s string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
			b.WriteRune(c)
		case c == '*':
			b.WriteString("wildcard_")
		case c == '@':
			b.WriteString("_at_")
		default:
			fmt.Fprintf(&b, "_%x_", c)
		}
	}
	name := b.String()
	switch {
	case len(name) > 200:
		return name[:150] + "-" + checksum(s)
	case strings.Trim(name, ".") == "":
		return "_" + name
	}
	return name
}

func checksum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// authorityName is the directory's address as one part of a key.
func authorityName(directory string) string {
	if u, err := url.Parse(directory); err == nil {
		directory = u.Host + u.Path
	}
	return storageName(strings.Trim(strings.NewReplacer("/", "-", ":", "-").Replace(directory), "-"))
}

// certificateName is what a certificate for the names is kept under. Another set of
// names is another certificate, so that hosts that share a name do not overwrite each
// other's.
func certificateName(names []string) string {
	if len(names) == 1 {
		return storageName(names[0])
	}
	sorted := slices.Sorted(slices.Values(names))
	return storageName(names[0]) + "-" + checksum(strings.Join(sorted, ","))
}

// vault is the storage of one authority.
type vault struct {
	Storage
	authority string
	log       *slog.Logger
}

// unlock frees a lock even if ctx has ended.
func (v *vault) unlock(ctx context.Context, name string) {
	ctx, cancel := cleanUpContext(ctx)
	defer cancel()
	if err := v.Unlock(ctx, name); err != nil {
		v.log.Error("acme: freeing a lock of the storage", "lock", name, "err", err)
	}
}

func (v *vault) certificate(name, kind string) string {
	return "certificates/" + v.authority + "/" + name + "/" + name + kind
}

var errDamaged = errors.New("the stored certificate is damaged")

// load returns the stored certificate, nil if there is none. The error is [errDamaged] if
// it can not be used.
func (v *vault) load(ctx context.Context, name string) (*record, error) {
	bundle, err := v.Load(ctx, v.certificate(name, ".pem"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("loading the certificate: %w", err)
	}
	rec, err := parseRecord(bundle)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errDamaged, v.certificate(name, ".pem"), err)
	}
	if text, err := v.Load(ctx, v.certificate(name, ".json")); err == nil {
		rec.renewal = parseMeta(text, rec.cert.Leaf)
	}
	return rec, nil
}

// parseMeta returns nil if text is not about leaf.
func parseMeta(text []byte, leaf *x509.Certificate) *renewal {
	var m meta
	if json.Unmarshal(text, &m) != nil || m.Serial != leaf.SerialNumber.Text(16) {
		return nil
	}
	if m.Renewal != nil && m.Renewal.At.IsZero() {
		return nil
	}
	return m.Renewal
}

// save stores the certificate: what clients need in one value, then the rest.
func (v *vault) save(ctx context.Context, name string, rec *record, bundle []byte) error {
	if err := v.Store(ctx, v.certificate(name, ".pem"), bundle); err != nil {
		return fmt.Errorf("storing the certificate: %w", err)
	}
	return v.saveMeta(ctx, name, rec)
}

func (v *vault) saveMeta(ctx context.Context, name string, rec *record) error {
	leaf := rec.cert.Leaf
	text, err := json.MarshalIndent(meta{leaf.DNSNames, leaf.SerialNumber.Text(16), rec.renewal}, "", "\t")
	if err == nil {
		err = v.Store(ctx, v.certificate(name, ".json"), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("storing the certificate's renewal: %w", err)
	}
	return nil
}

// same says whether two records hold the same certificate.
func same(a, b *record) bool {
	return a != nil && b != nil && bytes.Equal(a.cert.Leaf.Raw, b.cert.Leaf.Raw)
}
