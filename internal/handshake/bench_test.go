package handshake

import (
	"strings"
	"testing"
)

// BenchmarkHandshake is all that this package does for a browser's upgrade.
func BenchmarkHandshake(b *testing.B) {
	origins := mustOrigins(b, "https://app.example", "server.example:8080")
	protocols := []string{"chat.v2"}
	src := strings.NewReader(browserRequest)
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(browserRequest)
		r, err := Read(src, 0)
		if err != nil || !r.IsUpgrade() || r.Check() != nil || origins.Check(r, false) != nil {
			b.Fatal(err)
		}
		offered, _ := r.OfferedProtocols()
		buf, err = AppendSwitching(buf[:0], r.Key(), Select(protocols, offered), "permessage-deflate", nil)
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	src := strings.NewReader(browserRequest)
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(browserRequest)
		if _, err := Read(src, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefusal(b *testing.B) {
	e := UpgradeRequired()
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		buf = e.Append(buf[:0], false)
	}
}
