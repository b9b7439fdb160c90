package handshake

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sameAsFields holds what was noted of a request against a search in Raw.
func sameAsFields(t *testing.T, r *Request) {
	t.Helper()
	raw := Fields(r.Raw)
	for f, name := range fieldNames {
		if got, want := slices.Collect(r.values(field(f))), slices.Collect(raw.Values(name)); !slices.Equal(got, want) {
			t.Errorf("%q: %s is noted as %q, want %q", r.Raw, name, got, want)
		}
		if got, want := int(r.known[f].n), raw.Count(name); got != want {
			t.Errorf("%q: %d lines of %s are noted, want %d", r.Raw, got, name, want)
		}
		for _, token := range []string{"websocket", "upgrade", "13", ""} {
			if got, want := r.lists(field(f), token), raw.HasToken(name, token); got != want {
				t.Errorf("%q: %s lists %q is %v, want %v", r.Raw, name, token, got, want)
			}
		}
	}
	if got, want := r.Extensions(), slices.Collect(raw.Values("Sec-WebSocket-Extensions")); !slices.Equal(got, want) {
		t.Errorf("Extensions = %q, want %q", got, want)
	}
	offered, e := r.OfferedProtocols()
	want, wantErr := OfferedProtocols(r.Raw)
	if !slices.Equal(offered, want) || (e == nil) != (wantErr == nil) {
		t.Errorf("OfferedProtocols = %q, %v; want %q, %v", offered, e, want, wantErr)
	}
	if r.Key() != raw.Get("Sec-WebSocket-Key") || r.Origin() != raw.Get("Origin") {
		t.Errorf("Key = %q, Origin = %q in %q", r.Key(), r.Origin(), r.Raw)
	}
}

func TestKnownFieldsAreNotedAsTheyAre(t *testing.T) {
	for _, request := range []string{
		browserRequest, upgrade(), upgrade("-Upgrade"), upgrade("-Connection", "Origin:"),
		"GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.0\nupgrade:a\nX: y\nUPGRADE: \t b, websocket \nSec-WebSocket-Extensions:x\nsec-websocket-extensions: y\n\n",
		upgrade() + "Upgrade: h2c\r\n",
		strings.Replace(upgrade(), "\r\n\r\n", "\r\nConnection: x\r\nSec-WebSocket-Protocol: a\r\nX: "+
			strings.Repeat("y", 300)+"\r\nsec-websocket-protocol: b, c\r\nOrigin: http://a\r\nOrigin: http://b\r\n\r\n", 1),
		"GET / HTTP/1.0\r\n" + strings.Repeat("Z", 40) + ": a\r\nUpgradf: websocket\r\n\r\n",
	} {
		sameAsFields(t, mustRead(t, request))
	}
}

func TestPlainURLIsThatOfThePackageURL(t *testing.T) {
	plain := 0
	for _, target := range []string{
		"/", "/chat", "/chat?", "/chat??", "/chat?room=1", "/a?b?c", "/?", "//a/b", "///", "//a:80/", "/./../a", "/a-b._~",
		"/a?%zz", "/a?\xff", "/a%41", "/a%zz", "/a b", "/a:b", "/a;b", "/a+b", "/a@b", "/\xc3\xa4", "/a*", "/a(b)!", "",
		"?", "a", "*", "http://a/b", "/a?http://b",
	} {
		got := plainURL(target)
		want, err := url.ParseRequestURI(target)
		if got == nil {
			continue
		}
		plain++
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("plainURL(%q) = %#v, want %#v, %v", target, got, want, err)
		}
	}
	if plain != 14 {
		t.Errorf("%d targets are plain, want 14", plain)
	}
}

func TestReceiveLeavesNothingOfTheLastRequest(t *testing.T) {
	var r Request
	if err := r.Receive(strings.NewReader(browserRequest+"\x81\x80"), 0); err != nil || len(r.Buffered) != 2 {
		t.Fatal(err)
	}
	const next = "POST /x HTTP/1.1\r\nHost: a\r\n\r\n"
	if err := r.Receive(strings.NewReader(next), 0); err != nil {
		t.Fatal(err)
	}
	if want := mustRead(t, next); !reflect.DeepEqual(&r, want) {
		t.Errorf("got %+v, want %+v", r, want)
	}
}

// What a good handshake costs: the head as a string, the URL and the names of the
// protocols; a map with its values for who wants it.
func TestGoodHandshakeAllocatesLittle(t *testing.T) {
	src := strings.NewReader("")
	buf := make([]byte, 0, 512)
	var r Request
	n := testing.AllocsPerRun(100, func() {
		src.Reset(upgradeRequest)
		err := r.Receive(src, 0)
		if err != nil || !r.IsUpgrade() || r.Check() != nil || (*Origins)(nil).Check(&r, false) != nil {
			t.Fatal(err)
		}
		if buf, err = AppendSwitching(buf[:0], r.Key(), "", "", nil); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 {
		t.Errorf("a handshake allocates %v times, want 2", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = r.Header() }); n > 3 {
		t.Errorf("its header allocates %v times, want 3", n)
	}
}

var upgradeRequest = upgrade()
