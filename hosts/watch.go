package hosts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settle    = 250 * time.Millisecond // from a notice to the look: files come in pairs
	settleTwo = time.Second            // to the second look at what could not be loaded
)

// watch rechecks the sources every so often, and soon after the file system says that
// something changed beside their files. Folders are watched, not files: a file that is
// replaced by a rename, or by the swap of a symbolic link above it, is another file.
func (s *Set) watch(ctx context.Context, every time.Duration) {
	poll := time.NewTicker(every)
	defer poll.Stop()
	soon := time.NewTimer(settle) // at once, too: what changed before we watched gives no notice
	defer soon.Stop()
	f := &folders{watched: make(map[string]bool)}
	f.follow(s)
	defer f.close()
	for {
		var again bool
		select {
		case <-ctx.Done():
			return
		case <-f.events():
			soon.Reset(settle)
			f.drain(ctx)
			continue
		case err := <-f.errors():
			s.b.log.Warn("hosts: watching files", "err", err) // such as an overflow: look at all
			again = s.look(ctx)
		case <-soon.C:
			again = s.look(ctx)
		case <-poll.C:
			again = s.look(ctx)
		}
		f.follow(s)
		if again {
			soon.Reset(settleTwo)
		}
	}
}

// look rechecks and says whether a second look is due.
func (s *Set) look(ctx context.Context) (again bool) {
	_, err := s.recheck(ctx, false, true)
	return errors.Is(err, errAgain)
}

// folders are those in which the files of the sources lie. Without the system's
// notices it is empty, and polling remains.
type folders struct {
	w       *fsnotify.Watcher // nil until there is a folder
	failed  bool              // there will be none
	watched map[string]bool
}

func (f *folders) open(s *Set) bool {
	if f.w != nil {
		return true
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		f.failed = true
		s.b.log.Warn("hosts: no notices of changed files, polling only", "every", s.b.opts.RecheckEvery, "err", err)
		return false
	}
	f.w = w
	return true
}

// follow watches the folders of the moment; links may lead elsewhere than before.
func (f *folders) follow(s *Set) {
	want := make(map[string]bool)
	for _, e := range s.entries {
		if e.identity == nil {
			continue
		}
		for _, path := range filesOf(e.identity.source) {
			want[filepath.Dir(path)] = true
			if real, err := filepath.EvalSymlinks(path); err == nil {
				want[filepath.Dir(real)] = true
			}
			for d := filepath.Dir(path); d != filepath.Dir(d); d = filepath.Dir(d) {
				if info, err := os.Lstat(d); err == nil && info.Mode()&os.ModeSymlink != 0 {
					want[filepath.Dir(d)] = true // where that link may be swapped
				}
			}
		}
	}
	if f.failed || len(want) == 0 && f.w == nil || !f.open(s) {
		return
	}
	for dir := range f.watched {
		if !want[dir] {
			_ = f.w.Remove(dir) // gone already, as likely as not
			delete(f.watched, dir)
		}
	}
	for dir := range want {
		// Again each time: a folder that was replaced is another one.
		if err := f.w.Add(dir); err != nil {
			if !f.watched[dir] {
				s.b.log.Warn("hosts: folder of certificates is not watched, polling only", "folder", dir, "err", err)
			}
		}
		f.watched[dir] = true
	}
}

func (f *folders) events() <-chan fsnotify.Event {
	if f.w == nil {
		return nil
	}
	return f.w.Events
}

func (f *folders) errors() <-chan error {
	if f.w == nil {
		return nil
	}
	return f.w.Errors
}

// drain swallows the notices that come until the files have settled, so that a busy
// folder costs four looks a second and not one for each file.
func (f *folders) drain(ctx context.Context) {
	t := time.NewTimer(settle)
	defer t.Stop()
	for {
		select {
		case <-f.events():
		case <-t.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (f *folders) close() {
	if f.w != nil {
		_ = f.w.Close()
	}
}
