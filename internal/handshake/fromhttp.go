package handshake

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// FromHTTP makes a Request of one that net/http has read, so that the same rules
// judge it. Raw is rebuilt from r.Host and r.Header, names in order; URL is
// r.URL, as the mux left it.
//
// Middleware may have put into the header what never came through a parser:
// names that are none are left out, line breaks and other controls in values
// become spaces.
func FromHTTP(r *http.Request) *Request {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	var b strings.Builder
	b.WriteString(r.Method + " " + target + " " + r.Proto + "\r\n")
	first := b.Len()
	writeField(&b, "Host", r.Host)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if !isToken(name) || equalFold(name, "Host") {
			continue
		}
		for _, v := range r.Header[name] {
			writeField(&b, name, v)
		}
	}
	writeFraming(&b, r)
	last := b.Len()
	b.WriteString("\r\n")

	head := b.String()
	ours := &Request{
		Method: r.Method, Target: target, Proto: r.Proto, URL: r.URL,
		Raw: head[first:last], head: head, host: r.Host, std: r,
	}
	ours.noteAll()
	return ours
}

// writeFraming restores the fields that net/http has moved out of the header.
func writeFraming(b *strings.Builder, r *http.Request) {
	for _, coding := range r.TransferEncoding {
		writeField(b, "Transfer-Encoding", coding)
	}
	if r.ContentLength > 0 && r.Header.Get("Content-Length") == "" {
		writeField(b, "Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
}

func writeField(b *strings.Builder, name, value string) {
	b.WriteString(name)
	b.WriteString(": ")
	if allOf(value, valueChar) {
		b.WriteString(value)
	} else {
		for i := range len(value) {
			b.WriteByte(printable(value[i]))
		}
	}
	b.WriteString("\r\n")
}

func printable(c byte) byte {
	if charClass[c]&valueChar == 0 {
		return ' '
	}
	return c
}
