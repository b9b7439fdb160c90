package handshake

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

var requestSeeds = []string{
	browserRequest, upgrade(), upgrade() + "\x81\x80\x00\x00\x00\x00",
	"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.0\r\n\r\n",
	"GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a\r\nX: y\r\nupgrade: websocket\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\n\r\n",
	"GET //a/%41?b=%zz HTTP/1.1\r\nHost: [::1]:80\r\nPragma: no-cache\r\n\r\n",
	"GET / HTTP/1.1\r\nHost:\r\n:\r\n\r\n", "\r\n\r\n", "\x16\x03\x01\x00",
}

// Whatever Read accepts, net/http reads alike; no byte is lost; and it does not
// matter in which pieces the bytes come.
func FuzzReadAgreesWithNetHTTP(f *testing.F) {
	for _, s := range requestSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, request string) {
		r, err := Read(strings.NewReader(request), 0)
		pieces, pieceErr := Read(iotest.OneByteReader(strings.NewReader(request)), 0)
		if (err == nil) != (pieceErr == nil) {
			t.Fatalf("%q: at once %v, in pieces %v", request, err, pieceErr)
		}
		if err != nil {
			if e, ok := errors.AsType[*Error](err); ok {
				readableAnswer(t, e.Append(nil, false), e.Status)
			}
			return
		}
		if pieces.head != r.head || pieces.Raw != r.Raw || pieces.host != r.host {
			t.Errorf("%q: at once %+v, in pieces %+v", request, r, pieces)
		}
		if read := string(r.Replay()); !strings.HasPrefix(request, read) || len(read) < min(len(request), firstBuffer) {
			t.Errorf("%q was replayed as %q", request, read)
		}
		sameAsNetHTTP(t, r, request)
		sameAsFields(t, r)
		if u, err := url.ParseRequestURI(r.Target); err == nil && r.Method != "CONNECT" && !reflect.DeepEqual(u, r.URL) {
			t.Errorf("%q: URL %#v, want %#v", request, r.URL, u)
		}
		if e := r.Check(); e != nil {
			readableAnswer(t, e.Append(nil, false), e.Status)
		} else if !r.IsUpgrade() {
			t.Errorf("%q: good and yet no upgrade", request)
		}
	})
}

func readableAnswer(t *testing.T, raw []byte, status int) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil || res.StatusCode != status {
		t.Errorf("answer %q: %v", raw, err)
	}
}

func FuzzFieldsAgreeWithTheirHeader(f *testing.F) {
	f.Add(someFields, "Connection")
	f.Add("a: b", "A")
	f.Add("a:\n:\n\n: :", "")
	f.Fuzz(func(t *testing.T, raw, name string) {
		fields := Fields(raw)
		_, _ = OfferedProtocols(raw)
		values := slices.Collect(fields.Values(name))
		if len(values) != fields.Count(name) {
			t.Errorf("%d values, count %d", len(values), fields.Count(name))
		}
		r, err := Read(strings.NewReader("GET / HTTP/1.0\r\n"+raw+"\r\n\r\n"), 1<<20)
		if err != nil || !isToken(name) || equalFold(name, "Host") {
			return
		}
		values = slices.Collect(Fields(r.Raw).Values(name))
		if want := r.Header().Values(name); !slices.Equal(values, want) {
			t.Errorf("Values(%q) = %q, header has %q", name, values, want)
		}
	})
}

// The header of a 101 can not add a line that was not asked for.
func FuzzSwitchingHasOnlyTheLinesGiven(f *testing.F) {
	f.Add("X-A", "b", "chat", "permessage-deflate")
	f.Add("X\r\nY", "b\r\nZ: c", "a,b", "x\ny")
	f.Add("Upgrade", "h2c", "", "")
	f.Fuzz(func(t *testing.T, name, value, protocol, extensions string) {
		raw, err := AppendSwitching(nil, sampleKey, protocol, extensions, http.Header{name: {value}})
		if err != nil {
			return
		}
		lines := 6
		if protocol != "" {
			lines++
		}
		if extensions != "" {
			lines++
		}
		if n := bytes.Count(raw, []byte("\n")); n != lines {
			t.Errorf("%d lines, want %d: %q", n, lines, raw)
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
		if err != nil || res.StatusCode != 101 || res.Header.Get(name) != strings.Trim(value, " \t") {
			t.Errorf("%q: %v", raw, err)
		}
	})
}

func FuzzOriginOfAnotherHostIsRefused(f *testing.F) {
	f.Add("https://app.example", "app.example")
	f.Add("https://app.example:443@evil.example", "app.example:443")
	f.Add("null", "[::1]:80")
	f.Fuzz(func(t *testing.T, origin, host string) {
		var none *Origins
		if !none.Allows(origin, host, true) || origin == "" {
			return
		}
		_, authority, _ := strings.Cut(origin, "://")
		ours, _, ok1 := splitAuthority(authority)
		theirs, _, ok2 := splitAuthority(host)
		if !ok1 || !ok2 || !strings.EqualFold(ours, theirs) {
			t.Errorf("origin %q may connect to %q", origin, host)
		}
	})
}
