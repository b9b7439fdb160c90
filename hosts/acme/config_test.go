package acme

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"testing"
	"time"
)

// H-37, H-42, H-43
func TestNewNamesTheFieldOfEachMistake(t *testing.T) {
	for _, tt := range []struct {
		field  string
		change func(*Config)
		want   error
	}{
		{"AgreedTOS", func(c *Config) { c.AgreedTOS = false }, ErrTerms},
		{"Storage", func(c *Config) { c.Storage = nil }, ErrNoStorage},
		{"Directory", func(c *Config) { c.Directory = "http://acme.example/dir" }, ErrValue},
		{"Directory", func(c *Config) { c.Directory = "https:///dir" }, ErrValue},
		{"Directory", func(c *Config) { c.Directory = "https://me:secret@acme.example/dir" }, ErrValue},
		{"RootCAs", func(c *Config) { c.RootCAs, c.HTTPClient = x509.NewCertPool(), &http.Client{} }, ErrValue},
		{"ExternalAccount", func(c *Config) { c.ExternalAccount = &ExternalAccount{KeyID: "kid"} }, ErrValue},
		{"KeyType", func(c *Config) { c.KeyType = Ed25519 + 1 }, ErrValue},
		{"HTTPPort", func(c *Config) { c.HTTPPort = 65536 }, ErrValue},
		{"TLSPort", func(c *Config) { c.TLSPort = -1 }, ErrValue},
		{"DemandLimit", func(c *Config) { c.DemandLimit = -1 }, ErrValue},
		{"RenewalRatio", func(c *Config) { c.RenewalRatio = 1 }, ErrValue},
		{"RenewalRatio", func(c *Config) { c.RenewalRatio = math.NaN() }, ErrValue},
		{"Backoff", func(c *Config) { c.Backoff = []time.Duration{time.Minute, 0} }, ErrValue},
	} {
		c := Config{AgreedTOS: true, Storage: newMemory()}
		tt.change(&c)
		_, err := New(c)
		if wrong := new(ConfigError); !errors.As(err, &wrong) || wrong.Field != tt.field || !errors.Is(err, tt.want) {
			t.Errorf("%s: New = %v, want %v", tt.field, err, tt.want)
		}
	}
}

// H-42, H-46
func TestZeroValuesHaveTheirDefaults(t *testing.T) {
	i, err := New(Config{AgreedTOS: true, Storage: newMemory()})
	if err != nil {
		t.Fatal(err)
	}
	c := i.cfg
	if c.Directory != LetsEncrypt || c.KeyType != P256 || c.HTTPPort != 80 || c.TLSPort != 443 ||
		c.DemandLimit != 10000 || c.RenewalRatio != 1.0/3 || len(c.Backoff) != 7 || c.Logger != slog.Default() {
		t.Errorf("%+v", c)
	}
}
