// Package explain says what close codes, HTTP statuses and the codes of the library mean.
package explain

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/wsserver"
)

// Entry is what is known of one code.
type Entry struct {
	Code   string `json:"code"` // "1006", "403" or "reject/origin"
	Kind   string `json:"kind"` // "close code", "HTTP status", or the kind of one of ours
	Name   string `json:"name,omitempty"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"`
	// Setting is the field of the server's configuration that decides.
	Setting string `json:"setting,omitempty"`
	// Status and Close are what the peer gets with one of our codes.
	Status int `json:"status,omitempty"`
	Close  int `json:"close,omitempty"`
}

// Find returns the meanings of a code: a number, a code of the library such as
// "reject/origin", or the part of one behind the slash, which may be of several kinds.
func Find(code string) []Entry {
	code = strings.ToLower(strings.TrimSpace(code))
	if n, err := strconv.Atoi(code); err == nil {
		if n >= 1000 {
			if e, ok := Close(n); ok {
				return []Entry{e}
			}
		} else if e, ok := Status(n); ok {
			return []Entry{e}
		}
		return nil
	}
	var exact, behind []Entry
	for _, e := range All() {
		if _, b, ours := strings.Cut(e.Code, "/"); e.Code == code {
			exact = append(exact, e)
		} else if ours && b == code {
			behind = append(behind, e)
		}
	}
	return append(exact, behind...)
}

// All returns every entry that has a text of its own: close codes, statuses, our codes,
// the reasons of dialling clients.
func All() []Entry {
	var list []Entry
	for _, t := range closes() {
		list = append(list, t.entry("close code"))
	}
	for _, t := range statuses() {
		list = append(list, t.entry("HTTP status"))
	}
	for _, e := range wsserver.Explanations() {
		list = append(list, ours(e))
	}
	return append(list, reasons()...)
}

// reasons are those of package dial, but ReasonOther.
func reasons() (list []Entry) {
	for _, r := range dial.Reasons()[1:] {
		meaning, advice := r.Explain()
		list = append(list, Entry{
			Code: r.Code(), Kind: "reason of a dialling client",
			Text: "There is no connection: " + r.String() + ". " + strings.ReplaceAll(meaning, "`", ""), Advice: strings.ReplaceAll(advice, "`", ""),
		})
	}
	return list
}

func ours(e wsserver.Explanation) Entry {
	kinds := map[wsserver.Kind]string{
		wsserver.KindReject: "refusal", wsserver.KindDrop: "drop", wsserver.KindClose: "end",
		wsserver.KindError: "error", wsserver.KindWarning: "warning",
	}
	return Entry{
		Code: e.Code, Kind: kinds[e.Kind] + " of this library's server", Name: e.Name, Text: e.Sentence, Advice: e.Advice,
		Setting: e.Setting, Status: e.Status, Close: int(e.Close),
	}
}

// text is a row of the two tables of numbers.
type text struct {
	n            int
	name         string
	text, advice string
}

func (t text) entry(kind string) Entry {
	return Entry{Code: strconv.Itoa(t.n), Kind: kind, Name: t.name, Text: t.text, Advice: t.advice}
}

// Close returns the meaning of a close code. All from 1000 to 4999 have one, by their
// range (RFC 6455 section 7.4.2).
func Close(n int) (Entry, bool) {
	for _, t := range closes() {
		if t.n == n {
			return t.entry("close code"), true
		}
	}
	e := Entry{Code: strconv.Itoa(n), Kind: "close code"}
	switch {
	case n < 1000 || n > 4999:
		return Entry{}, false
	case n < 3000:
		e.Text = "It is reserved for the protocol, and has no meaning yet."
	case n < 4000:
		e.Text = "It is for libraries and frameworks, which register theirs with IANA."
		e.Advice = "Look it up in the documentation of the library."
	default:
		e.Text = "It is for applications, each of which gives it a meaning of its own."
		e.Advice = "Look it up in the documentation of the service."
	}
	return e, true
}

// Status returns the meaning that an HTTP status has as the answer to a handshake. All
// from 100 to 599 have one.
func Status(n int) (Entry, bool) {
	for _, t := range statuses() {
		if t.n == n {
			return t.entry("HTTP status"), true
		}
	}
	e := Entry{Code: strconv.Itoa(n), Kind: "HTTP status"}
	switch {
	case n < 100 || n > 599:
		return Entry{}, false
	case n < 200:
		e.Text = "It is an interim answer; the last one to a handshake is 101."
	case n < 300:
		e.Text = "It is a success of HTTP, but not the 101 that a WebSocket begins with."
		e.Advice = "Check the path: something other than a WebSocket server answers there."
	case n < 400:
		e.Text = "It is a redirection, which browsers do not follow for a WebSocket."
		e.Advice = "Use the address that the answer names in Location."
	case n < 500:
		e.Text = "It says that something is wrong with the request."
	default:
		e.Text = "It says that the server, or a proxy before it, has failed."
		e.Advice = "Look into its log."
	}
	return e, true
}

// String is the entry for people, in a paragraph.
func (e Entry) String() string {
	s := e.Text
	if e.Advice != "" {
		s += " " + e.Advice
	}
	if e.Setting != "" {
		s += fmt.Sprintf(" The setting is %s.", e.Setting)
	}
	return s
}
