package handshake

import (
	"errors"
	"strings"
	"testing"
)

func mustOrigins(tb testing.TB, entries ...string) *Origins {
	tb.Helper()
	o, err := ParseOrigins(entries)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// without a list a page may connect to the host that it came from.
func TestEmptyListAllowsTheSameHost(t *testing.T) {
	for _, tt := range []struct {
		origin, host string
		tls, want    bool
	}{
		{"", "a.example", false, true}, // not a browser
		{"http://a.example", "a.example", false, true},
		{"https://a.example", "a.example", true, true},
		{"HTTPS://A.example", "a.EXAMPLE", true, true},
		{"https://a.example", "a.example", false, true}, // behind a proxy with TLS
		{"https://a.example", "a.example:443", false, true},
		{"https://a.example", "a.example:443", true, true},
		{"https://a.example:443", "a.example", true, true},
		{"http://a.example:80", "a.example:", false, true},
		{"http://a.example:8080", "a.example:8080", false, true},
		{"https://[::1]:8443", "[::1]:8443", true, true},
		{"http://127.0.0.1", "127.0.0.1:80", false, true},

		{"http://b.example", "a.example", false, false},
		{"http://a.example.evil.example", "a.example", false, false},
		{"http://eva.example", "a.example", false, false},
		{"http://x.a.example", "a.example", false, false},
		{"http://a.example:8080", "a.example", false, false},
		{"http://a.example", "a.example:8080", false, false},
		{"https://a.example:8443", "a.example:9443", true, false},
		{"null", "a.example", false, false},
		{"null", "null", false, false},
		{"a.example", "a.example", false, false},
		{"http://a.example/", "a.example", false, false},
		{"http://me@a.example", "a.example", false, false},
		{"http://a.example http://b.example", "a.example", false, false},
		{"http://a.example:", "a.example", false, true},
		{"http://a.example:0", "a.example", false, false},
		{"http://a.example:99999", "a.example", false, false},
		{"://a.example", "a.example", false, false},
		{"http://", "", false, false},
		{"http://[::1", "[::1", false, false},
		{"http://a.example", "", false, false},
		{"http://\u212a.example", "k.example", false, false},
	} {
		for _, o := range []*Origins{nil, {}, mustOrigins(t)} {
			if got := o.Allows(tt.origin, tt.host, tt.tls); got != tt.want {
				t.Errorf("Allows(%q, %q, %v) = %v, want %v", tt.origin, tt.host, tt.tls, got, tt.want)
			}
		}
	}
}

//
func TestListAllowsWhatItNamesAndNothingElse(t *testing.T) {
	for _, tt := range []struct {
		entry, origin string
		want          bool
	}{
		{"*", "https://evil.example", true},
		{"*", "null", true},
		{"*", "anything at all", true},
		{"null", "null", true},
		{"NULL", "null", true},
		{"null", "https://server.example", false},
		{"https://app.example", "", true}, // not a browser
		{"https://app.example", "https://app.example", true},
		{"https://app.example", "HTTPS://APP.example", true},
		{"HTTPS://App.Example", "https://app.example", true},
		{"https://app.example", "https://app.example:443", true},
		{"https://app.example:443", "https://app.example", true},
		{"https://app.example", "http://app.example", false},
		{"https://app.example", "https://app.example:8443", false},
		{"https://app.example", "https://server.example", false}, // the host asked for is not in the list
		{"https://app.example", "null", false},
		{"https://app.example:8443", "https://app.example:8443", true},
		{"https://app.example:8443", "https://app.example", false},
		{"app.example", "https://app.example", true},
		{"app.example", "http://app.example", true},
		{"app.example", "http://app.example:80", true},
		{"app.example", "http://app.example:443", false},
		{"app.example:3000", "http://app.example:3000", true},
		{"app.example:443", "https://app.example", true},
		{"app.example", "https://app.example.evil.example", false},
		{"app.example", "https://evilapp.example", false},
		{"https://*.example", "https://a.example", true},
		{"https://*.example", "https://example", false},
		{"https://*.example", "https://b.a.example", false}, // one label
		{"https://*.example", "https://.example", false},
		{"https://*.example", "http://a.example", false},
		{"https://*.example:8443", "https://a.example:8443", true},
		{"*.app.example", "http://x.app.example", true},
		{"https://[::1]:8443", "https://[::1]:8443", true},
		{"chrome-extension://abcdef", "chrome-extension://abcdef", true},
		{"capacitor://localhost", "capacitor://localhost:1", false},
		{"https://app.example", "https://app.example/", false},
		{"same", "https://server.example", true},
		{"Self", "http://server.example", true},
		{"same", "https://app.example", false},
		{"https://app.example:*", "https://app.example", true},
		{"https://app.example:*", "https://app.example:8443", true},
		{"https://app.example:*", "http://app.example:8443", false},
		{"https://app.example:*", "https://b.example:8443", false},
		{"https://*.example:*", "https://a.example:1", true},
		{"[::1]:*", "http://[::1]:3000", true},
		{"http://127.0.0.1", "http://127.0.0.1", true},
		{"https://app.example.", "https://app.example.", true},
		{"https://app.example", "https://app.example@evil.example", false},
	} {
		if got := mustOrigins(t, tt.entry).Allows(tt.origin, "server.example", true); got != tt.want {
			t.Errorf("%q allows %q = %v, want %v", tt.entry, tt.origin, got, tt.want)
		}
	}
	if o := mustOrigins(t, "same", "https://a.example"); !o.Allows("https://a.example", "server.example", true) ||
		!o.Allows("https://server.example", "server.example", true) || o.Allows("https://b.example", "server.example", true) ||
		o.Allows("null", "server.example", true) {
		t.Error("the host itself and a list do not go together")
	}
	two := mustOrigins(t, "https://a.example", "null", "b.example")
	for _, origin := range []string{"https://a.example", "null", "http://b.example"} {
		if !two.Allows(origin, "", false) {
			t.Errorf("list of three refuses %q", origin)
		}
	}
}

func TestBadEntryIsNamed(t *testing.T) {
	for _, entry := range []string{
		"", " ", "https://", "https://app.example/", "https://app.example/path", "https://me@app.example",
		"https://app.example:", "https://app.example:0", "https://app.example:99999", "https://app.example:https",
		"https://app.example?q", "https://app example", "1ttp://app.example", "://app.example", "https://*",
		"https://a*.example", "https://a.*.example", "https://*.", "*.*.example", "**", "https://[::1", "[]",
		"*.[::1]", "https://\u00e4.example", "https://app.example, https://b.example",
		"ws://app.example", "wss://app.example", "https://a..example", "https://.example", "null:80", "null:*", "https://app.example:80:*",
		"https://[::0001]", "https://[0:0:0:0:0:0:0:1]", "https://[::ffff:192.0.2.1]", "https://[fe80::1%25eth0]", "https://127.1",
		"https://0x7f.0.0.1", "https://192.0.2.256", "https://192.0.2.01", "https://*.2.0.192", "*.0.2.1", "*:*", "https://" + strings.Repeat("a", 64) + ".example",
	} {
		_, err := ParseOrigins([]string{"https://good.example", entry})
		if err == nil || !strings.Contains(err.Error(), `"`+entry+`"`) {
			t.Errorf("ParseOrigins(%q) = %v, want an error that names it", entry, err)
		}
		if e, ok := errors.AsType[*OriginError](err); !ok || e.Index != 1 || e.Entry != entry || e.Unwrap() == nil {
			t.Errorf("ParseOrigins(%q) = %#v, want an OriginError", entry, err)
		}
	}
	for entry, hint := range map[string]string{
		"https://\u00e4.example": "xn--", "wss://app.example": "https", "https://[::0001]": "[::1]", "https://[::ffff:192.0.2.1]": "[::ffff:c000:201]",
	} {
		if _, err := ParseOrigins([]string{entry}); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("ParseOrigins(%q) = %v, want a hint at %s", entry, err, hint)
		}
	}
}

