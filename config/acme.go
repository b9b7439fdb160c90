package config

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
)

// ACME is the section acme of a file: which authority issues certificates, and how.
// Its fields are those of acme.Config of package hosts/acme, as far as text can hold
// them; a program copies them there.
type ACME struct {
	// Directory is the https address of the authority's ACME directory.
	Directory string
	// Email is where the authority can reach who runs the server.
	Email string
	// AgreedTOS says that the authority's terms of service are agreed to.
	AgreedTOS bool
	// ExternalAccountKeyID is the name that the authority has for the account's key (RFC
	// 8555 section 7.3.4); the key itself is what MACKey returns, from an environment
	// variable or a file.
	ExternalAccountKeyID, ExternalAccountMACKeyEnv, ExternalAccountMACKeyFile string
	// Profile is one of the kinds of certificates that the authority has.
	Profile string
	// PreferredChain is the common name of the root that the chain should lead to.
	PreferredChain string
	// KeyType is the kind of key that new certificates have, such as "p256".
	KeyType string
	// Storage is the folder that keeps account, certificates and keys.
	Storage string
	// DemandLimit is the most names on demand in memory.
	DemandLimit int
	// HTTPPort and TLSPort are the ports of hosts that the authority reaches on 80 and
	// 443, if something in front forwards them.
	HTTPPort, TLSPort int
	// RenewalRatio is the last part of a certificate's life in which it is renewed, 0 to 1.
	RenewalRatio float64
	// IgnoreRenewalInfo renews by RenewalRatio alone.
	IgnoreRenewalInfo bool
	// Backoff are the pauses after one failed attempt, after two and so on.
	Backoff []time.Duration
	// RootCAFile is a PEM file, or its text, with what the authority's own certificate is
	// checked against.
	RootCAFile string
}

var acmeShape = shape[ACME]{keys: table[ACME]{
	at("directory", func(a *ACME) *string { return &a.Directory }, plain, "address of the authority's directory"),
	at("email", func(a *ACME) *string { return &a.Email }, plain, "where the authority writes to"),
	at("agreed_tos", func(a *ACME) *bool { return &a.AgreedTOS }, onOff, "its terms of service are agreed to"),
	at("external_account_key_id", func(a *ACME) *string { return &a.ExternalAccountKeyID }, plain, "of an account that exists at the authority"),
	at("external_account_mac_key_env", func(a *ACME) *string { return &a.ExternalAccountMACKeyEnv }, plain, "the environment variable with its key"),
	at("external_account_mac_key_file", func(a *ACME) *string { return &a.ExternalAccountMACKeyFile }, file, "the file with it"),
	refused[ACME]("external_account_mac_key", "a key has no place here; write external_account_mac_key_env or external_account_mac_key_file"),
	at("profile", func(a *ACME) *string { return &a.Profile }, plain, "the kind of certificate"),
	at("preferred_chain", func(a *ACME) *string { return &a.PreferredChain }, plain, "common name of the root"),
	at("key_type", func(a *ACME) *string { return &a.KeyType }, choice(word[string]{"", ""}, word[string]{"p256", "p256"},
		word[string]{"p384", "p384"}, word[string]{"rsa2048", "rsa2048"}, word[string]{"rsa4096", "rsa4096"}, word[string]{"ed25519", "ed25519"}),
		"of new certificates; p256 unless set"),
	at("storage", func(a *ACME) *string { return &a.Storage }, file, "the folder for account, certificates and keys"),
	at("demand_limit", func(a *ACME) *int { return &a.DemandLimit }, counter, "the most names on demand in memory"),
	at("http_port", func(a *ACME) *int { return &a.HTTPPort }, whole[int](0, 65535), "which the authority reaches on 80"),
	at("tls_port", func(a *ACME) *int { return &a.TLSPort }, whole[int](0, 65535), "which it reaches on 443"),
	at("renewal_ratio", func(a *ACME) *float64 { return &a.RenewalRatio }, ratio, "the last part of a certificate's life, in which it is renewed"),
	at("ignore_renewal_info", func(a *ACME) *bool { return &a.IgnoreRenewalInfo }, onOff, "renews by renewal_ratio alone"),
	at("backoff", func(a *ACME) *[]time.Duration { return &a.Backoff }, each("list of times", oneDuration, time.Duration.String), "pauses after failed attempts"),
	at("root_ca_file", func(a *ACME) *string { return &a.RootCAFile }, cert, "what the authority's own certificate is checked against, PEM"),
}}

func oneDuration(s string) ([]time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %s, want a time with its unit", ErrBadValue, shown(s))
	}
	return []time.Duration{d}, nil
}

// ratio is a number from 0 to 1.
var ratio = codec[float64]{form: "fraction, 0 to 1",
	read: func(r *reader, v value) (float64, bool) {
		const want = "a fraction from 0 to 1"
		x, ok := fractionOf(v)
		switch {
		case !ok && v.kind == bare:
			r.bad(v, want)
		case !ok:
			r.mistyped(v, want)
		case !(x >= 0 && x <= 1): // also true for NaN
			r.fail(v.at, fmt.Errorf("%w: %v, want %s", ErrBadValue, x, want))
			ok = false
		}
		return x, ok
	},
	write: func(w *writer, x float64) (value, bool) {
		if !(x >= 0 && x <= 1) {
			w.fail(fmt.Errorf("%v is %w: want 0 to 1", x, ErrNotText))
		}
		return value{kind: fraction, frac: math.Abs(x)}, x != 0 // -0 is 0
	},
}

const maxMACKey = 4 << 10 // bytes of its file

var errNoMACKey = errors.New("config: acme: no external_account_mac_key_env and no external_account_mac_key_file")

// MACKey returns the key that connects the account with one at the authority, from the
// environment or the file, without the line end behind it. The error does not repeat it.
func (a *ACME) MACKey() (string, error) {
	if name := a.ExternalAccountMACKeyEnv; name != "" {
		key, ok := os.LookupEnv(name)
		if !ok {
			return "", fmt.Errorf("config: acme: environment variable %q is not set", name)
		}
		return key, nil
	}
	if a.ExternalAccountMACKeyFile == "" {
		return "", errNoMACKey
	}
	f, err := os.Open(a.ExternalAccountMACKeyFile)
	if err != nil {
		return "", fmt.Errorf("config: acme: %w", err)
	}
	defer f.Close()
	key, err := io.ReadAll(io.LimitReader(f, maxMACKey+1))
	if err == nil && len(key) > maxMACKey {
		err = fmt.Errorf("%s: %w: more than %d bytes", a.ExternalAccountMACKeyFile, ErrTooLarge, maxMACKey)
	}
	if err != nil {
		return "", fmt.Errorf("config: acme: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(key), "\n"), "\r"), nil
}
