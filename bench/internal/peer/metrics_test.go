//go:build unix

package peer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/icsws/icsws/bench/internal/figures"
)

func TestThePartsOfMemoryAreWritten(t *testing.T) {
	held := make([]byte, 64<<20)
	name := filepath.Join(t.TempDir(), "metrics")
	if err := writeParts(name); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var p figures.Parts
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	if p.Heap < int64(len(held)) || p.Stacks <= 0 || p.Runtime <= 0 || p.Runtime > p.Heap {
		t.Errorf("%d bytes are held: %s", len(held), text)
	}
	runtime.KeepAlive(held)
}
