package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/icsws/icsws/client"
)

// download is a file on its way to the client. It has a goroutine of its own, as an
// event that waits for the peer would hear nothing of what the peer says. The events tell it
// what they hear.
type download struct {
	guest *Guest
	f     *os.File
	file  File

	cancel context.CancelCauseFunc
	sent   chan struct{} // has a place for each message without an answer
	answer chan string   // the SHA-256 of what the client has got

	shown time.Time // when watch has said something
}

var errCancelled = errors.New("files: cancelled")

// beginDownload opens the file and leaves it to a goroutine.
func (g *Guest) beginDownload(n Note) error {
	f, file, err := g.shelf.Open(n.Name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(g.Context())
	d := &download{
		guest: g, f: f, file: file, cancel: cancel,
		sent: make(chan struct{}, window), answer: make(chan string, 1),
	}
	send := d.sendPieces
	if n.Whole {
		send = d.sendWhole
	}
	g.down = d
	g.work.Go(func() {
		defer f.Close()
		defer cancel(nil)
		d.run(ctx, send)
	})
	return nil
}

// idle is a download that hears nothing, before the first one.
func idle() *download { return &download{cancel: func(error) {}} }

// acknowledged, finished and stop are for the events. They never wait.
func (d *download) acknowledged() {
	select {
	case <-d.sent:
	default:
	}
}

func (d *download) finished(sha256 string) {
	select {
	case d.answer <- sha256:
	default:
	}
}

func (d *download) stop() { d.cancel(errCancelled) }

// run is the whole transfer.
func (d *download) run(ctx context.Context, send func(context.Context) error) {
	g := d.guest
	begin := Note{Kind: "begin", Name: d.file.Name, Size: d.file.Size, SHA256: d.file.SHA256}
	err := g.tell(begin)
	if err == nil {
		err = send(ctx)
	}
	if err == nil {
		err = d.agree(ctx)
	}
	// Whom a note does not reach any more needs none: end's error is nobody's.
	log := g.log.With("name", d.file.Name, "bytes", d.file.Size)
	switch {
	case err == nil:
		log.Info("downloaded")
		begin.Kind = "verified"
		_ = g.end(begin)
	case errors.Is(err, errCancelled):
		log.Info("download cancelled")
		_ = g.end(Note{Kind: "cancelled"})
	case !g.Connected():
		log.Info("download broken off", "error", err)
	default:
		log.Warn("download failed", "error", err)
		_ = g.end(Note{Kind: "failed", Why: why(err)})
	}
}

// sendPieces sends the file in messages of its own size, as fast as they are answered. It ends
// between two of them, so that the connection survives.
func (d *download) sendPieces(ctx context.Context) error {
	for at := int64(0); at < d.file.Size; {
		select {
		case d.sent <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		r := &io.LimitedReader{R: d.f, N: min(piece, d.file.Size-at)}
		at += r.N
		if err := d.guest.SendReader(d.guest.Context(), client.OpBinary, r); err != nil {
			return err
		}
		if r.N > 0 { // the file has become shorter
			return io.ErrUnexpectedEOF
		}
		d.watch(at, d.file.Size)
	}
	return nil
}

// sendWhole sends the file as one message. Where the system can, it goes from the file
// to the socket inside of the kernel.
func (d *download) sendWhole(ctx context.Context) error {
	return d.guest.SendReader(ctx, client.OpBinary, d.f, client.SendOptions{Progress: d.watch})
}

// watch logs how far it is, once a second.
func (d *download) watch(sent, total int64) bool {
	if now := time.Now(); now.Sub(d.shown) > time.Second {
		d.shown = now
		d.guest.log.Debug("downloading", "name", d.file.Name, "sent", sent, "total", total)
	}
	return true
}

// agree waits until the client has all, and compares what that is.
func (d *download) agree(ctx context.Context) error {
	select {
	case sha256 := <-d.answer:
		if sha256 != d.file.SHA256 {
			return ErrMismatch
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
