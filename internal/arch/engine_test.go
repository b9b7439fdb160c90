package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"testing"
)

// used are the names of gws that internal/engine may use. Whoever adds one has
// looked at its hazards.
var used = []string{
	"NewUpgrader", "Upgrader", "UpgradeFromConn", "ServerOption", "SessionStorage",
	"ReadMaxPayloadSize", "CheckUtf8Enabled", "ParallelGolimit", "ReadBufferSize", "WriteBufferSize", "NewSession",
	"NewClientFromConn", "ClientOption", "Addr", // its handshake, with an answer of ours, ends before it returns
	"Conn", "ReadLoop", "NetConn",
	"Message", "Opcode", "Bytes", "Close",
}

// hazards are what must stay away, with the reason.
var hazards = map[string]string{
	"NewBroadcaster":    "races with the reader's teardown and reuses pooled frames",
	"Broadcaster":       "races with the reader's teardown and reuses pooled frames",
	"WriteAsync":        "its queue has no bound",
	"Async":             "its queue has no bound",
	"WritevAsync":       "its queue has no bound",
	"ParallelEnabled":   "lets events of one client overtake each other",
	"PermessageDeflate": "takes control frames into the window, inflates without the right limit: internal/deflate does it",
	"WriteMessage":      "no deadline, closes for what it refuses, and what it writes goes nowhere",
	"WriteString":       "as WriteMessage",
	"Writev":            "as WriteMessage",
	"WriteFile":         "holds the write lock throughout",
	"WritePing":         "control frames are the transport's",
	"WritePong":         "control frames are the transport's",
	"WriteClose":        "closes the socket at once: close frames are the transport's",
	"Recovery":          "event.Do catches panics where they happen",
	"NewServer":         "its accept loop never stops",
	"SetDeadline":       "the transport keeps the clocks",
}

func TestEngineUsesOnlyWhatIsSafe(t *testing.T) {
	got := make(map[string]bool)
	for id, obj := range engineUses(t) {
		if p := obj.Pkg(); p == nil || p.Path() != gws || id.Name == p.Name() {
			continue
		}
		name := obj.Name()
		got[name] = true
		if why, bad := hazards[name]; bad {
			t.Errorf("internal/engine uses gws's %s: %s", name, why)
		} else if !slices.Contains(used, name) {
			t.Errorf("internal/engine uses gws's %s: look at its hazards, then add it here", name)
		}
	}
	for _, name := range used {
		if !got[name] {
			t.Errorf("internal/engine does not use gws's %s any more", name)
		}
	}
}

// engineUses type-checks internal/engine.
func engineUses(t *testing.T) map[*ast.Ident]types.Object {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	var path string
	for _, p := range ours(t) {
		if p.name() != "internal/engine" {
			continue
		}
		path = p.ImportPath
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: compiled(t, path)}
	if _, err := conf.Check(path, fset, files, info); err != nil {
		t.Fatal(err)
	}
	return info.Uses
}
