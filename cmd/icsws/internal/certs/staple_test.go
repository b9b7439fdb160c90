package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

// O-24: what a stapled OCSP response says.
func TestStaple(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	leaf := certkit.Issue(t, root, "leaf", []string{"a.example"})
	must := certkit.Issue(t, root, "leaf", []string{"a.example"}, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: mustStaple, Value: []byte{0x30, 0x03, 0x02, 0x01, 0x05}}}
	})
	now := time.Now()
	response := func(status int, next time.Duration) []byte {
		r, err := ocsp.CreateResponse(root.Cert, root.Cert, ocsp.Response{
			Status: status, SerialNumber: leaf.Cert.SerialNumber, ThisUpdate: now.Add(-2 * day), NextUpdate: now.Add(next), RevokedAt: now.Add(-day),
		}, root.Key)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tt := range []struct {
		name   string
		cert   *certkit.Pair
		staple []byte
		status string
		want   []string
		level  show.Level
	}{
		{"none", leaf, nil, "", nil, show.OK},
		{"good", leaf, response(ocsp.Good, day), "good", []string{"staple"}, show.OK},
		{"out of date", leaf, response(ocsp.Good, -day), "good", []string{"staple-old"}, show.Warning},
		{"revoked", leaf, response(ocsp.Revoked, day), "revoked", []string{"revoked"}, show.Bad},
		{"unknown", leaf, response(ocsp.Unknown, day), "unknown", []string{"staple-unknown"}, show.Warning},
		{"damaged", leaf, []byte("x"), "unreadable", []string{"staple-unreadable"}, show.Warning},
		{"of another", must, response(ocsp.Good, day), "unreadable", []string{"staple-unreadable"}, show.Warning},
		{"demanded and missing", must, nil, "", []string{"staple-missing"}, show.Bad},
	} {
		s, found := JudgeStaple(tt.staple, []*x509.Certificate{tt.cert.Cert, root.Cert}, now)
		if got := codes(found, show.OK); !slices.Equal(got, tt.want) || found.Worst() != tt.level || (s == nil) != (tt.status == "") || s != nil && s.Status != tt.status {
			t.Errorf("%s: %+v, findings %q, want %s and %q", tt.name, s, got, tt.status, tt.want)
		}
	}
}
