package forward_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/icsws/icsws/forward"
)

// F-01, F-02, F-04: every kind of target has a URL.
func TestParseTargetReadsEveryKind(t *testing.T) {
	for s, want := range map[string]string{
		"tcp://mail.example:143": "{ mail.example 143 false tcp://mail.example:143}",
		"tls://[2001:db8::1]:9":  "{ 2001:db8::1 9 true tls://[2001:db8::1]:9}",
		"TLS://a.example:1":      "{ a.example 1 true tls://a.example:1}",
		"ws://a.example":         "{ws://a.example  0 false ws://a.example}",
		"wss://a.example:1/x?y":  "{wss://a.example:1/x?y  0 false wss://a.example:1/x}",
	} {
		target, err := forward.ParseTarget(s)
		if err != nil {
			t.Errorf("ParseTarget(%q) = %v", s, err)
			continue
		}
		if got := fmt.Sprintf("{%s %s %d %v %v}", target.URL, target.Host, target.Port, target.TLS, target); got != want {
			t.Errorf("ParseTarget(%q) = %s, want %s", s, got, want)
		}
	}
}

// F-05
func TestParseTargetRefusesWhatIsNone(t *testing.T) {
	for _, s := range []string{
		"", "a.example:1", "http://a.example", "tcp://a.example", "tcp://:1", "tcp://a.example:0", "tcp://a.example:70000",
		"tcp://a.example:1/x", "tcp://a.example:1?x", "ws://", "ws:a.example", "ws://u:p@a.example", "ws://a.example/#x", "ws://a b/", "ws://a.example:x", "tcp://a.example:1\r\n",
	} {
		target, err := forward.ParseTarget(s)
		if _, ok := errors.AsType[*forward.FieldError](err); !ok || target != nil {
			t.Errorf("ParseTarget(%q) = %v, %v", s, target, err)
		}
	}
}

// F-01, F-02: a field that can not be is named.
func TestValidateNamesTheField(t *testing.T) {
	for want, target := range map[string]forward.Target{
		"URL":           {URL: "ws://a.example", Host: "b.example"},
		"Host":          {Port: 1},
		"Port":          {Host: "a.example"},
		"Text":          {URL: "ws://a.example", Text: true},
		"ProxyProtocol": {URL: "wss://a.example", ProxyProtocol: true},
		"ChunkSize":     {Host: "a.example", Port: 1, ChunkSize: 3},
		"IdleTimeout":   {Host: "a.example", Port: 1, IdleTimeout: -time.Second},
		"HeaderNames":   {URL: "ws://a.example", HeaderNames: []string{"sec-websocket-key"}},
	} {
		fe, ok := errors.AsType[*forward.FieldError](target.Validate())
		if !ok || fe.Field != want {
			t.Errorf("Validate of %+v = %v, want one about %s", target, fe, want)
		}
	}
	for _, names := range [][]string{{"Host"}, {"X-Forwarded-For"}, {"a b"}, {""}, {"origin"}} {
		if (forward.Target{URL: "ws://a.example", HeaderNames: names}).Validate() == nil {
			t.Errorf("the header %q may be passed on", names)
		}
	}
	if err := (forward.Target{Host: "a.example", HeaderNames: []string{"Cookie"}, Port: 1}).Validate(); err == nil {
		t.Error("a TCP target has headers")
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"tcp://a.example:1", "tls://[::1]:2", "ws://a.example/x?y", "wss://a.example", "tcp://a%zz:1", "ws://[fe80::1%25eth0]:1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := forward.ParseTarget(s)
		if err != nil {
			if _, ok := errors.AsType[*forward.FieldError](err); !ok {
				t.Fatalf("ParseTarget(%q) = %v, which has no type", s, err)
			}
			return
		}
		if err := target.Validate(); err != nil {
			t.Fatalf("%q is read and not valid: %v", s, err)
		}
		if again, err := forward.ParseTarget(target.String()); err != nil || again.String() != target.String() {
			t.Fatalf("%q is %q, which is %v, %v", s, target, again, err)
		}
	})
}
