package arch

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

const (
	gws  = "github.com/lxzan/gws"
	uuid = "github.com/google/uuid"
	leak = "go.uber.org/goleak"
)

// arrow says what a package may import besides the standard library. A pattern
// that ends in a star stands for everything below. Packages of this module are
// named without its path.
type arrow struct {
	from string
	to   []string
}

var arrows = []arrow{
	{"cmd/icsws", []string{"cmd/icsws/internal/*"}},
	{"cmd/icsws/internal/*", []string{"cmd/icsws/internal/*", "wsserver", "client", "client/dial", "config", "hosts", "multilisten",
		"internal/keystore", "internal/nearest", "golang.org/x/crypto/ocsp", "golang.org/x/net/idna", "golang.org/x/sys/unix", "golang.org/x/sys/windows", "golang.org/x/term"}},
	{"examples/*", []string{"wsserver", "client", "client/dial", "config", "hosts", "multilisten", "banner", "pump", "forward", "web"}},
	{"wsserver", []string{"admit", "client", "hosts", "multilisten", "banner", "forward", uuid,
		"internal/relay", "internal/forwarded",
		"internal/deflate", "internal/engine", "internal/event", "internal/handshake",
		"internal/groups", "internal/link", "internal/logkey", "internal/nearest", "internal/registry", "internal/transport"}},
	{"client", []string{"internal/budget", "internal/link", uuid}},
	{"config", []string{"admit", "wsserver", "client", "hosts", "multilisten", "banner", "forward", "internal/ini", "internal/nearest", "internal/dirfs",
		"github.com/BurntSushi/toml", "github.com/goccy/go-yaml", "github.com/goccy/go-yaml/*"}},
	{"client/clienttest", []string{"client", "internal/*", uuid}},
	{"client/dial", []string{"client", "hosts", "internal/*", "golang.org/x/net/idna", "golang.org/x/net/proxy", uuid}},
	{"hosts", []string{"internal/event", "internal/ini", "internal/keystore", "internal/nearest", "internal/dirfs", "github.com/fsnotify/fsnotify",
		"golang.org/x/crypto/cryptobyte", "golang.org/x/crypto/cryptobyte/asn1", "golang.org/x/crypto/ocsp", "golang.org/x/net/idna"}},
	{"hosts/acme", []string{"hosts", "internal/event", "github.com/mholt/acmez/v3", "github.com/mholt/acmez/v3/acme", "golang.org/x/sys/windows"}},
	{"multilisten", nil},
	{"banner", nil},
	{"admit", nil},
	{"forward", []string{"internal/logkey"}},
	{"pump", []string{"internal/event", "internal/link"}},
	{"web", nil},
	{"metrics", []string{"wsserver", "github.com/prometheus/client_golang/*"}},

	{"internal/engine", []string{"client", "internal/transport", "internal/handshake", "internal/deflate", "internal/event", "internal/link", gws}},
	{"internal/transport", []string{"client", "internal/budget", "internal/deflate", "internal/link", "internal/tlsmem"}},
	{"internal/deflate", []string{"github.com/klauspost/compress/flate"}},
	{"internal/keystore", []string{"golang.org/x/crypto/cryptobyte", "golang.org/x/crypto/cryptobyte/asn1", "golang.org/x/crypto/scrypt"}},
	{"internal/handshake", nil},
	{"internal/forwarded", nil},
	{"internal/wsdial", []string{"internal/handshake"}},
	{"internal/relay", []string{"client", "forward", "internal/handshake", "internal/wsdial"}},
	{"internal/registry", nil},
	{"internal/event", nil},
	{"internal/link", []string{"internal/budget"}},
	{"internal/budget", nil},
	{"internal/groups", nil},
	{"internal/ini", nil},
	{"internal/nearest", nil},
	{"internal/logkey", nil},
	{"internal/dirfs", nil},
	{"internal/tlsmem", nil},

	// For tests.
	{"internal/chaos", nil},
	{"internal/memnet", nil},
	{"internal/netns", nil},
	{"internal/wstest", []string{"internal/memnet"}},
	{"internal/conformance", nil},
	{"internal/soak", nil},
	{"internal/arch", nil},
	{"internal/pages", []string{"wsserver", "client", "hosts", "banner", "pump"}},
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, goos := range systems {
		for _, p := range list(t, goos, "./...") {
			i := slices.IndexFunc(arrows, func(a arrow) bool { return matches(p.name(), a.from) })
			if i < 0 {
				t.Errorf("%s is not in the table: say what it may import", p.name())
				continue
			}
			for _, imported := range p.Imports {
				if foreign(imported) && !arrows[i].allows(short(imported)) {
					t.Errorf("on %s, %s imports %s", goos, p.name(), short(imported))
				}
			}
		}
	}
}

