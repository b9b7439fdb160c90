package main

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/icsws/icsws/client"
)

var (
	_ client.Client          = (*Guest)(nil)
	_ client.FragmentHandler = (*Guest)(nil)
)

// Guest is the client class. Messages come to it in pieces, so that a file goes from
// the connection to the disk.
type Guest struct {
	client.Base
	shelf *Shelf
	log   *slog.Logger

	busy atomic.Bool    // a transfer is under way
	note []byte         // what has come of a note
	up   *Part          // nil unless the transfer is an upload; only events use it
	down *download      // the latest one; only events use the pointer
	work sync.WaitGroup // the goroutine of a download, which leave waits for
}

// OnMessage is for records, of which this class has none.
func (g *Guest) OnMessage(client.Message) error { return nil }

// OnFragment gathers notes, and lets the bytes of files pass.
func (g *Guest) OnFragment(f client.Fragment) error {
	if f.Op == client.OpBinary {
		return g.receive(f)
	}
	if len(g.note)+len(f.Data) > maxNote {
		return errLongNote
	}
	g.note = append(g.note, f.Data...)
	if !f.Final {
		return nil
	}
	n, err := parseNote(g.note)
	g.note = g.note[:0]
	if err != nil {
		return err
	}
	return g.take(n)
}

// take does what the client asks for.
func (g *Guest) take(n Note) error {
	switch n.Kind {
	case "upload":
		return g.begin(n, g.beginUpload)
	case "download":
		return g.begin(n, g.beginDownload)
	case "got":
		g.down.acknowledged()
	case "done":
		if g.up != nil {
			return g.endUpload(n.SHA256)
		}
		g.down.finished(n.SHA256)
	case "cancel":
		if g.up != nil {
			return g.cancelUpload()
		}
		g.down.stop()
	default:
		return errNoNote
	}
	return nil
}

var errBusy = errors.New("files: one transfer at a time")

// begin runs first if no transfer is under way.
func (g *Guest) begin(n Note, first func(Note) error) error {
	if !g.busy.CompareAndSwap(false, true) {
		return g.tell(Note{Kind: "refused", Why: why(errBusy)})
	}
	if err := first(n); err != nil {
		g.log.Info("refused", "transfer", n.Kind, "name", n.Name, "reason", err)
		return g.end(Note{Kind: "refused", Why: why(err)})
	}
	return nil
}

// end makes place for the next transfer, and then tells how this one has ended.
func (g *Guest) end(n Note) error {
	g.busy.Store(false)
	return g.tell(n)
}

func (g *Guest) tell(n Note) error { return g.SendText(n.text()) }

// leave ends what is under way.
func (g *Guest) leave() {
	if g.up != nil {
		g.log.Info("upload broken off", "name", g.up.Name, "bytes", g.up.Came())
		g.up.Discard()
		g.up = nil
	}
	g.work.Wait() // its context has ended
}

// sentences are errors as the page shows them.
var sentences = map[error]string{
	errBusy:     "One transfer at a time.",
	ErrTooBig:   "The file is larger than what is taken here.",
	ErrNoName:   "There are too many files of that name.",
	ErrGone:     "There is no such file any more.",
	ErrUnknown:  "The server is still computing the SHA-256 of this file. Try again in a moment.",
	ErrTooMuch:  "More bytes came than were announced.",
	ErrTooFew:   "Not all bytes came.",
	ErrMismatch: "The SHA-256 is not the same on both sides.",
}

// why is the sentence for err. Of errors of the system it tells what is wrong, and not
// where.
func why(err error) string {
	for known, text := range sentences {
		if errors.Is(err, known) {
			return text
		}
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return "The server has trouble with its disk: " + number.Error() + "."
	}
	return "The server has trouble with the file."
}
