package forwarded

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// walk is one way from the peer to the client.
type walk struct {
	rules  *Rules
	values Values
	res    Result
	hop    int // elements seen

	lines []string // of one header, what is left of them
	bytes int      // of all of them
	room  [4]string
}

// chain goes from element to element, as long as proxies are trusted.
func (w *walk) chain() error {
	if err := w.read(w.rules.Header.String()); err != nil || len(w.lines) == 0 {
		return err
	}
	if w.rules.Header == XRealIP && (len(w.lines) > 1 || strings.Contains(w.lines[0], ",")) {
		return w.fail("", ErrRepeated)
	}
	chain := make([]Hop, 0, 3)
	by := ""
	for w.rules.trusts(w.res.Client.Addr()) {
		element, ok, err := w.previous()
		if err != nil {
			return err
		}
		if !ok {
			break // all are trusted: the first of them is the client
		}
		if w.hop > orDefault(w.rules.MaxHops, defaultHops) {
			return w.fail(element, ErrTooMany)
		}
		e, err := w.parse(element)
		if err != nil {
			return w.fail(element, err)
		}
		chain = append(chain, Hop{w.res.Client, by})
		w.res.Client, by = e.client, e.by
		w.res.Proto, w.res.Host, w.res.Named = e.proto, e.host, true
	}
	w.res.Chain = append(chain, Hop{w.res.Client, by})
	slices.Reverse(w.res.Chain)
	return nil
}

// read takes the lines of a header, if they are not too long.
func (w *walk) read(name string) error {
	w.lines, w.bytes = w.room[:0], 0
	for v := range w.values(name) {
		if w.bytes += len(v); w.bytes > orDefault(w.rules.MaxBytes, defaultBytes) {
			return &Error{Header: name, Err: ErrTooLong}
		}
		w.lines = append(w.lines, v)
	}
	return nil
}

// previous takes the last element off the lines that is not empty.
func (w *walk) previous() (element string, ok bool, err error) {
	for n := len(w.lines); n > 0; n = len(w.lines) {
		line := &w.lines[n-1]
		i := strings.LastIndexByte(*line, ',')
		if w.rules.Header == Forwarded {
			if i, err = lastComma(*line); err != nil {
				w.hop++
				return "", false, w.fail(*line, err)
			}
		}
		element = trim((*line)[i+1:])
		if i < 0 {
			w.lines = w.lines[:n-1]
		} else {
			*line = (*line)[:i]
		}
		if element != "" {
			w.hop++
			return element, true, nil
		}
	}
	return "", false, nil
}

// element is what a proxy says of its peer.
type element struct {
	client          netip.AddrPort
	by, proto, host string
}

// parse reads an element of the header that is believed.
func (w *walk) parse(s string) (e element, err error) {
	if w.rules.Header != Forwarded {
		e.client, err = parseAddress(s)
		return e, err
	}
	p, err := parsePairs(s)
	if err != nil {
		return e, err
	}
	e.by = p.by
	if e.client, err = parseNode(p.node); err != nil {
		return e, err
	}
	if w.rules.Proto && p.proto != "" {
		if e.proto, err = parseProto(p.proto); err != nil {
			return e, err
		}
	}
	if w.rules.Host {
		e.host, err = p.host, checkHost(p.host)
	}
	return e, err
}

// rest takes protocol and host from the headers beside the one of addresses.
func (w *walk) rest() (err error) {
	if w.rules.Header == Forwarded {
		return nil
	}
	if w.rules.Proto {
		value, err := w.beside("X-Forwarded-Proto")
		if err == nil && value != "" {
			w.res.Proto, err = parseProto(value)
		}
		if err != nil {
			return w.spoiled("X-Forwarded-Proto", value, err)
		}
	}
	if w.rules.Host {
		value, err := w.beside("X-Forwarded-Host")
		if err == nil {
			w.res.Host, err = value, checkHost(value)
		}
		if err != nil {
			return w.spoiled("X-Forwarded-Host", value, err)
		}
	}
	return nil
}

// beside returns the element of another header that Rules.Proto tells of.
func (w *walk) beside(name string) (value string, err error) {
	if err := w.read(name); err != nil {
		return "", err
	}
	left := w.hop
	for _, line := range slices.Backward(w.lines) {
		for i := len(line); i >= 0 && left > 0; left-- {
			line = line[:i]
			i = strings.LastIndexByte(line, ',')
			value = trim(line[i+1:])
		}
	}
	return value, nil
}

// spoiled is the error of a header beside the one of addresses. The addresses stand.
func (w *walk) spoiled(name, value string, err error) error {
	w.res.Proto, w.res.Host = "", ""
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Header: name, Hop: w.hop, Value: excerpt(value), Err: err}
}

func (w *walk) fail(value string, err error) error {
	return &Error{Header: w.rules.Header.String(), Hop: w.hop, Value: excerpt(value), Err: err}
}

// trim takes optional white space away (RFC 9110 section 5.6.3).
func trim(s string) string { return strings.Trim(s, " \t") }
