package main

import (
	"encoding/json"

	"github.com/icsws/icsws/client"
)

// What is said, and in what order. Text messages are notes; binary messages are the
// bytes of the one file that is on its way. A client has one transfer at a time.
//
//	upload, to the server                  download, from it
//	→ upload    name, size                 → download  name, whole
//	← begin     name, size                 ← begin     name, size, sha256
//	→ bytes                                ← bytes
//	← got       size                       → got       size
//	…                                      …
//	→ done      sha256                     → done      sha256
//	← verified  name, size, sha256         ← verified  name, size, sha256
//
// Each binary message is answered with "got" and how many bytes are here by now, and
// not more than 8 are under way without an answer. That is what makes the progress a
// browser shows true: what it has sent is known to it only as far as its own memory, and
// what it receives it could not push back. It also leaves room between the messages for
// "cancel", which the connection survives, and for what else is to be said.
//
// A program that reads as it goes needs none of this, as TCP itself pushes back: it may send
// a file as one message, and ask for one with "whole". A message can not be taken back,
// though: "cancel" while it comes ends the connection with 1011.
//
// A transfer that can not begin gets "refused", one that has begun and fails "failed",
// both with a sentence why. Bytes that are still under way then are ignored.

// Note is a text message, as JSON.
type Note struct {
	Kind   string `json:"kind"`
	Name   string `json:"name,omitempty"`   // of the file; in "begin" of an upload the one that it got
	Size   int64  `json:"size"`             // in bytes: of the file, or of what is here ("got"), or the largest ("files")
	SHA256 string `json:"sha256,omitempty"` // hexadecimal, in lower case
	Whole  bool   `json:"whole,omitempty"`  // "download" as one message
	Why    string `json:"why,omitempty"`    // with "refused" and "failed"
	Files  []File `json:"files,omitempty"`  // "files", which comes first and after each change: newest first
}

// The limits of the above.
const (
	maxNote = 4 << 10   // bytes of a note of the client's
	piece   = 256 << 10 // bytes of a binary message
	window  = 8         // messages without an answer
)

// text is n as it travels.
func (n Note) text() string {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err) // strings and numbers always have a JSON form
	}
	return string(b)
}

var (
	errLongNote = &client.CloseError{Code: client.StatusMessageTooBig, Reason: "a note has up to 4096 bytes"}
	errNoNote   = &client.CloseError{Code: client.StatusPolicyViolation, Reason: "not a note"}
)

func parseNote(b []byte) (n Note, err error) {
	if json.Unmarshal(b, &n) != nil || n.Size < 0 {
		return n, errNoNote
	}
	return n, nil
}
