package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
)

// visitor is a program that talks to the server.
type visitor struct {
	*clienttest.Peer
	t *testing.T
}

// visit connects, and reads the list.
func (s *site) visit(t *testing.T) (*visitor, []File) {
	t.Helper()
	v := &visitor{clienttest.Dial(t, s.Listener, "/transfer", clienttest.DialOptions{Host: "localhost"}), t}
	return v, v.list()
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// noise is data of which no part is like another.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	r.Read(b)
	return b
}

func (v *visitor) say(n Note) { v.SendText(n.text()) }

func (v *visitor) hear() Note {
	v.t.Helper()
	m := v.Receive()
	var n Note
	if m.Op != client.OpText {
		v.t.Fatalf("received %d bytes where a note was due", len(m.Data))
	}
	if err := json.Unmarshal(m.Data, &n); err != nil {
		v.t.Fatalf("received %q: %v", m.Data, err)
	}
	return n
}

// next is the next note that is not a list.
func (v *visitor) next() Note {
	v.t.Helper()
	for {
		if n := v.hear(); n.Kind != "files" {
			return n
		}
	}
}

// list is the next note, which is a list.
func (v *visitor) list() []File {
	v.t.Helper()
	n := v.hear()
	if n.Kind != "files" {
		v.t.Fatalf("received %+v where a list was due", n)
	}
	return n.Files
}

// gets checks kind and sizes of the next note that is not a list.
func (v *visitor) gets(kind string, size int) Note {
	v.t.Helper()
	n := v.next()
	if n.Kind != kind || n.Size != int64(size) {
		v.t.Fatalf("received %+v, want %q with %d", n, kind, size)
	}
	return n
}

// fails checks that the next note is of that kind, with a sentence.
func (v *visitor) fails(kind string, err error) {
	v.t.Helper()
	if n := v.gets(kind, 0); n.Why != why(err) || n.Why == "" {
		v.t.Fatalf("%s because %q, want %q", kind, n.Why, why(err))
	}
}

// upload sends all of data under a name, and says that it has. It returns the name that
// the server has chosen; the last answer is still to come.
func (v *visitor) upload(name string, data []byte) string {
	v.t.Helper()
	v.say(Note{Kind: "upload", Name: name, Size: int64(len(data))})
	name = v.gets("begin", len(data)).Name
	for at := 0; at < len(data); {
		n := min(piece, len(data)-at)
		v.SendBinary(data[at : at+n])
		at += n
		v.gets("got", at)
	}
	v.say(Note{Kind: "done", SHA256: sum(data)})
	return name
}

// data is the next message, which is binary. Lists before it are skipped.
func (v *visitor) data() []byte {
	v.t.Helper()
	for {
		m := v.Receive()
		if m.Op == client.OpBinary {
			return m.Data
		}
		if !bytes.Contains(m.Data, []byte(`"files"`)) {
			v.t.Fatalf("received %q where bytes were due", m.Data)
		}
	}
}

// download gets a file in pieces, and says that it has; the last answer is still to
// come.
func (v *visitor) download(name string) []byte {
	v.t.Helper()
	v.say(Note{Kind: "download", Name: name})
	begin := v.next()
	if begin.Kind != "begin" {
		v.t.Fatalf("a download of %s gets %+v", name, begin)
	}
	var data []byte
	for int64(len(data)) < begin.Size {
		b := v.data()
		if len(b) > piece {
			v.t.Errorf("a piece of %d bytes", len(b))
		}
		data = append(data, b...)
		v.say(Note{Kind: "got", Size: int64(len(data))})
	}
	v.say(Note{Kind: "done", SHA256: sum(data)})
	return data
}
