package main

import "encoding/json"

// Line is what the server tells a page, as JSON.
type Line struct {
	// Kind is "you" for the name that a newcomer got, "banner", "say", "join",
	// "leave", "refused" for a message that was not taken, or "busy".
	Kind string `json:"kind"`
	Who  string `json:"who,omitempty"`
	Body string `json:"body,omitempty"`
	At   int64  `json:"at"`             // milliseconds since 1970, no two the same in a room; 0 for no time
	Here int    `json:"here,omitempty"` // how many are in the room, with "you", "join" and "leave"
}

// Welcome is the first line that a newcomer gets: with "join" and "leave" the page
// keeps the list of people up to date from here on.
type Welcome struct {
	Line
	People []string `json:"people"` // the names of all in the room, sorted; the newcomer's too
}

// text is l as it travels.
func (l Line) text() string { return encoded(l) }

// text is w as it travels.
func (w Welcome) text() string { return encoded(w) }

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers always have a JSON form
	}
	return string(b)
}