//
func TestRefusalNamesOriginAndSetting(t *testing.T) {
	var none *Origins
	e := none.Check(mustRead(t, upgrade("Origin: https://evil.example")), true)
	if status(e) != 403 || e.Setting != "AllowedOrigins" || !strings.Contains(e.Body, `"https://evil.example"`) {
		t.Errorf("Check = %v", e)
	}
	long := none.Check(mustRead(t, upgrade("Origin: "+strings.Repeat("\xff", 10_000))), true)
	if status(long) != 403 || len(long.Body) > 500 || !allOf(long.Body, valueChar) {
		t.Errorf("Check = %v", long)
	}
	two := upgrade("Origin: http://server.example\r\nOrigin: http://server.example")
	if e := mustOrigins(t, "*").Check(mustRead(t, two), false); status(e) != 403 {
		t.Errorf("two Origin headers = %v, want 403", e)
	}
	for _, request := range []string{upgrade(), upgrade("Origin: http://server.example"), browserRequest} {
		if e := none.Check(mustRead(t, request), false); e != nil {
			t.Errorf("Check = %v", e)
		}
	}
}

func TestOriginCheckDoesNotAllocate(t *testing.T) {
	o := mustOrigins(t, "https://*.example", "server.example:8080")
	r := mustRead(t, browserRequest)
	if n := testing.AllocsPerRun(100, func() { _ = o.Check(r, false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
