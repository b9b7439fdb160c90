package dial

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/handshake"
)

// OptionError says which field of [Options] is wrong, and why. Validate may return
// several, joined.
type OptionError struct {
	Field string // such as "URL" or "SendQueue.LowWater"
	Err   error
}

// Error names the field.
func (e *OptionError) Error() string { return "dial: Options." + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the field.
func (e *OptionError) Unwrap() error { return e.Err }

func optionError(field, format string, args ...any) error {
	return &OptionError{field, fmt.Errorf(format, args...)}
}

func wrapOption(field string, err error) error {
	if err == nil {
		return nil
	}
	return &OptionError{field, err}
}

// Validate returns everything that is wrong with o, as an [*OptionError] or several that
// are joined, or nil. It reads CAFile, but not the certificate, which may come later.
func (o Options) Validate() error {
	o = o.withDefaults()
	_, err := parseURL(o.URL)
	return errors.Join(
		wrapOption("URL", err),
		o.checkHandshake(),
		o.checkTLS(),
		o.checkReconnect(),
		o.checkMessages(),
		o.checkOffline(),
	)
}

func notNegative[V int | int64 | time.Duration](field string, v V) error {
	if v < 0 {
		return optionError(field, "%v is negative", v)
	}
	return nil
}

func (o *Options) checkHandshake() error {
	errs := []error{wrapOption("Header", checkHeader(o.Header)), notNegative("MaxHeaderBytes", o.MaxHeaderBytes)}
	seen := map[string]bool{}
	for _, p := range o.SubProtocols {
		if !isToken(p) {
			errs = append(errs, optionError("SubProtocols", "%q is not a token (RFC 6455 section 4.1)", p))
		}
		if seen[p] {
			errs = append(errs, optionError("SubProtocols", "%q is there twice", p))
		}
		seen[p] = true
	}
	switch z := o.Compression; {
	case z.Mode > client.CompressionContext:
		errs = append(errs, optionError("Compression.Mode", "unknown mode %d", z.Mode))
	case z.Level < 0 || z.Level > 9:
		errs = append(errs, optionError("Compression.Level", "%d is not from 1 to 9", z.Level))
	case z.WindowBits != 0 && (z.WindowBits < 8 || z.WindowBits > 15):
		errs = append(errs, optionError("Compression.WindowBits", "%d is not from 8 to 15", z.WindowBits))
	}
	return errors.Join(errs...)
}

// isToken is RFC 9110 section 5.6.2.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") == ""
}

// checkHeader judges header lines of the program. The error repeats no value.
func checkHeader(h http.Header) error {
	if err := handshake.ValidateHeader(h); err != nil {
		return err
	}
	hosts := lines(h, "Host")
	if len(hosts) > 1 {
		return &handshake.HeaderError{Name: "Host", Reason: "there may be one only"}
	}
	for _, v := range hosts {
		if v == "" || strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '@' || c == '/' }) {
			return &handshake.HeaderError{Name: "Host", Reason: "not a host"}
		}
	}
	return nil
}

func (o *Options) checkTLS() error {
	var errs []error
	if t := o.TLS; t != nil {
		for _, v := range []uint16{t.MinVersion, t.MaxVersion} {
			if v != 0 && v < tls.VersionTLS12 {
				errs = append(errs, optionError("TLS", "%s is too old", tls.VersionName(v)))
			}
		}
	}
	switch insecure := o.InsecureSkipVerify || o.TLS != nil && o.TLS.InsecureSkipVerify; {
	case o.CAFile == "":
	case o.RootCAs != nil:
		errs = append(errs, optionError("CAFile", "set together with RootCAs"))
	case o.CAFile == "NONE" && !insecure:
		errs = append(errs, optionError("CAFile", "NONE trusts nobody; set InsecureSkipVerify too if the server is not to be checked"))
	default:
		_, err := hosts.ParsePool(o.CAFile)
		errs = append(errs, wrapOption("CAFile", err))
	}
	if o.CertFile == "" && o.KeyFile != "" {
		errs = append(errs, optionError("KeyFile", "set without CertFile"))
	}
	if o.CertFile == "" && o.KeyPassword != nil {
		errs = append(errs, optionError("KeyPassword", "set without CertFile"))
	}
	_, err := hosts.ParseCiphers(o.Ciphers)
	return errors.Join(append(errs, wrapOption("Ciphers", err))...)
}

func (o *Options) checkReconnect() error {
	errs := []error{notNegative("MinWait", o.MinWait), notNegative("MaxWait", o.MaxWait), notNegative("MaxAttempts", o.MaxAttempts)}
	if o.MaxWait >= 0 && o.MinWait > o.MaxWait {
		errs = append(errs, optionError("MinWait", "%v is more than MaxWait, %v", o.MinWait, o.MaxWait))
	}
	if o.Jitter > 1 || math.IsNaN(o.Jitter) {
		errs = append(errs, optionError("Jitter", "%v is more than 1", o.Jitter))
	}
	for _, s := range o.StopStatuses {
		if s < 100 || s > 599 {
			errs = append(errs, optionError("StopStatuses", "%d is no HTTP status", s))
		}
	}
	return errors.Join(errs...)
}

func (o *Options) checkMessages() error {
	errs := []error{
		notNegative("MaxMessageSize", o.MaxMessageSize),
		notNegative("MaxFrameSize", o.MaxFrameSize),
		notNegative("BandwidthLimit", o.BandwidthLimit),
	}
	if e, ok := errors.AsType[*client.QueueError](o.SendQueue.Validate()); ok {
		errs = append(errs, optionError("SendQueue."+e.Field, "%v %s", e.Value, e.Why))
	}
	return errors.Join(errs...)
}

func (o *Options) checkOffline() error {
	errs := []error{
		notNegative("QueueWhileDown", o.QueueWhileDown),
		notNegative("QueueMessages", o.QueueMessages),
		notNegative("QueueMaxAge", o.QueueMaxAge),
	}
	if o.QueuePolicy != client.QueueDropNewest && o.QueuePolicy != client.QueueDropOldest {
		errs = append(errs, optionError("QueuePolicy", "%v is neither drop newest nor drop oldest", o.QueuePolicy))
	}
	return errors.Join(errs...)
}
