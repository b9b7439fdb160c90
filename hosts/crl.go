package hosts

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"
)

// What can be wrong with revocation lists, and what they can be for.
var (
	ErrCRL     = errors.New("not a usable revocation list")
	ErrRevoked = errors.New("certificate is revoked")
	ErrNoCRL   = errors.New("no current revocation list") // of the issuer, under CRLRequire
)

// CRLCheck says what revocation lists are for (T-20).
type CRLCheck uint8

// The ways. The numbers are those of IPWorks.
const (
	CRLOff         CRLCheck = iota // there are none
	CRLRequire                     // each certificate but the root needs a current list of its issuer
	CRLIfAvailable                 // only what is on a list is refused
)

var crlCheckNames = [...]string{"off", "require", "ifavailable"}

// String returns the way in a word.
func (c CRLCheck) String() string {
	if int(c) < len(crlCheckNames) {
		return crlCheckNames[c]
	}
	return fmt.Sprintf("crlcheck(%d)", uint8(c))
}

// ParseCRLCheck reads "off", "require" or "ifavailable", also with "CRL" before it, or 0,
// 1 or 2. Case does not matter. The error is a [*SettingError] with [ErrCRL].
func ParseCRLCheck(s string) (CRLCheck, error) {
	word := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "crl")
	for i, name := range crlCheckNames {
		if word == name || word == fmt.Sprint(i) {
			return CRLCheck(i), nil
		}
	}
	return CRLOff, &SettingError{s, ErrCRL}
}

// ParseCRLs reads revocation lists (RFC 5280 section 5): any number of PEM blocks
// "X509 CRL", or of DER one behind the other. Whose they are shows when a chain with
// their issuer comes; then their signature is checked.
//
// The error is [ErrCRL] if there is none, for other blocks, and for lists that can not be
// used: those that never end (without nextUpdate), that only say what is new (delta),
// that are about certificates of other issuers (indirect) or about a part of the
// issuer's, and those with another critical extension.
func ParseCRLs(data []byte) ([]*x509.RevocationList, error) {
	blocks, err := crlBlocks(data)
	if err != nil {
		return nil, err
	}
	var lists []*x509.RevocationList
	for _, der := range blocks {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("hosts: %w: %w", ErrCRL, err)
		}
		if err := checkCRL(list); err != nil {
			return nil, fmt.Errorf("hosts: %w", err)
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		return nil, fmt.Errorf("hosts: %w: there is none", ErrCRL)
	}
	return lists, nil
}

// crlBlocks cuts data into DER.
func crlBlocks(data []byte) (blocks [][]byte, err error) {
	begun := bytes.Count(data, []byte(pemBegin))
	if begun == 0 {
		for len(data) > 0 {
			var one asn1.RawValue
			if data, err = asn1.Unmarshal(data, &one); err != nil {
				return nil, fmt.Errorf("hosts: %w: neither PEM nor DER", ErrCRL)
			}
			blocks = append(blocks, one.FullBytes)
		}
		return blocks, nil
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			return nil, fmt.Errorf("hosts: %w: a PEM block is %q", ErrCRL, block.Type)
		}
		blocks = append(blocks, block.Bytes)
	}
	if len(blocks) != begun {
		return nil, fmt.Errorf("hosts: %w: damaged PEM block", ErrCRL)
	}
	return blocks, nil
}

const pemBegin = "-----BEGIN "

var (
	oidDelta = asn1.ObjectIdentifier{2, 5, 29, 27} // RFC 5280 section 5.2.4
	oidScope = asn1.ObjectIdentifier{2, 5, 29, 28} // section 5.2.5
)

// checkCRL refuses the lists that mean something else than they seem to. What has a
// critical extension that is not understood must not be used (RFC 5280 section 5.2).
func checkCRL(list *x509.RevocationList) error {
	refuse := func(why string) error { return fmt.Errorf("%w: that of %q %s", ErrCRL, list.Issuer, why) }
	if list.NextUpdate.IsZero() {
		return refuse("has no nextUpdate (RFC 5280 section 5.1.2.5)")
	}
	for _, x := range list.Extensions {
		switch {
		case x.Id.Equal(oidDelta):
			return refuse("is a delta list")
		case x.Id.Equal(oidScope):
			return refuse("is indirect, or about a part of the certificates only")
		case x.Critical:
			return refuse("has the unknown critical extension " + x.Id.String())
		}
	}
	for _, e := range list.RevokedCertificateEntries {
		for _, x := range e.Extensions {
			if x.Critical {
				return refuse("has entries with the unknown critical extension " + x.Id.String())
			}
		}
	}
	return nil
}

// revocations are the lists of a server.
type revocations struct {
	mode CRLCheck
	load func() ([]*x509.RevocationList, error) // nil: last is all

	mu   sync.Mutex // guards last
	last *crlIndex
}