func (a arrow) allows(name string) bool {
	return slices.ContainsFunc(a.to, func(to string) bool { return matches(name, to) })
}

// foreign reports whether a package is not of the standard library, whose paths
// begin without a dot.
func foreign(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return strings.Contains(first, ".")
}

// Tests may import more, but not the engine, and clienttest must not get used to
// the server.
func TestTestsKeepToTheEngineAdapter(t *testing.T) {
	for _, p := range ours(t) {
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			n := short(imported)
			if n == gws && p.name() != "internal/engine" || n == "wsserver" && p.name() == "client/clienttest" {
				t.Errorf("the tests of %s import %s", p.name(), n)
			}
		}
	}
}

// What a program gets that imports the library, down to the single packages.
func TestCoreBringsNothingElse(t *testing.T) {
	common := []string{
		uuid, "github.com/klauspost/compress/flate", "github.com/klauspost/compress/internal/le", "github.com/klauspost/compress/internal/regmask",
		gws, gws + "/internal",
		"github.com/fsnotify/fsnotify", "github.com/fsnotify/fsnotify/internal", // changed certificates
		"golang.org/x/crypto/cryptobyte", "golang.org/x/crypto/cryptobyte/asn1", // their formats
		"golang.org/x/crypto/ocsp", "golang.org/x/crypto/pbkdf2", "golang.org/x/crypto/scrypt",
		"golang.org/x/net/idna", "golang.org/x/text/secure/bidirule", "golang.org/x/text/transform", // names of hosts
		"golang.org/x/text/unicode/bidi", "golang.org/x/text/unicode/norm",
	}
	for _, goos := range systems {
		own := "golang.org/x/sys/unix"
		if goos == "windows" {
			own = "golang.org/x/sys/windows"
		}
		want := slices.Sorted(slices.Values(append(slices.Clone(common), own)))
		got := make(map[string]bool)
		for _, p := range list(t, goos, "-deps", "./wsserver") {
			switch {
			case p.Module != nil && p.Module.Path != module:
				got[p.ImportPath] = true
			case p.ImportPath == "testing", matches(p.name(), "client/*"), p.name() == "internal/memnet", p.name() == "internal/wstest":
				t.Errorf("on %s, wsserver needs %s, which is for tests", goos, p.name())
			}
		}
		if have := slices.Sorted(maps.Keys(got)); !slices.Equal(have, want) {
			t.Errorf("on %s, wsserver needs\n%q, want\n%q", goos, have, want)
		}
	}
}

// Everything together, tests included, needs these modules.
func TestModulesAreKnown(t *testing.T) {
	want := []string{
		"github.com/BurntSushi/toml",                              // config alone
		"github.com/beorn7/perks", "github.com/cespare/xxhash/v2", // metrics alone
		"github.com/fsnotify/fsnotify",
		"github.com/goccy/go-yaml", // config alone
		uuid, "github.com/klauspost/compress", gws,
		"github.com/mholt/acmez/v3",                                                                                 // hosts/acme alone
		"github.com/munnerz/goautoneg",                                                                              // metrics alone
		"github.com/pavlo-v-chernykh/keystore-go/v4",                                                                // tests alone
		"github.com/prometheus/client_golang", "github.com/prometheus/client_model", "github.com/prometheus/common", // metrics alone
		"github.com/prometheus/procfs",
		"github.com/smallstep/pkcs7", // tests alone
		leak, "golang.org/x/crypto", "golang.org/x/net", "golang.org/x/sys",
		"golang.org/x/term", // cmd/icsws alone
		"golang.org/x/text",
		"google.golang.org/protobuf",         // metrics alone
		"software.sslmate.com/src/go-pkcs12", // tests alone
	}
	got := make(map[string]bool)
	for _, p := range list(t, "linux", "-deps", "-test", "./...") {
		if p.Module != nil && p.Module.Path != module {
			got[p.Module.Path] = true
		}
	}
	if have := slices.Sorted(maps.Keys(got)); !slices.Equal(have, want) {
		t.Errorf("modules are\n%q, want\n%q", have, want)
	}
}
