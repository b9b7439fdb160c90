package hosts

import (
	"crypto/tls"
	"fmt"
)

// checkTemplate returns a clone of the template that is fit for hosts, an empty
// one for nil. With an error it is usable too.
func checkTemplate(given *tls.Config) (*tls.Config, error) {
	c := &tls.Config{}
	if given != nil {
		c = given.Clone()
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Certificates", len(c.Certificates) > 0},
		{"GetCertificate", c.GetCertificate != nil},
		{"GetConfigForClient", c.GetConfigForClient != nil},
		{"WrapSession", c.WrapSession != nil},
		{"UnwrapSession", c.UnwrapSession != nil},
	} {
		if f.set {
			return c, fmt.Errorf("%w: %s: not usable with hosts", ErrTemplate, f.name)
		}
	}
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	switch {
	case c.MinVersion < tls.VersionTLS12:
		return c, fmt.Errorf("%w: MinVersion: below TLS 1.2", ErrTemplate)
	case c.MaxVersion != 0 && c.MaxVersion < c.MinVersion:
		return c, fmt.Errorf("%w: MaxVersion: below MinVersion", ErrTemplate)
	}
	c.NextProtos = []string{"http/1.1"}
	return c, nil
}
