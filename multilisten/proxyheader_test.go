package multilisten

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// v2 is a header of version 2 with the command, the family and transport, and a body.
func v2(command, kind byte, body string) string {
	b := append([]byte(proxyV2Sig), 2<<4|command, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return string(b) + body
}

// tlv is a field of version 2.
func tlv(kind byte, value string) string {
	return string(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(value)))) + value
}

func unixName(s string) string { return s + strings.Repeat("\x00", 108-len(s)) }

const (
	body4 = "\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb" // 192.0.2.1:56324, 198.51.100.1:443
	body6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xdc\x04\x01\xbb"
)

func tcp(host string, port int) net.Addr {
	ip := net.ParseIP(host)
	if v4 := ip.To4(); v4 != nil {
		ip = v4
	}
	return &net.TCPAddr{IP: ip, Port: port}
}

func unixAt(name string) net.Addr { return &net.UnixAddr{Name: name, Net: "unix"} }

// withCRC ends a header in its checksum.
func withCRC(h string) string {
	h += tlv(pp2CRC32C, "\x00\x00\x00\x00")
	b := []byte(h)
	binary.BigEndian.PutUint16(b[14:], uint16(len(b)-16))
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return string(b)
}

var (
	client4, server4 = tcp("192.0.2.1", 56324), tcp("198.51.100.1", 443)
	client6, server6 = tcp("2001:db8::1", 56324), tcp("2001:db8::2", 443)
)

