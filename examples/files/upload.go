package main

import "github.com/icsws/icsws/client"

// beginUpload opens the file. Its name may be another one than the wished one.
func (g *Guest) beginUpload(n Note) error {
	p, err := g.shelf.Begin(n.Name, n.Size)
	if err != nil {
		return err
	}
	g.up = p
	return g.tell(Note{Kind: "begin", Name: p.Name, Size: n.Size})
}

// receive writes what has come of the file. Without an upload it is the rest of one
// that has failed.
func (g *Guest) receive(f client.Fragment) error {
	if g.up == nil {
		return nil
	}
	if _, err := g.up.Write(f.Data); err != nil {
		return g.failUpload(err)
	}
	if f.Final {
		return g.tell(Note{Kind: "got", Size: g.up.Came()})
	}
	return nil
}

// endUpload keeps the file if it is the one that the client has sent.
func (g *Guest) endUpload(sha256 string) error {
	file, err := g.up.Keep(sha256)
	if err != nil {
		return g.failUpload(err)
	}
	g.up = nil
	g.log.Info("uploaded", "name", file.Name, "bytes", file.Size, "sha256", file.SHA256)
	return g.end(Note{Kind: "verified", Name: file.Name, Size: file.Size, SHA256: file.SHA256})
}

func (g *Guest) cancelUpload() error {
	g.log.Info("upload cancelled", "name", g.up.Name, "bytes", g.up.Came())
	g.up.Discard()
	g.up = nil
	return g.end(Note{Kind: "cancelled"})
}

func (g *Guest) failUpload(err error) error {
	g.log.Warn("upload failed", "name", g.up.Name, "bytes", g.up.Came(), "error", err)
	g.up.Discard()
	g.up = nil
	return g.end(Note{Kind: "failed", Why: why(err)})
}
