package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/handshake"
)

// D-02 to D-12, D-25: what options can not be, by field.
func TestOptionsAreChecked(t *testing.T) {
	const good = "ws://a.example"
	if err := (Options{URL: good}).Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	for _, tt := range []struct {
		field string // empty: nothing is wrong
		o     Options
	}{
		{"URL", Options{URL: "http://user:secret@a.example"}},
		{"Header", Options{Header: http.Header{"Sec-WebSocket-Key": {"x"}}}},
		{"Header", Options{Header: http.Header{"X": {"secret\n"}}}},
		{"Header", Options{Header: http.Header{"Host": {"a b"}}}},
		{"Header", Options{Header: http.Header{"Host": {"a"}, "host": {"b"}}}},
		{"", Options{Header: http.Header{"host": {"[::1]:9"}, "X": {"a", "b"}}}},
		{"SubProtocols", Options{SubProtocols: []string{"a", "b,c"}}},
		{"SubProtocols", Options{SubProtocols: []string{"a", "a"}}},
		{"SubProtocols", Options{SubProtocols: []string{""}}},
		{"Compression.Mode", Options{Compression: client.Compression{Mode: 9}}},
		{"Compression.Level", Options{Compression: client.Compression{Level: 10}}},
		{"Compression.WindowBits", Options{Compression: client.Compression{WindowBits: 7}}},
		{"MaxHeaderBytes", Options{MaxHeaderBytes: -1}},
		{"TLS", Options{TLS: &tls.Config{MinVersion: tls.VersionTLS10}}},
		{"TLS", Options{TLS: &tls.Config{MaxVersion: tls.VersionTLS11}}},
		{"CAFile", Options{CAFile: "/no/such/file"}},
		{"CAFile", Options{CAFile: "NONE"}},
		{"CAFile", Options{CAFile: "SYSTEM", RootCAs: x509.NewCertPool()}},
		{"", Options{CAFile: "NONE", InsecureSkipVerify: true}},
		{"", Options{CAFile: "NONE", TLS: &tls.Config{InsecureSkipVerify: true}}},
		{"KeyFile", Options{KeyFile: "x"}},
		{"KeyPassword", Options{KeyPassword: hosts.PasswordText("")}},
		{"", Options{CertFile: "/comes/later"}},
		{"Ciphers", Options{Ciphers: "HIGH:!aNULL"}},
		{"MinWait", Options{MinWait: -1}},
		{"MinWait", Options{MinWait: time.Minute, MaxWait: time.Second}},
		{"", Options{MinWait: time.Minute}},
		{"MaxWait", Options{MaxWait: -1}},
		{"Jitter", Options{Jitter: 1.1}},
		{"Jitter", Options{Jitter: math.NaN()}},
		{"", Options{Jitter: -1}},
		{"MaxAttempts", Options{MaxAttempts: -1}},
		{"StopStatuses", Options{StopStatuses: []int{0}}},
		{"MaxMessageSize", Options{MaxMessageSize: -1}},
		{"MaxFrameSize", Options{MaxFrameSize: -1}},
		{"BandwidthLimit", Options{BandwidthLimit: -1}},
		{"SendQueue.LowWater", Options{SendQueue: client.SendQueue{LowWater: -1}}},
		{"QueueWhileDown", Options{QueueWhileDown: -1}},
		{"QueueMessages", Options{QueueMessages: -1}},
		{"QueueMaxAge", Options{QueueMaxAge: -1}},
		{"QueuePolicy", Options{QueuePolicy: client.QueueClose}},
		{"", Options{QueuePolicy: client.QueueDropOldest}},
		{"", Options{HandshakeTimeout: -1, StableAfter: -1, MaxHint: -1, WriteTimeout: -1, PingInterval: -1}},
	} {
		if tt.o.URL == "" {
			tt.o.URL = good
		}
		err := tt.o.Validate()
		oe, ok := errors.AsType[*OptionError](err)
		if ok != (tt.field != "") || ok && oe.Field != tt.field {
			t.Errorf("%q: Validate = %v", tt.field, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "dial: Options."+tt.field+": ")) {
			t.Errorf("%q: the text is %q", tt.field, err)
		}
	}
	both := Options{MaxFrameSize: -1}.Validate()
	if text := both.Error(); !strings.Contains(text, "URL") || !strings.Contains(text, "MaxFrameSize") {
		t.Errorf("not everything is in %q", text)
	}
	he, ok := errors.AsType[*handshake.HeaderError](Options{URL: good, Header: http.Header{"Upgrade": {"x"}}}.Validate())
	if !ok || he.Name != "Upgrade" {
		t.Errorf("%v", he)
	}
}

// D-05, D-08, D-15: what zero means, and that nothing is shared with the caller.
func TestOptionsHaveDefaults(t *testing.T) {
	given := Options{Header: http.Header{"X": {"a"}}, SubProtocols: []string{"a"}, StopStatuses: []int{}}
	o := given.withDefaults()
	if o.HandshakeTimeout != 30*time.Second || o.MaxHeaderBytes != 16<<10 || o.MinWait != 100*time.Millisecond || o.MaxWait != 10*time.Second ||
		o.Jitter != 1 || o.StableAfter != 5*time.Second || o.MaxHint != time.Hour || !slices.Equal(o.StopCodes, []client.StatusCode{1008}) ||
		len(o.StopStatuses) != 0 || o.SendQueue.MaxBytes != 1<<20 || o.WriteTimeout != 10*time.Second || o.CloseTimeout != 5*time.Second ||
		o.PingInterval != 30*time.Second || o.PongTimeout != 10*time.Second || o.QueuePolicy != client.QueueDropNewest || o.Logger == nil {
		t.Errorf("%+v", o)
	}
	if !slices.Equal((Options{}).withDefaults().StopStatuses, []int{401, 403}) {
		t.Error("401 and 403 do not stop")
	}
	o.Header.Add("X", "b")
	o.SubProtocols[0] = "b"
	if len(given.Header["X"]) != 1 || given.SubProtocols[0] != "a" {
		t.Error("the options of the caller were changed")
	}
	if again := o.withDefaults(); again.Jitter != 1 || again.MaxWait != o.MaxWait {
		t.Error("defaults of defaults are others")
	}
}