// goodHeaders: those marked * were made by another implementation
// (github.com/pires/go-proxyproto v0.15.0).
var goodHeaders = []struct {
	name, bytes string
	want        ProxyHeader
}{
	{"v1 IPv4 *", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", ProxyHeader{Version: 1, Source: client4, Destination: server4}},
	{"v1 IPv6 *", "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", ProxyHeader{Version: 1, Source: client6, Destination: server6}},
	{"v1 unknown *", "PROXY UNKNOWN\r\n", ProxyHeader{Version: 1}},
	{"v1 shortest", "PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n", ProxyHeader{Version: 1, Source: tcp("1.2.3.4", 0), Destination: tcp("5.6.7.8", 0)}},
	{"v1 shortest IPv6", "PROXY TCP6 :: ::1 1 2\r\n", ProxyHeader{Version: 1, Source: tcp("::", 1), Destination: tcp("::1", 2)}},
	{
		"v1 longest", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 443\r\n",
		ProxyHeader{Version: 1, Source: tcp("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535), Destination: tcp("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 443)},
	},
	{"v1 IPv4 as IPv6", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 56324 443\r\n", ProxyHeader{Version: 1, Source: client4, Destination: server4}},
	{"v1 unknown with more", "PROXY UNKNOWN ffff::1 any thing \rat all\r\n", ProxyHeader{Version: 1}},

	{"v2 IPv4 *", "\r\n\r\n\x00\r\nQUIT\n!\x11\x00\f" + body4, ProxyHeader{Version: 2, Source: client4, Destination: server4}},
	{"v2 IPv6 *", "\r\n\r\n\x00\r\nQUIT\n!!\x00$" + body6, ProxyHeader{Version: 2, Source: client6, Destination: server6}},
	{
		"v2 unix *", "\r\n\r\n\x00\r\nQUIT\n!1\x00\xd8" + unixName("/run/client") + unixName("/run/server"),
		ProxyHeader{Version: 2, Source: unixAt("/run/client"), Destination: unixAt("/run/server")},
	},
	{"v2 local *", "\r\n\r\n\x00\r\nQUIT\n \x00\x00\x00", ProxyHeader{Version: 2, Local: true}},
	{
		"v2 fields *",
		"\r\n\r\n\x00\r\nQUIT\n!\x11\x00h\xc0\x00\x02\x01\xc63d\x01\xdc\x04\x01\xbb\x01\x00\x02h2\x02\x00\vwww.example\x05\x00\x03\x01\x02\x03 \x009\x03\x00\x00\x00\x00!\x00\aTLSv1.3\"\x00\x0eclient.example#\x00\x16TLS_AES_128_GCM_SHA256\xea\x00\x04vpce",
		ProxyHeader{
			Version: 2, Source: client4, Destination: server4,
			ALPN: "h2", Authority: "www.example", UniqueID: []byte{1, 2, 3},
			TLS: &ProxyTLS{Version: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256", CommonName: "client.example", CertOnConn: true, Verified: true},
			TLVs: []ProxyTLV{
				{1, []byte("h2")},
				{2, []byte("www.example")},
				{5, []byte{1, 2, 3}},
				{0x20, []byte("\x03\x00\x00\x00\x00!\x00\aTLSv1.3\"\x00\x0eclient.example#\x00\x16TLS_AES_128_GCM_SHA256")},
				{0xea, []byte("vpce")},
			},
		},
	},
	{"v2 local with a body to ignore", v2(0, 0xff, "anything"), ProxyHeader{Version: 2, Local: true}},
	{"v2 unknown with a body to ignore", v2(1, 0, "anything"), ProxyHeader{Version: 2}},
	{
		"v2 abstract unix, and none", v2(1, 0x31, unixName("\x00a\x00b")+unixName("")),
		ProxyHeader{Version: 2, Source: unixAt("@a\x00b"), Destination: unixAt("")},
	},
	{
		"v2 unix, as long as can be", v2(1, 0x31, strings.Repeat("a", 108)+strings.Repeat("b", 108)),
		ProxyHeader{Version: 2, Source: unixAt(strings.Repeat("a", 108)), Destination: unixAt(strings.Repeat("b", 108))},
	},
	{
		"v2 checksum", withCRC(v2(1, 0x11, body4+tlv(pp2Authority, "a.example"))),
		ProxyHeader{Version: 2, Source: client4, Destination: server4, Authority: "a.example", TLVs: []ProxyTLV{{2, []byte("a.example")}, {3, nil}}},
	},
	{
		"v2 the first of two counts, empty ones are there", v2(1, 0x11, body4+tlv(pp2ALPN, "h2")+tlv(pp2ALPN, "")),
		ProxyHeader{Version: 2, Source: client4, Destination: server4, ALPN: "h2", TLVs: []ProxyTLV{{1, []byte("h2")}, {1, []byte{}}}},
	},
	{
		"v2 plain behind a TLS proxy", v2(1, 0x11, body4+tlv(pp2TLS, "\x00\x00\x00\x00\x00")),
		ProxyHeader{Version: 2, Source: client4, Destination: server4, TLVs: []ProxyTLV{{0x20, []byte("\x00\x00\x00\x00\x00")}}},
	},
	{
		"v2 no certificate is not a valid one", v2(1, 0x11, body4+tlv(pp2TLS, "\x01\x00\x00\x00\x00")),
		ProxyHeader{
			Version: 2, Source: client4, Destination: server4,
			TLS: &ProxyTLS{}, TLVs: []ProxyTLV{{0x20, []byte("\x01\x00\x00\x00\x00")}},
		},
	},
	{
		"v2 certificate of the session, not valid", v2(1, 0x11, body4+tlv(pp2TLS, "\x05\x00\x00\x00\x01"+tlv(pp2TLSSigAlg, "SHA256")+tlv(pp2TLSKeyAlg, "EC256")+tlv(pp2TLSClientCert, "der"))),
		ProxyHeader{
			Version: 2, Source: client4, Destination: server4,
			TLS:  &ProxyTLS{CertInSession: true, SigAlg: "SHA256", KeyAlg: "EC256", ClientCert: []byte("der")},
			TLVs: []ProxyTLV{{0x20, []byte("\x05\x00\x00\x00\x01" + tlv(pp2TLSSigAlg, "SHA256") + tlv(pp2TLSKeyAlg, "EC256") + tlv(pp2TLSClientCert, "der"))}},
		},
	},
}

var badHeaders = []struct{ name, bytes string }{
	{"v1 kind", "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"},
	{"v1 lower case", "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n"},
	{"v1 nothing", "PROXY \r\n          "},
	{"v1 other family", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"},
	{"v1 other family, IPv6", "PROXY TCP6 192.0.2.1 192.0.2.2 56324 443\r\n"},
	{"v1 zone", "PROXY TCP6 fe80::1%lo fe80::2 1 2\r\n"},
	{"v1 leading zero of a port", "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n"},
	{"v1 port with a sign", "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n"},
	{"v1 port too large", "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n"},
	{"v1 no port", "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"},
	{"v1 host name", "PROXY TCP4 a.example 5.6.7.8 1 2\r\n"},
	{"v1 two spaces", "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n"},
	{"v1 one field more", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n"},
	{"v1 LF alone", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n\n"},
	{"v1 108 bytes", "PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n"},
	{"v1 endless", "PROXY UNKNOWN " + strings.Repeat("x", 200)},
	{"v1 endless address", "PROXY TCP4 " + strings.Repeat("1", 200)},

	{"v2 version 1", strings.Replace(v2(1, 0x11, body4), "!", "\x11", 1)},
	{"v2 version 3", strings.Replace(v2(1, 0x11, body4), "!", "\x31", 1)},
	{"v2 command 2", v2(2, 0x11, body4)},
	{"v2 datagrams", v2(1, 0x12, body4)},
	{"v2 family without transport", v2(1, 0x10, body4)},
	{"v2 unknown family", v2(1, 0x41, body4)},
	{"v2 addresses cut off", v2(1, 0x11, body4[:11])},
	{"v2 addresses cut off, IPv6", v2(1, 0x21, body4)},
	{"v2 addresses cut off, unix", v2(1, 0x31, unixName("/a"))},
	{"v2 field cut off", v2(1, 0x11, body4+"\x01\x00")},
	{"v2 value cut off", v2(1, 0x11, body4+"\x01\x00\x03h2")},
	{"v2 wrong checksum", v2(1, 0x11, body4+tlv(pp2CRC32C, "\x00\x00\x00\x00"))},
	{"v2 short checksum", v2(1, 0x11, body4+tlv(pp2CRC32C, "\x00"))},
	{"v2 unique id too long", v2(1, 0x11, body4+tlv(pp2UniqueID, strings.Repeat("x", 129)))},
	{"v2 TLS cut off", v2(1, 0x11, body4+tlv(pp2TLS, "\x01\x00\x00\x00"))},
	{"v2 field of TLS cut off", v2(1, 0x11, body4+tlv(pp2TLS, "\x01\x00\x00\x00\x00\x21\x00\x09TLS"))},
	{"v2 too large", v2(1, 0x11, body4+tlv(0xea, strings.Repeat("x", 4096)))},
}

// readers give the bytes in different pieces.
var readers = map[string]func(io.Reader) io.Reader{
	"whole": func(r io.Reader) io.Reader { return r }, "by byte": iotest.OneByteReader, "by half": iotest.HalfReader,
}

func testPolicy() *ProxyPolicy { return (&ProxyPolicy{Require: true}).clone() }

func TestProxyHeaderIsReadAndNoByteMore(t *testing.T) { // L: PROXY protocol
	for _, tt := range goodHeaders {
		for pieces, cut := range readers {
			t.Run(tt.name+" "+pieces, func(t *testing.T) {
				r := strings.NewReader(tt.bytes + "\r\n\r\n\x00\r\nQUIT\nPROXY ")
				h, rest, err := readProxyHeader(cut(r), testPolicy())
				if err != nil || rest != nil {
					t.Fatalf("read = %v, %q", err, rest)
				}
				for i, f := range h.TLVs { // the checksum is not of interest
					if f.Type == pp2CRC32C {
						h.TLVs[i].Value = nil
					}
				}
				if !reflect.DeepEqual(*h, tt.want) {
					t.Errorf("header =\n%+v, want\n%+v", *h, tt.want)
				}
				if left, _ := io.ReadAll(r); string(left) != "\r\n\r\n\x00\r\nQUIT\nPROXY " {
					t.Errorf("%q is left of what follows", left)
				}
			})
		}
	}
}

func TestBadProxyHeaderIsRefused(t *testing.T) { // L: PROXY protocol
	for _, tt := range badHeaders {
		for pieces, cut := range readers {
			for _, p := range []*ProxyPolicy{testPolicy(), (&ProxyPolicy{}).clone()} {
				h, rest, err := readProxyHeader(cut(strings.NewReader(tt.bytes+"GET / HTTP/1.1\r\n")), p)
				if h != nil || rest != nil || !errors.Is(err, ErrProxyHeader) {
					t.Errorf("%s, %s: %+v, %q, %v; want ErrProxyHeader", tt.name, pieces, h, rest, err)
				}
			}
		}
	}
}

func TestCutProxyHeaderIsAnError(t *testing.T) { // L: PROXY protocol
	for _, tt := range goodHeaders {
		for n := range len(tt.bytes) {
			h, rest, err := readProxyHeader(strings.NewReader(tt.bytes[:n]), (&ProxyPolicy{}).clone())
			want := io.ErrUnexpectedEOF
			if n == 0 {
				want = io.EOF
			}
			if h != nil || rest != nil || err != want {
				t.Fatalf("%s, %d bytes: %+v, %q, %v; want %v", tt.name, n, h, rest, err, want)
			}
		}
	}
}

func TestWhatIsNoProxyHeaderIsKept(t *testing.T) { // L: PROXY protocol
	for _, text := range []string{
		"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01", "PROPFIND / HTTP/1.1\r\n\r\n", "PROXY\r\nPROXY TCP4", "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"\r\n\r\n\x00\r\nQUIT\r", "x",
	} {
		for pieces, cut := range readers {
			r := strings.NewReader(text)
			h, rest, err := readProxyHeader(cut(r), (&ProxyPolicy{}).clone())
			left, _ := io.ReadAll(r)
			if h != nil || err != nil || string(rest)+string(left) != text || len(rest) > 15 {
				t.Errorf("%q %s: %+v, %q, %v", text, pieces, h, rest, err)
			}
			h, rest, err = readProxyHeader(cut(strings.NewReader(text)), testPolicy())
			if h != nil || rest != nil || err != ErrNoProxyHeader {
				t.Errorf("%q required: %+v, %q, %v; want ErrNoProxyHeader", text, h, rest, err)
			}
		}
	}
}

func TestProxyHeaderHasALimit(t *testing.T) { // L: PROXY protocol
	large := v2(1, 0x11, body4+tlv(0xea, strings.Repeat("x", 1<<16-1-12-3)))
	if len(large) != proxyV2Max {
		t.Fatalf("%d bytes, want %d", len(large), proxyV2Max)
	}
	for limit, ok := range map[int]bool{proxyV2Max: true, proxyV2Max - 1: false} {
		p := (&ProxyPolicy{MaxHeader: limit}).clone()
		if _, _, err := readProxyHeader(strings.NewReader(large), p); (err == nil) != ok || !ok && !errors.Is(err, ErrProxyHeader) {
			t.Errorf("MaxHeader %d: %v", limit, err)
		}
	}
	line := "PROXY UNKNOWN " + strings.Repeat("x", 91) + "\r\n"
	if _, _, err := readProxyHeader(strings.NewReader(line), testPolicy()); err != nil {
		t.Errorf("%d bytes of version 1: %v", len(line), err)
	}
}

// Whatever comes and however it is cut: nothing is lost, nothing is read twice, and how
// it is cut makes no difference.
func FuzzProxyHeader(f *testing.F) {
	for _, h := range goodHeaders {
		f.Add([]byte(h.bytes+"GET"), uint8(7), true)
	}
	for _, h := range badHeaders {
		f.Add([]byte(h.bytes), uint8(1), false)
	}
	f.Add([]byte("PROPFIND / HTTP/1.1\r\n"), uint8(2), false)
	f.Fuzz(func(t *testing.T, b []byte, piece uint8, require bool) {
		p := (&ProxyPolicy{Require: require, MaxHeader: 1000}).clone()
		r := bytes.NewReader(b)
		h, rest, err := readProxyHeader(r, p)
		left, _ := io.ReadAll(r)
		consumed := b[:len(b)-len(left)]
		switch {
		case err != nil && (h != nil || rest != nil):
			t.Fatalf("%+v and %q beside %v", h, rest, err)
		case err == nil && h == nil && (require || !bytes.Equal(rest, consumed)):
			t.Fatalf("no header: %q of %q is kept", rest, consumed)
		case h != nil:
			again, err := parseProxyHeader(consumed)
			if err != nil || !reflect.DeepEqual(h, again) || len(consumed) > 1000 {
				t.Fatalf("%d bytes are %+v, read as %+v; %v", len(consumed), again, h, err)
			}
		}
		r = bytes.NewReader(b)
		h2, rest2, err2 := readProxyHeader(pieces{r, int(piece%16) + 1}, p)
		left2, _ := io.ReadAll(r)
		if (err == nil) != (err2 == nil) || !reflect.DeepEqual(h, h2) {
			t.Fatalf("in pieces: %+v, %v; whole: %+v, %v", h2, err2, h, err)
		}
		if err == nil && string(rest)+string(left) != string(rest2)+string(left2) {
			t.Fatalf("in pieces %q, whole %q is left", string(rest2)+string(left2), string(rest)+string(left))
		}
	})
}

// pieces reads n bytes at a time.
type pieces struct {
	r io.Reader
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }
