//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/icsws/icsws/bench/internal/peer"
	"github.com/icsws/icsws/bench/internal/wire"
)

// workshop is a temporary folder with all that is started.
type workshop struct {
	dir       string
	cert, key string
	broken    map[string]error // servers that did not build, by folder
}

// newWorkshop builds the generator and the servers. A server that does not build
// is not an error: it fails its cases.
func newWorkshop(ctx context.Context, peers []contender) (*workshop, error) {
	dir, err := os.MkdirTemp("", "icsws-bench-")
	if err != nil {
		return nil, err
	}
	w := &workshop{dir: dir, broken: map[string]error{}}
	if err := w.fill(ctx, peers); err != nil {
		w.remove()
		return nil, err
	}
	return w, nil
}

func (w *workshop) fill(ctx context.Context, peers []contender) (err error) {
	if w.cert, w.key, err = peer.WriteCertificate(w.dir); err != nil {
		return err
	}
	if err := w.build(ctx, "load", "./cmd/load"); err != nil {
		return fmt.Errorf("%w (the suite runs in the folder of the bench module)", err)
	}
	for _, p := range peers {
		if err := w.build(ctx, p.dir, "./servers/"+p.dir); err != nil {
			log.Print(err)
			w.broken[p.dir] = fmt.Errorf("%s does not build", p.dir)
		}
	}
	return ctx.Err()
}

func (w *workshop) remove() { _ = os.RemoveAll(w.dir) }

func (w *workshop) path(name string) string { return filepath.Join(w.dir, name) }

func (w *workshop) build(ctx context.Context, name, pkg string) error {
	if _, err := os.Stat(w.path(name)); err == nil {
		return nil
	}
	log.Printf("building %s", pkg)
	out, err := exec.CommandContext(ctx, "go", "build", "-o", w.path(name), pkg).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// sparse is the name of the file of a size.
func (w *workshop) sparse(size int64) string { return w.path(fmt.Sprintf("file-%d", size)) }

// makeSparse makes it, unless it is there: marks and holes, see [wire.CheckMarks].
func (w *workshop) makeSparse(size int64) error {
	if _, err := os.Stat(w.sparse(size)); err == nil || size == 0 {
		return nil
	}
	f, err := os.Create(w.sparse(size))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	for at := int64(0); at < size; at += wire.MarkEvery {
		if _, err := f.WriteAt(wire.Mark(at / wire.MarkEvery)[:min(size-at, 8)], at); err != nil {
			return err
		}
	}
	return nil
}

// version is the module a server is built with.
func (w *workshop) version(p contender) string {
	modules := map[string]string{
		"gws":     "github.com/lxzan/gws",
		"gorilla": "github.com/gorilla/websocket",
		"melody":  "github.com/olahol/melody",
		"coder":   "github.com/coder/websocket",
		"gobwas":  "github.com/gobwas/ws",
	}
	info, err := buildinfo.ReadFile(w.path(p.dir))
	if err != nil {
		return p.name + " (not built)"
	}
	for _, m := range info.Deps {
		if m.Path == modules[p.dir] {
			return strings.TrimSpace(p.name + " " + m.Version)
		}
	}
	return p.name + " (this tree)"
}
