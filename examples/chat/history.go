package main

import "slices"

// What a newcomer gets to read: so many of the last messages, and together no more
// than so many bytes.
const (
	maxPast      = 50
	maxPastBytes = 64 << 10 // a quarter of what may wait for a slow reader
)

// history is the last messages of a room, as they travel. The zero value is empty.
type history struct {
	lines []string
	bytes int
}

// add keeps text, and forgets the oldest messages over the bounds.
func (h *history) add(text string) {
	h.lines = append(h.lines, text)
	h.bytes += len(text)
	old := 0
	for len(h.lines)-old > maxPast || h.bytes > maxPastBytes {
		h.bytes -= len(h.lines[old])
		old++
	}
	h.lines = slices.Delete(h.lines, 0, old)
}
