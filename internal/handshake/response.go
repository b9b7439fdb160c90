package handshake

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// AppendResponse appends a whole refusal to dst: status line, header, body. It
// ends the connection: "Connection: close" is in it.
//
// A Date, Content-Type (text/plain; charset=utf-8) or X-Content-Type-Options
// (nosniff) in header goes before ours. Where header has Upgrade, Connection
// names it (RFC 9110 section 7.8). Fields that frame the connection, such as
// Content-Length, and fields that cannot be written, because of a line break for
// instance, are left out.
//
// The status is from 300 to 599; another one becomes 500. The body is not
// written when head says that the request was a HEAD, though Content-Length tells
// its size; a 304 has neither body nor size.
func AppendResponse(dst []byte, status int, header http.Header, body string, head bool) []byte {
	if status < 300 || status > 599 {
		status = http.StatusInternalServerError
	}
	if status == http.StatusNotModified {
		body = ""
	}
	dst = appendStatusLine(dst, status)
	dst = appendOwn(dst, status, header, len(body))
	dst = appendGiven(dst, header)
	dst = append(dst, "\r\n"...)
	if head {
		return dst
	}
	return append(dst, body...)
}

func appendStatusLine(dst []byte, status int) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ') // needed even before no phrase (RFC 9112 section 4)
	dst = append(dst, http.StatusText(status)...)
	return append(dst, "\r\n"...)
}

// appendOwn appends what header does not have.
func appendOwn(dst []byte, status int, header http.Header, size int) []byte {
	if !has(header, "Date") {
		dst = append(dst, "Date: "...)
		dst = time.Now().UTC().AppendFormat(dst, http.TimeFormat)
		dst = append(dst, "\r\n"...)
	}
	if status != http.StatusNotModified {
		if !has(header, "Content-Type") {
			dst = appendField(dst, "Content-Type", "text/plain; charset=utf-8")
		}
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(size), 10)
		dst = append(dst, "\r\n"...)
	}
	if !has(header, "X-Content-Type-Options") {
		dst = appendField(dst, "X-Content-Type-Options", "nosniff")
	}
	if has(header, "Upgrade") {
		return appendField(dst, "Connection", "Upgrade, close")
	}
	return appendField(dst, "Connection", "close")
}

func appendGiven(dst []byte, header http.Header) []byte {
	if len(header) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if !isToken(name) || isFraming(name) {
			continue
		}
		for _, v := range header[name] {
			if allOf(v, valueChar) {
				dst = appendField(dst, name, v)
			}
		}
	}
	return dst
}

// has reports whether a value of that name will be written. Keys need not be
// canonical.
func has(header http.Header, name string) bool {
	for key, values := range header {
		if equalFold(key, name) && slices.ContainsFunc(values, isValue) {
			return true
		}
	}
	return false
}

func isValue(s string) bool { return allOf(s, valueChar) }
