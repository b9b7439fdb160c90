package forwarded

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// Whatever a client sends, the address that the proxy adds is the one that counts.
func FuzzClientCanNotChooseItsAddress(f *testing.F) {
	for _, s := range []string{
		"", "127.0.0.1", "for=127.0.0.1", `for="127.0.0.1`, `x="\`, `\`, `x="`, `for=127.0.0.1;x=", for=1.1.1.1;y="`,
		`""`, `\"`, `"\\`, ",", ";", "for=192.0.2.9", "unknown", "for=_x;by=\"",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	peer := netip.MustParseAddrPort(proxy)
	f.Fuzz(func(t *testing.T, sent string, same bool) {
		if len(sent) > 3000 {
			return
		}
		for _, added := range []struct {
			header Header
			text   string
		}{
			{XForwardedFor, "203.0.113.66"},
			{Forwarded, "for=203.0.113.66"},
			{Forwarded, `for="203.0.113.66:80";host="a.example";by="[::1]"`},
			{Forwarded, `for=203.0.113.66;x=",for=127.0.0.1;y="`},
			{Forwarded, `host="\"\\,";for=203.0.113.66`},
		} {
			lines := []string{sent, added.text}
			if same {
				lines = []string{sent + ", " + added.text}
			}
			r := Rules{Header: added.header, Trusted: trusted}
			got, err := r.Resolve(peer, given(lines...))
			if err != nil || got.Client.Addr().String() != "203.0.113.66" || !got.Named {
				t.Errorf("%v %q: %+v, %v", added.header, lines, got, err)
			}
		}
	})
}

// given is a header that has any bytes, and one name.
func given(lines ...string) Values {
	return func(string) iter.Seq[string] { return slices.Values(lines) }
}

// Any header leads to a result: an address, one way there, and no more hops than allowed.
func FuzzResolveTellsOneClient(f *testing.F) {
	for _, s := range []string{
		"203.0.113.7, 192.0.2.9", "for=203.0.113.7;by=x;proto=https;host=a, for=192.0.2.9", `for="[2001:db8:1::1]:80"`,
		`for="\1\9\2.0.2.1"`, "for=_a, for=192.0.2.3", "192.0.2.1\n192.0.2.2", ";;;", "for=\"", "[::]", "[",
	} {
		f.Add(s)
	}
	peer := netip.MustParseAddrPort(proxy)
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		for _, h := range []Header{None, Forwarded, XForwardedFor, XRealIP} {
			got, err := all(h).Resolve(peer, given(lines...))
			if !got.Client.IsValid() || got.Client.Addr().Zone() != "" || got.Client.Addr().Is4In6() {
				t.Errorf("%v %q: client %v", h, lines, got.Client)
			}
			switch {
			case err != nil || !got.Named:
			case len(got.Chain) < 2 || len(got.Chain) > defaultHops+1, got.Chain[0].Addr != got.Client, got.Chain[len(got.Chain)-1].Addr != peer:
				t.Errorf("%v %q: chain %v", h, lines, got.Chain)
			}
			if !got.Named && (got.Proto != "" || got.Host != "") {
				t.Errorf("%v %q: %+v", h, lines, got)
			}
			for _, hop := range got.Chain[min(1, len(got.Chain)):] {
				if !trusted(hop.Addr.Addr()) {
					t.Errorf("%v %q: %v is in the chain and not trusted", h, lines, hop)
				}
			}
		}
	})
}

// What is written by the grammar of RFC 7239 is read back, whatever is in it.
func FuzzQuotedStringsAreReadBack(f *testing.F) {
	f.Add("a", `"\`)
	f.Add(`,;="`, "\t ")
	f.Fuzz(func(t *testing.T, by, other string) {
		if !plainText(by) || !plainText(other) {
			return
		}
		quote := func(s string) string {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		}
		line := "for=127.0.0.1;by=" + quote(other) + ",for=203.0.113.7;x=" + quote(other) + ";by=" + quote(by) + ""
		r := Rules{Header: Forwarded, Trusted: trusted, MaxBytes: 1 << 20}
		got, err := r.Resolve(netip.MustParseAddrPort(proxy), given(line))
		if err != nil || got.Chain[0].By != by || got.Client.Addr().String() != "203.0.113.7" {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	})
}
