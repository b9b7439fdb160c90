package reach

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/cli/clitest"
)

// parse returns the options that a command line makes.
func parse(t *testing.T, args ...string) (o dial.Options, code cli.Code) {
	t.Helper()
	cmd := &cli.Command{Name: "x", Min: 1, Max: 1, Setup: func(f *cli.Flags) cli.RunFunc {
		var flags Flags
		flags.Declare(f, "off")
		flags.DeclarePing(f)
		return func(_ context.Context, env *cli.Env, args []string) (err error) {
			o, err = flags.Options(env, args[0])
			return err
		}
	}}
	return o, clitest.Run(t, []*cli.Command{cmd}, append([]string{"x"}, args...)...).Code
}

func TestFlagsMakeOptions(t *testing.T) {
	o, code := parse(t, "-H", "X-A: one", "-H", "X-A:two", "--origin", "https://a.example", "-u", "ann:s:e", "--protocol", "a", "--protocol", "b",
		"--compression", "context", "-k", "--server-name", "n", "--proxy", "none", "--ping-interval", "-1s", "--max-size", "5", "https://Host/x?y")
	if code != cli.OK {
		t.Fatalf("exit code %d", code)
	}
	if o.URL != "wss://Host/x?y" || len(o.Header["X-A"]) != 2 || o.Header.Get("Origin") != "https://a.example" || o.Header.Get("Authorization") != "Basic YW5uOnM6ZQ==" {
		t.Errorf("URL %q, header %v", o.URL, o.Header)
	}
	if len(o.SubProtocols) != 2 || o.Compression.Mode != client.CompressionContext || !o.InsecureSkipVerify || o.ServerName != "n" || o.PingInterval >= 0 || o.MaxMessageSize != 5 {
		t.Errorf("%+v", o)
	}
	if u, err := o.Proxy(new(http.Request)); u != nil || err != nil {
		t.Errorf("proxy %v, %v", u, err)
	}
	if o, _ = parse(t, "--proxy", "user:secret@proxy:3128", "ws://x"); o.Proxy == nil {
		t.Fatal("no proxy")
	}
	if u, err := o.Proxy(new(http.Request)); err != nil || u.Host != "proxy:3128" || u.Scheme != "http" || u.User == nil {
		t.Errorf("proxy %v, %v", u, err)
	}
	if o, _ = parse(t, "ws://x"); o.Proxy != nil || o.Dial != nil {
		t.Error("without flags, the environment is not asked for a proxy")
	}
}

func TestResolveTable(t *testing.T) {
	got, err := readTable([]string{"Chat.example:443:10.0.0.5", "[::1]:80:127.0.0.1", "six:80:[2001:db8::1]", "six:81:2001:db8::2"})
	want := table{"chat.example:443": "10.0.0.5:443", "[::1]:80": "127.0.0.1:80", "six:80": "[2001:db8::1]:80", "six:81": "[2001:db8::2]:81"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "a", "a:80", "a:80:", "a:80:b", "a:x:1.2.3.4", "a:0:1.2.3.4", "a:99999:1.2.3.4", ":80:1.2.3.4", "a::1.2.3.4", "[::1:80:1.2.3.4"} {
		if _, err := readTable([]string{text}); cli.CodeOf(err) != cli.Usage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// O-24: names are asked for as package dial does it.
func TestInternationalNames(t *testing.T) {
	for in, want := range map[string]string{
		"Chat.example": "Chat.example", "Bücher.example": "xn--bcher-kva.example", "bücher.example.": "xn--bcher-kva.example.",
		"127.0.0.1": "127.0.0.1", "fe80::1%ü": "fe80::1%ü",
	} {
		if got, err := ASCIIHost(in); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
	if got, err := ASCIIHost("a\u2028b"); err == nil {
		t.Errorf("a line separator in a name: %q", got)
	}
	got, err := readTable([]string{"Bücher.example:443:10.0.0.5"})
	if want := (table{"xn--bcher-kva.example:443": "10.0.0.5:443"}); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := readTable([]string{"a\u2028b:443:10.0.0.5"}); cli.CodeOf(err) != cli.Usage {
		t.Errorf("a line separator in --resolve: %v", err)
	}
}

func TestShownHasNoSecrets(t *testing.T) {
	for in, want := range map[string]string{
		"ws://x/a":                       "ws://x/a",
		"wss://user:secret@x/a?t=1#\x1b": "wss://x/a?...",
		"wss://user:secret@x/a?token=1":  "wss://x/a?...",
	} {
		if got := Shown(in); got != want {
			t.Errorf("Shown(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		e    dial.DialError
		want cli.Code
	}{
		{dial.DialError{Stage: dial.StageConnect, Reason: dial.ReasonRefused}, cli.NoConnection},
		{dial.DialError{Stage: dial.StageResolve, Reason: dial.ReasonTimeout}, cli.TimedOut},
		{dial.DialError{Stage: dial.StageHandshake, Reason: dial.ReasonStatus}, cli.Refused},
		{dial.DialError{Stage: dial.StageProxy, Reason: dial.ReasonProxyAuth}, cli.NoConnection},
		{dial.DialError{Stage: dial.StageTLS, Reason: dial.ReasonCertName}, cli.NoConnection},
		{dial.DialError{Stage: dial.StageOptions, Reason: dial.ReasonOptions}, cli.Failed},
	} {
		if got := CodeOfDial(&tt.e); got != tt.want {
			t.Errorf("%v, %v: %d, want %d", tt.e.Stage, tt.e.Reason, got, tt.want)
		}
	}
	for _, tt := range []struct {
		i    client.CloseInfo
		want cli.Code
	}{
		{client.CloseInfo{Code: 1000, Cause: client.ErrCloseCalled}, cli.OK},
		{client.CloseInfo{Code: 1000, Cause: errors.Join(client.ErrCloseCalled, client.ErrCloseTimeout)}, cli.OK},
		{client.CloseInfo{Code: 1000, Remote: true, Cause: &client.CloseError{Code: 1000}}, cli.OK},
		{client.CloseInfo{Code: 1001, Remote: true, Cause: &client.CloseError{Code: 1001}}, cli.OK},
		{client.CloseInfo{Code: 1005, Remote: true, Cause: &client.CloseError{Code: 1005}}, cli.OK},
		{client.CloseInfo{Code: 1008, Remote: true, Cause: &client.CloseError{Code: 1008}}, cli.Refused},
		{client.CloseInfo{Code: 4000, Remote: true, Cause: &client.CloseError{Code: 4000}}, cli.Refused},
		{client.CloseInfo{Code: 1006, Remote: true, Cause: io.EOF}, cli.Failed},
		{client.CloseInfo{Code: 1009, Cause: &client.ProtocolError{Code: 1009}}, cli.Failed},
		{client.CloseInfo{Code: 1011, Cause: client.ErrPingTimeout}, cli.TimedOut},
	} {
		if got := CodeOfClose(tt.i); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.i, got, tt.want)
		}
	}
}