func newRevocations(v ClientVerify) (*revocations, error) {
	r := &revocations{mode: v.CRLCheck, load: v.LoadCRLs, last: newCRLIndex(v.CRLs)}
	given := len(v.CRLs) > 0 || v.LoadCRLs != nil
	switch {
	case r.mode > CRLIfAvailable:
		r.mode = CRLRequire
		return r, fmt.Errorf("%w: CRLCheck is %s", ErrCRL, v.CRLCheck)
	case r.mode == CRLOff && given:
		return r, fmt.Errorf("%w: there are lists, but CRLCheck is %s", ErrCRL, r.mode)
	case r.mode != CRLOff && !given:
		return r, fmt.Errorf("%w: CRLCheck is %s, but there are no lists", ErrCRL, r.mode)
	case len(v.CRLs) > 0 && v.LoadCRLs != nil:
		return r, fmt.Errorf("%w: both CRLs and LoadCRLs are set", ErrCRL)
	}
	return r, r.last.err
}

// index returns the lists as they are now.
func (r *revocations) index() (*crlIndex, error) {
	if r.load == nil {
		return r.last, r.last.err
	}
	var lists []*x509.RevocationList
	var err error
	if p := call("LoadCRLs", func() { lists, err = r.load() }); p != nil {
		err = p
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCRL, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(lists, r.last.lists) {
		r.last = newCRLIndex(slices.Clone(lists))
	}
	return r.last, r.last.err
}

// check says whether one of a chain is revoked or, under CRLRequire, not on the lists of
// its issuer. The root is nobody's to revoke.
func (r *revocations) check(chain []*x509.Certificate, now time.Time) error {
	if r.mode == CRLOff {
		return nil
	}
	x, err := r.index()
	if err != nil {
		return err
	}
	for i := range chain[:len(chain)-1] {
		covered, err := x.look(chain[i], chain[i+1], now)
		if err != nil {
			return err
		}
		if !covered && r.mode == CRLRequire {
			return fmt.Errorf("%w of %q", ErrNoCRL, chain[i].Issuer)
		}
	}
	return nil
}

// checkStranger is check for a certificate without a chain: no signature can be checked,
// so every list that bears the name of its issuer counts against it, and none for it.
func (r *revocations) checkStranger(cert *x509.Certificate) error {
	if r.mode == CRLOff {
		return nil
	}
	x, err := r.index()
	if err != nil {
		return err
	}
	for _, l := range x.issuers[string(cert.RawIssuer)] {
		if l.has(cert) {
			return revoked(cert)
		}
	}
	if r.mode == CRLRequire {
		return fmt.Errorf("%w of %q", ErrNoCRL, cert.Issuer)
	}
	return nil
}

// crlIndex finds lists by issuer and entries by serial number.
type crlIndex struct {
	lists   []*x509.RevocationList
	issuers map[string][]*crl
	err     error // a list can not be used
}

func newCRLIndex(lists []*x509.RevocationList) *crlIndex {
	x := &crlIndex{lists: lists, issuers: make(map[string][]*crl)}
	for _, list := range lists {
		if list == nil {
			x.err = fmt.Errorf("%w: nil", ErrCRL)
			continue
		}
		if err := checkCRL(list); err != nil {
			x.err = err
			continue
		}
		l := &crl{list: list, serials: make(map[string]struct{}), signers: make(map[[32]byte]bool)}
		for _, e := range list.RevokedCertificateEntries {
			l.serials[serial(e.SerialNumber)] = struct{}{}
		}
		key := string(list.RawIssuer)
		x.issuers[key] = append(x.issuers[key], l)
	}
	return x
}

// look says whether a current list of the issuer is about cert, and whether one has it. A
// list that is too old still says what is revoked.
func (x *crlIndex) look(cert, issuer *x509.Certificate, now time.Time) (covered bool, err error) {
	for _, l := range x.issuers[string(cert.RawIssuer)] {
		if !l.by(issuer) {
			continue
		}
		if l.has(cert) {
			return true, revoked(cert)
		}
		covered = covered || !now.Before(l.list.ThisUpdate) && !now.After(l.list.NextUpdate)
	}
	return covered, nil
}

// crl is one list.
type crl struct {
	list    *x509.RevocationList
	serials map[string]struct{}

	mu      sync.Mutex // guards signers
	signers map[[32]byte]bool
}

// maxSigners bounds what is remembered of a list; one is enough but for renewed issuers.
const maxSigners = 16

// by says whether the issuer signed the list.
func (l *crl) by(issuer *x509.Certificate) bool {
	key := sha256.Sum256(issuer.Raw)
	l.mu.Lock()
	good, known := l.signers[key]
	l.mu.Unlock()
	if known {
		return good
	}
	good = l.list.CheckSignatureFrom(issuer) == nil
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.signers) < maxSigners {
		l.signers[key] = good
	}
	return good
}

func (l *crl) has(cert *x509.Certificate) bool {
	_, ok := l.serials[serial(cert.SerialNumber)]
	return ok
}

func serial(n *big.Int) string { return n.Text(62) }

func revoked(cert *x509.Certificate) error {
	return fmt.Errorf("%w: %q, serial number %x", ErrRevoked, cert.Subject, cert.SerialNumber)
}
