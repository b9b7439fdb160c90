package check

import (
	"crypto/tls"
	"slices"
	"testing"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/wsserver"
)

// O-24: with --insecure what is wrong with a certificate is a note, and the way goes on.
func TestCheckThatIsInsecure(t *testing.T) {
	root := certkit.Issue(t, nil, "Test Root", nil)
	ca := certkit.File(t, "ca.pem", root.CertPEM())
	day := 24 * time.Hour
	for _, tt := range []struct {
		name string
		leaf *certkit.Pair
		want []string
	}{
		{"expired", certkit.Issue(t, root, "old", []string{"127.0.0.1"}, certkit.Valid(-2*day, -day)), []string{"expired"}},
		{"wrong name", certkit.Issue(t, root, "other", []string{"other.example"}), []string{"name-mismatch"}},
		{"both", certkit.Issue(t, root, "both", []string{"other.example"}, certkit.Valid(-2*day, -day)), []string{"name-mismatch", "expired"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := "wss://" + serve(t, wsserver.Class[echo](), wsserver.Config{TLS: &tls.Config{Certificates: []tls.Certificate{tt.leaf.TLS()}}})
			for _, way := range []struct {
				args  []string
				code  cli.Code
				level show.Level
			}{
				{[]string{"-k"}, cli.OK, show.Note},
				{[]string{"--insecure"}, cli.OK, show.Note},
				{nil, cli.Failed, show.Bad},
			} {
				got, found, code := diagnose(t, append(way.args, "--ca", ca, url)...)
				if code != way.code || !slices.Equal(found, tt.want) || got.Close == nil || !got.Close.Answered {
					t.Errorf("%q: exit %d, findings %q, close %+v", way.args, code, found, got.Close)
				}
				for _, f := range got.Findings {
					if f.Level > show.OK && (f.Level != way.level || f.Step != "TLS" || f.Advice == "") {
						t.Errorf("%q: finding %+v", way.args, f)
					}
				}
			}
		})
	}
}
